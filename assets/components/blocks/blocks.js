// Draws the three blocks beside each other, from figures that Python computed.

import { element, svg } from "../common/dom.js"
import { blockColours } from "../common/palette.js"
import { watchSliders } from "../common/sliders.js"

const instances = new WeakMap()

/** The x of `count` channels in a row `width` pixels wide, centred, at most 34 pixels apart. */
function channelPlaces(count, width) {
  const step = Math.min(34, (width - 12) / Math.max(count, 1))
  const left = (width - step * (count - 1)) / 2
  return Array.from({ length: count }, (_, i) => left + i * step)
}

/** Links between two rows of channels: each to each inside a group. */
function drawLinks(picture, conv, width, height) {
  picture.replaceChildren()
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`)
  const tops = channelPlaces(conv.tops, width)
  const bottoms = channelPlaces(conv.bottoms, width)
  const groupOf = (i, count) => Math.floor((i * conv.groups) / count)
  const links = svg("g", { class: conv.kernel_size > 1 ? "links wide" : "links" })
  tops.forEach((x1, i) =>
    bottoms.forEach((x2, j) => {
      if (groupOf(i, conv.tops) !== groupOf(j, conv.bottoms)) return
      links.append(svg("line", { x1, y1: 9, x2, y2: height - 9 }))
    }),
  )
  picture.append(links)
  const side = Math.min(10, (width - 12) / Math.max(conv.tops, conv.bottoms) - 2)
  for (const [row, y] of [[tops, 0], [bottoms, height - 9]]) {
    for (const x of row) {
      picture.append(svg("rect", { class: "channel", x: x - side / 2, y: y + (9 - side) / 2, width: side, height: side, rx: 1.5 }))
    }
  }
}

function drawConv(conv) {
  const cell = element("div", "conv")
  const label = element("div", "label")
  label.append(element("b", "", conv.kernel), element("span", "", ` ${conv.role}`))
  const picture = svg("svg", { "aria-hidden": "true" })
  const cost = element("div", "cost")
  const bar = element("div", "bar")
  const fill = element("i")
  fill.style.width = `${conv.percent}%`
  bar.append(fill)
  cost.append(bar, element("span", "", conv.macs))
  cell.append(label, picture, cost)
  cell.draw = () => {
    const box = picture.getBoundingClientRect()
    if (box.width && box.height) drawLinks(picture, conv, box.width, box.height)
  }
  return cell
}

function drawGate(gate) {
  const cell = element("div", "gate")
  cell.append(element("span", "shape", gate.shape))
  const row = element("span", "pills")
  for (const pill of gate.pills) row.append(element("span", `pill ${pill.state}`, pill.text))
  cell.append(row)
  return cell
}

function place(cell, column, row, span = 1) {
  cell.style.gridColumn = column
  cell.style.gridRow = `${row} / span ${span}`
  return cell
}

function drawFigure(figure) {
  const cell = element("div", "figure")
  cell.dataset.measure = figure.measure
  cell.append(element("span", "name", figure.name), element("strong", "", figure.value))
  cell.append(element("em", figure.direction, figure.ratio))
  return cell
}

function drawColumn(column, number) {
  const cellAt = (cell, row, span) => {
    cell.classList.add(column.kind)
    return place(cell, number, row, span)
  }
  const head = element("div", "head")
  head.append(element("h2", "", column.title), element("p", "", column.subtitle))
  const input = element("div", "tensor")
  input.append(element("span", "shape", column.in_shape))
  const output = drawGate(column.after)
  output.classList.add("after")
  const cells = [cellAt(element("div", "card"), 1, 7), cellAt(head, 1), cellAt(input, 2)]
  if (column.convs.length === 1) {
    cells.push(cellAt(drawConv(column.convs[0]), 3, 3))
  } else {
    const [first, second] = column.convs
    cells.push(cellAt(drawConv(first), 3), cellAt(drawGate(column.between), 4), cellAt(drawConv(second), 5))
  }
  const numbers = element("div", "numbers")
  numbers.append(...column.numbers.map(drawFigure))
  cells.push(cellAt(output, 6), cellAt(numbers, 7))
  return cells
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".blocks")
  root.setAttribute("aria-label", data.summary)
  root.classList.toggle("slim", Boolean(data.slim))
  for (const [kind, colour] of Object.entries(blockColours(root))) root.style.setProperty(`--${kind}`, colour)
  // the bars start from their width so far, so that a transition leads to the new one
  const before = new Map([...root.querySelectorAll(".bar i")].map((bar, i) => [i, bar.style.width]))
  root.replaceChildren(...data.columns.flatMap((column, i) => drawColumn(column, i + 1)))
  const bars = [...root.querySelectorAll(".bar i")]
  bars.forEach((bar, i) => {
    const target = bar.style.width
    if (!before.has(i) || before.get(i) === target) return
    bar.style.width = before.get(i)
    bar.getBoundingClientRect()
    bar.style.width = target
  })
  const redraw = () => [...root.querySelectorAll(".conv")].forEach((cell) => cell.draw())
  redraw()
  if (!instances.has(parentElement)) {
    const resizes = new ResizeObserver(() => instances.get(parentElement)?.redraw())
    resizes.observe(root)
    instances.set(parentElement, { resizes })
  }
  const self = instances.get(parentElement)
  self.redraw = redraw
  self.sliders?.disconnect()
  // the figures of a slider's neighbouring value; the page's own run confirms them
  self.sliders = watchSliders((key, value) => {
    const cells = [...root.querySelectorAll(".numbers")]
    data.ahead[key]?.[value]?.forEach((figures, i) => cells[i].replaceChildren(...figures.map(drawFigure)))
  })
  return () => {
    self.resizes.disconnect()
    self.sliders.disconnect()
    instances.delete(parentElement)
  }
}

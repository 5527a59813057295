// The enlarged map of every column: its histogram and numbers before and after the activation, and its kernel.

import { element, svg } from "../common/dom.js"
import { decodeBytes, drawRamp, paint } from "./pixels.js"

/** The width of a letter of the axis, in percent of a narrow panel's. */
const LETTER_PERCENT = 5

/** Counts before (outlined) and after (filled) the activation, on one axis; without an activation the filled ones. */
function drawHistogram(panel, words) {
  const box = element("figure", "histogram")
  const picture = svg("svg", { viewBox: "0 0 160 64", role: "img", "aria-label": `${words.histogram}: ${panel.stats}` })
  const most = Math.max(1, ...panel.before, ...panel.after)
  const bars = (counts, className) =>
    counts.forEach((count, i) => {
      if (!count) return
      const height = Math.max(1, (58 * count) / most)
      const width = 160 / counts.length
      picture.append(svg("rect", { x: i * width + 0.5, y: 60 - height, width: width - 1, height, class: className }))
    })
  bars(panel.after, "after")
  bars(panel.before, "before")
  box.append(picture)
  const axis = element("div", "axis")
  // a 0 that would touch the number at either end says nothing that the end does not
  const isApart = panel.zero > 4 + LETTER_PERCENT * panel.low.length && panel.zero < 96 - LETTER_PERCENT * panel.high.length
  const zero = element("span", "zero", isApart ? "0" : "")
  zero.style.left = `${panel.zero}%`
  axis.append(element("span", "", panel.low), zero, element("span", "", panel.high))
  box.append(axis)
  return box
}

/** What the colours of the enlarged map stand for: from the negative of the value of full colour over 0 to that value. */
function drawScale(panel, table) {
  const box = element("div", "scale")
  const ends = element("div", "axis")
  ends.append(element("span", "", panel.limit.low), element("span", "", "0"), element("span", "", panel.limit.high))
  box.append(drawRamp(table), ends)
  return box
}

/** The numbers of a map before and after its activation; the table's head is the histogram's legend. */
function drawMeasures(panel, words) {
  const table = element("table", "measures")
  if (panel.before.length) {
    const head = element("tr")
    head.append(element("td"))
    for (const [name, text] of [["before", words.before], ["after", panel.behind]]) {
      const cell = element("th")
      cell.scope = "col"
      cell.append(element("i", name), text)
      head.append(cell)
    }
    table.append(head)
  }
  for (const [name, ...values] of panel.measures) {
    const row = element("tr")
    const title = element("th", "", name)
    title.scope = "row"
    row.append(title, ...values.map((value) => element("td", "", value)))
    table.append(row)
  }
  return table
}

/** A weight as short as its cell: "−.04". */
const shortNumber = (value, decimals) => String(+value.toFixed(decimals)).replace("-", "−").replace("0.", ".")

/** One small grid per kernel, all on one colour scale; with numbers where there are few (a pointer shows all digits). */
function drawKernel(kernel, words) {
  const box = element("figure", "kernel")
  const grids = element("div", "kernels")
  const largest = Math.max(...kernel.grids.flatMap((grid) => grid.values.map(Math.abs))) || 1
  // so many that the largest weight keeps two digits
  const decimals = largest < 10 ? Math.max(2, 1 - Math.floor(Math.log10(largest))) : 0
  const legible = kernel.grids.length > 1 ? 9 : 25
  const withNumbers = kernel.columns <= 5 && kernel.grids[0].values.length <= legible && decimals <= 3
  for (const { of, values } of kernel.grids) {
    const grid = element("div", withNumbers ? "numbersgrid" : "numbersgrid fine")
    grid.style.gridTemplateColumns = `repeat(${kernel.columns}, auto)`
    for (const value of values) {
      const cell = element("span", value < 0 ? "minus" : "plus", withNumbers ? shortNumber(value, decimals) : "")
      cell.title = value
      cell.style.setProperty("--share", `${Math.round((75 * Math.abs(value)) / largest)}%`)
      grid.append(cell)
    }
    const cell = element("div", "onekernel")
    if (of) cell.append(element("b", "", of))
    cell.append(grid)
    grids.append(cell)
  }
  box.append(element("figcaption", "", kernel.note || words.kernel), grids)
  return box
}

/** detail: what the page sends of the chosen map, in every column; table: the colour of each byte. */
export function drawDetail(detail, words, table) {
  const part = element("div", "detail")
  part.append(element("h3", "", detail.title))
  const panels = element("div", "panels")
  for (const panel of detail.panels) {
    const card = element("section", `panel ${panel.kind}`)
    card.append(element("h4", "", panel.title))
    if (panel.missing) {
      card.append(element("p", "missing", panel.missing))
      panels.append(card)
      continue
    }
    const canvas = element("canvas", "large")
    paint(canvas, decodeBytes(panel.pixels), panel.height, panel.width, table)
    canvas.setAttribute("role", "img")
    canvas.setAttribute("aria-label", `${panel.title}: ${panel.stats}`)
    const side = element("div", "side")
    side.append(drawHistogram(panel, words), drawMeasures(panel, words))
    const map = element("div", "map")
    map.append(canvas, drawScale(panel, table))
    card.append(map, side)
    if (panel.kernel) card.append(drawKernel(panel.kernel, words))
    panels.append(card)
  }
  part.append(panels)
  return part
}

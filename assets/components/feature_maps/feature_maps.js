// Draws feature maps from bytes that Python computed. Colours come from the theme; a click or a key chooses a map, which
// is shown large with its kernel and histograms.
// The maps of a row share one canvas behind its buttons: with a canvas for each map the browser would compose as many
// layers in every frame. A repaint keeps every node that need not change.

import { button, element, setText } from "../common/dom.js"
import { blockColours, setSignColours, variantColour } from "../common/palette.js"
import { drawDetail } from "./detail.js"
import { colourTable, decodeBytes, drawRamp, paint } from "./pixels.js"

/** What a node was last drawn from. */
const drawn = new WeakMap()
/** The approximate width of a row in pixels, by the number of columns; and on a phone. */
const ROW_WIDTHS = { 1: 1240, 2: 600, 3: 400 }
const PHONE_ROW_WIDTH = 350

/** How many of `count` maps stand beside each other in this width; if possible a divisor, so that lines are full. */
function mapsPerLine(count, size, width) {
  const most = Math.max(2, Math.floor(width / size))
  // rows of few maps are aligned with those above and below
  if (count <= 6 && most >= 6) return 6
  for (let columns = most; 2 * columns > most; columns -= 1) if (count % columns === 0) return columns
  return most
}

/** Copies a row's maps to the places of its buttons, on whole pixels of the screen. */
function layOut(strip) {
  const last = drawn.get(strip)
  if (!last) return
  const { sheet, count } = last
  const box = strip.getBoundingClientRect()
  const ratio = devicePixelRatio
  const [width, height] = [box.width, box.height].map((side) => Math.round(side * ratio))
  if (!width) return
  const cells = [...strip.parentElement.querySelectorAll(".cell")].map((cell) => {
    const place = cell.getBoundingClientRect()
    const [x, right] = [place.left, place.right].map((at) => Math.round((at - box.left) * ratio))
    const [y, bottom] = [place.top, place.bottom].map((at) => Math.round((at - box.top) * ratio))
    return [x, y, right - x, bottom - y]
  })
  if (strip.width !== width) strip.width = width
  if (strip.height !== height) strip.height = height
  const pen = strip.getContext("2d", { willReadFrequently: true })
  pen.clearRect(0, 0, width, height)
  const mapHeight = sheet.height / count
  cells.forEach((cell, i) => {
    // an enlarged value is a square; a reduced one must not vanish between two pixels
    pen.imageSmoothingEnabled = cell[2] < sheet.width
    pen.drawImage(sheet, 0, i * mapHeight, sheet.width, mapHeight, ...cell)
  })
}

/** A row without its contents: a head, the picture if there is one, and a button for each map. */
function createRow(row) {
  const block = element("div", "row")
  const head = element("div", "rowhead")
  head.append(element("b"), element("span"))
  const grid = element("div", "grid")
  if (row.colour) grid.append(element("img", "colour"))
  for (const _ of row.channels) grid.append(button("cell"))
  const strip = element("canvas", "strip")
  grid.append(strip)
  // called for the first size as well, before the first frame
  new ResizeObserver(() => layOut(strip)).observe(grid)
  block.append(head, grid)
  return block
}

/** One layer's maps, in the old row if it has as many; choose: called with {step, channel} of a map. */
function drawRow(row, data, table, choose, old) {
  const form = `${row.channels.length} ${Boolean(row.colour)}`
  const last = drawn.get(old)
  const block = last?.form === form ? old : createRow(row)
  const [head, grid] = block.children
  setText(head.firstChild, row.label)
  setText(head.lastChild, row.note)
  const cellCount = row.channels.length + (row.colour ? 1 : 0)
  // a row of few is not drawn larger than the rows beside it
  grid.style.setProperty("--map", `${row.beside ? 0.7 * data.size : data.size}px`)
  grid.style.setProperty("--wide", row.beside || mapsPerLine(cellCount, data.size, ROW_WIDTHS[data.columns.length]))
  grid.style.setProperty("--phone", row.beside || mapsPerLine(cellCount, data.size, PHONE_ROW_WIDTH))
  const strip = grid.lastChild
  const cells = [...grid.querySelectorAll(".cell")]
  if (row.colour) setPicture(grid.querySelector(".colour"), row.colour, data.words.picture)
  const same = block === old && last.pixels === row.pixels && last.width === row.width && last.table === table
  if (!same) {
    const sheet = drawn.get(strip)?.sheet ?? element("canvas")
    paint(sheet, decodeBytes(row.pixels), row.height * cells.length, row.width, table)
    drawn.set(strip, { sheet, count: cells.length })
    if (block === old) layOut(strip)
  }
  cells.forEach((cell, i) => {
    const channel = row.channels[i]
    const name = `${row.label} ${channel + 1}`
    const mark = row.marks[i] ?? ""
    // what stands on a map belongs to its name
    const named = mark ? `${name}: ${mark}` : name
    if (cell.title !== named) cell.title = cell.ariaLabel = named
    setText(cell, mark)
    const shape = `${row.width} / ${row.height}`
    if (cell.style.aspectRatio !== shape) cell.style.aspectRatio = shape
    const pressed = Boolean(data.detail) && row.step === data.picked.step && channel === data.picked.channel
    cell.ariaPressed = String(pressed)
    cell.disabled = !data.detail
    cell.onclick = data.detail ? () => choose({ step: row.step, channel }) : null
  })
  drawn.set(block, { form, pixels: row.pixels, width: row.width, table })
  return block
}

/** All maps are one stop of the Tab key: the chosen one, or else the first. The arrows lead from there to the others. */
function setTabStop(root) {
  const cells = [...root.querySelectorAll(".cell:enabled")]
  const focused = root.getRootNode().activeElement
  const stop = cells.find((cell) => cell === focused) ?? cells.find((cell) => cell.ariaPressed === "true") ?? cells[0]
  for (const cell of cells) cell.tabIndex = cell === stop ? 0 : -1
}

/** Right and left along the rows, up and down to the row above or below in the same column of the page. */
function onKey(event) {
  const root = event.currentTarget
  const cell = event.composedPath()[0]
  if (!cell.matches?.(".cell")) return
  const cells = [...root.querySelectorAll(".cell:enabled")]
  const next = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
  const rows = [...cell.closest(".card").querySelectorAll(".row")].filter((row) => row.querySelector(".cell:enabled"))
  const row = rows[rows.indexOf(cell.closest(".row")) + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? NaN)]
  const place = [...cell.parentElement.querySelectorAll(".cell")].indexOf(cell)
  const below = row && [...row.querySelectorAll(".cell")]
  const to = next ? cells[cells.indexOf(cell) + next] : below?.[Math.min(place, below.length - 1)]
  if (!to) return
  event.preventDefault()
  to.focus()
  setTabStop(root)
}

function setPicture(node, png, description) {
  const source = `data:image/png;base64,${png}`
  if (node.getAttribute("src") !== source) node.src = source
  node.alt = description
}

/** Gives `parent` exactly these children; those already at their place are not touched. */
function setChildren(parent, children) {
  children.forEach((child, i) => {
    if (parent.children[i] === child) return
    if (parent.children[i]) parent.children[i].replaceWith(child)
    else parent.append(child)
  })
  while (parent.children.length > children.length) parent.lastChild.remove()
}

function drawColumn(column, data, table, choose, old) {
  const card = old ?? element("section")
  card.className = `card ${column.kind}`
  const [oldHead, ...oldRows] = card.children
  const head = oldHead ?? element("div", "head")
  if (!oldHead) head.append(element("h2"), element("p"))
  setText(head.children[0], column.title)
  setText(head.children[1], column.subtitle)
  if (column.picture) setPicture(head.children[2] ?? head.appendChild(element("img")), column.picture, data.words.picture)
  else head.children[2]?.remove()
  const rows = column.rows.map((row, i) => (
    row.gap ? element("div", "gap", row.gap) : drawRow(row, data, table, choose, oldRows[i])
  ))
  const foot = element("div", "numbers")
  for (const [name, value, note] of column.numbers) {
    const cell = element("div", "figure")
    cell.append(element("span", "name", name), element("strong", "", value), element("em", "", note))
    foot.append(cell)
  }
  const oldFoot = card.querySelector(".numbers")
  const end = column.numbers.length ? [oldFoot?.isEqualNode(foot) ? oldFoot : foot] : []
  setChildren(card, [head, ...rows, ...end])
  return card
}

/** What the colours of the small maps stand for. */
function drawLegend(words, table) {
  const legend = element("p", "legend")
  legend.append(words.negative, drawRamp(table), `${words.positive} · ${words.full}`)
  legend.append(element("span", "faint", `· ${words.faint}`))
  return legend
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".maps")
  root.setAttribute("aria-label", data.summary)
  for (const [kind, colour] of Object.entries(blockColours(root))) root.style.setProperty(`--${kind}`, colour)
  root.style.setProperty("--variant", variantColour(root))
  setSignColours(root)
  const table = colourTable(root)
  const choose = (map) => setTriggerValue("pick", map)
  // a repaint must not lose the focus
  const focused = parentElement.activeElement ?? root.getRootNode().activeElement
  const place = focused?.classList?.contains("cell") ? [...root.querySelectorAll(".cell")].indexOf(focused) : -1
  const columns = root.querySelector(".columns") ?? element("div", "columns")
  columns.style.setProperty("--count", data.columns.length)
  const old = [...columns.children]
  setChildren(columns, data.columns.map((column, i) => drawColumn(column, data, table, choose, old[i])))
  const oldDetail = root.querySelector(".detail")
  const text = JSON.stringify([data.detail, data.words])
  const last = drawn.get(oldDetail)
  const unchanged = last && last.text === text && last.table === table
  const detail = !data.detail ? null : unchanged ? oldDetail : drawDetail(data.detail, data.words, table)
  if (detail) drawn.set(detail, { text, table })
  const legend = drawLegend(data.words, table)
  setChildren(root, detail ? [legend, columns, detail] : [legend, columns])
  if (place >= 0 && focused !== root.getRootNode().activeElement) root.querySelectorAll(".cell")[place]?.focus()
  root.onkeydown = onKey
  setTabStop(root)
  root.dataset.painted = Number(root.dataset.painted ?? 0) + 1
}

// Draws feature maps from grey bytes that Python computed: 128 is zero, 1 and 255 the ends of the range. Colours come
// from the theme, a click or a key picks a map, and the picked one is shown large with its kernel and histograms.
// A row's maps share one canvas behind its buttons: a canvas a map is a layer a map, which a browser puts together
// anew at every frame. A repaint keeps every node that can stay.

/** What an element of ours was last drawn with. */
const drawn = new WeakMap()
const palettes = new Map()
/** About as wide is a row, in pixels, by how many columns there are; and on a phone. */
const WIDTHS = { 1: 1240, 2: 600, 3: 400 }
const PHONE = 350

function bytes(text) {
  const letters = atob(text)
  const found = new Uint8Array(letters.length)
  for (let i = 0; i < found.length; i += 1) found[i] = letters.charCodeAt(i)
  return found
}

const say = (node, text) => { if (node.textContent !== text) node.textContent = text }

/** "#rrggbb", "rgb(…)" or a name as [r, g, b]. */
function rgb(colour) {
  const pen = document.createElement("canvas").getContext("2d")
  pen.fillStyle = colour.trim()
  const hex = pen.fillStyle
  return hex.startsWith("#") ? [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) : hex.match(/\d+/g).map(Number)
}

/** 256 colours: blue below zero, the page's own background at it, orange above; both ends stand out in both themes. */
function palette(style) {
  const background = style.getPropertyValue("--st-background-color") || "#ffffff"
  if (palettes.has(background)) return palettes.get(background)
  const middle = rgb(background)
  const dark = middle[0] + middle[1] + middle[2] < 384
  const [low, high] = dark ? [[96, 176, 255], [255, 176, 64]] : [[8, 72, 150], [172, 70, 0]]
  const table = new Uint8ClampedArray(256 * 4)
  for (let value = 0; value < 256; value += 1) {
    const share = Math.max(-1, (value - 128) / 127)
    const end = share < 0 ? low : high
    for (let c = 0; c < 3; c += 1) table[value * 4 + c] = middle[c] + Math.abs(share) * (end[c] - middle[c])
    table[value * 4 + 3] = 255
  }
  palettes.set(background, new Uint32Array(table.buffer))
  return palettes.get(background)
}

function paint(canvas, pixels, start, height, width, table) {
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  // kept in main memory: a map is a few hundred bytes, which is less than a trip to the graphics card is worth
  const pen = canvas.getContext("2d", { willReadFrequently: true })
  const image = new ImageData(width, height)
  const out = new Uint32Array(image.data.buffer)
  for (let i = 0; i < out.length; i += 1) out[i] = table[pixels[start + i]]
  pen.putImageData(image, 0, 0)
}

/** How many of `count` maps stand beside each other in a row this wide: if it can be, so many that no row is shorter. */
function beside(count, size, width) {
  const most = Math.max(2, Math.floor(width / size))
  // rows of few maps keep the columns of those above and below
  if (count <= 6 && most >= 6) return 6
  for (let columns = most; 2 * columns > most; columns -= 1) if (count % columns === 0) return columns
  return most
}

/** Puts a row's maps where its buttons stand, on whole pixels of the screen. */
function spread(strip) {
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
  const tall = sheet.height / count
  cells.forEach((cell, i) => {
    // enlarged a value is a square; made smaller it must not vanish between two pixels
    pen.imageSmoothingEnabled = cell[2] < sheet.width
    pen.drawImage(sheet, 0, i * tall, sheet.width, tall, ...cell)
  })
}

/** A row without its contents: a head, the picture if there is one, and a button a map. */
function newRow(row) {
  const block = element("div", "row")
  const head = element("div", "rowhead")
  head.append(element("b"), element("span"))
  const grid = element("div", "grid")
  if (row.colour) grid.append(element("img", "colour"))
  for (const _ of row.channels) {
    const cell = element("button", "cell")
    cell.type = "button"
    grid.append(cell)
  }
  const strip = element("canvas", "strip")
  grid.append(strip)
  // tells the first size as well, before the first frame
  new ResizeObserver(() => spread(strip)).observe(grid)
  // arrow keys go from one map to the next
  grid.onkeydown = (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const cells = [...grid.querySelectorAll(".cell")]
    const next = move && cells[cells.indexOf(event.target) + move]
    if (!next) return
    event.preventDefault()
    next.focus()
  }
  block.append(head, grid)
  return block
}

/** One layer's maps, in the row that stood there before if it has as many. */
function drawRow(row, data, table, pick, old) {
  const form = `${row.channels.length} ${Boolean(row.colour)}`
  const last = drawn.get(old)
  const block = last?.form === form ? old : newRow(row)
  const [head, grid] = block.children
  say(head.firstChild, row.label)
  say(head.lastChild, row.note)
  const cellCount = row.channels.length + (row.colour ? 1 : 0)
  const wide = beside(cellCount, data.size, WIDTHS[data.columns.length])
  const sight = { "--map": `${data.size}px`, "--wide": wide, "--phone": beside(cellCount, data.size, PHONE) }
  for (const [name, value] of Object.entries(sight)) grid.style.setProperty(name, value)
  const strip = grid.lastChild
  const cells = [...grid.querySelectorAll(".cell")]
  const picture = grid.querySelector(".colour")
  if (row.colour) {
    const source = `data:image/png;base64,${row.colour}`
    if (picture.getAttribute("src") !== source) picture.src = source
    picture.alt = data.words.picture
  }
  const same = block === old && last.pixels === row.pixels && last.width === row.width && last.table === table
  if (!same) {
    const sheet = drawn.get(strip)?.sheet ?? element("canvas")
    paint(sheet, bytes(row.pixels), 0, row.height * cells.length, row.width, table)
    drawn.set(strip, { sheet, count: cells.length })
    if (block === old) spread(strip)
  }
  cells.forEach((cell, i) => {
    const channel = row.channels[i]
    const name = `${row.label} ${row.names ? row.names[i] : channel}`
    if (cell.title !== name) cell.title = cell.ariaLabel = name
    const shape = `${row.width} / ${row.height}`
    if (cell.style.aspectRatio !== shape) cell.style.aspectRatio = shape
    const pressed = Boolean(data.detail) && row.step === data.picked.step && channel === data.picked.channel
    cell.ariaPressed = String(pressed)
    cell.disabled = !data.detail
    cell.onclick = data.detail ? () => pick({ step: row.step, channel }) : null
  })
  drawn.set(block, { form, pixels: row.pixels, width: row.width, table })
  return block
}

/** `parent` with exactly these children; those that stand where they belong are not touched. */
function hold(parent, children) {
  children.forEach((child, i) => {
    if (parent.children[i] === child) return
    if (parent.children[i]) parent.children[i].replaceWith(child)
    else parent.append(child)
  })
  while (parent.children.length > children.length) parent.lastChild.remove()
}

function drawColumn(column, data, table, pick, old) {
  const card = old ?? element("section")
  card.className = `card ${column.kind}`
  const [oldHead, ...oldRows] = card.children
  const head = oldHead ?? element("div", "head")
  if (!oldHead) head.append(element("h3"), element("p"))
  say(head.children[0], column.title)
  say(head.children[1], column.subtitle)
  if (column.picture) {
    const picture = head.children[2] ?? head.appendChild(element("img"))
    const source = `data:image/png;base64,${column.picture}`
    if (picture.getAttribute("src") !== source) picture.src = source
    picture.alt = data.words.picture
  } else head.children[2]?.remove()
  const rows = column.rows.map((row, i) => row.gap ? element("div", "gap", row.gap) : drawRow(row, data, table, pick, oldRows[i]))
  const foot = element("div", "numbers")
  for (const [name, value, note] of column.numbers) {
    const cell = element("div", "figure")
    cell.append(element("span", "name", name), element("strong", "", value), element("em", "", note))
    foot.append(cell)
  }
  const oldFoot = card.querySelector(".numbers")
  const end = column.numbers.length ? [oldFoot?.isEqualNode(foot) ? oldFoot : foot] : []
  hold(card, [head, ...rows, ...end])
  return card
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".maps")
  root.setAttribute("aria-label", data.summary)
  const style = getComputedStyle(root)
  const colours = style.getPropertyValue("--st-chart-categorical-colors").split(",")
  const table = palette(style)
  for (const [i, kind] of ["standard", "extreme", "separable", "twin"].entries()) root.style.setProperty(`--${kind}`, colours[i])
  const pick = (picked) => setTriggerValue("pick", picked)
  // a repaint must not take the keyboard's place away
  const focused = parentElement.activeElement ?? root.getRootNode().activeElement
  const place = focused?.classList?.contains("cell") ? [...root.querySelectorAll(".cell")].indexOf(focused) : -1
  const columns = root.querySelector(".columns") ?? element("div", "columns")
  columns.style.setProperty("--count", data.columns.length)
  const old = [...columns.children]
  hold(columns, data.columns.map((column, i) => drawColumn(column, data, table, pick, old[i])))
  const oldDetail = root.querySelector(".detail")
  const text = JSON.stringify([data.detail, data.words])
  const last = drawn.get(oldDetail)
  const stays = last && last.text === text && last.table === table
  const detail = !data.detail ? null : stays ? oldDetail : drawDetail(data.detail, data, table)
  if (detail) drawn.set(detail, { text, table })
  hold(root, detail ? [columns, detail] : [columns])
  if (place >= 0 && focused !== root.getRootNode().activeElement) root.querySelectorAll(".cell")[place]?.focus()
  root.dataset.painted = Number(root.dataset.painted ?? 0) + 1
}

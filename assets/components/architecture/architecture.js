// Draws the network as three flows of cards beside each other, or one below the other on a phone, from figures that
// Python computed. A card is a button. The picture zooms (buttons, keys + - 0, the wheel with Ctrl, two fingers) and is
// dragged while it is enlarged.

import { button, element, prefersReducedMotion, svg } from "../common/dom.js"
import { colourLayerKinds, layerKindColours } from "../common/palette.js"

// in pixels, by a row's type
const HEIGHTS = { activation: 18, max_pool: 21, mean_pool: 21, conv: 26, separable: 26, linear: 26 }
// the width left of a card in which its shortcut runs
const LANE = 34
const MAX_SCALE = 4
const instances = new WeakMap()

function drawRow(row, x, y, width) {
  const group = svg("g", {})
  const height = HEIGHTS[row.type]
  const text = (size) => svg("text", { class: `row ${size}`, x: x + width / 2, y: y + height / 2 + 4.3 }, row.text)
  if (row.type === "activation") {
    group.append(svg("rect", { class: "pill", x: x + width / 2 - 34, y, width: 68, height, rx: height / 2 }), text("small"))
    return group
  }
  group.append(svg("rect", { class: row.parts.length ? "op" : "pool", x, y, width, height, rx: 5 }))
  let left = x
  for (const part of row.parts) {
    const box = { x: left, width: (width * part.percent) / 100 }
    group.append(svg("rect", { class: `part ${part.kind}`, y, height, rx: 3, ...box }))
    group.append(svg("rect", { class: `mark ${part.kind}`, y: y + height - 5, height: 5, rx: 1.5, ...box }))
    left += box.width
  }
  group.append(text(row.parts.length ? "" : "small"))
  return group
}

/** A card at (x, y); returns its group and its height. */
function drawCard(card, x, y, width) {
  const group = svg("g", {
    class: "card", tabindex: 0, role: "button", "aria-pressed": String(card.selected),
    "aria-description": card.label, "data-key": card.key,
  })
  const inner = svg("g", {})
  let down = y + 34
  for (const row of card.rows) {
    inner.append(drawRow(row, x + 9, down, width - 18))
    down += HEIGHTS[row.type] + 4
  }
  const height = down + 5 - y
  for (const shift of card.times ? [8, 4] : []) {
    group.append(svg("rect", { class: "behind", x: x + shift, y: y - shift, width, height, rx: 8 }))
  }
  group.append(svg("rect", { class: "frame", x, y, width, height, rx: 8 }))
  group.append(svg("text", { class: "title", x: x + 10, y: y + 18 }, card.title))
  group.append(svg("text", { class: "percent", x: x + width - 10, y: y + 18, "text-anchor": "end" }, card.percent))
  card.bars.forEach((bar, i) => {
    const place = { y: y + 23 + 4 * i, height: 3, rx: 1.5 }
    group.append(svg("rect", { class: "rail", x: x + 10, width: width - 20, ...place }))
    group.append(svg("rect", { class: `bar ${bar.name}`, x: x + 10, width: Math.max(1.5, ((width - 20) * bar.percent) / 100), ...place }))
  })
  group.append(inner)
  return { group, height }
}

function arrow(x, from, to, shape) {
  const group = svg("g", {})
  group.append(svg("path", { class: "line", d: `M${x},${from}V${to - 1}M${x - 4},${to - 6}L${x},${to - 1}L${x + 4},${to - 6}` }))
  group.append(svg("text", { class: "shape", x: x + 10, y: (from + to) / 2 + 4 }, shape))
  return group
}

/** One flow downwards from y; returns where it begins and ends, so that the next one can be joined to it. */
function drawFlow(picture, flow, cards, left, y, width) {
  const x = left + LANE
  const cardWidth = width - LANE - 10
  const middle = x + cardWidth / 2
  picture.append(svg("text", { class: "flow", x, y: y + 15 }, flow.title), svg("text", { class: "note", x, y: y + 32 }, flow.note))
  y += 40
  const begin = y
  for (const card of cards) {
    picture.append(arrow(middle, y, y + 32, card.in_shape))
    const top = y + 32
    const { group, height } = drawCard(card, x, top, cardWidth)
    const bottom = top + height
    if (card.shortcut) {
      const turn = left + 14
      const way = `M${middle},${y + 9}H${turn + 8}Q${turn},${y + 9} ${turn},${y + 17}V${bottom + 7}Q${turn},${bottom + 15} ${turn + 8},${bottom + 15}H${middle - 9}`
      picture.append(svg("path", { class: "shortcut", d: way }))
      picture.append(drawTag(card.shortcut, turn, (top + bottom) / 2), svg("path", { class: "line", d: `M${middle},${bottom}V${bottom + 7}` }))
      picture.append(svg("circle", { class: "plus", cx: middle, cy: bottom + 15, r: 8.5 }))
      picture.append(svg("path", { class: "line", d: `M${middle - 4.5},${bottom + 15}h9M${middle},${bottom + 10.5}v9` }))
    }
    picture.append(group)
    if (card.times) picture.append(svg("text", { class: "times", x: middle - 12, y: top - 7, "text-anchor": "end" }, card.times))
    y = bottom + (card.shortcut ? 24 : 0)
  }
  return { begin, end: y, middle, right: left + width }
}

/** A label on an upright line: turned along it, or syllable under syllable, as Korean is written there. */
function drawTag(text, x, y) {
  const isHangul = /[\uac00-\ud7a3]/.test(text)
  const tag = svg("g", { transform: `translate(${x},${y})${isHangul ? "" : " rotate(-90)"}` })
  if (!isHangul) {
    const half = 6 + text.length * 3.4
    tag.append(svg("rect", { class: "tag", x: -half, y: -9, width: 2 * half, height: 18, rx: 9 }))
    tag.append(svg("text", { class: "row small", y: 4 }, text))
    return tag
  }
  const [step, syllables] = [13, [...text]]
  const half = (step * syllables.length) / 2
  tag.append(svg("rect", { class: "tag", x: -9, y: -half - 4, width: 18, height: 2 * half + 8, rx: 9 }))
  syllables.forEach((syllable, i) => tag.append(svg("text", { class: "row small", y: (i + 0.8) * step - half }, syllable)))
  return tag
}

/** How to read and use the picture: above it on a phone, else below the middle flow, the shortest. */
function drawHints(picture, hints, x, y) {
  hints.forEach((hint, i) => picture.append(svg("text", { class: "note", x, y: y + 18 * i }, hint)))
  return { x, y: y + 18 * hints.length - 4 }
}

/** Draws the whole network `width` pixels wide; returns its height, and the place left free for the zoom buttons. */
function draw(picture, data, width) {
  picture.replaceChildren()
  const columns = width < 640 ? 1 : 3
  const columnWidth = width / columns
  const flows = data.flows.map((flow) => [flow, data.cards.filter((card) => card.flow === flow.key)])
  let last = null
  let tallest = 0
  let toolsPlace = columns === 1 ? drawHints(picture, data.hints, 0, 14) : null
  let y = toolsPlace ? toolsPlace.y + 50 : 0
  flows.forEach(([flow, cards], i) => {
    const at = drawFlow(picture, flow, cards, columns === 1 ? 0 : i * columnWidth, y, columnWidth)
    if (last && columns === 3) {
      // out of the foot of one flow, up the gap, into the head of the next
      const gap = last.right - 3
      const way = `M${last.middle},${last.end}V${last.end + 8}Q${last.middle},${last.end + 14} ${last.middle + 6},${last.end + 14}H${gap - 6}Q${gap},${last.end + 14} ${gap},${last.end + 8}V${at.begin + 4}Q${gap},${at.begin - 4} ${gap + 6},${at.begin - 4}H${at.middle - 6}Q${at.middle},${at.begin - 4} ${at.middle},${at.begin + 2}`
      picture.prepend(svg("path", { class: "line between", d: way }))
    }
    tallest = Math.max(tallest, at.end)
    if (!toolsPlace && i === 1) toolsPlace = drawHints(picture, data.hints, columnWidth + LANE, at.end + 62)
    if (columns === 1) y = at.end + 26
    last = at
  })
  picture.append(arrow(last.middle, last.end, last.end + 32, data.out_shape))
  return { height: Math.max(tallest + 18, last.end + 36), toolsPlace }
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most)
}

/** The part of the picture in view: a scale from 1 to MAX_SCALE and the upper left corner. */
function createCamera(root, picture) {
  const self = { width: 0, height: 0, scale: 1, x: 0, y: 0 }
  self.show = () => {
    const width = self.width / self.scale
    const height = self.height / self.scale
    self.x = clamp(self.x, 0, self.width - width)
    self.y = clamp(self.y, 0, self.height - height)
    picture.setAttribute("viewBox", `${self.x} ${self.y} ${width} ${height}`)
    root.classList.toggle("near", self.scale > 1)
  }
  self.zoom = (factor, clientX, clientY) => {
    const box = picture.getBoundingClientRect()
    const [partX, partY] = clientX === undefined ? [0.5, 0.5] : [(clientX - box.x) / box.width, (clientY - box.y) / box.height]
    const before = self.scale
    self.scale = clamp(before * factor, 1, MAX_SCALE)
    self.x += self.width * partX * (1 / before - 1 / self.scale)
    self.y += self.height * partY * (1 / before - 1 / self.scale)
    self.show()
  }
  self.reset = () => {
    self.scale = 1
    self.show()
  }
  return self
}

/** Binds pointer, fingers and keys to the camera, and a click or Enter on a card to `pick`. */
function listen(root, picture, view, pick) {
  let drag = null
  let fingersApart = 0
  const distance = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return // a wheel alone scrolls the page
    event.preventDefault()
    view.zoom(Math.exp(-event.deltaY / 300), event.clientX, event.clientY)
  }, { passive: false })
  picture.addEventListener("touchstart", (event) => { fingersApart = event.touches.length === 2 ? distance(event.touches) : 0 })
  picture.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2 || !fingersApart) return
    event.preventDefault()
    const now = distance(event.touches)
    const [a, b] = event.touches
    view.zoom(now / fingersApart, (a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2)
    fingersApart = now
  }, { passive: false })
  picture.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, y: event.clientY, distance: 0 }
  })
  picture.addEventListener("pointermove", (event) => {
    if (!drag || view.scale === 1 || event.buttons !== 1) return
    const box = picture.getBoundingClientRect()
    const [x, y] = [event.clientX - drag.x, event.clientY - drag.y]
    drag = { x: event.clientX, y: event.clientY, distance: drag.distance + Math.abs(x) + Math.abs(y) }
    view.x -= (x * view.width) / view.scale / box.width
    view.y -= (y * view.height) / view.scale / box.height
    view.show()
  })
  picture.addEventListener("click", (event) => {
    const card = event.target.closest(".card")
    if (card && (!drag || drag.distance < 6)) pick(card)
  })
  root.addEventListener("keydown", (event) => {
    const card = event.target.closest?.(".card")
    if (card && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault()
      pick(card)
    } else if (event.key === "+" || event.key === "=") view.zoom(1.4)
    else if (event.key === "-") view.zoom(1 / 1.4)
    else if (event.key === "0") view.reset()
  })
}

function zoomButton(label, text, action) {
  const node = button("", text, action)
  node.setAttribute("aria-label", label)
  node.title = label
  return node
}

function create(root) {
  const picture = svg("svg", { role: "group" })
  const view = createCamera(root, picture)
  const self = { picture, view, data: null, scrollToChosen: false, send: () => {} }
  const pick = (card) => {
    for (const other of picture.querySelectorAll(".card")) other.setAttribute("aria-pressed", String(other === card))
    self.send("select", card.dataset.key)
    // on a phone the chosen stage's details are far below the picture
    self.scrollToChosen = picture.viewBox.baseVal.width < 640 && view.scale === 1
  }
  self.redraw = () => {
    const width = root.clientWidth
    if (!width || !self.data) return
    const focused = root.getRootNode().activeElement?.dataset?.key
    view.width = width
    const { height, toolsPlace } = draw(picture, self.data, width)
    view.height = height
    self.tools.style.left = `${toolsPlace.x}px`
    self.tools.style.top = `${toolsPlace.y}px`
    picture.style.height = `${view.height}px`
    colourLayerKinds(picture)
    const { shortcut } = layerKindColours(picture)
    for (const node of picture.querySelectorAll(".plus, .tag")) node.style.setProperty("--ink", shortcut)
    view.show()
    if (focused) picture.querySelector(`[data-key=${focused}]`)?.focus({ preventScroll: true })
  }
  listen(root, picture, view, pick)
  self.tools = element("div", "zoom")
  root.replaceChildren(picture, self.tools)
  self.resizes = new ResizeObserver(() => {
    if (root.clientWidth !== view.width) self.redraw()
  })
  self.resizes.observe(root)
  return self
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".architecture")
  if (!instances.has(parentElement)) instances.set(parentElement, create(root))
  const self = instances.get(parentElement)
  self.send = setTriggerValue
  self.data = data
  self.picture.setAttribute("aria-label", data.summary)
  // a button that has the focus stays
  if (self.tools.firstChild?.title !== data.words.zoom_in) {
    self.tools.replaceChildren(
      zoomButton(data.words.zoom_in, "+", () => self.view.zoom(1.4)),
      zoomButton(data.words.zoom_out, "−", () => self.view.zoom(1 / 1.4)),
      zoomButton(data.words.reset, "⤢", () => self.view.reset()),
    )
  }
  self.redraw()
  if (self.scrollToChosen) {
    self.scrollToChosen = false
    const behavior = prefersReducedMotion() ? "auto" : "smooth"
    document.querySelector(".st-key-chosen")?.scrollIntoView({ behavior, block: "start" })
  }
  return () => {
    self.resizes.disconnect()
    instances.delete(parentElement)
  }
}

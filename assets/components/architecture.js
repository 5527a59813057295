// Draws the network as three flows of cards, or as one on a phone, from what Python computed; no figure is computed
// here. A card is a button. The picture zooms: buttons, keys + - 0, the wheel with Ctrl, two fingers; near, it is dragged.

const KINDS = ["standard", "depthwise", "pointwise", "shortcut", "spatial", "linear", "other"]
const HEIGHTS = { activation: 18, max_pool: 21, mean_pool: 21, conv: 26, separable: 26, linear: 26 }
const LANE = 34
const MOST = 4
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
    const wide = (width * part.percent) / 100
    const box = { x: left, width: wide }
    group.append(svg("rect", { class: `part ${part.kind}`, y, height, rx: 3, ...box }))
    group.append(svg("rect", { class: `mark ${part.kind}`, y: y + height - 5, height: 5, rx: 1.5, ...box }))
    left += wide
  }
  group.append(text(row.parts.length ? "" : "small"))
  return group
}

/** A card at (x, y); returns its group and its height. */
function drawCard(card, x, y, width) {
  const group = svg("g", {
    class: "card", tabindex: 0, role: "button", "aria-pressed": String(card.selected), "aria-label": card.label,
    "data-key": card.key,
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

/** One flow down from y; returns where it begins and ends, to be joined with the next one. */
function drawFlow(picture, flow, cards, left, y, width) {
  const x = left + LANE
  const wide = width - LANE - 10
  const middle = x + wide / 2
  picture.append(svg("text", { class: "flow", x, y: y + 15 }, flow.title), svg("text", { class: "note", x, y: y + 32 }, flow.note))
  y += 40
  const begin = y
  for (const card of cards) {
    picture.append(arrow(middle, y, y + 32, card.in_shape))
    const top = y + 32
    const { group, height } = drawCard(card, x, top, wide)
    const bottom = top + height
    if (card.shortcut) {
      const turn = left + 14
      const way = `M${middle},${y + 9}H${turn + 8}Q${turn},${y + 9} ${turn},${y + 17}V${bottom + 7}Q${turn},${bottom + 15} ${turn + 8},${bottom + 15}H${middle - 9}`
      picture.append(svg("path", { class: "shortcut", d: way }))
      const tag = svg("g", { transform: `translate(${turn},${(top + bottom) / 2}) rotate(-90)` })
      const half = 6 + card.shortcut.length * 3.4
      tag.append(svg("rect", { class: "tag", x: -half, y: -9, width: 2 * half, height: 18, rx: 9 }))
      tag.append(svg("text", { class: "row small", y: 4 }, card.shortcut))
      picture.append(tag, svg("path", { class: "line", d: `M${middle},${bottom}V${bottom + 7}` }))
      picture.append(svg("circle", { class: "plus", cx: middle, cy: bottom + 15, r: 8.5 }))
      picture.append(svg("path", { class: "line", d: `M${middle - 4.5},${bottom + 15}h9M${middle},${bottom + 10.5}v9` }))
    }
    picture.append(group)
    if (card.times) picture.append(svg("text", { class: "times", x: middle - 12, y: top - 7, "text-anchor": "end" }, card.times))
    y = bottom + (card.shortcut ? 24 : 0)
  }
  return { begin, end: y, middle, right: left + width }
}

/** How to read and use the picture: above it on a phone, else where the middle flow leaves room. */
function drawHints(picture, hints, x, y) {
  hints.forEach((hint, i) => picture.append(svg("text", { class: "note", x, y: y + 18 * i }, hint)))
  return { x, y: y + 18 * hints.length - 4 }
}

/** Everything, for this width in pixels; returns the height, and where the tools find room. */
function draw(picture, data, width) {
  picture.replaceChildren()
  const columns = width < 640 ? 1 : 3
  const wide = width / columns
  const drawn = data.flows.map((flow) => [flow, data.cards.filter((card) => card.flow === flow.key)])
  let last = null
  let tallest = 0
  let room = columns === 1 ? drawHints(picture, data.hints, 0, 14) : null
  let y = room ? room.y + 50 : 0
  drawn.forEach(([flow, cards], i) => {
    const at = drawFlow(picture, flow, cards, columns === 1 ? 0 : i * wide, y, columns === 1 ? width : wide)
    if (last && columns === 3) {
      // out of the foot of one flow, up the gap, into the head of the next
      const gap = last.right - 3
      const way = `M${last.middle},${last.end}V${last.end + 8}Q${last.middle},${last.end + 14} ${last.middle + 6},${last.end + 14}H${gap - 6}Q${gap},${last.end + 14} ${gap},${last.end + 8}V${at.begin + 4}Q${gap},${at.begin - 4} ${gap + 6},${at.begin - 4}H${at.middle - 6}Q${at.middle},${at.begin - 4} ${at.middle},${at.begin + 2}`
      picture.prepend(svg("path", { class: "line between", d: way }))
    }
    tallest = Math.max(tallest, at.end)
    if (!room && i === 1) room = drawHints(picture, data.hints, wide + LANE, at.end + 62)
    if (columns === 1) y = at.end + 26
    last = at
  })
  picture.append(arrow(last.middle, last.end, last.end + 32, data.out_shape))
  return { height: Math.max(tallest + 18, last.end + 36), room }
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most)
}

/** What is seen of the picture: a scale of 1 to MOST and the corner it starts from. */
function camera(root, picture) {
  const self = { width: 0, height: 0, scale: 1, x: 0, y: 0 }
  self.show = () => {
    const wide = self.width / self.scale
    const high = self.height / self.scale
    self.x = clamp(self.x, 0, self.width - wide)
    self.y = clamp(self.y, 0, self.height - high)
    picture.setAttribute("viewBox", `${self.x} ${self.y} ${wide} ${high}`)
    root.classList.toggle("near", self.scale > 1)
  }
  self.zoom = (factor, clientX, clientY) => {
    const box = picture.getBoundingClientRect()
    const [partX, partY] = clientX === undefined ? [0.5, 0.5] : [(clientX - box.x) / box.width, (clientY - box.y) / box.height]
    const before = self.scale
    self.scale = clamp(before * factor, 1, MOST)
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

function steer(root, picture, view, pick) {
  let held = null
  let apart = 0
  const distance = ([a, b]) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY)
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return // a wheel alone scrolls the page
    event.preventDefault()
    view.zoom(Math.exp(-event.deltaY / 300), event.clientX, event.clientY)
  }, { passive: false })
  picture.addEventListener("touchstart", (event) => { apart = event.touches.length === 2 ? distance(event.touches) : 0 })
  picture.addEventListener("touchmove", (event) => {
    if (event.touches.length !== 2 || !apart) return
    event.preventDefault()
    const now = distance(event.touches)
    const [a, b] = event.touches
    view.zoom(now / apart, (a.clientX + b.clientX) / 2, (a.clientY + b.clientY) / 2)
    apart = now
  }, { passive: false })
  picture.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, moved: 0 }
  })
  picture.addEventListener("pointermove", (event) => {
    if (!held || view.scale === 1 || event.buttons !== 1) return
    const box = picture.getBoundingClientRect()
    const [x, y] = [event.clientX - held.x, event.clientY - held.y]
    held = { x: event.clientX, y: event.clientY, moved: held.moved + Math.abs(x) + Math.abs(y) }
    view.x -= (x * view.width) / view.scale / box.width
    view.y -= (y * view.height) / view.scale / box.height
    view.show()
  })
  picture.addEventListener("click", (event) => {
    const card = event.target.closest(".card")
    if (card && (!held || held.moved < 6)) pick(card)
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

function button(label, text, action) {
  const node = document.createElement("button")
  node.type = "button"
  node.textContent = text
  node.setAttribute("aria-label", label)
  node.title = label
  node.addEventListener("click", action)
  return node
}

function create(root) {
  const picture = svg("svg", { role: "group" })
  const view = camera(root, picture)
  const self = { picture, view, data: null, follow: false, send: () => {} }
  const pick = (card) => {
    for (const other of picture.querySelectorAll(".card")) other.setAttribute("aria-pressed", String(other === card))
    self.send("select", card.dataset.key)
    // on a phone what was asked for stands far below
    self.follow = picture.viewBox.baseVal.width < 640 && view.scale === 1
  }
  self.redraw = () => {
    const width = Math.round(root.getBoundingClientRect().width)
    if (!width || !self.data) return
    const focused = root.getRootNode().activeElement?.dataset?.key
    const palette = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors").split(",")
    view.width = width
    const { height, room } = draw(picture, self.data, width)
    view.height = height
    self.tools.style.left = `${room.x}px`
    self.tools.style.top = `${room.y}px`
    picture.style.height = `${view.height}px`
    KINDS.forEach((kind, i) => {
      for (const node of picture.querySelectorAll(`.${kind}`)) node.style.setProperty("--ink", palette[i])
    })
    for (const node of picture.querySelectorAll(".plus, .tag")) node.style.setProperty("--ink", palette[3])
    view.show()
    if (focused) picture.querySelector(`[data-key=${focused}]`)?.focus({ preventScroll: true })
  }
  steer(root, picture, view, pick)
  self.tools = document.createElement("div")
  self.tools.className = "zoom"
  root.replaceChildren(picture, self.tools)
  self.resized = new ResizeObserver(() => {
    if (Math.round(root.getBoundingClientRect().width) !== view.width) self.redraw()
  })
  self.resized.observe(root)
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
      button(data.words.zoom_in, "+", () => self.view.zoom(1.4)),
      button(data.words.zoom_out, "−", () => self.view.zoom(1 / 1.4)),
      button(data.words.reset, "⤢", () => self.view.reset()),
    )
  }
  self.redraw()
  if (self.follow) {
    self.follow = false
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"
    document.querySelector(".st-key-chosen")?.scrollIntoView({ behavior, block: "start" })
  }
  return () => {
    self.resized.disconnect()
    instances.delete(parentElement)
  }
}

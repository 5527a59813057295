// Amounts as bars or as nested areas, from what Python computed; no figure is computed here, only pixels are.

const KINDS = ["standard", "depthwise", "pointwise", "shortcut", "spatial", "linear", "other"]
// this network wears the colour of its greatest part, the paper's the quiet first one
const SERIES = { paper: 0, now: 2 }
const HEIGHT = 380
const HEAD = 22

const instances = new WeakMap()
const pen = document.createElement("canvas").getContext("2d")

const textWidth = (text) => pen.measureText(text).width
const widest = (texts) => Math.max(0, ...texts.map(textWidth))

/** Places amounts in a picture `width` pixels wide; remembers every mark with what it tells. */
class Drawing {
  constructor(width, ink) {
    this.width = width
    this.ink = ink
    this.picture = svg("svg", { role: "img", tabindex: "0" })
    this.marks = []
  }

  add(tag, attributes, text) {
    const node = svg(tag, attributes, text)
    this.picture.append(node)
    return node
  }

  mark(place, kind, tell) {
    const node = this.add("rect", { ...place, class: "mark", fill: this.ink(kind) })
    this.marks.push({ node, tell })
  }

  bars({ rows }) {
    const names = Math.min(widest(rows.map((row) => row.name)) + 12, 0.42 * this.width)
    const values = widest(rows.flatMap((row) => row.bars.map((bar) => bar.value))) + 10
    const room = Math.max(this.width - names - values, 20)
    const step = Math.min(Math.max(HEIGHT / rows.length, 16), 54)
    rows.forEach((row, i) => {
      const top = HEAD + i * step
      const thick = (0.78 * step) / row.bars.length
      this.add("text", { x: 0, y: top + 0.39 * step + 4.5 }, row.name)
      row.bars.forEach((bar, j) => {
        let x = names
        const y = top + j * thick
        const height = Math.max(thick - 1, 2)
        this.add("rect", { class: "track", x, y, width: room, height, rx: 2 })
        for (const part of bar.parts) {
          const width = (room * part.percent) / 100
          this.mark({ x, y, width: Math.max(width, part.percent ? 1 : 0), height }, part.kind, part.tell)
          x += width
        }
        this.add("text", { x: x + 5, y: y + thick / 2 + 4 }, bar.value)
      })
    })
    return HEAD + rows.length * step
  }

  areas({ flows, blocks, leaves }) {
    const at = ([x, y, width, height]) => ({
      x: (x * this.width) / 100, y: HEAD + (y * HEIGHT) / 100, width: (width * this.width) / 100, height: (height * HEIGHT) / 100,
    })
    for (const leaf of leaves) this.mark(at(leaf.place), leaf.kind, leaf.tell)
    for (const [boxes, stroke] of [[leaves, 0.5], [blocks, 2], [flows, 5]]) {
      for (const box of boxes) this.add("rect", { ...at(box.place), class: "edge", "stroke-width": stroke })
    }
    for (const flow of flows) {
      const box = at(flow.place)
      const text = [`${flow.name} ${flow.share}`, flow.name].find((words) => textWidth(words) * 1.1 < box.width - 4)
      if (text) this.add("text", { x: box.x + 3, y: HEAD - 7, class: "strong" }, text)
    }
    for (const block of blocks) {
      const box = at(block.place)
      if (textWidth(block.name) * 1.08 > box.width - 12 || box.height < 22) continue
      this.add("text", { x: box.x + 7, y: box.y + 17, class: "on" }, block.name)
      if (box.height > 38 && textWidth(block.share) * 1.08 < box.width - 12) {
        this.add("text", { x: box.x + 7, y: box.y + 33, class: "on" }, block.share)
      }
    }
    return HEAD + HEIGHT
  }

  legend(entries, top) {
    let x = 0
    let y = top + 18
    for (const { kind, name } of entries) {
      const width = 18 + textWidth(name) + 16
      if (x && x + width > this.width) [x, y] = [0, y + 20]
      this.add("rect", { x, y: y - 10, width: 11, height: 11, rx: 3, fill: this.ink(kind) })
      this.add("text", { x: x + 17, y }, name)
      x += width
    }
    return y + 8
  }
}

function draw(self) {
  const { root, data } = self
  const width = root.clientWidth
  if (!width) return
  const style = getComputedStyle(root)
  const palette = style.getPropertyValue("--st-chart-categorical-colors").split(",").map((colour) => colour.trim())
  pen.font = `12.5px ${style.fontFamily}`
  const drawing = new Drawing(width, (kind) => palette[SERIES[kind] ?? KINDS.indexOf(kind)])
  const { chart } = self
  if (chart.rows) drawing.add("text", { x: 0, y: HEAD - 9, class: "strong" }, data.title)
  const bottom = chart.rows ? drawing.bars(chart) : drawing.areas(chart)
  const height = drawing.legend(chart.legend, bottom)
  drawing.picture.setAttribute("viewBox", `0 0 ${width} ${height}`)
  drawing.picture.setAttribute("height", height)
  drawing.picture.setAttribute("aria-label", data.summary)
  listen(self, drawing)
  const focused = root.getRootNode().activeElement === self.picture && self.picture
  if (self.picture) self.picture.replaceWith(drawing.picture)
  else root.prepend(drawing.picture)
  self.picture = drawing.picture
  self.width = width
  if (focused) self.picture.focus({ preventScroll: true })
  show(self, null)
}

function show(self, mark) {
  self.here?.node.classList.remove("here")
  self.here = mark
  mark?.node.classList.add("here")
  const text = mark ? mark.tell : self.data.hint
  // what stands there already is not to be read out again
  if (self.tell.textContent !== text) self.tell.textContent = text
  self.tell.classList.toggle("hint", !mark)
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }

function listen(self, { picture, marks }) {
  const byNode = new Map(marks.map((mark) => [mark.node, mark]))
  picture.addEventListener("pointerover", (event) => byNode.has(event.target) && show(self, byNode.get(event.target)))
  picture.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && show(self, null))
  picture.addEventListener("blur", () => show(self, null))
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return show(self, null)
    const step = STEPS[event.key]
    if (!step || !marks.length) return
    event.preventDefault()
    const from = marks.indexOf(self.here)
    show(self, marks[from < 0 ? (step > 0 ? 0 : marks.length - 1) : (from + step + marks.length) % marks.length])
  })
}

/** The picture as a file that needs no page: every style it wears is written into it. */
function save(self) {
  show(self, null)
  const copy = self.picture.cloneNode(true)
  const nodes = self.picture.querySelectorAll("*")
  copy.querySelectorAll("*").forEach((node, i) => {
    const style = getComputedStyle(nodes[i])
    for (const name of ["fill", "stroke", "stroke-width", "font-family", "font-size", "font-weight"]) {
      node.setAttribute(name, style.getPropertyValue(name))
    }
  })
  copy.setAttribute("width", self.width)
  copy.prepend(svg("rect", { width: "100%", height: "100%", fill: getComputedStyle(self.root).getPropertyValue("--st-background-color") }))
  const file = new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" })
  const link = element("a")
  link.href = URL.createObjectURL(file)
  link.download = self.data.file
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

/** Draws a slider's next value as soon as its text changes; the page's own run confirms it. */
function lookAhead(self, changes) {
  for (const { target } of changes) {
    if (!target.matches("input[type=range]:focus")) continue // moved by the page, whose figures come with the move
    const key = target.closest("[class*=st-key-]")?.className.match(/st-key-([\w-]+)/)?.[1]
    const value = target.getAttribute("aria-valuetext")
    const chart = self.data.at[key] === value ? self.data.chart : self.data.ahead[key]?.[value]
    if (!chart) continue
    self.chart = chart
    draw(self)
  }
}

function mount(root) {
  const self = { root, tell: element("span", "tell"), button: element("button", "", "SVG ↓") }
  self.tell.setAttribute("aria-live", "polite")
  self.button.type = "button"
  self.button.addEventListener("click", () => save(self))
  const foot = element("div", "foot")
  foot.append(self.tell, self.button)
  root.replaceChildren(foot)
  self.resized = new ResizeObserver(() => root.clientWidth !== self.width && draw(self))
  self.moved = new MutationObserver((changes) => lookAhead(self, changes))
  // the sliders may be drawn anew, or after this
  self.moved.observe(document.body, { subtree: true, attributes: true, attributeFilter: ["aria-valuetext"] })
  return self
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".amounts")
  if (!instances.has(parentElement)) instances.set(parentElement, mount(root))
  const self = instances.get(parentElement)
  self.data = data
  self.chart = data.chart
  self.button.title = data.save
  self.button.setAttribute("aria-label", data.save)
  draw(self)
  self.resized.observe(root)
  return () => {
    self.resized.disconnect()
    self.moved.disconnect()
    instances.delete(parentElement)
  }
}

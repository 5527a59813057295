// Draws amounts as bars or as nested areas, from figures that Python computed.

import { button, element, setText, svg } from "../common/dom.js"
import { blockColours, layerKindColours } from "../common/palette.js"
import { watchSliders } from "../common/sliders.js"

// two networks beside each other: the text's colour in two strengths, since each colour is a block's or a layer's
const SERIES = { paper: 0.5, now: 0.9 }
const HEIGHT = 380
const HEAD_HEIGHT = 22

const instances = new WeakMap()
const pen = document.createElement("canvas").getContext("2d")

const textWidth = (text) => pen.measureText(text).width
const widest = (texts) => Math.max(0, ...texts.map(textWidth))

/** Draws amounts `width` pixels wide; marks: every rectangle with its text, in reading order. */
class Drawing {
  constructor(width, colours) {
    this.width = width
    this.colours = colours
    this.picture = svg("svg", { role: "img", tabindex: "0" })
    this.marks = []
  }

  add(tag, attributes, text) {
    const node = svg(tag, attributes, text)
    this.picture.append(node)
    return node
  }

  paint(kind) {
    const strength = SERIES[kind]
    return strength ? { fill: this.colours.text, "fill-opacity": strength } : { fill: this.colours[kind] }
  }

  mark(place, kind, tell) {
    const node = this.add("rect", { ...place, class: "mark", ...this.paint(kind) })
    this.marks.push({ node, tell })
  }

  bars({ rows }) {
    const left = Math.min(widest(rows.map((row) => row.name)) + 12, 0.42 * this.width)
    const right = widest(rows.flatMap((row) => row.bars.map((bar) => bar.value))) + 10
    const longest = Math.max(this.width - left - right, 20)
    const step = Math.min(Math.max(HEIGHT / rows.length, 16), 54)
    rows.forEach((row, i) => {
      const top = HEAD_HEIGHT + i * step
      const barStep = (0.78 * step) / row.bars.length
      // a row without bars is the heading of those that follow
      this.add("text", { x: 0, y: top + 0.39 * step + 4.5, class: row.bars.length ? "" : "strong" }, row.name)
      row.bars.forEach((bar, j) => {
        let x = left
        const y = top + j * barStep
        const height = Math.max(barStep - 1, 2)
        this.add("rect", { class: "track", x, y, width: longest, height, rx: 2 })
        for (const part of bar.parts) {
          const width = (longest * part.percent) / 100
          this.mark({ x, y, width: Math.max(width, part.percent ? 1 : 0), height }, part.kind, part.tell)
          x += width
        }
        this.add("text", { x: x + 5, y: y + barStep / 2 + 4 }, bar.value)
      })
    })
    return HEAD_HEIGHT + rows.length * step
  }

  areas({ flows, blocks, leaves }) {
    const inPixels = ([x, y, width, height]) => ({
      x: (x * this.width) / 100, y: HEAD_HEIGHT + (y * HEIGHT) / 100, width: (width * this.width) / 100, height: (height * HEIGHT) / 100,
    })
    for (const leaf of leaves) this.mark(inPixels(leaf.place), leaf.kind, leaf.tell)
    for (const [boxes, stroke] of [[leaves, 0.5], [blocks, 2], [flows, 5]]) {
      for (const box of boxes) this.add("rect", { ...inPixels(box.place), class: "edge", "stroke-width": stroke })
    }
    let free = 0
    for (const flow of flows) {
      const box = inPixels(flow.place)
      const right = box.x + box.width
      const texts = [`${flow.name} ${flow.share}`, flow.name].map((words) => [words, textWidth(words) * 1.1])
      // the last one's may begin over the flow before it, where that leaves room
      const start = flow === flows.at(-1) ? free + 12 : box.x + 3
      const [text, width] = texts.find(([, width]) => width < right - start - 1) ?? []
      if (!text) continue
      const x = Math.min(box.x + 3, right - 1 - width)
      this.add("text", { x, y: HEAD_HEIGHT - 7, class: "strong" }, text)
      free = x + width
    }
    for (const block of blocks) {
      const box = inPixels(block.place)
      if (textWidth(block.name) * 1.08 > box.width - 12 || box.height < 22) continue
      this.add("text", { x: box.x + 7, y: box.y + 17, class: "on" }, block.name)
      if (box.height > 38 && textWidth(block.share) * 1.08 < box.width - 12) {
        this.add("text", { x: box.x + 7, y: box.y + 33, class: "on" }, block.share)
      }
    }
    return HEAD_HEIGHT + HEIGHT
  }

  legend(entries, top) {
    if (!entries.length) return top
    let x = 0
    let y = top + 18
    for (const { kind, name } of entries) {
      const width = 18 + textWidth(name) + 16
      if (x && x + width > this.width) [x, y] = [0, y + 20]
      this.add("rect", { x, y: y - 10, width: 11, height: 11, rx: 3, ...this.paint(kind) })
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
  const text = getComputedStyle(root).getPropertyValue("--st-text-color").trim()
  const colours = { text, ...layerKindColours(root), ...blockColours(root) }
  pen.font = `12.5px ${getComputedStyle(root).fontFamily}`
  const drawing = new Drawing(width, colours)
  const { chart } = self
  if (chart.rows) drawing.add("text", { x: 0, y: HEAD_HEIGHT - 9, class: "strong" }, data.title)
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
  choose(self, null)
}

/** Frames a mark and writes its text below the picture; null: none, and the hint. */
function choose(self, mark) {
  self.chosen?.node.classList.remove("here")
  self.chosen = mark
  mark?.node.classList.add("here")
  setText(self.caption, mark ? mark.tell : self.data.hint)
  self.caption.classList.toggle("hint", !mark)
}

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }

function listen(self, { picture, marks }) {
  const byNode = new Map(marks.map((mark) => [mark.node, mark]))
  picture.addEventListener("pointerover", (event) => byNode.has(event.target) && choose(self, byNode.get(event.target)))
  picture.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && choose(self, null))
  picture.addEventListener("blur", () => choose(self, null))
  picture.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return choose(self, null)
    const step = STEPS[event.key]
    if (!step || !marks.length) return
    event.preventDefault()
    const from = marks.indexOf(self.chosen)
    choose(self, marks[from < 0 ? (step > 0 ? 0 : marks.length - 1) : (from + step + marks.length) % marks.length])
  })
}

/** Downloads the picture as a file that needs no page: every style is written into it. */
function save(self) {
  choose(self, null)
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

/** Draws the chart of a slider's neighbouring value; the page's own run confirms it. */
function lookAhead(self, key, value) {
  const chart = self.data.at[key] === value ? self.data.chart : self.data.ahead[key]?.[value]
  if (!chart) return
  self.chart = chart
  draw(self)
}

function mount(root) {
  const self = { root, caption: element("span", "tell") }
  self.caption.setAttribute("aria-live", "polite")
  self.button = button("", "SVG ↓", () => save(self))
  const foot = element("div", "foot")
  foot.append(self.caption, self.button)
  root.replaceChildren(foot)
  self.resizes = new ResizeObserver(() => root.clientWidth !== self.width && draw(self))
  self.sliders = watchSliders((key, value) => lookAhead(self, key, value))
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
  self.resizes.observe(root)
  return () => {
    self.resizes.disconnect()
    self.sliders.disconnect()
    instances.delete(parentElement)
  }
}

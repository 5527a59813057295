// One block of the worked example: its tensors, the links between them, and the arithmetic of the selected value.
//
// Two canvases lie on each other. The lower one has the tensors and is drawn anew only where a value has been computed;
// the upper one has what moves: the kernels, and the lines from what they read to what they write.

import { element, prefersReducedMotion, setText } from "../common/dom.js"
import { belowZeroColour, blockColours } from "../common/palette.js"
import { formatNumber, inputChannels } from "./arithmetic.js"
import { drawBeam, drawCell, drawLine, drawPlate, layOutChannels, outline, pointAt } from "./projection.js"

const HEIGHT = 226
const ROW_TOPS = { 2: [2, 162], 3: [2, 82, 162] } // by the number of tensors
export const MORPH_MS = 500

/** The template with {name} replaced by values[name]. */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name])
/** A part of a movement from 0 to 1, with a smooth start and end. */
export const ease = (part) => part * part * (3 - 2 * part)
const integers = (first, end) => Array.from({ length: end - first }, (_, i) => first + i)

// The numbers below a picture

function setNumber(node, value) {
  const text = formatNumber(value)
  if (node.textContent === text) return
  node.textContent = text
  node.className = text === "0" ? "zero" : value < 0 ? "minus" : ""
}

/**
 * Groups of numbers, each [name, sign before it, count].
 * Returns the node and a function that writes {name: numbers}, and outlines number `outlined` of the groups `names`
 * (default: of all).
 */
function createTable(groups, columns, className) {
  const node = element("div", `table ${className}`)
  node.style.setProperty("--columns", columns)
  const cells = {}
  for (const [name, sign, count] of groups) {
    if (sign) node.append(element("b", "sign", sign))
    const group = element("span", `group ${name}`)
    group.dataset.part = name
    cells[name] = Array.from({ length: count }, () => element("i"))
    group.append(...cells[name])
    node.append(group)
  }
  return [node, (numbers, outlined, names) => {
    for (const name of Object.keys(cells)) {
      cells[name].forEach((cell, i) => {
        setNumber(cell, numbers[name][i])
        cell.toggleAttribute("data-here", i === outlined && (!names || names.includes(name)))
      })
    }
  }]
}

/**
 * The arithmetic of the selected value, with one line for each convolution.
 * Returns the node and a function that writes what arithmetic.js's `workings` gives.
 */
export function createSums(block, words) {
  const node = element("div", "sums")
  const { first, last, middle } = block
  const kernel = middle && block.kind === "extreme" ? last.kernel : first.kernel
  const [window, setWindow] = createTable(
    [["values", "", kernel ** 2], ["weights", "×", kernel ** 2], ["products", "=", kernel ** 2]], kernel,
    `window k${kernel}`,
  )
  const lines = [element("div", "line"), element("div", "line")]
  const results = [element("span", "said"), element("span", "said")]
  const count = block.kind === "extreme" ? first.ins : last.ins
  const groups = middle
    ? [["values", "", count], ["weights", "×", count], ["products", "=", count]]
    : [["parts", "Σ", first.ins]]
  const [rod, setRod] = createTable(groups, count, "rod")
  const order = block.kind === "extreme" ? [rod, window] : [window, rod]
  lines.forEach((line, i) => line.append(order[i], results[i]))
  node.append(...lines)
  const sum = (text, part, value) => {
    const strong = element("strong", "", formatNumber(value))
    strong.dataset.part = part
    const node = element("span", "", `${text}\u00a0`)
    node.append(strong)
    return node
  }
  const gate = (value) => {
    const node = element("span")
    node.append(element("span", `gate ${block.between}`, words.gates[block.between]), sum(" →", "after", value))
    return node
  }
  const show = (work) => {
    const channelSum = `${fill(words.channel, { channel: work.channel + 1 })} Σ`
    const value = sum("=", "value", work.value)
    // the number that one line results in is outlined where the other line begins with it
    setWindow(work.window, work.tap, ["values"])
    if (!middle) {
      setRod(work, work.channel)
      results[0].replaceChildren(sum(channelSum, "sum", work.window.sum))
      results[1].replaceChildren(value)
    } else if (block.kind === "separable") {
      setRod(work.rod, work.channel, ["values"])
      results[0].replaceChildren(sum(channelSum, "raw", work.raw), gate(work.after))
      results[1].replaceChildren(value)
    } else {
      setRod(work.rod)
      results[0].replaceChildren(sum(channelSum, "raw", work.raw), gate(work.after))
      const ofAll = sum(fill(words.together, { count: work.parts.length }), "value", work.value)
      const several = work.parts.length > 1
      results[1].replaceChildren(...(several ? [sum(channelSum, "sum", work.window.sum), ofAll] : [value]))
    }
  }
  return { node, show }
}

// One block

/** The nodes of a block's panel; what it shows comes with its `block` (arithmetic.js's `solve`). */
export function createPanel(kind) {
  const node = element("section", `panel ${kind}`)
  const head = element("header")
  const title = element("h2")
  const about = element("p")
  const shapes = element("p", "shapes")
  head.append(title, about, shapes)
  const stage = element("div", "stage")
  stage.tabIndex = 0
  stage.setAttribute("role", "application")
  const [lower, upper] = [element("canvas"), element("canvas")]
  const chips = element("div", "chips")
  stage.append(lower, upper, chips)
  const below = element("div", "below")
  const count = element("div", "count")
  const each = element("span", "each")
  const bar = element("span", "bar")
  const countBar = element("i")
  bar.append(countBar)
  const countSoFar = element("strong")
  countSoFar.dataset.part = "count"
  const countOf = element("span")
  count.append(each, bar, countSoFar, countOf)
  const full = element("p", "full")
  node.append(head, stage, below, count, full)
  return {
    kind, node, title, about, shapes, stage, lower, upper, chips, below, each, countBar, countSoFar, countOf, full,
    links: [], reach: null,
  }
}

/** Fits the canvases to the panel's width and places its tensors. */
export function fitCanvases(self) {
  const width = self.width
  if (!width || !self.block) return
  const ratio = Math.min(devicePixelRatio || 1, 2)
  for (const canvas of [self.lower, self.upper]) {
    if (canvas.width === Math.round(width * ratio) && self.ratio === ratio) continue
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(HEIGHT * ratio)
  }
  const { first, last, middle } = self.block
  const tensors = [[first.ins, first.from], ...(middle ? [[first.outs, first.side]] : []), [last.outs, last.side]]
  self.ratio = ratio
  self.rows = tensors.map(([count, side], i) => layOutChannels(count, side, width, ROW_TOPS[tensors.length][i]))
}

/** Gives the panels below `root`, and their tabs, the theme's colours. */
export function setColours(root, panels) {
  const style = getComputedStyle(root)
  const inks = blockColours(root)
  const [text, paper] = ["text", "background"].map((name) => style.getPropertyValue(`--st-${name}-color`).trim())
  const colours = { text, paper, minus: belowZeroColour(root) }
  root.style.setProperty("--minus", colours.minus)
  for (const panel of panels) {
    Object.assign(panel, { ink: inks[panel.kind], colours })
    for (const node of [panel.node, panel.tab]) node.style.setProperty("--ink", panel.ink)
  }
}

const largestMagnitude = (maps) => Math.max(1e-9, ...maps.flat().map(Math.abs))

/**
 * The values of every tensor, faint where output pixel `done` has not yet asked for them.
 * before: the pixel up to which the canvas is drawn, so that only what differs is; undefined: everything.
 */
export function drawValues(self, done, before) {
  const pen = self.lower.getContext("2d")
  const { block, rows, ratio } = self
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  const anew = before === undefined
  const tensors = [block.input, ...(block.middle ? [block.raw] : []), block.output]
  if (anew) {
    pen.clearRect(0, 0, self.lower.width, self.lower.height)
    self.most = tensors.map(largestMagnitude)
  }
  tensors.forEach((maps, r) => {
    const isInput = r === 0
    const ink = isInput ? self.colours.text : self.ink
    const isGated = block.between === "relu" && r === 1 && block.middle
    const dueAt = (pixel) => (isInput ? -1 : r === rows.length - 1 ? pixel : block.due[pixel])
    maps.forEach((map, channel) => {
      if (anew) drawPlate(pen, rows[r], channel, self.colours, ink)
      map.forEach((value, pixel) => {
        const due = dueAt(pixel)
        if (!anew && due <= done === due <= before) return
        const style = { value, most: self.most[r], done: due <= done, colours: self.colours, ink, isGated, ratio }
        drawCell(pen, rows[r], channel, pixel, style)
      })
    })
  })
  self.done = done
}

/** The box of a kernel over its input, in cells, at a pixel of its output that may lie between two. */
function kernelBox(layer, y, x) {
  const span = (layer.kernel - 1) * layer.dilation + 1
  return [y * layer.stride - layer.padding, x * layer.stride - layer.padding, span, span]
}

const boxCentre = (row, channel, box) => pointAt(row, channel, box[0] + box[2] / 2, box[1] + box[3] / 2)

/**
 * The kernels at one output pixel, and the lines from what they read to what they write.
 * view: {y, x (of the output pixel, which may lie between two), at ([y, x] of the middle's pixel), out, work, reach (first
 * and last channel that the spatial kernel reads), pixel, fresh (how new the pixel is, from 1 to 0), now}.
 */
export function drawKernels(self, view) {
  const pen = self.upper.getContext("2d")
  const { block, rows, ratio, ink } = self
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.clearRect(0, 0, self.upper.width, self.upper.height)
  const { first, last, middle } = block
  const [inRow, lastRow] = [rows[0], rows.at(-1)]
  self.links.forEach((links, i) => drawLinks(pen, rows[i], rows[i + 1], links, ink, view.now))
  const { y, x, out, work } = view
  const outBox = [y, x, 1, 1]
  const beam = (row, from, to, box, faint) => drawBeam(pen, row, from, to, box, self.colours, ink, faint)
  const line = (from, channel, start, to, target, end, strength, width, colour = ink) =>
    drawLine(pen, boxCentre(from, channel, start), boxCentre(to, target, end), colour, strength, width)
  if (!middle) {
    const box = kernelBox(first, y, x)
    beam(inRow, ...view.reach, box)
    integers(...inputChannels(first, out)).forEach((channel) => line(inRow, channel, box, lastRow, out, outBox, 0.8, 1.1))
    line(inRow, work.channel, box, lastRow, out, outBox, 0.9, 1.8, self.colours.text)
  } else if (block.kind === "separable") {
    const box = kernelBox(first, y, x)
    const midRow = rows[1]
    integers(0, first.ins).forEach((channel) => beam(inRow, channel, channel, box, channel !== work.from))
    integers(0, first.outs).forEach((channel) => {
      const [strength, width] = channel === work.channel ? [1, 1.8] : [0.5, 1]
      line(inRow, inputChannels(first, channel)[0], box, midRow, channel, outBox, strength, width)
    })
    beam(midRow, 0, last.ins - 1, outBox)
    integers(0, last.ins).forEach((channel) => line(midRow, channel, outBox, lastRow, out, outBox, 0.8, 1.1))
  } else {
    const midRow = rows[1]
    const box = kernelBox(last, y, x)
    const midBox = [...view.at, 1, 1]
    integers(0, first.ins).forEach((channel) => beam(inRow, channel, channel, box, true))
    beam(inRow, 0, first.ins - 1, midBox)
    integers(0, first.ins).forEach((channel) => line(inRow, channel, midBox, midRow, work.channel, midBox, 0.7, 1))
    beam(midRow, ...view.reach, box)
    integers(...inputChannels(last, out)).forEach((channel) => line(midRow, channel, box, lastRow, out, outBox, 0.9, 1.4))
  }
  integers(0, last.outs).forEach((channel) => channel !== out && beam(lastRow, channel, channel, outBox, true))
  if (view.fresh > 0) drawGated(pen, self, view)
  beam(lastRow, out, out, outBox)
}

/** The values that a ReLU has just made zero: what they were before, fading. */
function drawGated(pen, self, view) {
  const { block, rows, ratio } = self
  if (block.between !== "relu") return
  block.due.forEach((due, pixel) => {
    if (due !== view.pixel) return
    block.raw.forEach((map, channel) => {
      if (map[pixel] >= 0) return
      outline(pen, rows[1], channel, [Math.floor(pixel / rows[1].side), pixel % rows[1].side, 1, 1])
      pen.globalAlpha = view.fresh
      pen.fillStyle = self.colours.minus
      pen.fill()
    })
  })
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.globalAlpha = 1
}

// Links: faint lines between the channels of two tensors that are connected; they fade in and out when groups change

function drawLinks(pen, from, to, links, ink, now) {
  for (const { i, j, start, goal, since } of links) {
    const part = since ? Math.min(1, (now - since) / MORPH_MS) : 1
    const strength = start + (goal - start) * ease(part)
    drawLine(pen, pointAt(from, i, from.side, from.side / 2), pointAt(to, j, 0, to.side / 2), ink, 0.3 * strength, 0.8)
  }
}

/** The links of the panel's block, each {i, j, start, goal, since}: its strength changes from start to goal. */
export function updateLinks(self, now, animated) {
  self.links = self.block.layers.map((layer, l) => {
    const before = new Map((self.links[l] ?? []).map((link) => [`${link.i} ${link.j}`, link.goal]))
    const links = []
    for (let j = 0; j < layer.outs; j++) {
      const [first, end] = inputChannels(layer, j)
      for (let i = 0; i < layer.ins; i++) {
        const goal = i >= first && i < end ? 1 : 0
        const start = before.size && animated ? before.get(`${i} ${j}`) ?? 0 : goal
        if (start || goal) links.push({ i, j, start, goal, since: start === goal ? 0 : now })
      }
    }
    return links
  })
}

/** The first and last channel that an output channel reads in the tensor its spatial kernel slides over. */
export function reachOf({ block, kind }, out) {
  const { first, last, middle } = block
  const [start, end] = inputChannels(middle && kind === "extreme" ? last : first, Math.min(out, last.outs - 1))
  return [start, end - 1]
}

/** The texts over and below the picture. words: of all blocks, text: of this one. */
export function setPanelTexts(self, words, text) {
  self.title.textContent = self.tab.textContent = text.title
  self.about.textContent = text.about
  self.shapes.textContent = text.shapes
  self.stage.ariaLabel = `${text.title}. ${words.keys}`
  self.chips.replaceChildren(...text.layers.map((layer, l) => {
    const chip = element("span", "chip", layer.name)
    chip.append(element("span", "cost", ` · ${layer.cost}`))
    chip.style.top = `${text.layers.length === 1 ? 112 : 72 + 80 * l}px`
    return chip
  }))
  const { block } = self
  if (!block) return
  setText(self.countOf, fill(words.of, { whole: block.counts.at(-1).toLocaleString("en") }))
  const [before, after] = words.each.split("{products}")
  self.each.replaceChildren(before, element("strong", "", String(block.each)), after)
  self.full.textContent = text.full
  if (block.middle) {
    const gate = element("span", `chip gate ${block.between}`, words.gates[block.between])
    gate.style.top = "152px"
    self.chips.append(gate)
  }
}

/** Where the spatial kernel's reach comes from and goes to, so that it can glide when the groups change. */
export function updateReach(self, out, now, animated) {
  const goal = reachOf(self, out)
  self.reach = animated ? { from: self.reach?.goal ?? goal, goal, since: now } : { from: goal, goal, since: now }
}

/** Brings this panel into view where the tray scrolls, which it does on a phone. */
export function scrollToPanel(self, tray) {
  tray.scrollTo({ left: self.node.offsetLeft - tray.offsetLeft, behavior: prefersReducedMotion() ? "auto" : "smooth" })
}

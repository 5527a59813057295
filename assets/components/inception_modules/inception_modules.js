// Draws the paper's Figures 1 to 4 as one picture: canonical, simplified into towers, and one 1x1 with segments.
// The last two have the same channels at the same places: they are equal, and look so.

import { button, element, svg } from "../common/dom.js"
import { colourLayerKinds } from "../common/palette.js"

const HEIGHT = 300
const instances = new WeakMap()

function box(picture, kind, x, y, width, height, text) {
  picture.append(svg("rect", { class: `box ${kind}`, x, y, width, height, rx: Math.min(5, width / 4) }))
  if (text && width > 6.6 * text.length) picture.append(svg("text", { x: x + width / 2, y: y + height / 2 + 4 }, text))
}

function slab(picture, width, y, text) {
  picture.append(svg("rect", { class: "slab", x: 0, y, width, height: 22, rx: 5 }))
  picture.append(svg("text", { x: width / 2, y: y + 15 }, text))
}

function wire(picture, x1, y1, x2, y2) {
  picture.append(svg("path", { class: "wire", d: `M${x1},${y1}L${x2},${y2}` }))
}

/** Figure 1: four towers of different layers. */
function drawCanonical(picture, width, words) {
  const towers = [["1×1"], ["1×1", "3×3"], ["1×1", "3×3", "3×3"], [words.pool, "1×1"]]
  const step = width / 4
  const boxWidth = step - 10
  slab(picture, width, 0, words.input)
  slab(picture, width, HEIGHT - 22, words.concat)
  towers.forEach((layers, i) => {
    const middle = i * step + step / 2
    const heights = layers.map((_, j) => 52 + j * 68)
    wire(picture, middle, 22, middle, HEIGHT - 22)
    layers.forEach((layer, j) => {
      const kind = layer === "1×1" ? "pointwise" : layer === "3×3" ? "spatial" : "standard"
      box(picture, kind, middle - boxWidth / 2, heights[j], boxWidth, 34, layer)
    })
  })
}

/** Figures 2 and 3: a 1x1 of its own for each tower, or one for all; the channels and the 3x3 are the same. */
function drawTowers(picture, width, towers, channels, words, oneForAll) {
  const each = channels / towers
  const gap = towers > 1 ? Math.min(10, (0.22 * width) / towers) : 0
  const towerWidth = (width - gap * (towers - 1)) / towers
  const kind = each === 1 ? "depthwise" : "spatial"
  slab(picture, width, 0, words.input)
  slab(picture, width, HEIGHT - 22, words.concat)
  if (oneForAll) {
    for (const part of [0.2, 0.5, 0.8]) wire(picture, width * part, 22, width * part, 52)
    box(picture, "pointwise", 0, 52, width, 34, words.one)
  }
  for (let tower = 0; tower < towers; tower += 1) {
    const x = tower * (towerWidth + gap)
    const middle = x + towerWidth / 2
    if (!oneForAll) {
      wire(picture, middle, 22, middle, 52)
      box(picture, "pointwise", x, 52, towerWidth, 34, "1×1")
    }
    for (const [y, channelKind] of [[118, "pointwise"], [236, kind]]) {
      const side = Math.min(12, towerWidth / each - 2)
      for (let channel = 0; channel < each; channel += 1) {
        const at = x + ((channel + 0.5) * towerWidth) / each
        const [from, to] = y === 118 ? [86, 158] : [192, HEIGHT - 22]
        wire(picture, at, from, at, to)
        picture.append(svg("rect", { class: `channel ${channelKind}`, x: at - side / 2, y: y - side / 2, width: side, height: side, rx: 1.5 }))
      }
    }
    box(picture, kind, x, 158, towerWidth, 34, "3×3")
  }
}

/** A figure with its title and text; current: the one that the settings describe. */
function createPanel(figure, current, drawing) {
  const node = element("div", current ? "panel now" : "panel")
  const picture = svg("svg", { "aria-hidden": "true" })
  node.append(element("h3", "", figure.title), element("p", "", figure.text), picture)
  node.draw = () => {
    const width = Math.round(picture.getBoundingClientRect().width)
    if (!width) return
    picture.replaceChildren()
    picture.setAttribute("viewBox", `-1 -1 ${width + 2} ${HEIGHT + 2}`)
    drawing(picture, width)
  }
  return node
}

/** What stands between two panels. */
function createSign(text, below) {
  const node = element("div", "sign", text)
  node.append(element("small", "", below))
  return node
}

/** The stops on the way from one tower to one per channel, each a button with its cost as bars. */
function createWalk(data, send) {
  const row = element("div", "walk")
  row.append(element("h4", "", data.words.walk))
  for (const stop of data.stops) {
    const node = button("stop", undefined, () => send("towers", String(stop.towers)))
    node.setAttribute("aria-pressed", String(stop.towers === data.towers))
    node.setAttribute("aria-label", stop.label)
    node.title = stop.label
    for (const part of stop.parts) {
      const bar = element("i", part.kind)
      bar.style.height = `${part.percent * 0.68}px`
      node.append(bar)
    }
    node.append(element("span", "", stop.text))
    row.append(node)
  }
  return row
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".modules")
  root.setAttribute("aria-label", data.summary)
  const focused = root.getRootNode().activeElement?.title
  const [first, second, third] = data.figures
  const { words, towers, channels } = data
  const panels = [
    createPanel(first, false, (picture, width) => drawCanonical(picture, width, words)),
    createPanel(second, false, (picture, width) => drawTowers(picture, width, towers, channels, words, false)),
    createPanel(third, true, (picture, width) => drawTowers(picture, width, towers, channels, words, true)),
  ]
  const row = element("div", "panels")
  row.append(panels[0], createSign("→", words.simplify), panels[1], createSign("=", words.equal), panels[2])
  root.replaceChildren(row, createWalk(data, setTriggerValue))
  const redraw = () => {
    panels.forEach((node) => node.draw())
    colourLayerKinds(root)
  }
  redraw()
  ;[...root.querySelectorAll(".stop")].find((stop) => stop.title === focused)?.focus({ preventScroll: true })
  if (!instances.has(parentElement)) {
    const resizes = new ResizeObserver(() => instances.get(parentElement)?.redraw())
    resizes.observe(root)
    instances.set(parentElement, { resizes })
  }
  instances.get(parentElement).redraw = redraw
  return () => {
    instances.get(parentElement)?.resizes.disconnect()
    instances.delete(parentElement)
  }
}

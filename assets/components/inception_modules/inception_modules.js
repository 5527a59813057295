// Draws the paper's Figures 1 to 4 as one picture: canonical, simplified into towers, and one 1x1 with segments.
// The last two have the same channels at the same places: they are equal, and look so.

import { button, element, svg } from "../common/dom.js"
import { colourLayerKinds } from "../common/palette.js"
import { HEIGHT, box, drawTowers, slab, wire } from "../common/towers.js"

const instances = new WeakMap()

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

/** A figure with its title and text; current: the one that the settings describe. */
function createPanel(figure, current, drawing) {
  const node = element("div", current ? "panel now" : "panel")
  const picture = svg("svg", { "aria-hidden": "true" })
  node.append(element("h2", "", figure.title), element("p", "", figure.text), picture)
  node.draw = () => {
    const width = Math.round(picture.getBoundingClientRect().width / (picture.currentCSSZoom ?? 1))
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
  row.append(element("h3", "", data.words.walk))
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

// Draws the paper's Figures 1 to 4 as one picture: canonical, simplified into towers, and one 1x1 with segments.
// The same channels stand in the same places in the last two, so that what is equal looks equal.

const HEIGHT = 300
const KINDS = { standard: 0, depthwise: 1, pointwise: 2, spatial: 4 }
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

/** Figure 1: four towers of different make. */
function canonical(picture, width, words) {
  const towers = [["1×1"], ["1×1", "3×3"], ["1×1", "3×3", "3×3"], [words.pool, "1×1"]]
  const step = width / 4
  const wide = step - 10
  slab(picture, width, 0, words.input)
  slab(picture, width, HEIGHT - 22, words.concat)
  towers.forEach((layers, i) => {
    const middle = i * step + step / 2
    const heights = layers.map((_, j) => 52 + j * 68)
    wire(picture, middle, 22, middle, HEIGHT - 22)
    layers.forEach((layer, j) => {
      const kind = layer === "1×1" ? "pointwise" : layer === "3×3" ? "spatial" : "standard"
      box(picture, kind, middle - wide / 2, heights[j], wide, 34, layer)
    })
  })
}

/** Figures 2 and 3: each tower its own 1x1, or one 1x1 for all; the channels and the 3x3 are the same ones. */
function cut(picture, width, towers, channels, words, together) {
  const each = channels / towers
  const gap = towers > 1 ? Math.min(10, (0.22 * width) / towers) : 0
  const wide = (width - gap * (towers - 1)) / towers
  const kind = each === 1 ? "depthwise" : "spatial"
  slab(picture, width, 0, words.input)
  slab(picture, width, HEIGHT - 22, words.concat)
  if (together) {
    for (const part of [0.2, 0.5, 0.8]) wire(picture, width * part, 22, width * part, 52)
    box(picture, "pointwise", 0, 52, width, 34, words.one)
  }
  for (let tower = 0; tower < towers; tower += 1) {
    const x = tower * (wide + gap)
    const middle = x + wide / 2
    if (!together) {
      wire(picture, middle, 22, middle, 52)
      box(picture, "pointwise", x, 52, wide, 34, "1×1")
    }
    for (const [y, ink] of [[118, "pointwise"], [236, kind]]) {
      const side = Math.min(12, wide / each - 2)
      for (let channel = 0; channel < each; channel += 1) {
        const at = x + ((channel + 0.5) * wide) / each
        const [from, to] = y === 118 ? [86, 158] : [192, HEIGHT - 22]
        wire(picture, at, from, at, to)
        picture.append(svg("rect", { class: `channel ${ink}`, x: at - side / 2, y: y - side / 2, width: side, height: side, rx: 1.5 }))
      }
    }
    box(picture, kind, x, 158, wide, 34, "3×3")
  }
}

function panel(data, figure, now, drawing) {
  const node = element("div", now ? "panel now" : "panel")
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

function sign(text, below) {
  const node = element("div", "sign", text)
  node.append(element("small", "", below))
  return node
}

function walk(data, send) {
  const row = element("div", "walk")
  row.append(element("h4", "", data.words.walk))
  for (const stop of data.stops) {
    const button = element("button", "stop")
    button.type = "button"
    button.setAttribute("aria-pressed", String(stop.towers === data.towers))
    button.setAttribute("aria-label", stop.label)
    button.title = stop.label
    for (const part of stop.parts) {
      const bar = element("i", part.kind)
      bar.style.height = `${part.percent * 0.68}px`
      button.append(bar)
    }
    button.append(element("span", "", stop.text))
    button.addEventListener("click", () => send("towers", String(stop.towers)))
    row.append(button)
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
    panel(data, first, false, (picture, width) => canonical(picture, width, words)),
    panel(data, second, false, (picture, width) => cut(picture, width, towers, channels, words, false)),
    panel(data, third, true, (picture, width) => cut(picture, width, towers, channels, words, true)),
  ]
  const row = element("div", "panels")
  row.append(panels[0], sign("→", words.simplify), panels[1], sign("=", words.equal), panels[2])
  root.replaceChildren(row, walk(data, setTriggerValue))
  const palette = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors").split(",")
  const redraw = () => {
    panels.forEach((node) => node.draw())
    for (const [kind, place] of Object.entries(KINDS)) {
      for (const node of root.querySelectorAll(`.${kind}`)) node.style.setProperty("--ink", palette[place])
    }
  }
  redraw()
  ;[...root.querySelectorAll(".stop")].find((stop) => stop.title === focused)?.focus({ preventScroll: true })
  if (!instances.has(parentElement)) {
    const resized = new ResizeObserver(() => instances.get(parentElement)?.redraw())
    resized.observe(root)
    instances.set(parentElement, { resized })
  }
  instances.get(parentElement).redraw = redraw
  return () => {
    instances.get(parentElement)?.resized.disconnect()
    instances.delete(parentElement)
  }
}

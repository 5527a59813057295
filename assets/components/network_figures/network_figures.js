// Draws a network's figures, each with a bar divided among the kinds of layers, from what Python computed.

import { element } from "../common/dom.js"
import { colourLayerKinds } from "../common/palette.js"
import { watchSliders } from "../common/sliders.js"

const observers = new WeakMap()

function strip(parts) {
  const bar = element("div", "strip")
  bar.setAttribute("aria-hidden", "true")
  for (const part of parts) {
    // a text that does not fit its part stands in the legend alone
    const piece = element("span", part.kind, part.percent > 5 ? `${part.name} ${part.text}` : "")
    piece.style.flex = `0 1 ${part.percent}%`
    piece.title = `${part.name} ${part.text}`
    bar.append(piece)
  }
  return bar
}

function drawRows(figures) {
  const rows = element("div", "rows")
  for (const figure of figures) {
    const value = element("span", "value", figure.value)
    value.dataset.measure = figure.measure
    const ratio = element("span", `ratio ${figure.direction}`, figure.ratio)
    const name = element("span", "name", figure.name)
    if (innerWidth > 700) rows.append(name, value, strip(figure.parts), ratio)
    else rows.append(name, value, ratio, strip(figure.parts))
  }
  return rows
}

const MARGIN = 12 // pixels beside a part's text, both sides together

/** Colours the parts, and empties those whose text does not fit. */
function finish(root) {
  colourLayerKinds(root)
  const cut = [...root.querySelectorAll(".strip span")].filter((piece) => {
    const text = document.createRange()
    text.selectNodeContents(piece)
    return text.getBoundingClientRect().width + MARGIN > piece.clientWidth
  })
  cut.forEach((piece) => piece.replaceChildren())
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".anatomy")
  root.setAttribute("aria-label", data.summary)
  const legend = element("div", "legend")
  legend.append(element("span", "of", data.legend_of))
  for (const entry of data.legend) {
    const item = element("span")
    item.append(element("i", entry.kind), element("span", "", `${entry.name} `), element("b", "", entry.text))
    legend.append(item)
  }
  legend.append(element("span", "of", data.against))
  root.replaceChildren(drawRows(data.figures), legend)
  finish(root)
  observers.get(parentElement)?.disconnect()
  // the figures of a slider's neighbouring value; the page's own run confirms them
  observers.set(parentElement, watchSliders((key, value) => {
    const figures = data.ahead[key]?.[value]
    if (!figures) return
    root.querySelector(".rows").replaceWith(drawRows(figures))
    finish(root)
  }))
  return () => {
    observers.get(parentElement)?.disconnect()
    observers.delete(parentElement)
  }
}

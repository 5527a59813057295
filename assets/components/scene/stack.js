// A stack of convolutions and the boundary between its blocks, which can be moved by one.

import { element } from "../common/dom.js"
import { drawChains } from "./chains.js"

const CONVS = 8
let chosen = 1 // which order the person looked at: the picture is drawn anew once the answer is told

export function drawStack(data) {
  const node = element("div")
  node.append(drawChains(data))
  const strip = element("div", "strip")
  for (let place = 0; place < CONVS; place += 1) {
    const kind = place % 2 ? "depthwise" : "pointwise"
    strip.append(element("span", `conv ${kind}`, data.words[kind]))
  }
  const brackets = element("div", "brackets")
  const blocks = Array.from({ length: CONVS / 2 }, () => brackets.appendChild(element("span", "bracket")))
  node.append(strip, brackets)
  const draw = (order) => {
    blocks.forEach((block, i) => {
      block.style.left = `${(100 * (2 * i + order)) / CONVS}%`
      const rest = CONVS - 2 * i - order
      block.style.width = `${(100 * Math.min(2, rest)) / CONVS}%`
      block.className = rest < 2 ? "bracket beside" : "bracket"
      block.textContent = rest < 2 ? "" : data.words.block.replace("{number}", i + 1)
    })
  }
  const row = element("label", "slide")
  const input = element("input")
  input.type = "range"
  Object.assign(input, { min: 0, max: 1, step: 1, value: chosen })
  input.setAttribute("aria-label", data.words.slide)
  const names = [element("b", "", data.words.pointwise_first), element("b", "", data.words.depthwise_first)]
  const show = () => {
    const order = (chosen = Number(input.value))
    names.forEach((name, i) => (name.className = i === order ? "" : "off"))
    input.setAttribute("aria-valuetext", names[order].textContent)
    draw(order)
  }
  input.addEventListener("input", show)
  row.append(names[0], input, names[1])
  node.append(row, element("p", "note", data.words.note))
  show()
  return node
}

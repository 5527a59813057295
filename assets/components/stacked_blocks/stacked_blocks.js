// Draws two stacked blocks, one row per order, from what Python computed: the same convolutions, cut at another place.

import { element } from "../common/dom.js"
import { colourLayerKinds } from "../common/palette.js"

function at(cell, row, first, last = first) {
  cell.style.gridRow = row
  cell.style.gridColumn = `${2 * first + 1} / ${2 * last + 2}`
  return cell
}

/** A row of convolutions, what follows each of them, and a bracket below each block. */
function createStack(stack) {
  const node = element("div", stack.current ? "order current" : "order")
  node.append(element("h3", "", stack.title))
  const strip = element("div", "strip")
  stack.convs.forEach((conv, i) => {
    strip.append(at(element("span", `conv ${conv.kind}${conv.own ? "" : " beside"}`, conv.text), 1, i))
    const after = element("span", conv.after ? "after on" : "after", conv.after)
    after.style.gridRow = 1
    after.style.gridColumn = 2 * i + 2
    strip.append(after)
  })
  for (const block of stack.blocks) {
    strip.append(at(element("span", block.own ? "block" : "block beside", block.text), 2, block.first, block.last))
  }
  node.append(strip)
  return node
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".stacks")
  root.setAttribute("aria-label", data.summary)
  root.replaceChildren(...data.stacks.map(createStack))
  colourLayerKinds(root)
}

// The predictions of a class as bars over the options of a step, as they come in; with the answer once it is revealed.
// Every place and height is a share, 0 to 1, of the plot.

import { element, setText } from "../common/dom.js"

const percent = (share) => `${100 * share}%`

/** Children of `parent`, as many as there are `items`, made and removed as it takes: those that stay move smoothly. */
function matched(parent, items, make) {
  while (parent.children.length > items.length) parent.lastChild.remove()
  while (parent.children.length < items.length) parent.append(make())
  return [...parent.children]
}

/** Texts at the ends of the plot stay within it. */
const side = (at) => (at < 0.08 ? " start" : at > 0.92 ? " end" : "")

function makeBar() {
  const bar = element("div", "bar")
  bar.append(element("span", "count"))
  return bar
}

function makeAnswer() {
  const answer = element("div", "answer")
  const words = element("span")
  words.append(document.createTextNode(""), element("small"))
  answer.append(words)
  return answer
}

function draw(root, data) {
  if (!root.plot) {
    root.replaceChildren()
    root.plot = element("div", "plot")
    root.bars = element("div")
    root.answers = element("div")
    root.plot.append(root.bars, root.answers)
    root.names = element("div", "names")
    root.lines = element("div", "lines")
    root.append(root.plot, root.names, root.lines)
  }
  matched(root.bars, data.bars, makeBar).forEach((node, index) => {
    const bar = data.bars[index]
    node.className = `bar${bar.count ? "" : " none"}${bar.right ? " right" : ""}${bar.own ? " own" : ""}`
    node.style.left = `calc(${percent(bar.from)} + ${data.gap / 2}px)`
    node.style.width = `calc(${percent(bar.to - bar.from)} - ${data.gap}px)`
    node.style.height = bar.count ? percent(bar.height) : "4px"
    setText(node.firstChild, bar.count ? String(bar.count) : "")
  })
  matched(root.answers, data.answers, makeAnswer).forEach((node, index) => {
    const answer = data.answers[index]
    node.className = `answer${side(answer.at)}`
    node.style.left = percent(answer.at)
    // one above the other where there are two
    node.style.top = `${-1 - 1.3 * index}rem`
    node.firstChild.firstChild.nodeValue = answer.text
    setText(node.firstChild.lastChild, answer.name)
  })
  matched(root.names, data.names, () => element("span", "name")).forEach((node, index) => {
    const name = data.names[index]
    node.className = `name${name.right ? " right" : ""}${data.names.length > 3 ? side(name.at) : ""}`
    node.style.left = percent(name.at)
    setText(node, name.text)
  })
  const pitch = Math.min(7, data.lines_height / Math.max(1, data.lines.length))
  root.lines.style.height = `${data.lines.length && data.lines_height}px`
  matched(root.lines, data.lines, () => element("i")).forEach((node, index) => {
    const [from, to] = data.lines[index]
    node.style.top = `${pitch * index}px`
    node.style.height = `${Math.min(4, 0.7 * pitch)}px`
    node.style.left = percent(from)
    node.style.width = percent(to - from)
  })
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".histogram")
  root.className = `histogram${data.told ? " told" : ""}${data.small ? " small" : ""}`
  root.style.setProperty("--height", `${data.height}px`)
  root.setAttribute("aria-label", data.summary)
  if (!data.cover) return draw(root, data)
  const cover = element("div", "cover")
  const words = element("div", "", data.cover.count)
  words.append(element("small", "", data.cover.text))
  cover.append(words)
  root.plot = null
  root.replaceChildren(cover)
}

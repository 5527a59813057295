// A network's figures, each with a bar cut into the kinds of layers that it lives in; no figure is computed here.

const KINDS = ["standard", "depthwise", "pointwise", "shortcut", "spatial", "linear", "other"]

function element(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

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

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".anatomy")
  root.setAttribute("aria-label", data.summary)
  const palette = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors").split(",")
  const rows = element("div", "rows")
  for (const figure of data.figures) {
    const value = element("span", "value", figure.value)
    value.dataset.measure = figure.measure
    const ratio = element("span", `ratio ${figure.direction}`, figure.ratio)
    const name = element("span", "name", figure.name)
    if (innerWidth > 700) rows.append(name, value, strip(figure.parts), ratio)
    else rows.append(name, value, ratio, strip(figure.parts))
  }
  const legend = element("div", "legend")
  legend.append(element("span", "of", data.legend_of))
  for (const entry of data.legend) {
    const item = element("span")
    item.append(element("i", entry.kind), element("span", "", `${entry.name} `), element("b", "", entry.text))
    legend.append(item)
  }
  root.replaceChildren(rows, legend)
  const cut = [...rows.querySelectorAll(".strip span")].filter((piece) => piece.scrollWidth > piece.clientWidth + 1)
  cut.forEach((piece) => piece.replaceChildren())
  KINDS.forEach((kind, i) => {
    for (const node of root.querySelectorAll(`.${kind}`)) node.style.setProperty("--ink", palette[i])
  })
}

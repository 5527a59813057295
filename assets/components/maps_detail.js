// The enlarged map of every column: its histogram and numbers before and after the activation, and its kernel.
// Put before maps.js, whose functions it draws with.

/** Counts before (outlined) and after (filled) the activation, on one axis; where there is none, filled alone. */
function histogram(panel, words) {
  const box = element("figure", "histogram")
  const picture = document.createElementNS(SVG, "svg")
  picture.setAttribute("viewBox", "0 0 160 64")
  picture.setAttribute("role", "img")
  picture.setAttribute("aria-label", `${words.histogram}: ${panel.stats}`)
  const top = Math.max(1, ...panel.before, ...panel.after)
  const bars = (counts, className) =>
    counts.forEach((count, i) => {
      if (!count) return
      const bar = document.createElementNS(SVG, "rect")
      const height = Math.max(1, (58 * count) / top)
      const width = 160 / counts.length
      for (const [name, value] of Object.entries({ x: i * width + 0.5, y: 60 - height, width: width - 1, height, class: className })) bar.setAttribute(name, value)
      picture.append(bar)
    })
  bars(panel.after, "after")
  bars(panel.before, "before")
  box.append(picture)
  const axis = element("div", "axis")
  const zero = element("span", "zero", panel.zero > 12 && panel.zero < 88 ? "0" : "")
  zero.style.left = `${panel.zero}%`
  axis.append(element("span", "", panel.low), zero, element("span", "", panel.high))
  box.append(axis)
  return box
}

/** The numbers of a map before and after its activation; the head is the histogram's legend. */
function measures(panel, words) {
  const table = element("table", "measures")
  if (panel.before.length) {
    const head = element("tr")
    head.append(element("td"))
    for (const [name, text] of [["before", words.before], ["after", panel.behind]]) {
      const cell = element("th")
      cell.scope = "col"
      cell.append(element("i", name), text)
      head.append(cell)
    }
    table.append(head)
  }
  for (const [name, ...values] of panel.measures) {
    const row = element("tr")
    const title = element("th", "", name)
    title.scope = "row"
    row.append(title, ...values.map((value) => element("td", "", value)))
    table.append(row)
  }
  return table
}

/** A kernel's number as short as its cell: "−.04", with so many decimals that the largest one keeps two digits. */
const short = (value, decimals) => String(+value.toFixed(decimals)).replace("-", "−").replace("0.", ".")

/** One small grid a kernel, all in one colour scale; numbers in them where there are few (a pointer gets all digits). */
function drawKernel(kernel, words) {
  const box = element("figure", "kernel")
  const grids = element("div", "kernels")
  const top = Math.max(...kernel.grids.flatMap((grid) => grid.values.map(Math.abs))) || 1
  const decimals = top < 10 ? Math.max(2, 1 - Math.floor(Math.log10(top))) : 0
  const most = kernel.grids.length > 1 ? 9 : 25
  const written = kernel.columns <= 5 && kernel.grids[0].values.length <= most && decimals <= 3
  for (const { of, values } of kernel.grids) {
    const grid = element("div", written ? "numbersgrid" : "numbersgrid fine")
    grid.style.gridTemplateColumns = `repeat(${kernel.columns}, auto)`
    for (const value of values) {
      const cell = element("span", value < 0 ? "minus" : "plus", written ? short(value, decimals) : "")
      cell.title = value
      cell.style.setProperty("--share", `${Math.round((75 * Math.abs(value)) / top)}%`)
      grid.append(cell)
    }
    const one = element("div", "onekernel")
    if (of) one.append(element("b", "", of))
    one.append(grid)
    grids.append(one)
  }
  box.append(element("figcaption", "", kernel.note || words.kernel), grids)
  return box
}

function drawDetail(detail, data, table) {
  const part = element("div", "detail")
  part.append(element("h4", "", detail.title))
  const panels = element("div", "panels")
  for (const panel of detail.panels) {
    const card = element("section", `panel ${panel.kind}`)
    card.append(element("h5", "", panel.title))
    if (panel.missing) {
      card.append(element("p", "missing", panel.missing))
      panels.append(card)
      continue
    }
    const canvas = element("canvas", "large")
    paint(canvas, bytes(panel.pixels), 0, panel.height, panel.width, table)
    canvas.setAttribute("role", "img")
    canvas.setAttribute("aria-label", `${panel.title}: ${panel.stats}`)
    const side = element("div", "side")
    side.append(histogram(panel, data.words), measures(panel, data.words))
    card.append(canvas, side)
    if (panel.kernel) card.append(drawKernel(panel.kernel, data.words))
    panels.append(card)
  }
  part.append(panels)
  return part
}

// One block of the moving picture: its stacks, the links between them, and the arithmetic of the touched value.

const HEIGHT = 226
const TOPS = { 2: [2, 162], 3: [2, 82, 162] } // of the stacks, by their number
const MORPH_MS = 500
const FRESH_MS = 450

function make(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name])
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches
const ease = (part) => part * part * (3 - 2 * part)

// The numbers below a picture

function put(node, value) {
  const text = shown(value)
  if (node.textContent === text) return
  node.textContent = text
  node.className = text === "0" ? "zero" : value < 0 ? "minus" : ""
}

/** rows of named numbers; returns the node and a function that fills them. */
function table(parts, columns, className) {
  const node = make("div", `table ${className}`)
  node.style.setProperty("--columns", columns)
  const cells = {}
  for (const [name, sign, count] of parts) {
    if (sign) node.append(make("b", "sign", sign))
    const group = make("span", `group ${name}`)
    group.dataset.part = name
    cells[name] = Array.from({ length: count }, () => make("i"))
    group.append(...cells[name])
    node.append(group)
  }
  return [node, (values, here, only) => {
    for (const name of Object.keys(cells)) {
      cells[name].forEach((cell, i) => {
        put(cell, values[name][i])
        cell.toggleAttribute("data-here", i === here && (!only || only.includes(name)))
      })
    }
  }]
}

/** The arithmetic of the touched value, with one line for each convolution. */
function sums(block, words) {
  const node = make("div", "sums")
  const { first, last, middle } = block
  const square = middle && block.kind === "extreme" ? last.kernel : first.kernel
  const [window, setWindow] = table(
    [["values", "", square ** 2], ["weights", "×", square ** 2], ["products", "=", square ** 2]], square,
    `window k${square}`,
  )
  const lines = [make("div", "line"), make("div", "line")]
  const said = [make("span", "said"), make("span", "said")]
  const count = block.kind === "extreme" ? first.ins : last.ins
  const names = middle
    ? [["values", "", count], ["weights", "×", count], ["products", "=", count]]
    : [["parts", "Σ", first.ins]]
  const [rod, setRod] = table(names, count, "rod")
  const order = block.kind === "extreme" ? [rod, window] : [window, rod]
  lines.forEach((line, i) => line.append(order[i], said[i]))
  node.append(...lines)
  const sum = (text, part, value) => {
    const strong = make("strong", "", shown(value))
    strong.dataset.part = part
    const node = make("span", "", `${text} `)
    node.append(strong)
    return node
  }
  const gate = (value) => {
    const node = make("span")
    node.append(make("span", `gate ${block.between}`, words.gates[block.between]), sum(" →", "after", value))
    return node
  }
  // the value that one line ends in is outlined where the other line starts from it
  const show = (work) => {
    const one = fill(words.channel, { channel: work.channel + 1 })
    const whole = sum("=", "value", work.value)
    setWindow(work.window, work.tap, ["values"])
    if (!middle) {
      setRod(work, work.channel)
      said[0].replaceChildren(sum(`${one} Σ`, "sum", work.window.sum))
      said[1].replaceChildren(whole)
    } else if (block.kind === "separable") {
      setRod(work.rod, work.channel, ["values"])
      said[0].replaceChildren(sum(`${one} Σ`, "raw", work.raw), gate(work.after))
      said[1].replaceChildren(whole)
    } else {
      setRod(work.rod)
      const more = work.parts.length > 1
      said[0].replaceChildren(sum(`${one} Σ`, "raw", work.raw), gate(work.after))
      const all = sum(fill(words.together, { count: work.parts.length }), "value", work.value)
      said[1].replaceChildren(...(more ? [sum(`${one} Σ`, "sum", work.window.sum), all] : [whole]))
    }
  }
  return { node, show }
}

// One block

function panel(kind, touch) {
  const node = make("section", `panel ${kind}`)
  const head = make("header")
  const title = make("h3")
  const about = make("p")
  const shapes = make("p", "shapes")
  head.append(title, about, shapes)
  const stage = make("div", "stage")
  stage.tabIndex = 0
  stage.setAttribute("role", "application")
  const [base, top] = [make("canvas"), make("canvas")]
  const chips = make("div", "chips")
  stage.append(base, top, chips)
  const below = make("div", "below")
  const count = make("div", "count")
  const each = make("span", "each")
  const bar = make("span", "bar")
  const filled = make("i")
  bar.append(filled)
  const figure = make("strong")
  figure.dataset.part = "count"
  const whole = make("span")
  count.append(each, bar, figure, whole)
  node.append(head, stage, below, count)
  const self = { kind, node, title, about, shapes, stage, base, top, chips, below, each, filled, figure, whole, links: [], reach: null }
  touch(self)
  return self
}

function measure(self) {
  const width = self.width
  if (!width || !self.block) return
  const ratio = Math.min(devicePixelRatio || 1, 2)
  for (const canvas of [self.base, self.top]) {
    if (canvas.width === Math.round(width * ratio) && self.ratio === ratio) continue
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(HEIGHT * ratio)
  }
  const { first, last, middle } = self.block
  const tensors = [[first.ins, first.from], ...(middle ? [[first.outs, first.side]] : []), [last.outs, last.side]]
  self.ratio = ratio
  self.rows = tensors.map(([count, side], i) => stack(count, side, width, TOPS[tensors.length][i]))
}

function colours(self) {
  const style = getComputedStyle(self.root)
  const shades = style.getPropertyValue("--st-chart-categorical-colors").split(",").map((shade) => shade.trim())
  const [text, paper] = ["text", "background"].map((name) => style.getPropertyValue(`--st-${name}-color`).trim())
  const theme = { text, paper, minus: shades[4] }
  self.root.style.setProperty("--minus", theme.minus)
  self.panels.forEach((one, i) => {
    Object.assign(one, { ink: shades[i], colours: theme })
    for (const node of [one.node, one.tab]) node.style.setProperty("--ink", one.ink)
  })
}

const largest = (maps) => Math.max(1e-9, ...maps.flat().map(Math.abs))

/** Draw pixels of every tensor; changed: a filter on the pixel at which a value is done. */
function drawBase(self, done, before) {
  const pen = self.base.getContext("2d")
  const { block, rows, ratio } = self
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  const whole = before === undefined
  if (whole) {
    pen.clearRect(0, 0, self.base.width, self.base.height)
    self.most = [largest(block.input), ...(block.middle ? [largest(block.raw)] : []), largest(block.output)]
  }
  const tensors = [block.input, ...(block.middle ? [block.raw] : []), block.output]
  tensors.forEach((maps, r) => {
    const isInput = r === 0
    const ink = isInput ? self.colours.text : self.ink
    const cut = block.between === "relu" && r === 1 && block.middle
    const due = (pixel) => (isInput ? -1 : r === rows.length - 1 ? pixel : block.due[pixel])
    maps.forEach((map, channel) => {
      if (whole) drawPlate(pen, rows[r], channel, self.colours, ink)
      map.forEach((value, pixel) => {
        const at = due(pixel)
        if (!whole && at <= done === at <= before) return
        const look = { value, most: self.most[r], done: at <= done, colours: self.colours, ink, cut, ratio }
        drawCell(pen, rows[r], channel, pixel, look)
      })
    })
  })
  self.done = done
}

/** The box of a kernel over its input, in cells, at a pixel of its output that may lie between two. */
function boxOf(layer, y, x) {
  const span = (layer.kernel - 1) * layer.dilation + 1
  return [y * layer.stride - layer.padding, x * layer.stride - layer.padding, span, span]
}

const middleOf = (row, channel, box) => point(row, channel, box[0] + box[2] / 2, box[1] + box[3] / 2)

function drawTop(self, view) {
  const pen = self.top.getContext("2d")
  const { block, rows, ratio, ink } = self
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.clearRect(0, 0, self.top.width, self.top.height)
  const { first, last, middle } = block
  const [inRow, lastRow] = [rows[0], rows.at(-1)]
  self.links.forEach((links, i) => drawLinks(pen, rows[i], rows[i + 1], links, ink, view.now))
  const { y, x, out, work } = view
  const here = [y, x, 1, 1]
  const beam = (row, from, to, box, faint) => drawBeam(pen, row, from, to, box, self.colours, ink, faint)
  const lead = (from, channel, start, to, target, end, strength, width, colour = ink) =>
    drawLine(pen, middleOf(from, channel, start), middleOf(to, target, end), colour, strength, width)
  if (!middle) {
    const box = boxOf(first, y, x)
    beam(inRow, ...view.reach, box)
    span(...readBy(first, out)).forEach((channel) => lead(inRow, channel, box, lastRow, out, here, 0.8, 1.1))
    lead(inRow, work.channel, box, lastRow, out, here, 0.9, 1.8, self.colours.text)
  } else if (block.kind === "separable") {
    const box = boxOf(first, y, x)
    const midRow = rows[1]
    span(0, first.ins).forEach((channel) => beam(inRow, channel, channel, box, channel !== work.from))
    span(0, first.outs).forEach((channel) => {
      const weight = channel === work.channel ? [1, 1.8] : [0.5, 1]
      lead(inRow, readBy(first, channel)[0], box, midRow, channel, here, ...weight)
    })
    beam(midRow, 0, last.ins - 1, here)
    span(0, last.ins).forEach((channel) => lead(midRow, channel, here, lastRow, out, here, 0.8, 1.1))
  } else {
    const midRow = rows[1]
    const box = boxOf(last, y, x)
    const dot = [...view.at, 1, 1]
    span(0, first.ins).forEach((channel) => beam(inRow, channel, channel, box, true))
    beam(inRow, 0, first.ins - 1, dot)
    span(0, first.ins).forEach((channel) => lead(inRow, channel, dot, midRow, work.channel, dot, 0.7, 1))
    beam(midRow, ...view.reach, box)
    span(...readBy(last, out)).forEach((channel) => lead(midRow, channel, box, lastRow, out, here, 0.9, 1.4))
  }
  span(0, last.outs).forEach((channel) => channel !== out && beam(lastRow, channel, channel, here, true))
  if (view.fresh > 0) drawFresh(pen, self, view)
  beam(lastRow, out, out, here)
}

/** What has just passed the gate: the value as it was before, fading. */
function drawFresh(pen, self, view) {
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

const span = (first, end) => Array.from({ length: end - first }, (_, i) => first + i)

function drawLinks(pen, from, to, links, ink, now) {
  for (const { i, j, start, goal, since } of links) {
    const part = since ? Math.min(1, (now - since) / MORPH_MS) : 1
    const strength = start + (goal - start) * ease(part)
    drawLine(pen, point(from, i, from.side, from.side / 2), point(to, j, 0, to.side / 2), ink, 0.3 * strength, 0.8)
  }
}

/** Links that come or go when the groups change; each knows where it started. */
function relink(self, now, animated) {
  const layers = self.block.layers
  self.links = layers.map((layer, l) => {
    const before = new Map((self.links[l] ?? []).map((link) => [`${link.i} ${link.j}`, link.goal]))
    const known = before.size > 0
    const links = []
    for (let j = 0; j < layer.outs; j++) {
      const [first, end] = readBy(layer, j)
      for (let i = 0; i < layer.ins; i++) {
        const goal = i >= first && i < end ? 1 : 0
        const start = known && animated ? before.get(`${i} ${j}`) ?? 0 : goal
        if (start || goal) links.push({ i, j, start, goal, since: start === goal ? 0 : now })
      }
    }
    return links
  })
}

// The moving picture: three blocks as stacks of channels that one kernel slides over in step, and that answer a finger.
// Everything happens here, without the server; numbers and drawing are in moving_numbers.js and moving_draw.js.

const HEIGHT = 226
const TOPS = { 2: [2, 162], 3: [2, 82, 162] }
const STEP_MS = 1100
const SLIDE = 0.45 // the part of a step in which the kernel moves
const MORPH_MS = 500
const FRESH_MS = 450
const QUIET_MS = 1200 // after a run of the page, which has better use for the processor
const SPEEDS = [0.5, 1, 2, 4, 8]
const ICONS = {
  back: "M11 3v10L5 8zM3 3h2v10H3z", on: "M5 3v10l6-5zM11 3h2v10h-2z",
  play: "M4 2.5v11L13 8z", pause: "M4 3h3v10H4zM9 3h3v10H9z",
}
const instances = new WeakMap()

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
  const names = middle ? [["values", "", count], ["weights", "×", count], ["products", "=", count]] : [["parts", "Σ", first.ins]]
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
    one.node.style.setProperty("--ink", one.ink)
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
        drawCell(pen, rows[r], channel, pixel, { value, most: self.most[r], done: at <= done, colours: self.colours, ink, cut, ratio })
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
  const funnel = (from, boxes, to, target) => boxes.forEach(([channel, box]) => drawLine(pen, middleOf(from, channel, box), middleOf(to, target, here), ink, 0.8, 1.1))
  if (!middle) {
    const box = boxOf(first, y, x)
    beam(inRow, ...view.reach, box)
    funnel(inRow, span(...readBy(first, out)).map((channel) => [channel, box]), lastRow, out)
    drawLine(pen, middleOf(inRow, work.channel, box), middleOf(lastRow, out, here), self.colours.text, 0.9, 1.8)
  } else if (block.kind === "separable") {
    const box = boxOf(first, y, x)
    const midRow = rows[1]
    span(0, first.ins).forEach((channel) => beam(inRow, channel, channel, box, channel !== work.from))
    span(0, first.outs).forEach((channel) => drawLine(pen, middleOf(inRow, readBy(first, channel)[0], box), middleOf(midRow, channel, here), ink, channel === work.channel ? 1 : 0.5, channel === work.channel ? 1.8 : 1))
    beam(midRow, 0, last.ins - 1, here)
    funnel(midRow, span(0, last.ins).map((channel) => [channel, here]), lastRow, out)
  } else {
    const midRow = rows[1]
    const box = boxOf(last, y, x)
    const [my, mx] = view.at
    const dot = [my, mx, 1, 1]
    span(0, first.ins).forEach((channel) => beam(inRow, channel, channel, box, true))
    beam(inRow, 0, first.ins - 1, dot)
    span(0, first.ins).forEach((channel) => drawLine(pen, middleOf(inRow, channel, dot), middleOf(midRow, work.channel, dot), ink, 0.7, 1))
    beam(midRow, ...view.reach, box)
    span(...readBy(last, out)).forEach((channel) => drawLine(pen, middleOf(midRow, channel, box), middleOf(lastRow, out, here), ink, 0.9, 1.4))
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

// The whole

function build(root) {
  const self = {
    root, pixel: 0, out: 0, slice: 0, speed: 1, playing: !still(), hover: null, began: 0, drawn: {}, frame: 0, seen: true,
    morph: 0, fresh: 0, panels: [],
  }
  const bar = make("div", "player")
  const icon = (name, action) => {
    const button = make("button", name)
    button.type = "button"
    button.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`
    button.onclick = action
    bar.append(button)
    return button
  }
  self.back = icon("back", () => go(self, self.pixel - 1))
  self.play = icon("play", () => setPlaying(self, !self.playing))
  self.next = icon("on", () => go(self, self.pixel + 1))
  self.scrub = make("input")
  self.scrub.type = "range"
  self.scrub.min = 1
  self.scrub.oninput = () => go(self, Number(self.scrub.value) - 1)
  self.place = make("span", "place")
  self.pace = make("button", "pace")
  self.pace.type = "button"
  self.pace.onclick = () => {
    self.speed = SPEEDS[(SPEEDS.indexOf(self.speed) + 1) % SPEEDS.length]
    self.began = performance.now()
    label(self)
  }
  self.note = make("span", "note")
  self.ask = make("button", "ask", "?")
  self.ask.type = "button"
  self.help = make("ul", "help")
  const unfold = (open) => {
    self.help.hidden = !open
    self.ask.ariaExpanded = String(open)
  }
  unfold(false)
  self.ask.onclick = () => unfold(self.help.hidden)
  root.addEventListener("keydown", (event) => event.key === "Escape" && unfold(false))
  bar.append(self.scrub, self.place, self.pace, self.note, self.ask, self.help)
  self.tabs = make("div", "tabs")
  self.tray = make("div", "panels")
  self.live = make("div", "live")
  self.live.setAttribute("aria-live", "polite")
  for (const kind of ["standard", "extreme", "separable"]) {
    const one = panel(kind, (it) => listen(self, it))
    self.panels.push(one)
    self.tray.append(one.node)
    const tab = make("button", `tab ${kind}`)
    tab.type = "button"
    tab.onclick = () => self.tray.scrollTo({ left: one.node.offsetLeft - self.tray.offsetLeft, behavior: still() ? "auto" : "smooth" })
    self.tabs.append(tab)
    one.tab = tab
  }
  root.replaceChildren(bar, self.tabs, self.tray, self.live)
  self.resized = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const one = self.panels.find((each) => each.stage === target)
      one.width = contentRect.width
      measure(one)
    }
    if (self.pixels) refresh(self)
  })
  self.panels.forEach((one) => self.resized.observe(one.stage))
  self.sight = new IntersectionObserver(([entry]) => {
    self.seen = entry.isIntersecting
    wake(self)
  })
  self.sight.observe(root)
  self.shown = () => wake(self)
  document.addEventListener("visibilitychange", self.shown)
  return self
}

function listen(self, one) {
  const seek = (event, near) => {
    if (!one.rows) return null
    const box = one.stage.getBoundingClientRect()
    const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    for (let r = one.rows.length - 1; r >= 0; r--) {
      const found = under(one.rows[r], x, y, near)
      if (found) return { ...found, row: r }
    }
    return null
  }
  const touched = (event) => {
    const found = seek(event, event.pointerType === "touch")
    return found && aim(self, one, found)
  }
  one.stage.addEventListener("pointermove", (event) => {
    const found = touched(event)
    if (event.pointerType !== "touch") hover(self, found)
    else if (found) {
      Object.assign(self, found)
      setPlaying(self, false)
    }
  })
  one.stage.addEventListener("pointerleave", () => hover(self, null))
  one.stage.addEventListener("click", (event) => {
    const found = touched(event)
    if (!found) return
    setPlaying(self, false)
    Object.assign(self, found)
    self.hover = null
    tell(self)
    wake(self)
  })
  one.stage.addEventListener("keydown", (event) => press(self, event))
  one.stage.addEventListener("focus", () => {
    if (!self.pixels || !one.stage.matches(":focus-visible")) return
    setPlaying(self, false)
    tell(self)
  })
}

/** What a cell under the pointer stands for: in the output the cell itself, above it the channel of the slice. */
function aim(self, one, found) {
  const { last, first, middle } = one.block
  if (found.row === one.rows.length - 1) return { pixel: found.pixel, out: found.channel, slice: self.slice }
  const layer = middle && one.kind === "extreme" ? last : first
  const from = found.row && one.kind === "separable" ? first.side : layer.from
  const y = Math.floor(found.pixel / from)
  const x = found.pixel % from
  // the output pixel whose kernel has its middle nearest to the one touched
  const step = found.row && one.kind === "separable" ? 1 : layer.stride
  const shift = step === layer.stride && from === layer.from ? ((layer.kernel - 1) * layer.dilation) / 2 - layer.padding : 0
  const near = (value) => Math.min(last.side - 1, Math.max(0, Math.round((value - shift) / step)))
  const slice = one.kind === "separable" && found.row ? Math.floor(found.channel / (first.outs / first.ins)) : found.channel
  return { pixel: near(y) * last.side + near(x), out: self.hover?.out ?? self.out, slice }
}

function hover(self, found) {
  if (!found && !self.hover) return
  self.touched = true
  if (!found) self.began = performance.now()
  self.hover = found
  wake(self)
}

function press(self, event) {
  if (!self.pixels) return
  const { last } = self.panels[0].block
  const side = last.side
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side }
  if (event.key in moves) go(self, self.pixel + moves[event.key], true)
  else if (event.key === "Home") go(self, 0, true)
  else if (event.key === "End") go(self, side * side - 1, true)
  else if (event.key === "PageUp" || event.key === "PageDown") {
    self.out = (self.out + (event.key === "PageUp" ? last.outs - 1 : 1)) % last.outs
    go(self, self.pixel, true)
  } else if (event.key === " ") setPlaying(self, !self.playing)
  else return
  event.preventDefault()
  event.stopPropagation()
}

function go(self, pixel, spoken) {
  if (!self.pixels) return
  setPlaying(self, false)
  self.hover = null
  self.pixel = Math.min(self.pixels - 1, Math.max(0, pixel))
  self.fresh = still() ? 0 : performance.now()
  if (spoken) tell(self)
  wake(self)
}

function setPlaying(self, playing) {
  if (!self.pixels) return
  self.touched = true
  if (playing && self.pixel === self.pixels - 1) self.pixel = 0
  self.playing = playing
  self.began = performance.now()
  label(self)
  wake(self)
}

function tell(self) {
  const { words, panels, pixel, out } = self
  const side = panels[0].block.last.side
  const values = panels.map((one, i) => fill(words.value, {
    block: words.blocks[i].title, value: shown(one.block.output[out][pixel]), products: one.block.each,
  }))
  const place = { row: Math.floor(pixel / side) + 1, column: (pixel % side) + 1, channel: out + 1 }
  self.live.textContent = `${fill(words.place, place)}: ${values.join("; ")}.`
}

function label(self) {
  const { words } = self
  self.back.ariaLabel = self.back.title = words.back
  self.next.ariaLabel = self.next.title = words.next
  self.play.ariaLabel = self.play.title = self.playing ? words.pause : words.play
  self.play.querySelector("path").setAttribute("d", ICONS[self.playing ? "pause" : "play"])
  self.scrub.ariaLabel = words.scrub
  self.pace.ariaLabel = self.pace.title = fill(words.speed, { speed: self.speed })
  self.pace.textContent = `${self.speed}×`
  self.note.textContent = words.note
  self.ask.ariaLabel = self.ask.title = words.ask
  self.help.replaceChildren(...words.help.map((text) => make("li", "", text)))
  self.panels.forEach((one, i) => {
    const said = words.blocks[i]
    one.title.textContent = one.tab.textContent = said.title
    one.about.textContent = said.about
    one.shapes.textContent = said.shapes
    one.stage.ariaLabel = `${said.title}. ${words.keys}`
    one.chips.replaceChildren(...said.layers.map((text, l) => {
      const chip = make("span", "chip", text)
      chip.style.top = `${said.layers.length === 1 ? 112 : 72 + 80 * l}px`
      return chip
    }))
    if (!one.block) return
    one.whole.textContent = fill(words.of, { whole: one.block.counts.at(-1).toLocaleString("en") })
    const [before, after] = words.each.split("{products}")
    one.each.replaceChildren(before, make("strong", "", String(one.block.each)), after)
    if (one.block.middle) {
      const gate = make("span", `chip gate ${one.block.between}`, words.gates[one.block.between])
      gate.style.top = "152px"
      one.chips.append(gate)
    }
  })
}

function take(self, data) {
  const { spec, tensor, blocks } = JSON.parse(data.picture)
  const plane = spec.size ** 2
  const input = Array.from({ length: spec.in_channels }, (_, c) => tensor.slice(c * plane, (c + 1) * plane))
  const first = !self.pixels
  const now = performance.now()
  self.panels.forEach((one, i) => {
    one.block = solve(blocks[i], input)
    one.block.each = Math.round(one.block.counts.at(-1) / (one.block.last.outs * one.block.last.side ** 2) * 100) / 100
    relink(one, now, !first && !still())
    const reach = reachOf(one, self)
    one.reach = { from: first || still() ? reach : one.reach?.goal ?? reach, goal: reach, since: now }
    const { node, show } = sums(one.block, data.words)
    one.below.replaceChildren(node)
    one.show = show
    measure(one)
  })
  self.pixels = self.panels[0].block.last.side ** 2
  self.scrub.max = self.pixels
  self.most = Math.max(...self.panels.map((one) => one.block.counts.at(-1)))
  if (first) self.pixel = Math.floor(self.pixels * 0.42)
  self.pixel = Math.min(self.pixel, self.pixels - 1)
  self.out = Math.min(self.out, self.panels[0].block.last.outs - 1)
  self.hover = null
  self.morph = now
}

/** The channels that the touched output value reads in the tensor its spatial kernel slides over. */
function reachOf(one, { out }) {
  const { first, last, middle } = one.block
  const [start, end] = readBy(middle && one.kind === "extreme" ? last : first, Math.min(out, last.outs - 1))
  return [start, end - 1]
}

function refresh(self) {
  colours(self)
  self.panels.forEach((one) => { one.done = undefined })
  self.drawn = {}
  wake(self)
}

/** Draw in the next frame, or in the first one after so many milliseconds. */
function wake(self, wait = 0) {
  clearTimeout(self.timer)
  if (wait > 0) self.timer = setTimeout(() => wake(self), wait)
  else if (!self.frame) self.frame = requestAnimationFrame((now) => tick(self, now))
}

function tick(self, now) {
  self.frame = 0
  if (!self.panels.every((one) => one.rows && one.colours)) return
  const running = self.playing && !self.hover && self.seen && !document.hidden
  const step = STEP_MS / self.speed
  if (running && now - self.began >= step) {
    self.began = now - self.began < 2 * step ? self.began + step : now
    self.pixel = (self.pixel + 1) % self.pixels
    self.fresh = now
  }
  const part = running && !still() ? Math.max(0, ((now - self.began) / step - (1 - SLIDE)) / SLIDE) : 0
  draw(self, self.hover ?? self, ease(Math.min(1, part)), now)
  if (now - self.morph < MORPH_MS || now - self.fresh < FRESH_MS || part > 0) wake(self)
  else if (running) wake(self, self.began + step * (1 - SLIDE) - now)
}

function draw(self, { pixel, out, slice }, part, now) {
  const key = `${pixel} ${out} ${slice} ${self.pixel}`
  const moving = part > 0 || now - self.morph < MORPH_MS + 50 || now - self.fresh < FRESH_MS + 50
  if (self.drawn.key === key && !moving && !self.drawn.moving) return
  const side = self.panels[0].block.last.side
  const to = (pixel + 1) % self.pixels
  const glide = (from, goal) => from + (goal - from) * part
  const y = glide(Math.floor(pixel / side), Math.floor(to / side))
  const x = glide(pixel % side, to % side)
  for (const one of self.panels) {
    if (one.done !== self.pixel) drawBase(one, self.pixel, one.done)
    if (self.drawn.key !== key || !one.work) {
      one.work = workings(one.block, { pixel, out, slice })
      one.show(one.work)
      const count = one.block.counts[self.pixel + 1]
      one.figure.textContent = count.toLocaleString("en")
      one.filled.style.transform = `scaleX(${count / self.most})`
      const goal = reachOf(one, { out })
      if (String(goal) !== String(one.reach.goal)) one.reach = { from: goal, goal, since: 0 }
    }
    const went = ease(Math.min(1, (now - one.reach.since) / MORPH_MS))
    const reach = one.reach.from.map((from, i) => from + (one.reach.goal[i] - from) * went)
    const at = one.work.at ?? pixel
    const from = one.block.kind === "extreme" ? one.block.last.from : side
    const glided = one.block.kind === "extreme" ? one.block.last.stride : 1
    const view = {
      y, x, out, work: one.work, now, pixel, reach, fresh: self.fresh ? Math.max(0, 1 - (now - self.fresh) / FRESH_MS) : 0,
      at: [Math.floor(at / from) + glided * (y - Math.floor(pixel / side)), (at % from) + glided * (x - (pixel % side))],
    }
    drawTop(one, view)
  }
  if (self.drawn.key !== key) {
    self.scrub.value = self.pixel + 1
    const place = { pixel: pixel + 1, pixels: self.pixels, channel: out + 1 }
    self.place.textContent = self.touched ? fill(self.words.step, place) : self.words.hint
    Object.assign(self.root.dataset, { pixel, out, slice, progress: self.pixel })
  }
  self.drawn = { key, moving }
}

/** Show what the page has sent; a run brings the same numbers as a rule, then nothing is worked out or drawn anew. */
function update(self) {
  const { picture, words } = self.data
  const said = JSON.stringify(words)
  const theme = getComputedStyle(self.root).getPropertyValue("--st-background-color")
  const numbers = self.picture !== picture || self.words.gates.none !== words.gates.none
  const changed = numbers || self.said !== said
  if (numbers) take(self, self.data)
  if (changed) {
    self.words = words
    label(self)
  }
  if (numbers || self.theme !== theme) refresh(self)
  Object.assign(self, { picture, said, theme })
}

const whenIdle = (work) => (window.requestIdleCallback ? requestIdleCallback(work, { timeout: 1000 }) : setTimeout(work, 200))

export default function ({ data, parentElement }) {
  if (!instances.has(parentElement)) {
    const self = build(parentElement.querySelector(".moving"))
    instances.set(parentElement, self)
    Object.assign(self, { words: data.words })
    colours(self)
    label(self)
    // the frame stands at once; the page's own figures and chart come before what moves in it
    whenIdle(() => {
      if (instances.get(parentElement) !== self) return // the page has gone on
      self.ready = true
      update(self)
    })
  }
  const self = instances.get(parentElement)
  self.data = data
  self.began = performance.now() + QUIET_MS
  if (self.ready) update(self)
  return () => {
    cancelAnimationFrame(self.frame)
    clearTimeout(self.timer)
    self.resized.disconnect()
    self.sight.disconnect()
    document.removeEventListener("visibilitychange", self.shown)
    instances.delete(parentElement)
  }
}

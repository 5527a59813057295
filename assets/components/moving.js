// The moving picture: three blocks as stacks of channels that one kernel slides over in step, and that answer a finger.
// Everything happens here, without the server; the sums are in moving_numbers.js, the pen in
// moving_draw.js, one block's picture and arithmetic in moving_panel.js.

const STEP_MS = 1100
const SLIDE = 0.45 // the part of a step in which the kernel moves
const QUIET_MS = 1200 // after a run of the page, which has better use for the processor
const SPEEDS = [0.5, 1, 2, 4, 8]
const ICONS = {
  back: "M11 3v10L5 8zM3 3h2v10H3z", on: "M5 3v10l6-5zM11 3h2v10h-2z",
  play: "M4 2.5v11L13 8z", pause: "M4 3h3v10H4zM9 3h3v10H9z",
}
const instances = new WeakMap()

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
    tab.onclick = () => {
      self.tray.scrollTo({ left: one.node.offsetLeft - self.tray.offsetLeft, behavior: still() ? "auto" : "smooth" })
    }
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
  if (first || self.pixel >= self.pixels) self.pixel = Math.floor(self.pixels * 0.42) // well inside the picture
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
    const first = build(parentElement.querySelector(".moving"))
    instances.set(parentElement, first)
    Object.assign(first, { words: data.words })
    colours(first)
    label(first)
  }
  const self = instances.get(parentElement)
  self.data = data
  self.began = performance.now() + QUIET_MS
  // the frame stands at once; the page's own figures and chart come before what moves in it
  if (!self.waiting) {
    self.waiting = true
    whenIdle(() => {
      self.waiting = false
      if (instances.get(parentElement) === self) update(self) // else the page has gone on
    })
  }
  return () => {
    cancelAnimationFrame(self.frame)
    clearTimeout(self.timer)
    self.resized.disconnect()
    self.sight.disconnect()
    document.removeEventListener("visibilitychange", self.shown)
    instances.delete(parentElement)
  }
}

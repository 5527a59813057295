// The worked example: the three blocks as rows of channels over which their kernels slide in step, and which answer a
// pointer. All of it happens in the browser. The arithmetic is in arithmetic.js, the drawing in projection.js, one
// block's picture and numbers in panel.js; this file has the player, the selection and the frames.
//
// Everything is drawn in `tick`, at most once per frame, when `requestDraw` was called. The selected output value,
// {pixel, out, slice} as in arithmetic.js, is the player's own or, under a pointer, `hovered`.

import { button, element, prefersReducedMotion } from "../common/dom.js"
import { BLOCK_KINDS } from "../common/palette.js"
import { formatNumber, solve, workings } from "./arithmetic.js"
import {
  MORPH_MS, createPanel, createSums, drawKernels, drawValues, ease, fill, fitCanvases, reachOf, scrollToPanel, setColours,
  setPanelTexts, updateLinks, updateReach,
} from "./panel.js"
import { cellAt } from "./projection.js"

const STEP_MS = 1100
const SLIDE = 0.45 // the part of a step in which the kernel moves
const FRESH_MS = 450
const QUIET_MS = 1200 // after a run of the page, which needs the processor
const SPEEDS = [0.5, 1, 2, 4, 8]
const ICONS = {
  back: "M11 3v10L5 8zM3 3h2v10H3z", on: "M5 3v10l6-5zM11 3h2v10h-2z",
  play: "M4 2.5v11L13 8z", pause: "M4 3h3v10H4zM9 3h3v10H9z",
}
const instances = new WeakMap()

/** The state of one mounted component, with its nodes. Times are in milliseconds, as performance.now() gives them. */
function create(root) {
  const self = {
    root, panels: [], pixel: 0, out: 0, slice: 0, hovered: null, speed: 1, playing: !prefersReducedMotion(),
    wasUsed: false, isVisible: true, frame: 0, stepStart: 0, changedAt: 0, steppedAt: 0, lastDrawn: {},
  }
  self.tray = element("div", "panels")
  self.tabs = element("div", "tabs")
  self.live = element("div", "live")
  self.live.setAttribute("aria-live", "polite")
  for (const kind of BLOCK_KINDS) {
    const panel = createPanel(kind)
    // the keys move the same cell in all three: one stop of the Tab key is enough
    panel.stage.tabIndex = self.panels.length ? -1 : 0
    panel.tab = button(`tab ${kind}`, undefined, () => scrollToPanel(panel, self.tray))
    listen(self, panel)
    self.panels.push(panel)
    self.tray.append(panel.node)
    self.tabs.append(panel.tab)
  }
  root.replaceChildren(createPlayer(self), self.tabs, self.tray, self.live)
  self.resizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const panel = self.panels.find((each) => each.stage === target)
      panel.width = contentRect.width
      fitCanvases(panel)
    }
    if (self.pixels) redraw(self)
  })
  self.panels.forEach((panel) => self.resizes.observe(panel.stage))
  self.visibility = new IntersectionObserver(([entry]) => {
    self.isVisible = entry.isIntersecting
    requestDraw(self)
  })
  self.visibility.observe(root)
  self.onVisibilityChange = () => requestDraw(self)
  document.addEventListener("visibilitychange", self.onVisibilityChange)
  return self
}

function createPlayer(self) {
  const bar = element("div", "player")
  const iconButton = (name, onClick) => {
    const node = button(name, undefined, onClick)
    node.innerHTML = `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`
    return node
  }
  self.backButton = iconButton("back", () => stepTo(self, self.pixel - 1))
  self.playButton = iconButton("play", () => setPlaying(self, !self.playing))
  self.nextButton = iconButton("on", () => stepTo(self, self.pixel + 1))
  self.slider = element("input")
  self.slider.type = "range"
  self.slider.min = 1
  self.slider.tabIndex = -1 // the keys move the cell in the picture itself, in both directions
  self.slider.oninput = () => stepTo(self, Number(self.slider.value) - 1)
  self.place = element("span", "place")
  self.speedButton = button("pace", undefined, () => {
    self.speed = SPEEDS[(SPEEDS.indexOf(self.speed) + 1) % SPEEDS.length]
    self.stepStart = performance.now()
    setTexts(self)
  })
  self.note = element("span", "note")
  self.help = element("ul", "help")
  self.helpButton = button("ask", "?", () => showHelp(self.help.hidden))
  const showHelp = (isOpen) => {
    self.help.hidden = !isOpen
    self.helpButton.ariaExpanded = String(isOpen)
  }
  showHelp(false)
  self.root.addEventListener("keydown", (event) => event.key === "Escape" && showHelp(false))
  bar.append(self.backButton, self.playButton, self.nextButton)
  bar.append(self.slider, self.place, self.speedButton, self.note, self.helpButton, self.help)
  return bar
}

// What a person does

function listen(self, panel) {
  const { stage } = panel
  /** The selection under the pointer, or null. */
  const selectionUnder = (event) => {
    if (!panel.rows) return null
    const box = stage.getBoundingClientRect()
    const [x, y] = [event.clientX - box.left, event.clientY - box.top]
    for (let row = panel.rows.length - 1; row >= 0; row--) {
      const cell = cellAt(panel.rows[row], x, y, event.pointerType === "touch")
      if (cell) return selectionOf(self, panel, row, cell)
    }
    return null
  }
  stage.addEventListener("pointermove", (event) => {
    const selection = selectionUnder(event)
    if (event.pointerType !== "touch") hover(self, selection)
    else if (selection) {
      Object.assign(self, selection)
      setPlaying(self, false)
    }
  })
  stage.addEventListener("pointerleave", () => hover(self, null))
  stage.addEventListener("click", (event) => {
    const selection = selectionUnder(event)
    if (!selection) return
    setPlaying(self, false)
    Object.assign(self, selection)
    self.hovered = null
    announce(self)
    requestDraw(self)
  })
  stage.addEventListener("keydown", (event) => onKey(self, event))
  stage.addEventListener("focus", () => {
    if (!self.pixels || !stage.matches(":focus-visible")) return
    setPlaying(self, false)
    announce(self)
  })
}

/** What a cell of a tensor selects: in the output the value itself, above it the value whose kernel is nearest. */
function selectionOf(self, panel, row, cell) {
  const { last, first, middle } = panel.block
  if (row === panel.rows.length - 1) return { pixel: cell.pixel, out: cell.channel, slice: self.slice }
  const isMiddle = row > 0 && panel.kind === "separable"
  const layer = middle && panel.kind === "extreme" ? last : first
  const from = isMiddle ? first.side : layer.from
  const y = Math.floor(cell.pixel / from)
  const x = cell.pixel % from
  // the output pixel whose kernel has its middle nearest to the cell; a 1x1 reads the pixel at its own place
  const step = isMiddle ? 1 : layer.stride
  const shift = step === layer.stride && from === layer.from ? ((layer.kernel - 1) * layer.dilation) / 2 - layer.padding : 0
  const nearest = (value) => Math.min(last.side - 1, Math.max(0, Math.round((value - shift) / step)))
  const slice = isMiddle ? Math.floor(cell.channel / (first.outs / first.ins)) : cell.channel
  return { pixel: nearest(y) * last.side + nearest(x), out: self.hovered?.out ?? self.out, slice }
}

function hover(self, selection) {
  if (!selection && !self.hovered) return
  self.wasUsed = true
  if (!selection) self.stepStart = performance.now()
  self.hovered = selection
  requestDraw(self)
}

function onKey(self, event) {
  if (!self.pixels) return
  const { last } = self.panels[0].block
  const side = last.side
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side }
  if (event.key in moves) stepTo(self, self.pixel + moves[event.key], true)
  else if (event.key === "Home") stepTo(self, 0, true)
  else if (event.key === "End") stepTo(self, side * side - 1, true)
  else if (event.key === "PageUp" || event.key === "PageDown") {
    self.out = (self.out + (event.key === "PageUp" ? last.outs - 1 : 1)) % last.outs
    stepTo(self, self.pixel, true)
  } else if (event.key === " ") setPlaying(self, !self.playing)
  else return
  event.preventDefault()
  event.stopPropagation()
}

/** Stops at an output pixel; announced: a screen reader says its values. */
function stepTo(self, pixel, announced) {
  if (!self.pixels) return
  setPlaying(self, false)
  self.hovered = null
  self.pixel = Math.min(self.pixels - 1, Math.max(0, pixel))
  self.steppedAt = prefersReducedMotion() ? 0 : performance.now()
  if (announced) announce(self)
  requestDraw(self)
}

function setPlaying(self, playing) {
  if (!self.pixels) return
  self.wasUsed = true
  if (playing && self.pixel === self.pixels - 1) self.pixel = 0
  self.playing = playing
  self.stepStart = performance.now()
  setTexts(self)
  requestDraw(self)
}

// Texts

function announce(self) {
  const { words, panels, pixel, out } = self
  const side = panels[0].block.last.side
  const values = panels.map(({ block }, i) => fill(words.value, {
    block: words.blocks[i].title, value: formatNumber(block.output[out][pixel]), products: block.each,
  }))
  const place = { row: Math.floor(pixel / side) + 1, column: (pixel % side) + 1, channel: out + 1 }
  self.live.textContent = `${fill(words.place, place)}: ${values.join("; ")}.`
}

function setTexts(self) {
  const { words } = self
  self.backButton.ariaLabel = self.backButton.title = words.back
  self.nextButton.ariaLabel = self.nextButton.title = words.next
  self.playButton.ariaLabel = self.playButton.title = self.playing ? words.pause : words.play
  self.playButton.querySelector("path").setAttribute("d", ICONS[self.playing ? "pause" : "play"])
  self.slider.ariaLabel = words.scrub
  self.speedButton.ariaLabel = self.speedButton.title = fill(words.speed, { speed: self.speed })
  self.speedButton.textContent = `${self.speed}×`
  self.note.textContent = words.note
  self.helpButton.ariaLabel = self.helpButton.title = words.ask
  self.help.replaceChildren(...words.help.map((text) => element("li", "", text)))
  self.panels.forEach((panel, i) => setPanelTexts(panel, words, words.blocks[i]))
}

// From data to frames

/** Takes over what Python sent: the blocks, their weights and the picture. */
function load(self, data) {
  const { spec, tensor, blocks } = JSON.parse(data.picture)
  const plane = spec.size ** 2
  const input = Array.from({ length: spec.in_channels }, (_, c) => tensor.slice(c * plane, (c + 1) * plane))
  const isFirst = !self.pixels
  const animated = !isFirst && !prefersReducedMotion()
  const now = performance.now()
  self.panels.forEach((panel, i) => {
    const block = solve(blocks[i], input)
    // products per output value, to two decimals
    block.each = Math.round((block.counts.at(-1) / (block.last.outs * block.last.side ** 2)) * 100) / 100
    panel.block = block
    updateLinks(panel, now, animated)
    updateReach(panel, self.out, now, animated)
    const { node, show } = createSums(block, data.words)
    panel.below.replaceChildren(node)
    panel.showSums = show
    fitCanvases(panel)
  })
  const { last } = self.panels[0].block
  self.pixels = last.side ** 2
  self.slider.max = self.pixels
  self.mostProducts = Math.max(...self.panels.map(({ block }) => block.counts.at(-1)))
  for (const { block, countBar } of self.panels) {
    countBar.parentElement.style.setProperty("--whole", `${(100 * block.counts.at(-1)) / self.mostProducts}%`)
  }
  if (isFirst || self.pixel >= self.pixels) self.pixel = Math.floor(self.pixels * 0.42) // well inside the picture
  self.out = Math.min(self.out, last.outs - 1)
  self.hovered = null
  self.changedAt = now
}

/** Draws everything anew in the next frame, in the theme's colours. */
function redraw(self) {
  setColours(self.root, self.panels)
  self.panels.forEach((panel) => { panel.done = undefined })
  self.lastDrawn = {}
  requestDraw(self)
}

/** Draws in the next frame, or in the first one after `wait` milliseconds. */
function requestDraw(self, wait = 0) {
  clearTimeout(self.timer)
  if (wait > 0) self.timer = setTimeout(() => requestDraw(self), wait)
  else if (!self.frame) self.frame = requestAnimationFrame((now) => tick(self, now))
}

function tick(self, now) {
  self.frame = 0
  if (!self.panels.every((panel) => panel.rows && panel.colours)) return
  const running = self.playing && !self.hovered && self.isVisible && !document.hidden
  const step = STEP_MS / self.speed
  if (running && now - self.stepStart >= step) {
    self.stepStart = now - self.stepStart < 2 * step ? self.stepStart + step : now
    self.pixel = (self.pixel + 1) % self.pixels
    self.steppedAt = now
  }
  const slide = running && !prefersReducedMotion() ? ((now - self.stepStart) / step - (1 - SLIDE)) / SLIDE : 0
  const part = Math.min(1, Math.max(0, slide))
  draw(self, self.hovered ?? self, ease(part), now)
  if (now - self.changedAt < MORPH_MS || now - self.steppedAt < FRESH_MS || part > 0) requestDraw(self)
  else if (running) requestDraw(self, self.stepStart + step * (1 - SLIDE) - now)
}

/** Draws a selection; part: how far the kernels have moved on to the next pixel, from 0 to 1. */
function draw(self, { pixel, out, slice }, part, now) {
  const key = `${pixel} ${out} ${slice} ${self.pixel}`
  const isNew = self.lastDrawn.key !== key
  const moving = part > 0 || now - self.changedAt < MORPH_MS + 50 || now - self.steppedAt < FRESH_MS + 50
  if (!isNew && !moving && !self.lastDrawn.moving) return
  const side = self.panels[0].block.last.side
  const next = (pixel + 1) % self.pixels
  const glide = (from, goal) => from + (goal - from) * part
  const y = glide(Math.floor(pixel / side), Math.floor(next / side))
  const x = glide(pixel % side, next % side)
  const fresh = self.steppedAt ? Math.max(0, 1 - (now - self.steppedAt) / FRESH_MS) : 0
  for (const panel of self.panels) {
    const { block } = panel
    if (panel.done !== self.pixel) drawValues(panel, self.pixel, panel.done)
    if (isNew || !panel.work) {
      panel.work = workings(block, { pixel, out, slice })
      panel.showSums(panel.work)
      const count = block.counts[self.pixel + 1]
      panel.countSoFar.textContent = count.toLocaleString("en")
      panel.countBar.style.transform = `scaleX(${count / self.mostProducts})`
      if (String(reachOf(panel, out)) !== String(panel.reach.goal)) updateReach(panel, out, 0, false)
    }
    const { from: start, goal, since } = panel.reach
    const changed = ease(Math.min(1, (now - since) / MORPH_MS))
    const reach = start.map((channel, i) => channel + (goal[i] - channel) * changed)
    // the middle's pixel moves along with the kernel: of a separable block it is the output pixel itself
    const midPixel = panel.work.at ?? pixel
    const [midSide, midStep] = block.kind === "extreme" ? [block.last.from, block.last.stride] : [side, 1]
    const at = [
      Math.floor(midPixel / midSide) + midStep * (y - Math.floor(pixel / side)),
      (midPixel % midSide) + midStep * (x - (pixel % side)),
    ]
    drawKernels(panel, { y, x, at, out, work: panel.work, reach, pixel, fresh, now })
  }
  if (isNew) {
    self.slider.value = self.pixel + 1
    const place = { pixel: pixel + 1, pixels: self.pixels, channel: out + 1 }
    // the slider and the counts stay at the player's own pixel
    const words = self.hovered ? self.words.pointed : self.words.step
    self.place.textContent = self.wasUsed ? fill(words, place) : self.words.hint
    Object.assign(self.root.dataset, { pixel, out, slice, progress: self.pixel })
  }
  self.lastDrawn = { key, moving }
}

/** Shows what the page has sent. Most runs of the page bring the same numbers: then nothing is computed or drawn. */
function update(self) {
  const { picture, words } = self.data
  const wordsText = JSON.stringify(words)
  const theme = getComputedStyle(self.root).getPropertyValue("--st-background-color")
  // the sums contain the names of the activations, by which a change of the language shows
  const needsLoad = self.picture !== picture || self.words.gates.none !== words.gates.none
  if (needsLoad) load(self, self.data)
  if (needsLoad || self.wordsText !== wordsText) {
    self.words = words
    setTexts(self)
  }
  if (needsLoad || self.theme !== theme) redraw(self)
  Object.assign(self, { picture, wordsText, theme })
}

const whenIdle = (work) => (window.requestIdleCallback ? requestIdleCallback(work, { timeout: 1000 }) : setTimeout(work, 200))

export default function ({ data, parentElement }) {
  if (!instances.has(parentElement)) {
    const created = create(parentElement.querySelector(".moving"))
    instances.set(parentElement, created)
    created.words = data.words
    setColours(created.root, created.panels)
    setTexts(created)
  }
  const self = instances.get(parentElement)
  self.data = data
  self.stepStart = performance.now() + QUIET_MS
  // the frame is there at once; the page's figures and chart come before what moves in it
  if (!self.isUpdateDue) {
    self.isUpdateDue = true
    whenIdle(() => {
      self.isUpdateDue = false
      if (instances.get(parentElement) === self) update(self) // else it was removed in the meantime
    })
  }
  return () => {
    cancelAnimationFrame(self.frame)
    clearTimeout(self.timer)
    self.resizes.disconnect()
    self.visibility.disconnect()
    document.removeEventListener("visibilitychange", self.onVisibilityChange)
    instances.delete(parentElement)
  }
}

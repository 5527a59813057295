// Asks for a prediction, on a logarithmic scale, as an interval or among choices; afterwards the same scale shows it
// beside the answer. What is sent back is the text of an option.

import { button, element, prefersReducedMotion } from "../common/dom.js"

const TEXT_SHARE = 0.32 // of a narrow scale, what a text takes: two that are closer have their ends at their places

/** The scale's line with its ticks; at: from a number to its place, 0 to 1. */
function createAxis(data, at, className) {
  const axis = element("div", className)
  axis.append(element("div", "line"))
  for (const tick of data.ticks) {
    const node = element("span", "tick", tick.text)
    node.style.left = `${100 * at(tick.value)}%`
    axis.append(node)
  }
  return axis
}

function createThumb(words) {
  const thumb = element("div", "thumb unset")
  thumb.append(element("span", "bubble", words))
  return thumb
}

function createRange(count, start, label) {
  const input = element("input")
  input.type = "range"
  Object.assign(input, { min: 0, max: count - 1, step: 1, value: start })
  input.setAttribute("aria-label", label)
  return input
}

/** One number: a click or the end of a drag is the prediction; by the keyboard it is Enter. */
function askNumber(data, send) {
  const { options } = data
  const place = (index) => index / (options.length - 1)
  const axis = createAxis(data, data.at, "axis")
  const own = options.findIndex((option) => option.text === data.guess?.text)
  const input = createRange(options.length, own < 0 ? Math.round((options.length - 1) / 2) : own, data.label)
  const thumb = createThumb(data.words.start)
  if (own >= 0) thumb.classList.remove("unset")
  const show = () => {
    const option = options[input.value]
    thumb.style.left = `${100 * place(input.value)}%`
    input.setAttribute("aria-valuetext", option.label)
    if (!thumb.classList.contains("unset")) thumb.firstChild.textContent = option.label
  }
  let byPointer = false
  const touch = () => {
    thumb.classList.remove("unset")
    show()
  }
  input.addEventListener("pointerdown", () => (byPointer = true))
  input.addEventListener("input", touch)
  input.addEventListener("pointercancel", () => (byPointer = false))
  input.addEventListener("pointerup", () => {
    if (!byPointer) return
    byPointer = false
    touch()
    send(options[input.value].text)
  })
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") send(options[input.value].text)
    else if (event.key.startsWith("Arrow")) byPointer = false
  })
  show()
  axis.append(input, thumb)
  return [axis]
}

/** Two ends of an interval, and a button: only the person knows when both are right. */
function askInterval(data, send) {
  const { options } = data
  const axis = createAxis(data, data.at, "axis pair")
  const middle = (options.length - 1) / 2
  const ends = data.guess?.text.split(":").map((end) => options.findIndex((option) => option.text === end))
  const inputs = (ends || [middle - 3, middle + 3]).map((start, i) => createRange(options.length, start, data.labels[i]))
  const between = element("div", "between")
  const thumbs = inputs.map(() => createThumb(""))
  const show = () => {
    const places = inputs.map((input) => (100 * input.value) / (options.length - 1))
    between.style.left = `${places[0]}%`
    between.style.width = `${places[1] - places[0]}%`
    inputs.forEach((input, i) => {
      const option = options[input.value]
      thumbs[i].className = "thumb"
      thumbs[i].style.left = `${places[i]}%`
      thumbs[i].firstChild.textContent = option.label
      input.setAttribute("aria-valuetext", option.label)
    })
  }
  inputs[0].addEventListener("input", () => {
    inputs[0].value = Math.min(inputs[0].value, inputs[1].value - 1)
    show()
  })
  inputs[1].addEventListener("input", () => {
    inputs[1].value = Math.max(inputs[1].value, Number(inputs[0].value) + 1)
    show()
  })
  show()
  axis.append(between)
  inputs.forEach((input, i) => axis.append(input, thumbs[i]))
  const done = button("", data.words.done, () => send(inputs.map((input) => options[input.value].text).join(":")))
  return [axis, done]
}

function askChoice(data, send) {
  const row = element("div", "choices")
  const buttons = data.options.map((option) => button("", option.label, () => press(option.text)))
  const mark = (text) =>
    buttons.forEach((node, i) => node.setAttribute("aria-pressed", String(data.options[i].text === text)))
  const press = (text) => {
    mark(text)
    send(text)
  }
  if (data.guess) mark(data.guess.text)
  row.append(...buttons)
  return [row]
}

/** anchor: which end of the text stands over its place, "start", "end", or "" for its middle. */
function createMark(className, place, text, below, anchor = "") {
  // at the ends of the scale the text would leave the page
  const node = element("span", `mark ${className} ${place < 0.12 ? "start" : place > 0.88 ? "end" : anchor}`, text)
  node.style.left = `${100 * Math.max(0, Math.min(1, place))}%`
  if (below) node.append(element("small", "", below))
  return node
}

/** The scale with the prediction below and the answers above it. */
function tell(data) {
  if (data.kind === "choice") {
    const row = element("div", "choices")
    for (const option of data.options) {
      const right = option.text === data.answers[0].text
      const own = option.text === data.guess?.text
      const node = element("span", `choice${right ? " right" : ""}${own ? " own" : ""}`, option.label)
      if (own) node.append(element("small", "", data.words.own))
      row.append(node)
    }
    return [row]
  }
  const axis = createAxis(data, data.at, "axis told")
  const places = data.answers.map((answer) => data.at(answer.value))
  const areClose = places.length === 2 && Math.abs(places[1] - places[0]) < TEXT_SHARE
  data.answers.forEach((answer, i) => {
    const anchor = !areClose ? "" : places[i] === Math.min(...places) ? "end" : "start"
    axis.append(createMark("answer", places[i], answer.text, answer.name, anchor))
  })
  if (data.guess) axis.append(createMark("own", data.at(data.guess.value), `${data.words.own}: ${data.guess.label}`))
  if (!prefersReducedMotion()) {
    for (const mark of axis.querySelectorAll(".answer")) {
      mark.animate([{ opacity: 0, translate: "0 -18px" }, { opacity: 1, translate: "0 0" }], { duration: 450, easing: "ease-out" })
    }
  }
  return [axis]
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".guess")
  // a prediction that may still be changed comes back as it was sent
  const version = JSON.stringify(data.answers ? data : { ...data, guess: null })
  if (root.version === version) return // a run of the page must not take a thumb out of a hand
  root.version = version
  const [low, high] = data.ends || [1, 10]
  const log = data.kind === "number"
  const at = log
    ? (value) => Math.log(value / low) / Math.log(high / low)
    : (value) => (value - low) / (high - low)
  const send = (text) => setTriggerValue("guess", text)
  const make = data.answers ? tell : { number: askNumber, interval: askInterval, choice: askChoice }[data.kind]
  root.setAttribute("aria-label", data.label)
  root.replaceChildren(...make({ ...data, at }, send))
}

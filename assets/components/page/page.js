// Keeps the address equal to the page's state, so that a copied link always leads to what is shown, brings the part that
// a link promises into sight, agrees with the server on who the person is, and reports a Streamlit slider's value while
// it is dragged: Streamlit itself does so only when it is released. What the labels explain, how the keys reach a
// chart's tools, what is read out and the key for a projector are here too, once for the page.

import { widgetKey } from "../common/sliders.js"
import { watchHelp } from "./help.js"
import { openAt, watchPerson } from "./opening.js"
import { agreeOnPerson } from "./person.js"
import { markTools, watchTools } from "./tools.js"

const instances = new WeakMap()

/**
 * Reports each new text of a slider under the pointer. A report is numbered and the next one is sent when the page's run
 * has returned that number, so that reports never queue up; what comes in between replaces what waits (next).
 */
function watchDrags() {
  const self = { drag: null, waiting: 0, sequence: 0, next: null, timer: 0, send: () => {} }

  const report = () => {
    if (self.waiting || !self.next) return
    self.sequence += 1
    self.waiting = self.sequence
    self.send("drag", { ...self.next, sequence: self.sequence })
    self.next = null
    clearTimeout(self.timer)
    self.timer = setTimeout(() => self.answered(self.waiting), 1000) // a lost answer must not end the reports
  }
  self.answered = (sequence) => {
    if (sequence !== self.waiting) return
    self.waiting = 0
    report()
  }

  const onMove = () => {
    const value = self.drag.input.getAttribute("aria-valuetext")
    if (value === self.drag.last) return
    self.drag.last = value
    self.next = { key: self.drag.key, start: self.drag.start, value }
    report()
  }
  const observer = new MutationObserver(onMove)

  const onDown = (event) => {
    const slider = event.target.closest?.(".stSlider")
    const input = slider?.querySelector("input[type=range]")
    const key = slider && widgetKey(slider)
    if (!input || !key) return
    const start = input.getAttribute("aria-valuetext")
    self.drag = { input, key, start, last: start }
    observer.observe(input, { attributes: true, attributeFilter: ["aria-valuetext"] })
  }
  const onUp = () => {
    if (!self.drag) return
    observer.disconnect()
    // Streamlit reports the value itself now, unless the thumb returned to where it started
    if (self.drag.last !== self.drag.start) self.next = null
    self.drag = null
  }

  document.addEventListener("pointerdown", onDown, true)
  document.addEventListener("pointerup", onUp, true)
  document.addEventListener("pointercancel", onUp, true)
  self.stop = () => {
    observer.disconnect()
    clearTimeout(self.timer)
    document.removeEventListener("pointerdown", onDown, true)
    document.removeEventListener("pointerup", onUp, true)
    document.removeEventListener("pointercancel", onUp, true)
  }
  return self
}

/**
 * Replaces the history entry: going back leaves the page, as it does with Streamlit's own widgets. Not where a person
 * has gone back or forward since the run began (entry): its address would take the place of another step's.
 */
function writeAddress(keys, values, entry) {
  const address = new URL(location.href)
  if (entry && address.searchParams.get(entry.key) !== entry.value) return
  for (const key of keys) address.searchParams.delete(key)
  for (const [key, value] of Object.entries(values)) address.searchParams.set(key, value)
  if (address.href !== location.href) history.replaceState(history.state, "", address)
}

let session = null // of the server, that this document last had

/**
 * Whether the server has begun a new session for this document: it was restarted, or the connection was gone for longer
 * than it keeps a session. Streamlit then asks with the address that the document was loaded with, so the page that
 * comes has forgotten what the address has held since, such as a run.
 */
function hasLostSession(id) {
  const lost = session !== null && session !== id
  session = id
  return lost
}

/** P asks for the page as a projector shows it, or as ever again. Returns what ends this. */
function watchScreenKey(ask) {
  const onKey = (event) => {
    if (event.key.toLowerCase() !== "p" || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
    const node = event.composedPath()[0]
    if (node.isContentEditable || node.matches?.("textarea, select, input:not([type=range])")) return
    ask()
  }
  document.addEventListener("keydown", onKey)
  return () => document.removeEventListener("keydown", onKey)
}

/** The sentence that a page's numbers are in is read out when it changes; as text it has no marks of Markdown. */
function markResults() {
  for (const node of document.querySelectorAll(".st-key-lead, .st-key-verdict")) {
    if (node.getAttribute("aria-live")) continue
    node.setAttribute("aria-live", "polite")
    node.setAttribute("aria-atomic", "true")
  }
}

/** What watches the whole page, whichever run of it sends data. */
function watchPage(parentElement) {
  const self = { drags: watchDrags(), help: watchHelp(parentElement), endTools: watchTools(), send: () => {} }
  self.endScreenKey = watchScreenKey(() => self.send("screen", true))
  // what is drawn later, such as a chart, an opened popover: seen when it comes
  self.drawn = new MutationObserver(() => {
    self.help.mark()
    markTools()
    markResults()
  })
  self.drawn.observe(document.body, { childList: true, subtree: true })
  self.stop = () => {
    self.drawn.disconnect()
    self.drags.stop()
    self.help.stop()
    self.endTools()
    self.endScreenKey()
  }
  return self
}

export default function ({ data, parentElement, setTriggerValue }) {
  if (hasLostSession(data.session)) {
    location.reload() // the address as it stands is right
    return undefined
  }
  document.documentElement.lang = data.language
  // code that is wider than its box is scrolled with the keyboard too
  for (const code of document.querySelectorAll(".stCode pre")) code.tabIndex = 0
  writeAddress(data.keys, data.values, data.entry)
  watchPerson()
  if (data.open_at) openAt(data.open_at)
  agreeOnPerson(data.person, (secret) => setTriggerValue("person", secret))
  if (!instances.has(parentElement)) instances.set(parentElement, watchPage(parentElement))
  const self = instances.get(parentElement)
  self.drags.send = self.send = setTriggerValue
  self.drags.answered(data.sequence)
  self.help.texts = data.help
  self.help.mark()
  markTools()
  markResults()
  return () => {
    self.stop()
    instances.delete(parentElement)
  }
}

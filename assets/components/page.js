// What a page does beside showing: it keeps the address bar equal to its state, so that a copied link is always the
// page that is seen, and it follows a Streamlit slider while it is dragged, which Streamlit commits on release only.

const instances = new WeakMap()

/** Watches the sliders' own range inputs and reports each new text, one report in flight at a time. */
function watch() {
  const self = { drag: null, waiting: 0, sequence: 0, next: null, timer: 0, send: () => {} }

  const report = () => {
    if (self.waiting || !self.next) return
    self.sequence += 1
    self.waiting = self.sequence
    self.send("drag", { ...self.next, sequence: self.sequence })
    self.next = null
    clearTimeout(self.timer)
    self.timer = setTimeout(() => self.answered(self.waiting), 1000) // a lost answer must not end the following
  }
  self.answered = (sequence) => {
    if (sequence !== self.waiting) return
    self.waiting = 0
    report()
  }

  const moved = () => {
    const value = self.drag.input.getAttribute("aria-valuetext")
    if (value === self.drag.last) return
    self.drag.last = value
    self.next = { key: self.drag.key, start: self.drag.start, value }
    report()
  }
  const observer = new MutationObserver(moved)

  const down = (event) => {
    const slider = event.target.closest?.(".stSlider")
    const input = slider?.querySelector("input[type=range]")
    const key = slider?.closest("[class*=st-key-]")?.className.match(/st-key-([\w-]+)/)?.[1]
    if (!input || !key) return
    const start = input.getAttribute("aria-valuetext")
    self.drag = { input, key, start, last: start }
    observer.observe(input, { attributes: true, attributeFilter: ["aria-valuetext"] })
  }
  const up = () => {
    if (!self.drag) return
    observer.disconnect()
    // Streamlit reports the value itself now, unless the thumb came back to where it started
    if (self.drag.last !== self.drag.start) self.next = null
    self.drag = null
  }

  document.addEventListener("pointerdown", down, true)
  document.addEventListener("pointerup", up, true)
  document.addEventListener("pointercancel", up, true)
  self.stop = () => {
    observer.disconnect()
    clearTimeout(self.timer)
    document.removeEventListener("pointerdown", down, true)
    document.removeEventListener("pointerup", up, true)
    document.removeEventListener("pointercancel", up, true)
  }
  return self
}

/** A control never makes a history entry: going back leaves the page, as it does with Streamlit's own widgets. */
function writeAddress(keys, values) {
  const address = new URL(location.href)
  for (const key of keys) address.searchParams.delete(key)
  for (const [key, value] of Object.entries(values)) address.searchParams.set(key, value)
  if (address.href !== location.href) history.replaceState(history.state, "", address)
}

export default function ({ data, parentElement, setTriggerValue }) {
  writeAddress(data.keys, data.values)
  if (!instances.has(parentElement)) instances.set(parentElement, watch())
  const self = instances.get(parentElement)
  self.send = setTriggerValue
  self.answered(data.sequence)
  return () => {
    self.stop()
    instances.delete(parentElement)
  }
}

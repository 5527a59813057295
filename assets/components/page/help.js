// What a control's label explains: a note that comes where the label is pointed at or touched, or where the keys have
// brought the focus to the control. The label itself is the place, so that no icon stands beside it and no key is pressed
// to pass one. A screen reader hears the text as the control's description.

import { element } from "../common/dom.js"

const POINTED_MS = 250 // before that the pointer was only passing
const FOCUSED_MS = 900 // who goes on with the keys is not held up
const LEFT_MS = 200 // time to go from the label to the note
const STYLE = [
  "position: fixed; inset: auto; margin: 0; box-sizing: border-box; max-width: min(22rem, calc(100vw - 24px))",
  "padding: .5rem .75rem; border: 1px solid var(--st-border-color); border-radius: 8px",
  "background: var(--st-background-color); color: var(--st-text-color); font: 400 .875rem/1.45 var(--st-font)",
  "box-shadow: 0 4px 16px rgb(0 0 0 / .18); word-break: keep-all; overflow-wrap: anywhere",
].join(";")

const controlOf = (node, texts) => {
  const host = node.closest?.("[class*=st-key-]")
  const key = host?.className.match(/st-key-([\w-]+)/)?.[1]
  return key && texts[key] ? { host, text: texts[key] } : null
}

/** Shows the texts of `self.texts`, by the controls' keys, from now on; parent: where the note belongs. */
export function watchHelp(parent) {
  const self = { texts: {}, frame: 0, timer: 0 }
  const note = element("div")
  note.setAttribute("role", "tooltip")
  note.popover = "manual"
  note.style.cssText = STYLE
  parent.append(note)

  const hide = () => {
    clearTimeout(self.timer)
    if (note.matches(":popover-open")) note.hidePopover()
  }
  const show = ({ host, text }) => {
    clearTimeout(self.timer)
    const label = host.querySelector("[data-testid=stWidgetLabel]")
    if (!label?.isConnected) return
    note.textContent = text
    note.showPopover()
    const box = (label.getBoundingClientRect().width > 2 ? label : host).getBoundingClientRect()
    const { width, height } = note.getBoundingClientRect()
    note.style.left = `${Math.max(12, Math.min(box.left, innerWidth - width - 12))}px`
    // above the label: below it is the control
    note.style.top = `${box.top - height - 6 > 4 ? box.top - height - 6 : box.bottom + 44}px`
  }
  const later = (control, wait) => {
    clearTimeout(self.timer)
    self.timer = setTimeout(() => show(control), wait)
  }
  const labelled = (event) => (event.target.closest?.("[data-testid=stWidgetLabel]") ? controlOf(event.target, self.texts) : null)

  const on = {
    pointerover: (event) => {
      const control = event.pointerType === "mouse" && labelled(event)
      if (control) later(control, POINTED_MS)
      else if (note.contains(event.composedPath()[0])) clearTimeout(self.timer)
    },
    pointerout: (event) => {
      if (event.pointerType !== "mouse") return
      if (!labelled(event) && !note.contains(event.composedPath()[0])) return
      clearTimeout(self.timer)
      self.timer = setTimeout(hide, LEFT_MS)
    },
    click: (event) => {
      const control = labelled(event)
      if (control) show(control)
      else if (!note.contains(event.composedPath()[0])) hide()
    },
    focusin: (event) => {
      const control = controlOf(event.target, self.texts)
      if (control && event.target.matches(":focus-visible")) later(control, FOCUSED_MS)
      else hide()
    },
    focusout: hide,
    keydown: hide,
    // the page's own scrolling; a focused input scrolls the little box that hides it
    scroll: (event) => event.target.matches?.(".stMain") && hide(),
  }
  for (const [type, act] of Object.entries(on)) document.addEventListener(type, act, true)

  /** Gives what has been drawn since its description, and marks its label as one that explains. */
  const mark = () => {
    self.frame = 0
    for (const [key, text] of Object.entries(self.texts)) {
      const host = document.querySelector(`.st-key-${key}`)
      const label = host?.querySelector("[data-testid=stWidgetLabel]")
      if (label && !label.dataset.help) label.dataset.help = "true"
      for (const node of host?.querySelectorAll("input[type=range], [role=radiogroup]") ?? []) {
        if (node.getAttribute("aria-description") !== text) node.setAttribute("aria-description", text)
      }
    }
  }
  self.mark = () => {
    if (!self.frame) self.frame = requestAnimationFrame(mark)
  }
  self.stop = () => {
    hide()
    cancelAnimationFrame(self.frame)
    for (const [type, act] of Object.entries(on)) document.removeEventListener(type, act, true)
    note.remove()
  }
  return self
}

// Terms in the page's prose: a link to #term-… opens a card with the term's meaning beside the word, and leads nowhere.
// A mouse that rests on the word opens it too, until it leaves word and card; a click keeps it open.

import { button, element } from "../common/dom.js"
import { colourLayerKinds } from "../common/palette.js"

const PREFIX = "#term-"
const REST_MS = 350 // that a mouse rests on a word before its card opens
const LEAVE_MS = 250 // to get from the word to its card
const GAP = 8 // between the word and the card, and between the card and the window's edge

const isSheet = () => matchMedia("(max-width: 600px)").matches // as in the style sheet

const instances = new WeakMap()

/** The term's link that an event happened in, also inside a component. */
function wordOf(event) {
  return event.composedPath().find((node) => node.matches?.(`a[href^="${PREFIX}"]`))
}

/** The line of a word, which may be broken over two, that lies under the pointer; the first for a key press. */
function lineOf(word, { clientX, clientY }) {
  const lines = [...word.getClientRects()]
  const under = lines.findIndex(({ left, right, top, bottom }) =>
    clientX >= left && clientX <= right && clientY >= top && clientY <= bottom)
  return Math.max(0, under)
}

/** The nodes of a card for a term; `close` is what its button does. */
function contents(term, data, close) {
  const title = element("h2", "", term.name)
  title.id = "term-title"
  const other = element("p", "", term.other)
  other.lang = data.other_language
  const names = element("hgroup")
  names.append(title, other)
  const cross = button("", "×", close)
  cross.setAttribute("aria-label", data.close)
  const head = element("header")
  head.append(names, cross)
  const text = element("p", "text", term.text)
  text.id = "term-text"
  const nodes = [head, text]
  if (term.drawing) {
    const drawing = element("div")
    drawing.innerHTML = term.drawing
    nodes.push(drawing)
  }
  return nodes
}

/** Opens and closes the one card of a page; `self.data` is what the page last sent. */
function watchTerms(card) {
  const self = { data: null }
  let word = null // whose card is open
  let line = 0 // of the word, that the card stands beside
  let isKept = false // by a click, until it is closed
  let timer = 0
  let at = [] // where the mouse was last

  const place = () => {
    const box = word?.getClientRects()[line] ?? word?.getClientRects()[0]
    if (!box) return close() // the page was drawn anew without it
    const { offsetWidth: width, offsetHeight: height } = card
    const below = innerHeight - box.bottom - GAP >= height + GAP || box.top - 2 * GAP < height
    const top = below ? Math.min(box.bottom + GAP, innerHeight - height - GAP) : box.top - GAP - height
    card.style.left = `${Math.max(GAP, Math.min(box.left, innerWidth - width - GAP))}px`
    card.style.top = `${Math.max(GAP, top)}px`
  }

  const open = (link, event, keep) => {
    const term = self.data.terms[link.getAttribute("href").slice(PREFIX.length)]
    if (!term) return
    close()
    word = link
    isKept = keep
    line = lineOf(link, event)
    word.setAttribute("aria-expanded", "true")
    card.replaceChildren(...contents(term, self.data, close))
    colourLayerKinds(card)
    card.showPopover()
    card.scrollTop = 0
    place()
    if (!word) return // the page was drawn anew without it while the mouse rested on it
    // on a phone the card is a sheet, which must not lie over the word
    if (word.getClientRects()[line].bottom > card.getBoundingClientRect().top && isSheet()) word.scrollIntoView()
    if (keep) card.focus({ preventScroll: true })
  }

  const close = () => {
    clearTimeout(timer)
    if (!word) return
    const link = word
    word = null
    link.removeAttribute("aria-expanded")
    card.hidePopover()
    if (isKept) link.focus({ preventScroll: true })
  }
  self.close = close

  const onClick = (event) => {
    const link = wordOf(event)
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return
    event.preventDefault()
    event.stopPropagation()
    clearTimeout(timer)
    if (link === word && isKept) close()
    else open(link, event, true)
  }
  const onMove = ({ clientX, clientY }) => (at = [clientX, clientY])
  const onOver = (event) => {
    if (event.pointerType !== "mouse" || isKept && word) return
    if (event.clientX === at[0] && event.clientY === at[1]) return // the page has moved under a mouse that rests
    clearTimeout(timer)
    const link = wordOf(event)
    if (link && link !== word) timer = setTimeout(() => open(link, event, false), REST_MS)
    else if (!link && word && !event.composedPath().includes(card)) timer = setTimeout(close, LEAVE_MS)
  }
  const onDown = (event) => {
    if (wordOf(event)) return clearTimeout(timer) // a click is under way
    if (!word || event.composedPath().includes(card)) return
    const link = word
    close()
    // a control that is pressed gets the focus after this event; the page around the word must not
    setTimeout(() => { if (document.activeElement.contains(link)) link.focus({ preventScroll: true }) })
  }
  const onKey = (event) => {
    if (!word) return
    if (event.key === "Escape") {
      event.preventDefault()
      event.stopPropagation()
      close()
    } else if (event.key === "Tab" && event.composedPath().includes(card)) {
      // the card comes after its word: back leads to the word, and on from its only button to what follows the word
      const inside = card.getRootNode().activeElement
      if (event.shiftKey === (inside === card)) {
        if (event.shiftKey) event.preventDefault()
        close()
      }
    }
  }
  const onFocus = (event) => wordOf(event)?.setAttribute("aria-haspopup", "dialog")
  const listeners = [
    ["click", onClick], ["pointerover", onOver], ["pointermove", onMove], ["pointerdown", onDown],
    ["keydown", onKey], ["focusin", onFocus], ["scroll", () => word && place()],
  ]
  for (const [name, listener] of listeners) document.addEventListener(name, listener, true)
  const onResize = () => word && place()
  addEventListener("resize", onResize)
  self.stop = () => {
    for (const [name, listener] of listeners) document.removeEventListener(name, listener, true)
    removeEventListener("resize", onResize)
  }
  return self
}

export default function ({ data, parentElement }) {
  if (!instances.has(parentElement)) instances.set(parentElement, watchTerms(parentElement.querySelector(".term")))
  const self = instances.get(parentElement)
  if (self.data && self.data.language !== data.language) self.close()
  self.data = data
  return () => {
    self.stop()
    instances.delete(parentElement)
  }
}

// Copies a link, or the page's address.

import { element } from "../common/dom.js"

async function copy(text) {
  if (navigator.clipboard?.writeText) return navigator.clipboard.writeText(text)
  // on plain http, as a classroom's server is reached, browsers offer no clipboard
  const area = element("textarea")
  area.value = text
  document.body.append(area)
  area.select()
  document.execCommand("copy")
  area.remove()
}

/** The page's address without what is one person's: their seat in a class's room, or a teacher's key. */
function ownAddress() {
  const address = new URL(window.location.href)
  for (const key of ["room", "seat", "key"]) address.searchParams.delete(key)
  return address.href
}

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button")
  button.textContent = data.label
  button.onclick = async () => {
    await copy(data.link || ownAddress())
    button.textContent = data.done
    setTimeout(() => { button.textContent = data.label }, 1600)
  }
}

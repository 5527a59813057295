// Copies the page's address.

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

export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button")
  button.textContent = data.label
  button.onclick = async () => {
    await copy(window.location.href)
    button.textContent = data.done
    setTimeout(() => { button.textContent = data.label }, 1600)
  }
}

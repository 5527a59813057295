// Copies the page's address. On plain http (a classroom server) the clipboard API is missing, hence the second way.

async function copy(text) {
  if (navigator.clipboard?.writeText) return navigator.clipboard.writeText(text)
  const area = document.createElement("textarea")
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

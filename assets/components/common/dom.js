// What every component makes nodes with, and what several ask of the browser.

const SVG = "http://www.w3.org/2000/svg"

export function element(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

export function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  if (text !== undefined) node.textContent = text
  return node
}

/** A button that submits nothing. */
export function button(className, text, onClick) {
  const node = element("button", className, text)
  node.type = "button"
  if (onClick) node.addEventListener("click", onClick)
  return node
}

/** Sets a node's text; what it holds already is left alone, so that no screen reader says it again. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text
}

export const prefersReducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches

// What several components draw with; put before each of them that needs it.

const SVG = "http://www.w3.org/2000/svg"

function element(tag, className, text) {
  const node = document.createElement(tag)
  if (className) node.className = className
  if (text !== undefined) node.textContent = text
  return node
}

function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
  if (text !== undefined) node.textContent = text
  return node
}

/** Calls `show(figures)` for a slider's next value as soon as its text changes; the page's own run confirms them. */
function showAhead(ahead, show) {
  const observer = new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (!target.matches(":focus")) continue // moved by the page, whose figures come with the move
      const steps = ahead[target.closest("[class*=st-key-]")?.className.match(/st-key-([\w-]+)/)?.[1]]
      const figures = steps?.[target.getAttribute("aria-valuetext")]
      if (figures) show(figures)
    }
  })
  // the sliders may be drawn after this: the whole page is watched for the one attribute
  observer.observe(document.body, { attributes: true, attributeFilter: ["aria-valuetext"], subtree: true })
  return observer
}

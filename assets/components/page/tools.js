// The tools of a chart, which plotly shows while the pointer is over it: for the keys they are one stop of Tab, from
// which the arrows lead to the others, as in any toolbar.

const TOOL = ".modebar-btn"

const toolsOf = (bar) => [...bar.querySelectorAll(TOOL)]

/** Leaves one tool of each toolbar to the Tab key. */
export function markTools() {
  for (const bar of document.querySelectorAll(".modebar")) {
    const tools = toolsOf(bar)
    if (tools.some((tool) => tool.getAttribute("tabindex") === "0")) continue
    tools.forEach((tool, i) => tool.setAttribute("tabindex", i ? "-1" : "0"))
  }
}

/** Arrow keys go from tool to tool. Returns what ends this. */
export function watchTools() {
  const onKey = (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    const bar = move && event.target.matches?.(TOOL) && event.target.closest(".modebar")
    if (!bar) return
    const tools = toolsOf(bar)
    const next = tools[(tools.indexOf(event.target) + move + tools.length) % tools.length]
    event.target.setAttribute("tabindex", "-1")
    next.setAttribute("tabindex", "0")
    next.focus()
    event.preventDefault()
    event.stopPropagation()
  }
  document.addEventListener("keydown", onKey, true)
  return () => document.removeEventListener("keydown", onKey, true)
}

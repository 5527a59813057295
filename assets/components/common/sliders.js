// Streamlit's sliders, which report a value to the server only when they are released.

/** The key of the widget that a node belongs to. */
export const widgetKey = (node) => node.closest("[class*=st-key-]")?.className.match(/st-key-([\w-]+)/)?.[1]

/**
 * Calls `onMove(key, text)` as soon as the text of the slider that a person moves changes, before the page's own run.
 * Returns the observer, to be disconnected.
 */
export function watchSliders(onMove) {
  const observer = new MutationObserver((changes) => {
    for (const { target } of changes) {
      // without the focus it was moved by the page, which brings the figures along
      if (target.matches("input[type=range]:focus")) onMove(widgetKey(target), target.getAttribute("aria-valuetext"))
    }
  })
  // the sliders may be drawn after this, or anew: the whole page is watched for the one attribute
  observer.observe(document.body, { attributes: true, attributeFilter: ["aria-valuetext"], subtree: true })
  return observer
}

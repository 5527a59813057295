// Opens a page where its link promises: the part that the link selects is brought into the first screen, and kept there
// while what stands above it is still being drawn. Whoever scrolls, presses a key or clicks is left where they are.

const SETTLED_MS = 2500 // what is drawn later than this moves nothing any more
const LOWEST_START = 0.4 // of the screen's height: a part that begins above this is in sight
const LEAST_VISIBLE = 300 // of its pixels

let lastTouched = null // the path of the page that the person last did something on
let watching = false
let stop = () => {}

/** Notes what the person does from now on, and whether they did something on this page before. */
export function watchPerson() {
  if (watching) return
  watching = true
  const note = () => {
    lastTouched = location.pathname
    stop()
  }
  // what they did before this script was here is seen by what it left behind
  if (document.querySelector(".stMain").scrollTop || document.activeElement !== document.body) note()
  for (const type of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    document.addEventListener(type, note, { capture: true, passive: true })
  }
}

function isInSight(part) {
  const { top, bottom, height } = part.getBoundingClientRect()
  const visible = Math.min(bottom, innerHeight) - top
  return top >= 0 && top <= LOWEST_START * innerHeight && visible >= Math.min(LEAST_VISIBLE, height)
}

/** key: of the part's container, whose scroll-margin-top says how much of what stands above it stays in sight. */
export function openAt(key) {
  stop()
  if (lastTouched === location.pathname) return
  let moved = false
  const align = () => {
    const part = document.querySelector(`.st-key-${key}`)
    if (!part || (!moved && isInSight(part))) return
    moved = true
    // without an animation: the person has seen nothing yet from which it could lead
    part.scrollIntoView({ block: "start", behavior: "instant" })
  }
  const observer = new ResizeObserver(align)
  const timer = setTimeout(() => stop(), SETTLED_MS)
  stop = () => {
    observer.disconnect()
    clearTimeout(timer)
    stop = () => {}
  }
  observer.observe(document.querySelector(".stMainBlockContainer"))
}

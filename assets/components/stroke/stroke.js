// A square to draw in with mouse, finger or pen; the stroke is sent as points from 0 to 1 when it ends.

const strokes = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const canvas = parentElement.querySelector("canvas")
  canvas.ariaLabel = data.label
  const clearButton = parentElement.querySelector("button")
  clearButton.textContent = data.clear
  if (strokes.has(parentElement)) return
  strokes.set(parentElement, [])
  const pen = canvas.getContext("2d")
  const clear = () => {
    strokes.set(parentElement, [])
    pen.fillStyle = "#000"
    pen.fillRect(0, 0, canvas.width, canvas.height)
  }
  clear()
  clearButton.onclick = clear
  const pointOf = (event) => {
    const box = canvas.getBoundingClientRect()
    const part = (value, low, size) => Math.min(1, Math.max(0, (value - low) / size))
    return [part(event.clientX, box.left, box.width), part(event.clientY, box.top, box.height)]
  }
  let last = null
  canvas.onpointerdown = (event) => {
    clear()
    canvas.setPointerCapture(event.pointerId)
    last = pointOf(event)
    strokes.get(parentElement).push(last)
  }
  canvas.onpointermove = (event) => {
    if (!last || strokes.get(parentElement).length >= data.most) return
    const next = pointOf(event)
    pen.strokeStyle = "#fff"
    pen.lineCap = "round"
    pen.lineWidth = canvas.width * 0.07
    pen.beginPath()
    pen.moveTo(last[0] * canvas.width, last[1] * canvas.height)
    pen.lineTo(next[0] * canvas.width, next[1] * canvas.height)
    pen.stroke()
    strokes.get(parentElement).push(next)
    last = next
  }
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (last) setTriggerValue("drawn", strokes.get(parentElement).map(([x, y]) => [+x.toFixed(3), +y.toFixed(3)]))
    last = null
  }
  return () => strokes.delete(parentElement)
}

// What the drawings of the story share: a canvas of 640 units, texts and lines on it.

import { svg } from "../common/dom.js"

export const WIDTH = 640

/** most: the height in pixels that it may have on the page. */
export function createCanvas(height, most) {
  const canvas = svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, "aria-hidden": "true" })
  canvas.style.setProperty("--most", `${most || height}px`)
  return canvas
}

export function write(canvas, x, y, text, className = "") {
  canvas.append(svg("text", { x, y, class: className }, text))
}

export function drawRect(canvas, className, x, y, width, height, radius = 0) {
  canvas.append(svg("rect", { class: className, x, y, width, height, rx: radius }))
}

export function drawLine(canvas, className, x1, y1, x2, y2) {
  canvas.append(svg("line", { class: className, x1, y1, x2, y2 }))
}

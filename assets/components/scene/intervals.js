// Intervals of a difference on one axis, one a row, with a dot for each seed.

import { svg } from "../common/dom.js"
import { createCanvas, drawLine, write } from "./canvas.js"

const LEFT = 130
const ROW = 62

export function drawIntervals(data) {
  const height = data.rows.length * ROW + 96
  const canvas = createCanvas(height, 380)
  const [low, high] = data.ends
  const at = (value) => LEFT + ((value - low) / (high - low)) * (620 - LEFT)
  const bottom = data.rows.length * ROW + 16
  for (const tick of data.ticks) {
    drawLine(canvas, tick.value === 0 ? "zero" : "axis", at(tick.value), tick.value === 0 ? 6 : bottom - 6, at(tick.value), bottom)
    write(canvas, at(tick.value), bottom + 24, tick.text, "small middle")
  }
  drawLine(canvas, "axis", LEFT, bottom, 620, bottom)
  write(canvas, 620, bottom + 56, data.words.axis, "small end")
  data.rows.forEach((row, i) => {
    const y = 40 + i * ROW
    write(canvas, 0, y + 7, row.name, "small")
    if (!row.interval) return write(canvas, at(0) + 14, y + 8, "?", "big")
    drawLine(canvas, row.own ? "range own" : "range standard", at(Math.max(low, row.interval[0])), y, at(Math.min(high, row.interval[1])), y)
    for (const value of row.dots) canvas.append(svg("circle", { class: "dot linear", cx: at(value), cy: y - 17, r: 5 }))
  })
  return canvas
}

// Weights as areas, to scale: a square for the standard convolution, beside it what the separable one has.

import { createCanvas, drawLine, drawRect, write } from "./canvas.js"

const SIDE = 290

export function drawAreas(data) {
  const { words, kernel, told } = data
  const canvas = createCanvas(346, 420)
  drawRect(canvas, "area standard", 4, 8, SIDE, SIDE, 2)
  write(canvas, 4, 338, words.standard)
  if (!told) {
    drawRect(canvas, "unknown", 344, 8, SIDE, SIDE, 2)
    write(canvas, 344 + SIDE / 2, 8 + SIDE / 2 + 14, "?", "big middle")
    write(canvas, 344, 338, words.separable)
    return canvas
  }
  for (let line = 1; line < kernel; line += 1) {
    const at = (line * SIDE) / kernel
    drawLine(canvas, "grid standard", 4 + at, 8, 4 + at, 8 + SIDE)
    drawLine(canvas, "grid standard", 4, 8 + at, 4 + SIDE, 8 + at)
  }
  const side = SIDE * Math.sqrt(told.pointwise)
  drawRect(canvas, "full pointwise", 344, 8 + SIDE - side, side, side, 1)
  const strip = (SIDE * SIDE * told.depthwise) / side
  drawRect(canvas, "full depthwise", 344 + side + 3, 8 + SIDE - side, strip, side)
  write(canvas, 344, 8 + SIDE - side - 44, words.pointwise, "small")
  write(canvas, 344, 8 + SIDE - side - 18, words.depthwise, "small")
  write(canvas, 344, 338, words.separable)
  return canvas
}

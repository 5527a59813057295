// One output value of a convolution: the window through all channels that it is made of. With the answer below it the
// same value in two steps, a window in each channel and then a 1x1 across them, and what both cost, to scale.

import { svg } from "../common/dom.js"
import { createCanvas, drawLine, drawRect, write } from "./canvas.js"

const SHEETS = 6
const ALL = Array.from({ length: SHEETS }, (_, sheet) => sheet)
const FRONT = [0]

/** Sheets of `side` behind each other, the front one last, with `cells` x `cells` of each in `lit` coloured.
 *  Returns the coloured square of the front one and how far the last one is behind it. */
function drawSheets(canvas, x, y, side, lit, cells, kind) {
  const [size, shift] = [side / 7, side / 11]
  const first = cells === 3 ? 2 : 3
  for (let sheet = SHEETS - 1; sheet >= 0; sheet -= 1) {
    const [left, top] = [x + sheet * shift, y - sheet * shift]
    drawRect(canvas, "sheet", left, top, side, side, 3)
    if (!lit.includes(sheet)) continue
    for (let row = 0; row < cells; row += 1) {
      for (let column = 0; column < cells; column += 1) {
        drawRect(canvas, `cell ${kind}`, left + size * (first + column), top + size * (first + row), size, size)
      }
    }
  }
  return { left: x + size * first, top: y + size * first, side: size * cells, back: (SHEETS - 1) * shift }
}

/** From the corners of a window through all sheets to what is made of it. */
function drawRays(canvas, from, to) {
  const right = from.left + from.side
  const y = to.top + to.side / 2
  for (const [x, top] of [[right, from.top], [right + from.back, from.top - from.back]]) {
    drawLine(canvas, "ray", x, top, to.left, y)
    drawLine(canvas, "ray", x, top + from.side, to.left, y)
  }
}

function drawBar(canvas, y, parts, scale, text) {
  let x = 8
  for (const [kind, value] of parts) {
    drawRect(canvas, `bar ${kind}`, x, y, Math.max(value * scale, 1), 26)
    x += value * scale
  }
  if (x > 400) canvas.append(svg("text", { x: 18, y: y + 20, class: "small on" }, text))
  else write(canvas, x + 10, y + 20, text, "small")
}

export function drawWindow(data) {
  const { words, told } = data
  if (!told) {
    const canvas = createCanvas(336, 470)
    const from = drawSheets(canvas, 8, 100, 176, ALL, 3, "standard")
    drawRays(canvas, from, drawSheets(canvas, 376, 100, 176, FRONT, 1, "standard"))
    write(canvas, 8, 312, words.input)
    write(canvas, 376, 312, words.output)
    return canvas
  }
  const canvas = createCanvas(454, 500)
  const scale = 620 / told.standard
  const side = 108
  const all = drawSheets(canvas, 8, 52, side, ALL, 3, "standard")
  drawRays(canvas, all, drawSheets(canvas, 468, 52, side, FRONT, 1, "standard"))
  write(canvas, 8, 183, words.input, "small")
  write(canvas, 468, 183, words.output, "small")
  drawBar(canvas, 195, [["standard", told.standard]], scale, words.standard)
  const split = drawSheets(canvas, 8, 286, side, ALL, 3, "depthwise")
  const middle = drawSheets(canvas, 238, 286, side, ALL, 1, "depthwise")
  for (const sheet of [0, SHEETS - 1]) {
    // each channel by itself
    const step = (sheet * split.back) / (SHEETS - 1)
    const [x, y] = [split.left + split.side + step, split.top - step]
    for (const top of [y, y + split.side]) {
      drawLine(canvas, "ray", x, top, middle.left + step, middle.top + middle.side / 2 - step)
    }
  }
  drawRays(canvas, middle, drawSheets(canvas, 468, 286, side, FRONT, 1, "pointwise"))
  write(canvas, 140, 416, words.windows, "small depthwise ink")
  write(canvas, 400, 416, words.mix, "small pointwise ink")
  drawBar(canvas, 427, [["depthwise", told.depthwise], ["pointwise", told.pointwise]], scale, words.split)
  return canvas
}

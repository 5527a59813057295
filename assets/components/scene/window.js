// One output value of a convolution: the window through all channels that it is made of, and what the parts cost.

import { svg } from "../common/dom.js"
import { createCanvas, drawLine, drawRect, write } from "./canvas.js"

const SIDE = 176 // of a sheet, one channel
const SHEETS = 6
const SHIFT = 16

/** Sheets behind each other, the front one last; a window of `cells` on each in `lit`. Returns the front one's place. */
function drawSheets(canvas, x, y, lit, cells, kind) {
  const size = SIDE / 7
  for (let sheet = SHEETS - 1; sheet >= 0; sheet -= 1) {
    const [left, top] = [x + sheet * SHIFT, y - sheet * SHIFT]
    drawRect(canvas, "sheet", left, top, SIDE, SIDE, 3)
    if (!lit.includes(sheet)) continue
    for (let row = 0; row < cells; row += 1) {
      for (let column = 0; column < cells; column += 1) {
        drawRect(canvas, `cell ${kind}`, left + size * (2 + column), top + size * (2 + row), size, size)
      }
    }
  }
  return [x + size * 2, y + size * 2, size * cells]
}

export function drawWindow(data) {
  const { words, told } = data
  const canvas = createCanvas(told ? 436 : 336, 470)
  const all = Array.from({ length: SHEETS }, (_, sheet) => sheet)
  const [left, top, side] = drawSheets(canvas, 8, 100, all, 3, "standard")
  const [outLeft, outTop, outSide] = drawSheets(canvas, 376, 100, [0], 1, "linear")
  const back = (SHEETS - 1) * SHIFT
  for (const [x, y] of [[left + side, top], [left + side, top + side], [left + side + back, top - back], [left + side + back, top + side - back]]) {
    drawLine(canvas, "ray", x, y, outLeft, outTop + outSide / 2)
  }
  write(canvas, 8, 312, words.input)
  write(canvas, 376, 312, words.output)
  if (!told) return canvas
  const scale = 620 / told.standard
  let y = 342
  for (const row of [[["standard", told.standard]], [["depthwise", told.depthwise], ["pointwise", told.pointwise]]]) {
    let x = 8
    for (const [kind, value] of row) {
      drawRect(canvas, `bar ${kind}`, x, y, Math.max(value * scale, 1), 34)
      x += value * scale
    }
    if (row.length === 1) canvas.append(svg("text", { x: 20, y: y + 25, class: "on" }, words.standard))
    else write(canvas, x + 12, y + 25, words.split)
    y += 44
  }
  return canvas
}

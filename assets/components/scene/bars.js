// Bars that are divided into parts, to scale, each with its text; a bar without parts is not known yet.

import { createCanvas, drawRect, write } from "./canvas.js"

const ROW = 84

export function drawBars(data) {
  const named = data.bars.at(-1).parts?.filter((part) => part.name) ?? []
  const canvas = createCanvas(data.bars.length * ROW + 6 + 30 * Math.ceil(named.length / 2), 440)
  data.bars.forEach((bar, i) => {
    const y = i * ROW
    write(canvas, 0, y + 24, bar.name)
    if (!bar.parts) {
      drawRect(canvas, "unknown", 1, y + 34, 636, 34, 3)
      return write(canvas, 319, y + 60, "?", "big middle")
    }
    let x = 0
    for (const part of bar.parts) {
      const width = Math.max(part.share * 638, 1.5)
      drawRect(canvas, `bar ${part.kind}`, x, y + 34, width, 34, 0)
      if (part.text && width > 12.5 * part.text.length) write(canvas, x + width / 2, y + 58, part.text, "on middle")
      x += width
    }
    if (bar.text) {
      if (x < 440) write(canvas, x + 12, y + 59, bar.text)
      else write(canvas, x - 12, y + 59, bar.text, "on end")
    }
  })
  named.forEach((part, i) => {
    const [x, y] = [(i % 2) * 320, data.bars.length * ROW + 4 + 30 * Math.floor(i / 2)]
    drawRect(canvas, `bar ${part.kind}`, x, y, 18, 18, 3)
    write(canvas, x + 28, y + 16, part.name, "small")
  })
  return canvas
}

// Which channel reads which: weights of the k x k as blocks on the diagonal, and with the answer their cost to scale.

import { createCanvas, drawRect, write } from "./canvas.js"

const SIDE = 280

function drawMatrix(canvas, x, module) {
  drawRect(canvas, "frame", x, 12, SIDE, SIDE)
  const each = SIDE / module.segments
  const kind = module.one_per_channel ? "depthwise" : "spatial"
  for (let segment = 0; segment < module.segments; segment += 1) {
    drawRect(canvas, `full ${kind}`, x + segment * each, 12 + segment * each, each, each)
  }
  write(canvas, x, SIDE + 38, module.title, "small")
}

export function drawSegments(data) {
  const canvas = createCanvas(data.bars ? 436 : 326, 470)
  data.modules.forEach((module, i) => drawMatrix(canvas, 4 + i * 340, module))
  data.bars?.forEach((bar, i) => {
    let x = 4
    for (const part of bar.parts) {
      drawRect(canvas, `bar ${part.kind}`, x, 344 + i * 46, part.share * 440, 34)
      x += part.share * 440
    }
    write(canvas, x + 12, 369 + i * 46, bar.text, "small")
  })
  return canvas
}

// Which channel reads which: weights of the k x k as blocks on the diagonal, and with the answer their cost to scale.

import { svg } from "../common/dom.js"
import { createCanvas, drawRect, write } from "./canvas.js"

const SIDE = 264
const TOP = 26

function drawMatrix(canvas, x, module, words) {
  write(canvas, x, 16, `${words.across} →`, "small")
  canvas.append(svg("text", { class: "small", transform: `translate(${x - 19}, ${TOP}) rotate(90)` }, `${words.down} →`))
  drawRect(canvas, "frame", x, TOP, SIDE, SIDE)
  const each = SIDE / module.segments
  const kind = module.one_per_channel ? "depthwise" : "spatial"
  for (let segment = 0; segment < module.segments; segment += 1) {
    drawRect(canvas, `full ${kind}`, x + segment * each, TOP + segment * each, each, each)
  }
  write(canvas, x, TOP + SIDE + 24, module.title, "small")
}

export function drawSegments(data) {
  const canvas = createCanvas(data.bars ? 430 : 324, 470)
  data.modules.forEach((module, i) => drawMatrix(canvas, 26 + i * 340, module, data.words))
  data.bars?.forEach((bar, i) => {
    let x = 4
    for (const part of bar.parts) {
      const width = part.share * 440
      drawRect(canvas, `bar ${part.kind}`, x, 338 + i * 46, width, 34)
      if (width > 45) write(canvas, x + width / 2, 362 + i * 46, part.text, "small on middle")
      x += width
    }
    write(canvas, x + 12, 362 + i * 46, bar.text, "small")
  })
  return canvas
}

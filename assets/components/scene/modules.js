// The paper's Figures 2 and 3, and with the answer its Figure 4.

import { svg } from "../common/dom.js"
import { HEIGHT, drawTowers } from "../common/towers.js"
import { createCanvas, write } from "./canvas.js"

export function drawModules(data) {
  const canvas = createCanvas(HEIGHT + 66, 415)
  const gap = 30
  const width = (640 - gap * (data.modules.length - 1)) / data.modules.length
  data.modules.forEach((module, i) => {
    const group = svg("g", { class: "towers", transform: `translate(${i * (width + gap)}, 34)` })
    drawTowers(group, width, module.towers, data.channels, module.words, module.one_for_all)
    canvas.append(group)
    write(canvas, i * (width + gap) + width / 2, 20, module.title, "middle")
    if (i) write(canvas, i * (width + gap) - gap / 2, HEIGHT / 2 + 40, module.sign, "big middle")
  })
  write(canvas, 0, HEIGHT + 60, data.note, "small")
  return canvas
}

// Draws an Inception module as towers: the paper's Figures 2 to 4 in a picture of HEIGHT units.

import { svg } from "./dom.js"

export const HEIGHT = 300
export function box(picture, kind, x, y, width, height, text) {
  picture.append(svg("rect", { class: `box ${kind}`, x, y, width, height, rx: Math.min(5, width / 4) }))
  if (text && width > 6.6 * text.length) picture.append(svg("text", { x: x + width / 2, y: y + height / 2 + 4 }, text))
}

export function slab(picture, width, y, text) {
  picture.append(svg("rect", { class: "slab", x: 0, y, width, height: 22, rx: 5 }))
  picture.append(svg("text", { x: width / 2, y: y + 15 }, text))
}

export function wire(picture, x1, y1, x2, y2) {
  picture.append(svg("path", { class: "wire", d: `M${x1},${y1}L${x2},${y2}` }))
}

/** Figures 2 and 3: a 1x1 of its own for each tower, or one for all; the channels and the 3x3 are the same. */
export function drawTowers(picture, width, towers, channels, words, oneForAll) {
  const each = channels / towers
  const gap = towers > 1 ? Math.min(10, (0.22 * width) / towers) : 0
  const towerWidth = (width - gap * (towers - 1)) / towers
  const kind = each === 1 ? "depthwise" : "spatial"
  slab(picture, width, 0, words.input)
  slab(picture, width, HEIGHT - 22, words.concat)
  if (oneForAll) {
    for (const part of [0.2, 0.5, 0.8]) wire(picture, width * part, 22, width * part, 52)
    box(picture, "pointwise", 0, 52, width, 34, words.one)
  }
  for (let tower = 0; tower < towers; tower += 1) {
    const x = tower * (towerWidth + gap)
    const middle = x + towerWidth / 2
    if (!oneForAll) {
      wire(picture, middle, 22, middle, 52)
      box(picture, "pointwise", x, 52, towerWidth, 34, "1×1")
    }
    for (const [y, channelKind] of [[118, "pointwise"], [236, kind]]) {
      const side = Math.min(12, towerWidth / each - 2)
      for (let channel = 0; channel < each; channel += 1) {
        const at = x + ((channel + 0.5) * towerWidth) / each
        const [from, to] = y === 118 ? [86, 158] : [192, HEIGHT - 22]
        wire(picture, at, from, at, to)
        picture.append(svg("rect", { class: `channel ${channelKind}`, x: at - side / 2, y: y - side / 2, width: side, height: side, rx: 1.5 }))
      }
    }
    box(picture, kind, x, 158, towerWidth, 34, "3×3")
  }
}

// From the bytes of a feature map to pixels on a canvas. 128 is zero, 1 and 255 are the ends of the scale.

import { MAP_COLOURS } from "../common/palette.js"

const tables = new Map()

/** The bytes of a base64 text. */
export function decodeBytes(text) {
  const letters = atob(text)
  return Uint8Array.from({ length: letters.length }, (_, i) => letters.charCodeAt(i))
}

/** [r, g, b] of "#rrggbb", "rgb(…)" or a colour's name. */
function rgb(colour) {
  const pen = document.createElement("canvas").getContext("2d")
  pen.fillStyle = colour.trim()
  const hex = pen.fillStyle
  return hex.startsWith("#") ? [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) : hex.match(/\d+/g).map(Number)
}

/** The colour of each of the 256 bytes: the page's background at zero, so that what is far from it stands out. */
export function colourTable(node) {
  const background = getComputedStyle(node).getPropertyValue("--st-background-color") || "#ffffff"
  if (tables.has(background)) return tables.get(background)
  const zero = rgb(background)
  const isDark = zero[0] + zero[1] + zero[2] < 384
  const { minus, plus } = MAP_COLOURS[isDark ? "dark" : "light"]
  const [lowest, highest] = [rgb(minus), rgb(plus)]
  const table = new Uint8ClampedArray(256 * 4)
  for (let value = 0; value < 256; value += 1) {
    const share = Math.max(-1, (value - 128) / 127)
    const end = share < 0 ? lowest : highest
    for (let c = 0; c < 3; c += 1) table[value * 4 + c] = zero[c] + Math.abs(share) * (end[c] - zero[c])
    table[value * 4 + 3] = 255
  }
  tables.set(background, new Uint32Array(table.buffer))
  return tables.get(background)
}

/** A bar of all colours, from the negative end of the scale over zero to the positive end. */
export function drawRamp(table) {
  const canvas = document.createElement("canvas")
  canvas.className = "ramp"
  paint(canvas, Uint8Array.from({ length: 255 }, (_, i) => i + 1), 1, 255, table)
  return canvas
}

/** Paints height x width bytes on a canvas of that size. */
export function paint(canvas, bytes, height, width, table) {
  if (canvas.width !== width) canvas.width = width
  if (canvas.height !== height) canvas.height = height
  // in main memory: for a few hundred bytes the way to the graphics card takes longer than painting
  const pen = canvas.getContext("2d", { willReadFrequently: true })
  const image = new ImageData(width, height)
  const out = new Uint32Array(image.data.buffer)
  for (let i = 0; i < out.length; i += 1) out[i] = table[bytes[i]]
  pen.putImageData(image, 0, 0)
}

// Pictures of a few thousand pixels, sent as base64 of their RGB bytes.

import { element } from "../common/dom.js"

function createCanvas(picture) {
  const canvas = element("canvas")
  canvas.width = canvas.height = picture.side
  const bytes = Uint8Array.from(atob(picture.pixels), (character) => character.charCodeAt(0))
  const image = new ImageData(picture.side, picture.side)
  for (let pixel = 0; pixel < picture.side ** 2; pixel += 1) {
    image.data.set(bytes.subarray(3 * pixel, 3 * pixel + 3), 4 * pixel)
    image.data[4 * pixel + 3] = 255
  }
  canvas.getContext("2d").putImageData(image, 0, 0)
  return canvas
}

export function drawPictures(data) {
  const node = element("div", "pictures")
  for (const picture of data.pictures) {
    const figure = element("figure")
    figure.append(element("figcaption", "", picture.caption))
    figure.append(picture.pixels ? createCanvas(picture) : element("div", "unknown-picture", "?"))
    node.append(figure)
  }
  return node
}

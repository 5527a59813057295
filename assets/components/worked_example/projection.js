// Draws tensors as rows of channels in oblique projection, each channel a plane of cells.
//
// colours: {text, paper, minus} of the theme; ink: the block's own colour; pen: a canvas's 2D context.

const PLANE = { width: 43, slant: 13, height: 43, rise: 0.9, thick: 2.5 }

/** The layout of a tensor of `count` channels, side x side values each, the first channel on the left. */
export function layOutChannels(count, side, width, top) {
  const pitch = count > 1 ? Math.min(54, (width - PLANE.width - 8) / (count - 1)) : 0
  const left = (width - pitch * (count - 1) - PLANE.width) / 2
  return { count, side, pitch, left, top: top + PLANE.rise * (count - 1) }
}

/** The point of the canvas at row y and column x, in cells, of a channel, which may lie between two. */
export function pointAt(row, channel, y, x) {
  const cell = 1 / row.side
  return [
    row.left + channel * row.pitch + x * cell * PLANE.width,
    row.top - channel * PLANE.rise + x * cell * PLANE.slant + y * cell * PLANE.height,
  ]
}

/** The {channel, pixel} at a point of the canvas, or null; isFinger: also a little beside the planes. */
export function cellAt(row, left, top, isFinger) {
  const slack = isFinger ? 10 : 3
  for (let channel = row.count - 1; channel >= 0; channel--) {
    const across = left - row.left - channel * row.pitch
    if (across < -slack || across > PLANE.width + slack) continue
    const x = (across / PLANE.width) * row.side
    const y = ((top - row.top + channel * PLANE.rise - (across / PLANE.width) * PLANE.slant) / PLANE.height) * row.side
    const margin = (slack / PLANE.height) * row.side
    if (y < -margin || y > row.side + margin) continue
    const clamp = (value) => Math.min(row.side - 1, Math.max(0, Math.floor(value)))
    return { channel, pixel: clamp(y) * row.side + clamp(x) }
  }
  return null
}

function trace(pen, corners) {
  pen.beginPath()
  corners.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)))
}

const cornersOf = ([top, left, height, width]) =>
  [[top, left], [top, left + width], [top + height, left + width], [top + height, left]]

/** The path around a box [top, left, height, width], in cells, of a channel. */
export function outline(pen, row, channel, box) {
  trace(pen, cornersOf(box).map(([y, x]) => pointAt(row, channel, y, x)))
  pen.closePath()
}

/**
 * One value: above zero in the block's colour, below in the other, the stronger the larger it is.
 * style: {value, most (what full strength stands for), done (computed by now), isGated (a ReLU makes it zero if it is
 * negative), colours, ink, ratio (device pixels per pixel)}.
 */
export function drawCell(pen, row, channel, pixel, style) {
  const { value, most, done, colours, ink, isGated } = style
  const [x0, y0] = pointAt(row, channel, 0, 0)
  const scale = style.ratio
  const step = 1 / row.side
  pen.setTransform(
    PLANE.width * step * scale, PLANE.slant * step * scale, 0, PLANE.height * step * scale, x0 * scale, y0 * scale,
  )
  const [y, x] = [Math.floor(pixel / row.side), pixel % row.side]
  pen.globalAlpha = 1
  pen.fillStyle = colours.paper
  pen.fillRect(x, y, 1, 1)
  const strength = Math.min(1, Math.abs(value) / most) ** 0.6 // small values would drown beside one large one
  pen.globalAlpha = (done ? 1 : 0.3) * (value ? 0.1 + 0.9 * strength : 0.07)
  pen.fillStyle = value < 0 ? colours.minus : ink
  const inset = 0.04
  if (isGated && value < 0) {
    // an empty cell with a stroke through it
    pen.globalAlpha = done ? 0.8 : 0.3
    pen.strokeStyle = colours.minus
    pen.lineWidth = 0.13
    pen.beginPath()
    pen.moveTo(x + 0.22, y + 0.78)
    pen.lineTo(x + 0.78, y + 0.22)
    pen.stroke()
  } else {
    pen.fillRect(x + inset, y + inset, 1 - 2 * inset, 1 - 2 * inset)
  }
  pen.globalAlpha = 1
  pen.setTransform(scale, 0, 0, scale, 0, 0)
}

/** A channel without its values: a plate of some thickness. */
export function drawPlate(pen, row, channel, colours, ink) {
  const corners = [[0, 0], [0, row.side], [row.side, row.side], [row.side, 0]].map(([y, x]) => pointAt(row, channel, y, x))
  pen.globalAlpha = 0.35
  pen.fillStyle = ink
  const [, b, c, d] = corners
  const behind = ([x, y], lower) => [x + PLANE.thick, y - 0.6 + lower]
  trace(pen, [b, c, d, behind(d, PLANE.thick / 2), behind(c, 0), behind(b, 0)])
  pen.fill()
  pen.globalAlpha = 1
  pen.fillStyle = colours.paper
  trace(pen, corners)
  pen.closePath()
  pen.fill()
  pen.strokeStyle = ink
  pen.lineWidth = 0.6
  pen.globalAlpha = 0.6
  pen.stroke()
  pen.globalAlpha = 1
}

/** The same box on every channel from first to last, and the edges between the outer two. */
export function drawBeam(pen, row, first, last, box, colours, ink, faint) {
  pen.lineJoin = "round"
  for (let channel = Math.ceil(first - 0.01); channel <= last + 0.01; channel++) {
    outline(pen, row, channel, box)
    pen.globalAlpha = faint ? 0.1 : 0.2
    pen.fillStyle = ink
    pen.fill()
    pen.globalAlpha = faint ? 0.45 : 0.95
    pen.strokeStyle = faint ? ink : colours.text
    pen.lineWidth = faint ? 0.9 : 1.3
    pen.stroke()
  }
  if (last - first > 0.05 && !faint) {
    pen.globalAlpha = 0.13
    pen.fillStyle = ink
    const corners = cornersOf(box)
    // the top, the bottom and the left side, then the four edges
    for (const [one, other] of [[0, 1], [3, 2], [0, 3]]) {
      const side = [[first, one], [first, other], [last, other], [last, one]]
      trace(pen, side.map(([channel, corner]) => pointAt(row, channel, ...corners[corner])))
      pen.fill()
    }
    pen.globalAlpha = 0.5
    pen.strokeStyle = ink
    pen.lineWidth = 1
    for (const [y, x] of corners) {
      trace(pen, [pointAt(row, first, y, x), pointAt(row, last, y, x)])
      pen.stroke()
    }
  }
  pen.globalAlpha = 1
}

export function drawLine(pen, from, to, ink, strength, width) {
  if (strength < 0.01) return
  pen.globalAlpha = strength
  pen.strokeStyle = ink
  pen.lineWidth = width
  trace(pen, [from, to])
  pen.stroke()
  pen.globalAlpha = 1
}

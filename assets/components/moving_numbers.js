// The sums behind the moving picture. Inputs are whole numbers and weights halves, so every sum here is exact.

/** The number as it is shown: at most two decimals, a real minus sign. */
function shown(value) {
  const text = String(Math.round(Math.abs(value) * 100) / 100)
  return value < 0 && text !== "0" ? `−${text}` : text
}

const ACTIVATIONS = {
  none: (value) => value,
  relu: (value) => Math.max(value, 0),
  elu: (value) => (value > 0 ? value : Math.expm1(value)),
}

/** Channels of a convolution's input that one of its output channels reads, [first, one past the last]. */
function readBy(layer, out) {
  const within = layer.ins / layer.groups
  const first = Math.floor(out / (layer.outs / layer.groups)) * within
  return [first, first + within]
}

/** What one output value reads of one input channel: its taps in the kernel's order, null where it reads the padding. */
function taps(layer, pixel) {
  const { kernel, stride, padding, dilation, from, side } = layer
  const top = Math.floor(pixel / side) * stride - padding
  const left = (pixel % side) * stride - padding
  return Array.from({ length: kernel * kernel }, (_, tap) => {
    const y = top + Math.floor(tap / kernel) * dilation
    const x = left + (tap % kernel) * dilation
    return y >= 0 && x >= 0 && y < from && x < from ? y * from + x : null
  })
}

function weight(layer, out, channel, tap) {
  const within = layer.ins / layer.groups
  const [first] = readBy(layer, out)
  return layer.halves[(out * within + channel - first) * layer.kernel ** 2 + tap] / 2
}

/** (outs, side * side) values of a convolution of (ins, from * from) values. */
function convolve(layer, maps) {
  const places = Array.from({ length: layer.side ** 2 }, (_, pixel) => taps(layer, pixel))
  return Array.from({ length: layer.outs }, (_, out) => {
    const [first, end] = readBy(layer, out)
    return places.map((place) => {
      let sum = 0
      for (let channel = first; channel < end; channel++) {
        place.forEach((at, tap) => {
          if (at !== null) sum += maps[channel][at] * weight(layer, out, channel, tap)
        })
      }
      return sum
    })
  })
}

/** A block with all its values: raw is the middle before what stands between, middle the same after it. */
function solve(block, input) {
  const [first, last] = [block.layers[0], block.layers.at(-1)]
  if (block.layers.length === 1) return { ...block, first, last, input, output: convolve(first, input) }
  const raw = convolve(first, input)
  const middle = raw.map((map) => map.map(ACTIVATIONS[block.between]))
  // the output pixel that first needs a pixel of the middle; none may need it where a stride steps over
  const due = new Array(first.side ** 2).fill(last.side ** 2 - 1)
  for (let pixel = last.side ** 2 - 1; pixel >= 0; pixel--) {
    for (const at of taps(last, pixel)) if (at !== null) due[at] = pixel
  }
  return { ...block, first, last, input, raw, middle, due, output: convolve(last, middle) }
}

/** The products of one convolution for one output value and one input channel. */
function slice(layer, maps, out, channel, pixel) {
  const values = taps(layer, pixel).map((at) => (at === null ? 0 : maps[channel][at]))
  const weights = values.map((_, tap) => weight(layer, out, channel, tap))
  const products = values.map((value, tap) => value * weights[tap])
  return { values, weights, products, sum: products.reduce((sum, product) => sum + product, 0) }
}

/** The tap of an output value that lies in the picture and nearest to the kernel's middle: [pixel of the input, tap]. */
function middleTap(layer, pixel) {
  const centre = (layer.kernel - 1) / 2
  const far = (tap) => Math.abs(Math.floor(tap / layer.kernel) - centre) + Math.abs((tap % layer.kernel) - centre)
  const inside = taps(layer, pixel).flatMap((at, tap) => (at === null ? [] : [[far(tap), at, tap]]))
  return inside.length ? inside.reduce((best, next) => (next[0] < best[0] ? next : best)).slice(1) : [0, -1]
}

/** Everything that the touched output value is made of. touched: {pixel, out, slice}, slice a channel of the input. */
function workings(block, touched) {
  const { first, last, input, middle } = block
  const { pixel, out } = touched
  const value = block.output[out][pixel]
  const within = (channel, [start, end]) => Math.min(Math.max(channel, start), end - 1)
  if (!middle) {
    const [start, end] = readBy(first, out)
    const parts = Array.from({ length: end - start }, (_, i) => slice(first, input, out, start + i, pixel).sum)
    const channel = within(touched.slice, [start, end])
    return { value, channel, window: slice(first, input, out, channel, pixel), parts }
  }
  const mixing = (layer, maps, to, at) => {
    const values = maps.map((map) => map[at])
    const weights = values.map((_, channel) => weight(layer, to, channel, 0))
    return { values, weights, products: values.map((v, i) => v * weights[i]) }
  }
  if (block.kind === "separable") {
    const channel = within(touched.slice * (first.outs / first.ins), [0, first.outs])
    const from = readBy(first, channel)[0]
    return {
      value, channel, from, window: slice(first, input, channel, from, pixel), rod: mixing(last, middle, out, pixel),
      raw: block.raw[channel][pixel], after: middle[channel][pixel], at: pixel,
    }
  }
  const range = readBy(last, out)
  const channel = within(touched.slice, range)
  const [at, tap] = middleTap(last, pixel)
  const parts = Array.from({ length: range[1] - range[0] }, (_, i) => slice(last, middle, out, range[0] + i, pixel).sum)
  return {
    value, channel, at, tap, parts, rod: mixing(first, input, channel, at),
    window: slice(last, middle, out, channel, pixel), raw: block.raw[channel][at], after: middle[channel][at],
  }
}

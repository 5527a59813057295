// The arithmetic of the worked example. Inputs are whole numbers and weights are halves, so every sum is exact.
//
// A layer is a convolution: {ins, outs, groups, kernel, stride, padding, dilation} as in PyTorch, from and side (its input
// is from x from and its output side x side), halves (twice its weights, in PyTorch's order). Maps are one array of
// side * side numbers per channel; a pixel is an index into it.

/** A number as text: at most two decimals, a real minus sign. */
export function formatNumber(value) {
  const text = String(Math.round(Math.abs(value) * 100) / 100)
  return value < 0 && text !== "0" ? `−${text}` : text
}

const ACTIVATIONS = {
  none: (value) => value,
  relu: (value) => Math.max(value, 0),
  elu: (value) => (value > 0 ? value : Math.expm1(value)),
}

/** The channels of a convolution's input that one of its output channels reads: [first, one past the last]. */
export function inputChannels(layer, out) {
  const perGroup = layer.ins / layer.groups
  const first = Math.floor(out / (layer.outs / layer.groups)) * perGroup
  return [first, first + perGroup]
}

/** The pixels of an input channel that one output value reads, in the kernel's order; null is the padding. */
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
  const perGroup = layer.ins / layer.groups
  const [first] = inputChannels(layer, out)
  return layer.halves[(out * perGroup + channel - first) * layer.kernel ** 2 + tap] / 2
}

/** The output maps of a convolution, (outs, side * side), of its input maps, (ins, from * from). */
function convolve(layer, maps) {
  const tapsOf = Array.from({ length: layer.side ** 2 }, (_, pixel) => taps(layer, pixel))
  return Array.from({ length: layer.outs }, (_, out) => {
    const [first, end] = inputChannels(layer, out)
    return tapsOf.map((pixels) => {
      let sum = 0
      for (let channel = first; channel < end; channel++) {
        pixels.forEach((pixel, tap) => {
          if (pixel !== null) sum += maps[channel][pixel] * weight(layer, out, channel, tap)
        })
      }
      return sum
    })
  })
}

/**
 * A block with all its values. Of two convolutions, raw is the first one's output before the activation between them and
 * middle after it; due: by pixel of the middle, the first output pixel that reads it, until which it is not computed.
 */
export function solve(block, input) {
  const [first, last] = [block.layers[0], block.layers.at(-1)]
  if (block.layers.length === 1) return { ...block, first, last, input, output: convolve(first, input) }
  const raw = convolve(first, input)
  const middle = raw.map((map) => map.map(ACTIVATIONS[block.between]))
  // a stride may step over pixels of the middle, which no output pixel reads: they are due last
  const due = new Array(first.side ** 2).fill(last.side ** 2 - 1)
  for (let pixel = last.side ** 2 - 1; pixel >= 0; pixel--) {
    for (const read of taps(last, pixel)) if (read !== null) due[read] = pixel
  }
  return { ...block, first, last, input, raw, middle, due, output: convolve(last, middle) }
}

/** The products of one convolution for one output value and one input channel. */
function windowProducts(layer, maps, out, channel, pixel) {
  const values = taps(layer, pixel).map((read) => (read === null ? 0 : maps[channel][read]))
  const weights = values.map((_, tap) => weight(layer, out, channel, tap))
  const products = values.map((value, tap) => value * weights[tap])
  return { values, weights, products, sum: products.reduce((sum, product) => sum + product, 0) }
}

/** The tap nearest to the kernel's middle that lies in the picture: [pixel of the input, tap]. */
function middleTap(layer, pixel) {
  const centre = (layer.kernel - 1) / 2
  const distance = (tap) => Math.abs(Math.floor(tap / layer.kernel) - centre) + Math.abs((tap % layer.kernel) - centre)
  const inside = taps(layer, pixel).flatMap((read, tap) => (read === null ? [] : [[distance(tap), read, tap]]))
  return inside.length ? inside.reduce((best, next) => (next[0] < best[0] ? next : best)).slice(1) : [0, -1]
}

/**
 * The arithmetic of one output value.
 * selection: {pixel, out, slice}, the output value and the channel whose products are shown in full.
 * Returns value, channel (the slice, or the nearest channel that the value reads), window (the products of the spatial
 * kernel) and, as far as the block has them, parts (one sum per channel read), rod (the products of the 1x1), raw and
 * after (the value between the convolutions, before and after the activation), at and tap (its pixel and its place in the
 * kernel), from (the channel of the input that a depthwise channel reads).
 */
export function workings(block, selection) {
  const { first, last, input, middle } = block
  const { pixel, out } = selection
  const value = block.output[out][pixel]
  const clamp = (channel, [start, end]) => Math.min(Math.max(channel, start), end - 1)
  if (!middle) {
    const [start, end] = inputChannels(first, out)
    const parts = Array.from({ length: end - start }, (_, i) => windowProducts(first, input, out, start + i, pixel).sum)
    const channel = clamp(selection.slice, [start, end])
    return { value, channel, window: windowProducts(first, input, out, channel, pixel), parts }
  }
  const pointwiseProducts = (layer, maps, to, at) => {
    const values = maps.map((map) => map[at])
    const weights = values.map((_, channel) => weight(layer, to, channel, 0))
    return { values, weights, products: values.map((v, i) => v * weights[i]) }
  }
  if (block.kind === "separable") {
    const channel = clamp(selection.slice * (first.outs / first.ins), [0, first.outs])
    const from = inputChannels(first, channel)[0]
    return {
      value, channel, from, window: windowProducts(first, input, channel, from, pixel),
      rod: pointwiseProducts(last, middle, out, pixel),
      raw: block.raw[channel][pixel], after: middle[channel][pixel], at: pixel,
    }
  }
  const [start, end] = inputChannels(last, out)
  const channel = clamp(selection.slice, [start, end])
  const [at, tap] = middleTap(last, pixel)
  const parts = Array.from({ length: end - start }, (_, i) => windowProducts(last, middle, out, start + i, pixel).sum)
  return {
    value, channel, at, tap, parts, rod: pointwiseProducts(first, input, channel, at),
    window: windowProducts(last, middle, out, channel, pixel), raw: block.raw[channel][at], after: middle[channel][at],
  }
}

"""The three blocks small enough to see every number: a stand-in of the spec, its input, its weights, its count.

Weights are multiples of a half and inputs whole numbers, so every sum is exact and can be redone by hand.
Torch-free; the sums themselves are worked out where they are shown and tested against torch.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from xception_lab.arch.cost import block_cost
from xception_lab.arch.plan import Conv, block_ops
from xception_lab.spec import KINDS, Activation, CompareSpec, Kind

MOST_CHANNELS = 8
MOST_PIXELS = 8
LARGEST_KERNEL = 5
SEED = "Chollet 2017"

# the face with sunglasses, the 166th training picture of the emoji (Noto Emoji, Apache-2.0), averaged to 8x8 pixels:
# red, green and blue from -4 to 4 around mid grey, with 4 added; tests/test_picture.py makes it from the data set again
FACE = (
    "4456654447888864343444334224422464477445587447854688886444555444",
    "4445544445677654333333233213421353366334466336644566665444454444",
    "4433334442111124211111122001100221111112311111134211112444333344",
)


@dataclass(frozen=True, slots=True)
class WorkedLayer:
    """One convolution of a stand-in; halves: its weights times 2, flat (out, in / groups, kernel, kernel)."""

    conv: Conv
    side: int
    halves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkedBlock:
    """One stand-in block. between: the activation after its first convolution, None where it has one only.

    counts: multiplications done before the first output pixel, after it, and so on, over all channels of the pixel;
    what a pixel needs is worked out once, when the first output needs it. The last is block_cost's macs.
    """

    kind: Kind
    layers: tuple[WorkedLayer, ...]
    between: Activation | None
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """The stand-in of a comparison. tensor: the input, flat (in_channels, size, size), whole numbers."""

    spec: CompareSpec
    tensor: tuple[int, ...]
    strips: tuple[WorkedBlock, ...]


def stand_in(spec: CompareSpec) -> CompareSpec:
    """`spec` with at most 8 channels, 8x8 pixels and a 5x5 kernel, without batch norm and bias.

    Stride, dilation and padding stay where they fit. Segments: one and one a channel stay; another number becomes the
    divisor in between that is nearest on a logarithmic scale.
    """
    out = min(spec.out_channels, MOST_CHANNELS)
    small = replace(
        spec,
        in_channels=min(spec.in_channels, max(1, MOST_CHANNELS // spec.depth_multiplier)),
        depth_multiplier=min(spec.depth_multiplier, MOST_CHANNELS),
        out_channels=out,
        kernel_size=min(spec.kernel_size, LARGEST_KERNEL - 1 + spec.kernel_size % 2),
        size=min(spec.size, MOST_PIXELS),
        segments=_segments(spec, out),
        batch_size=1,
        bias=False,
        batch_norm="none",
    )
    fits = (candidate for candidate in _with_less(small) if _fits(candidate))
    return next(fits, replace(small, padding="valid", kernel_size=1, dilation=1))


def _with_less(spec: CompareSpec) -> Sequence[CompareSpec]:
    """`spec` with less and less dilation, and at each with less and less padding where that is a number."""
    paddings = range(spec.padding, -1, -1) if isinstance(spec.padding, int) else (spec.padding,)
    return [
        replace(spec, dilation=dilation, padding=padding)
        for dilation, padding in product(range(spec.dilation, 0, -1), paddings)
    ]


def _fits(spec: CompareSpec) -> bool:
    try:
        return block_cost(spec.block("standard"), spec.size, spec.size).out_shape[3] <= MOST_PIXELS
    except ValueError:
        return False  # the kernel spans more than the picture


def _segments(spec: CompareSpec, out_channels: int) -> int | None:
    if spec.segments in (None, 1) or out_channels == 1:
        return spec.segments
    if spec.segments == spec.out_channels:
        return None
    between = [n for n in range(2, out_channels) if out_channels % n == 0] or [1]
    return min(between, key=lambda n: max(n, spec.segments) / min(n, spec.segments))  # pyright: ignore


@lru_cache(maxsize=256)
def worked_example(spec: CompareSpec) -> WorkedExample:
    """Everything the moving picture shows of a comparison, from its stand-in."""
    small = stand_in(spec)
    return WorkedExample(small, _tensor(small.in_channels, small.size), tuple(_strip(small, kind) for kind in KINDS))


def _tensor(channels: int, size: int) -> tuple[int, ...]:
    """The face's red, green and blue, then what five fixed filters see of it; its middle where it is cut."""
    red, green, blue = ([int(digit) - 4 for digit in channel] for channel in FACE)
    maps = [red, green, blue, *_seen(red, green, blue)]
    start = (MOST_PIXELS - size) // 2
    inside = range(start, start + size)
    return tuple(maps[c][MOST_PIXELS * y + x] for c in range(channels) for y in inside for x in inside)


def _seen(red: list[int], green: list[int], blue: list[int]) -> list[list[int]]:
    """Redness, greenness, upright and level edges of green, and the negative of red; 0 outside."""

    def at(channel: list[int], y: int, x: int) -> int:
        return channel[MOST_PIXELS * y + x] if 0 <= y < MOST_PIXELS and 0 <= x < MOST_PIXELS else 0

    pixels = list(product(range(MOST_PIXELS), repeat=2))
    return [
        [r - g for r, g in zip(red, green, strict=True)],
        [g - b for g, b in zip(green, blue, strict=True)],
        [at(green, y, x + 1) - at(green, y, x - 1) for y, x in pixels],
        [at(green, y + 1, x) - at(green, y - 1, x) for y, x in pixels],
        [-r for r in red],
    ]


def _strip(spec: CompareSpec, kind: Kind) -> WorkedBlock:
    block = spec.block(kind)
    sides = {layer.name: layer.out_shape[3] for layer in block_cost(block, spec.size, spec.size).layers}
    layers = tuple(
        WorkedLayer(op, sides[op.name], _weights(spec, op)) for op in block_ops(block) if isinstance(op, Conv)
    )
    return WorkedBlock(kind, layers, None if kind == "standard" else block.between, _counts(layers))


def _weights(spec: CompareSpec, conv: Conv) -> tuple[int, ...]:
    """Weights times 2 of a convolution.

    All blocks draw on the same kernels and the same mixing weights, so between two blocks, and from one number of
    segments to the next, nothing differs but the links. The standard block's are the products of the separable's:
    both give the same values, one with far fewer multiplications.
    """
    if conv.role == "pointwise":
        return tuple(2 * _mixing(o, i) for o, i in product(range(conv.out_channels), range(conv.in_channels)))
    within, per_group = conv.in_channels // conv.groups, conv.out_channels // conv.groups
    weights: list[int] = []
    for o, i in product(range(conv.out_channels), range(within)):
        if conv.role == "standard":
            multiplier = spec.depth_multiplier
            weights += _composed(o, range(i * multiplier, (i + 1) * multiplier), conv.kernel_size)
        else:
            channel = o if conv.role == "depthwise" else o // per_group * within + i
            weights += _kernel(o, channel, conv.kernel_size)
    return tuple(weights)


def _composed(out: int, middles: range, kernel_size: int) -> list[int]:
    """One slice of the standard kernel: the separable's depthwise kernels, mixed as its 1x1 mixes them."""
    kernels = [[_mixing(out, m) * weight for weight in _kernel(m, m, kernel_size)] for m in middles]
    return [sum(weights) for weights in zip(*kernels, strict=True)]


@lru_cache(maxsize=1024)
def _kernel(out: int, channel: int, kernel_size: int) -> tuple[int, ...]:
    """A spatial kernel's weights times 2: -1, -0.5, 0, 0.5 and 1."""
    draw = random.Random(f"{SEED} {out} {channel} {kernel_size}")
    return tuple(draw.choice((-2, -1, -1, 0, 1, 1, 2)) for _ in range(kernel_size**2))


@lru_cache(maxsize=1024)
def _mixing(out: int, channel: int) -> int:
    """A weight of the 1x1, never zero: every link that is drawn carries something."""
    return random.Random(f"{SEED} mix {out} {channel}").choice((-2, -1, 1, 2))


def _counts(layers: tuple[WorkedLayer, ...]) -> tuple[int, ...]:
    """Multiplications done after each output pixel, the zeros of the padding included, as block_cost counts them."""
    last = layers[-1]
    each = [len(layer.halves) for layer in layers]  # one use of every weight makes one pixel of all channels
    if len(layers) == 1:
        return tuple(pixel * each[0] for pixel in range(last.side**2 + 1))
    middle = layers[0].side
    seen: set[tuple[int, int]] = set()
    counts = [0]
    for pixel in range(last.side**2):
        seen |= _reached(last.conv, *divmod(pixel, last.side), middle)
        counts.append(len(seen) * each[0] + (pixel + 1) * each[1])
    # a stride may step over pixels that the first convolution has made all the same
    counts[-1] = middle**2 * each[0] + last.side**2 * each[1]
    return tuple(counts)


def _reached(conv: Conv, y: int, x: int, side: int) -> set[tuple[int, int]]:
    """The pixels of its input, `side` wide, that an output pixel of a convolution reads."""
    taps = [tap * conv.dilation - conv.padding for tap in range(conv.kernel_size)]
    rows, columns = ([at * conv.stride + tap for tap in taps if 0 <= at * conv.stride + tap < side] for at in (y, x))
    return set(product(rows, columns))

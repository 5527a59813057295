"""The example of the moving picture: the three blocks small enough to show every number of their input and weights.

Weights are multiples of a half and inputs whole numbers, so every sum is exact and can be checked by hand. Free of
torch; the sums are computed in the browser, where they are shown, and tested against torch.
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
# red, green and blue from -4 to 4 around mid grey, with 4 added; tests/drawing/test_worked_example.py makes it again
FACE = (
    "4456654447888864343444334224422464477445587447854688886444555444",
    "4445544445677654333333233213421353366334466336644566665444454444",
    "4433334442111124211111122001100221111112311111134211112444333344",
)


@dataclass(frozen=True, slots=True)
class WorkedLayer:
    """One convolution of a small block. side: height and width of its output.

    halves: its weights in halves, that is times 2, flat (out, in / groups, kernel, kernel).
    """

    conv: Conv
    side: int
    halves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkedBlock:
    """One small block. between: the activation after its first convolution, None where it has one only.

    counts: multiplications done so far, before the first output pixel, after it, after the second, and so on, for all
    channels of a pixel. A pixel of the first convolution is computed once, when an output first needs it. The last
    count is block_cost's macs.
    """

    kind: Kind
    layers: tuple[WorkedLayer, ...]
    between: Activation | None
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkedExample:
    """The small stand-in of a comparison. tensor: its input, flat (in_channels, size, size), whole numbers.

    blocks: in the order of KINDS.
    """

    spec: CompareSpec
    tensor: tuple[int, ...]
    blocks: tuple[WorkedBlock, ...]


def stand_in(spec: CompareSpec) -> CompareSpec:
    """`spec` with at most 8 channels, 8x8 pixels and a 5x5 kernel, without batch norm and bias.

    Stride, dilation and padding stay where they fit. One segment and one per channel stay; any other number becomes
    the divisor in between that is nearest on a logarithmic scale.
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
    fitting = (candidate for candidate in _with_less_reach(small) if _fits(candidate))
    return next(fitting, replace(small, padding="valid", kernel_size=1, dilation=1))


def _with_less_reach(spec: CompareSpec) -> Sequence[CompareSpec]:
    """`spec` with decreasing dilation and, for each, decreasing padding where that is a number."""
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
    segments = spec.segments
    if segments is None or segments == 1 or out_channels == 1:
        return segments
    if segments == spec.out_channels:
        return None
    between = [n for n in range(2, out_channels) if out_channels % n == 0] or [1]
    return min(between, key=lambda n: max(n, segments) / min(n, segments))


@lru_cache(maxsize=256)
def worked_example(spec: CompareSpec) -> WorkedExample:
    """Everything that the moving picture shows of a comparison."""
    small = stand_in(spec)
    return WorkedExample(small, _tensor(small.in_channels, small.size), tuple(_block(small, kind) for kind in KINDS))


def _tensor(channels: int, size: int) -> tuple[int, ...]:
    """The face's red, green and blue, then five fixed filters of them; its middle where the picture is smaller."""
    red, green, blue = ([int(digit) - 4 for digit in channel] for channel in FACE)
    maps = [red, green, blue, *_filtered(red, green, blue)]
    start = (MOST_PIXELS - size) // 2
    inside = range(start, start + size)
    return tuple(maps[c][MOST_PIXELS * y + x] for c in range(channels) for y in inside for x in inside)


def _filtered(red: list[int], green: list[int], blue: list[int]) -> list[list[int]]:
    """Red minus green, green minus blue, vertical and horizontal edges of green, and minus red; 0 outside."""

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


def _block(spec: CompareSpec, kind: Kind) -> WorkedBlock:
    block = spec.block(kind)
    sides = {layer.name: layer.out_shape[3] for layer in block_cost(block, spec.size, spec.size).layers}
    layers = tuple(
        WorkedLayer(op, sides[op.name], _weights(spec, op)) for op in block_ops(block) if isinstance(op, Conv)
    )
    return WorkedBlock(kind, layers, None if kind == "standard" else block.between, _counts(layers))


def _weights(spec: CompareSpec, conv: Conv) -> tuple[int, ...]:
    """The weights of a convolution, times 2.

    All blocks take theirs from the same kernels and the same mixing weights, so two blocks, or two numbers of segments,
    differ in their connections only. The standard block's are products of the separable block's: both compute the same
    values, the latter with far fewer multiplications.
    """
    ins_per_group, outs_per_group = conv.in_channels // conv.groups, conv.out_channels // conv.groups
    weights: list[int] = []
    for o, i in product(range(conv.out_channels), range(ins_per_group)):
        if conv.role == "standard":
            multiplier = spec.depth_multiplier
            weights += _composed(o, range(i * multiplier, (i + 1) * multiplier), conv.kernel_size)
        else:
            channel = o if conv.role == "depthwise" else o // outs_per_group * ins_per_group + i
            pointwise = conv.role == "pointwise"
            weights += (2 * _mixing(o, channel),) if pointwise else _kernel(o, channel, conv.kernel_size)
    return tuple(weights)


def _composed(out: int, middles: range, kernel_size: int) -> list[int]:
    """One slice of the standard kernel: the separable block's depthwise kernels, mixed as its 1x1 mixes them."""
    kernels = [[_mixing(out, m) * weight for weight in _kernel(m, m, kernel_size)] for m in middles]
    return [sum(weights) for weights in zip(*kernels, strict=True)]


@lru_cache(maxsize=1024)
def _kernel(out: int, channel: int, kernel_size: int) -> tuple[int, ...]:
    """The weights of a spatial kernel, times 2: they are -1, -0.5, 0, 0.5 and 1."""
    generator = random.Random(f"{SEED} {out} {channel} {kernel_size}")
    return tuple(generator.choice((-2, -1, -1, 0, 1, 1, 2)) for _ in range(kernel_size**2))


@lru_cache(maxsize=1024)
def _mixing(out: int, channel: int) -> int:
    """A weight of the 1x1, times 2; never zero, so that every link that is drawn carries a value."""
    return random.Random(f"{SEED} mix {out} {channel}").choice((-2, -1, 1, 2))


def _counts(layers: tuple[WorkedLayer, ...]) -> tuple[int, ...]:
    """Multiplications done up to each output pixel, as block_cost counts them: with the zeros of the padding."""
    last = layers[-1]
    each = [len(layer.halves) for layer in layers]  # one use of every weight makes one pixel of all channels
    if len(layers) == 1:
        return tuple(pixel * each[0] for pixel in range(last.side**2 + 1))
    middle = layers[0].side
    computed: set[tuple[int, int]] = set()
    counts = [0]
    for pixel in range(last.side**2):
        computed |= _input_pixels(last.conv, *divmod(pixel, last.side), middle)
        counts.append(len(computed) * each[0] + (pixel + 1) * each[1])
    # a stride may skip pixels that the first convolution computes all the same
    counts[-1] = middle**2 * each[0] + last.side**2 * each[1]
    return tuple(counts)


def _input_pixels(conv: Conv, y: int, x: int, side: int) -> set[tuple[int, int]]:
    """The pixels of its input, `side` wide, that an output pixel of a convolution reads."""
    taps = [tap * conv.dilation - conv.padding for tap in range(conv.kernel_size)]
    rows, columns = ([at * conv.stride + tap for tap in taps if 0 <= at * conv.stride + tap < side] for at in (y, x))
    return set(product(rows, columns))

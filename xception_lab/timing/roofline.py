"""The roofline: how fast a layer can be at best, from its FLOPs, its bytes and a device's two peaks. Predictions all.

Two of them. `roofline_s` is the textbook's: every layer's data go through memory, every multiplication is done.
`bound_s` cannot be beaten: data that fit in a cache are charged at the cache's rate, taps on the padding are free,
and where a library has fast algorithms a dense convolution is charged the fewest multiplications any of them needs.
Source: S. Williams, A. Waterman, D. Patterson, "Roofline", CACM 52(4), 2009.
"""

from dataclasses import dataclass
from typing import Literal

from xception_lab.arch.cost import LayerCost
from xception_lab.arch.plan import Conv, block_ops, network_stages
from xception_lab.spec import BlockSpec
from xception_lab.timing.results import Peaks
from xception_lab.timing.settings import Mode, Settings

Limit = Literal["compute", "memory"]

# what a mode spares a pass: folding the batch norms, compiling also what it fuses with a convolution
SPARED: dict[Mode, tuple[str, ...]] = {"folded": ("batch_norm",), "compiled": ("batch_norm", "relu", "elu", "add")}
# Winograd's F(6x6, 3x3) multiplies 64 times for 36 outputs; no algorithm of a library in use needs fewer.
# Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016
FEWEST_PRODUCTS = 64 / 36


@dataclass(frozen=True, slots=True)
class LayerBound:
    """One layer's prediction. flops and moved_bytes: of this pass. intensity: flops a byte. seconds: the bound."""

    name: str
    op: str
    flops: float
    moved_bytes: float
    compute_s: float
    memory_s: float

    @property
    def seconds(self) -> float:
        """The larger of the two."""
        return max(self.compute_s, self.memory_s)

    @property
    def limit(self) -> Limit:
        """Which one it is."""
        return "compute" if self.compute_s >= self.memory_s else "memory"

    @property
    def intensity(self) -> float:
        """FLOPs per byte moved."""
        return self.flops / self.moved_bytes


def roofline(settings: Settings, flops_per_s: float, bytes_per_s: float) -> tuple[LayerBound, ...]:
    """The textbook's prediction, layer by layer: max(FLOPs / peak, bytes / bandwidth) of each."""
    return tuple(
        LayerBound(layer.name, layer.op, flops, moved_bytes, flops / flops_per_s, moved_bytes / bytes_per_s)
        for layer, flops, moved_bytes in _work(settings)
    )


def bounds(settings: Settings, peaks: Peaks, fast_algorithms: bool = False) -> tuple[LayerBound, ...]:
    """A lower bound on the time of each layer, on a device with these measured peaks.

    fast_algorithms: its library may use Winograd's or Fourier's way; cuDNN does, oneDNN on x86 does not.
    """
    needed = _needed(settings, fast_algorithms)
    layers: list[LayerBound] = []
    for layer, flops, moved_bytes in _work(settings):
        share, unread = needed.get(layer.name, (1.0, 0.0))
        least = moved_bytes - unread * (2 if settings.backward else 1)
        memory_s = transfer_s(least, peaks.rates)
        layers.append(LayerBound(layer.name, layer.op, flops, moved_bytes, share * flops / peaks.flops_per_s, memory_s))
    return tuple(layers)


def total_s(layers: tuple[LayerBound, ...]) -> float:
    """The bound of layers that run one after another."""
    return sum(layer.seconds for layer in layers)


def transfer_s(moved_bytes: float, rates: tuple[tuple[int, float], ...]) -> float:
    """The least time to move so many bytes: what could lie in a cache at the cache's rate, the rest at the next's."""
    seconds, below = 0.0, 0.0
    for position, (size, _) in enumerate(rates):
        # a larger set is never charged less than what any set from here on was seen to reach
        rate = max(rate for _, rate in rates[position:])
        last = position == len(rates) - 1
        share = max(0.0, (moved_bytes if last else min(moved_bytes, size)) - below)
        seconds += share / rate
        below = size
    return seconds


def _work(settings: Settings) -> list[tuple[LayerCost, float, float]]:
    """(layer, FLOPs, bytes) of one pass, without the layers that folding or compiling takes away.

    Backward reads each layer's input, weights and output gradient and writes two gradients, each once; its FLOPs are
    those of two more products like the forward one, of one where the input is a picture.
    """
    spared = SPARED.get(settings.mode, ())
    work: list[tuple[LayerCost, float, float]] = []
    for position, layer in enumerate(settings.cost().layers):
        if layer.op in spared:
            continue
        flops, moved_bytes = float(layer.flops), float(layer.moved_bytes)
        if settings.backward:
            of_picture = position == 0 and not isinstance(settings.subject, BlockSpec)
            flops *= 2 if of_picture else 3
            # an addition hands its gradient on as it is
            moved_bytes *= 1 if layer.op == "add" else 2
        work.append((layer, flops, moved_bytes))
    return work


def _needed(settings: Settings, fast_algorithms: bool) -> dict[str, tuple[float, float]]:
    """Of each convolution: the part of its FLOPs that any algorithm has to do, and the bytes that no tap reads."""
    needed: dict[str, tuple[float, float]] = {}
    for op, layer, height, width in _convs(settings):
        share = _inside(op, height) * _inside(op, width)
        if fast_algorithms and op.kernel_size > 1 and op.groups == 1:
            share = min(share, FEWEST_PRODUCTS / op.kernel_size**2)
        read = layer.moved_bytes - layer.weight_bytes - layer.activation_bytes
        needed[op.name] = share, read * (1 - _touched(op, height) * _touched(op, width))
    return needed


def _taps(op: Conv, size: int) -> tuple[list[int], int]:
    """Along one side: where each (output, tap) pair that is not on the padding reads, and how many pairs there are."""
    outputs = (size + 2 * op.padding - op.dilation * (op.kernel_size - 1) - 1) // op.stride + 1
    places = [
        output * op.stride + tap * op.dilation - op.padding
        for output in range(outputs)
        for tap in range(op.kernel_size)
    ]
    return [place for place in places if 0 <= place < size], len(places)


def _inside(op: Conv, size: int) -> float:
    inside, pairs = _taps(op, size)
    return len(inside) / pairs


def _touched(op: Conv, size: int) -> float:
    return len(set(_taps(op, size)[0])) / size


def _convs(settings: Settings) -> list[tuple[Conv, LayerCost, int, int]]:
    """(convolution, its cost, height and width of its input), in order."""
    layers = {layer.name: layer for layer in settings.cost().layers}
    found: list[tuple[Conv, LayerCost, int, int]] = []
    entered = (settings.height, settings.width)
    if isinstance(settings.subject, BlockSpec):
        ways = [(block_ops(settings.subject), ())]
    else:
        ways = [(stage.body, stage.shortcut or ()) for stage in network_stages(settings.subject)]
    for body, shortcut in ways:
        size = entered
        for op in body:
            if isinstance(op, Conv):
                found.append((op, layers[op.name], *size))
            size = layers[op.name].out_shape[2:]
        found += [(op, layers[op.name], *entered) for op in shortcut if isinstance(op, Conv)]
        entered = size
    return found

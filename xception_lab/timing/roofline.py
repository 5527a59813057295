"""The roofline model: about how fast a layer can be at best, from its FLOPs, its bytes and a device's two peaks.

Two predictions. `roofline` is the textbook's: every layer's data go through memory, every multiplication is done.
`estimates` is closer to a real device: data that fit in a cache are charged at the cache's rate, a tensor that an
operation overwrites in place is charged once, taps on the padding are free, and where a library has fast algorithms a
dense convolution is charged the multiplications of Winograd's. Cost.moved_bytes stays what it is: what is charged here
is what of these bytes takes time.

Neither is a bound. The peaks are measurements with an error of their own, a cache may hold data from the layer before,
a library may fuse two layers or know a faster algorithm: a layer that runs faster than its estimate is no
contradiction, and is flagged where it is shown.
Source: S. Williams, A. Waterman, D. Patterson, "Roofline", CACM 52(4), 2009.
"""

from dataclasses import dataclass
from typing import Literal

from xception_lab.arch.cost import LayerCost
from xception_lab.arch.plan import Act, Conv, block_ops, network_stages
from xception_lab.spec import BlockSpec, XceptionSpec
from xception_lab.timing.results import Peaks
from xception_lab.timing.settings import Mode, Settings

Limit = Literal["compute", "memory"]

# layers that a mode removes from the pass: folding the batch norms, compiling also what it fuses with a convolution
REMOVED_LAYERS: dict[Mode, tuple[str, ...]] = {
    "folded": ("batch_norm",),
    "compiled": ("batch_norm", "relu", "elu", "add"),
}
# outputs along one side of a tile in Winograd's way; larger tiles lose too many digits
_TILE = 6


@dataclass(frozen=True, slots=True)
class LayerEstimate:
    """One layer's prediction. compute_s, memory_s: what its products and its data take alone, in seconds.

    flops, moved_bytes: of the whole pass, as in LayerCost.
    """

    name: str
    op: str
    flops: float
    moved_bytes: float
    compute_s: float
    memory_s: float

    @property
    def seconds(self) -> float:
        """The predicted time: the larger of the two."""
        return max(self.compute_s, self.memory_s)

    @property
    def limit(self) -> Limit:
        """Which of the two it is."""
        return "compute" if self.compute_s >= self.memory_s else "memory"

    @property
    def intensity(self) -> float:
        """FLOPs per byte moved."""
        return self.flops / self.moved_bytes


def roofline(
    settings: Settings, flops_per_s: float, bytes_per_s: float, vector_flops_per_s: float | None = None
) -> tuple[LayerEstimate, ...]:
    """The textbook's prediction, max(FLOPs / peak, bytes / bandwidth), of each layer.

    vector_flops_per_s: the peak of layers that cannot use the units that multiply matrices; None: flops_per_s.
    """
    matrix = matrix_layers(settings)
    return tuple(
        LayerEstimate(
            layer.name,
            layer.op,
            flops,
            moved_bytes,
            flops / (flops_per_s if layer.name in matrix else vector_flops_per_s or flops_per_s),
            moved_bytes / bytes_per_s,
        )
        for layer, flops, moved_bytes in _work(settings)
    )


def estimates(settings: Settings, peaks: Peaks, fast_algorithms: bool = False) -> tuple[LayerEstimate, ...]:
    """About the least time of each layer, on a device with these measured peaks.

    An operation in place loads each value and stores it in the same cache line, which is in the first-level cache by
    then: it is charged one pass over its tensor, not two. Its backward pass is charged as any other.

    fast_algorithms: whether its library may use Winograd's algorithm; cuDNN does, oneDNN on x86 does not.
    """
    necessary = _necessary_work(settings, fast_algorithms)
    in_place, matrix = in_place_layers(settings.subject), matrix_layers(settings)
    layers: list[LayerEstimate] = []
    for layer, flops, moved_bytes in _work(settings):
        share, unread_bytes = necessary.get(layer.name, (1.0, 0.0))
        peak = peaks.flops_per_s if layer.name in matrix else peaks.vector_flops_per_s or peaks.flops_per_s
        compute_s = share * flops / peak
        overwritten_bytes = layer.activation_bytes if layer.name in in_place else 0
        passed_bytes = moved_bytes - overwritten_bytes - unread_bytes * (2 if settings.backward else 1)
        memory_s = transfer_s(passed_bytes, peaks.rates)
        layers.append(LayerEstimate(layer.name, layer.op, flops, moved_bytes, compute_s, memory_s))
    return tuple(layers)


def fewest_products(kernel_size: int) -> float:
    """Products for one output and input channel in Winograd's way, F(6x6, k x k): 64 for 36 outputs where k is 3.

    The direct way needs kernel_size ** 2. Source: A. Lavin, S. Gray, "Fast Algorithms for Convolutional Neural
    Networks", CVPR 2016.
    """
    return (_TILE + kernel_size - 1) ** 2 / _TILE**2


def total_s(layers: tuple[LayerEstimate, ...]) -> float:
    """The predicted time of layers that run one after another."""
    return sum(layer.seconds for layer in layers)


def transfer_s(moved_bytes: float, rates: tuple[tuple[int, float], ...]) -> float:
    """About the least time to move so many bytes: as many as fit in a cache at its rate, the rest at the next level's.

    rates: as in Peaks.
    """
    seconds, below = 0.0, 0.0
    for position, (size, _) in enumerate(rates):
        # the measured rate of a larger set shows that this one can be as fast
        rate = max(rate for _, rate in rates[position:])
        last = position == len(rates) - 1
        share = max(0.0, (moved_bytes if last else min(moved_bytes, size)) - below)
        seconds += share / rate
        below = size
    return seconds


def in_place_layers(subject: BlockSpec | XceptionSpec) -> frozenset[str]:
    """Names of the operations that write their output over their input, as build_xception makes them.

    In a network these are the additions and the activations, but for one that begins a stage: the shortcut still reads
    its input. A block has none.
    """
    if isinstance(subject, BlockSpec):
        return frozenset()
    stages = tuple(network_stages(subject))
    activations = {op.name for stage in stages for op in stage.body[1:] if isinstance(op, Act)}
    return frozenset(activations | {f"{stage.name}.add" for stage in stages if stage.shortcut is not None})


def matrix_layers(settings: Settings) -> frozenset[str]:
    """Names of the layers that are products of matrices, which tensor cores speed up: a depthwise convolution is none.

    Each of its outputs is a sum over one channel, so there is no second matrix to multiply by.
    """
    convs = {op.name for op, _, _, _ in _convs(settings) if op.in_channels > op.groups}
    return frozenset(convs | {layer.name for layer in settings.cost().layers if layer.op == "linear"})


def _work(settings: Settings) -> list[tuple[LayerCost, float, float]]:
    """(layer, FLOPs, bytes) of one pass, without the layers that folding or compiling removes.

    The backward pass is charged as many bytes as the forward one. It may move more: it reads each layer's input,
    weights and output gradient and writes two gradients. Its FLOPs are those of two more products like the forward
    one, or of one where the input is a picture.
    """
    removed = REMOVED_LAYERS.get(settings.mode, ())
    work: list[tuple[LayerCost, float, float]] = []
    for position, layer in enumerate(settings.cost().layers):
        if layer.op in removed:
            continue
        flops, moved_bytes = float(layer.flops), float(layer.moved_bytes)
        if settings.backward:
            reads_picture = position == 0 and not isinstance(settings.subject, BlockSpec)
            flops *= 2 if reads_picture else 3
            # an addition passes its gradient on unchanged
            moved_bytes *= 1 if layer.op == "add" else 2
        work.append((layer, flops, moved_bytes))
    return work


def _necessary_work(settings: Settings, fast_algorithms: bool) -> dict[str, tuple[float, float]]:
    """By convolution: (the fraction of its FLOPs that every algorithm has to do, bytes that no tap reads)."""
    necessary: dict[str, tuple[float, float]] = {}
    for op, layer, height, width in _convs(settings):
        share = _inner_taps(op, height) * _inner_taps(op, width)
        # Winograd's way is for neighbouring outputs, one pixel apart, of neighbouring inputs
        if fast_algorithms and op.kernel_size > 1 and op.groups == op.stride == op.dilation == 1:
            share = min(share, fewest_products(op.kernel_size) / op.kernel_size**2)
        input_bytes = layer.moved_bytes - layer.weight_bytes - layer.activation_bytes
        necessary[op.name] = share, input_bytes * (1 - _read_share(op, height) * _read_share(op, width))
    return necessary


def _taps(op: Conv, size: int) -> tuple[list[int], int]:
    """Along one side: the input position of each (output, tap) pair that is not on the padding; the number of pairs."""
    outputs = (size + 2 * op.padding - op.dilation * (op.kernel_size - 1) - 1) // op.stride + 1
    positions = [
        output * op.stride + tap * op.dilation - op.padding
        for output in range(outputs)
        for tap in range(op.kernel_size)
    ]
    return [position for position in positions if 0 <= position < size], len(positions)


def _inner_taps(op: Conv, size: int) -> float:
    """The fraction of taps along one side that are not on the padding."""
    positions, pairs = _taps(op, size)
    return len(positions) / pairs


def _read_share(op: Conv, size: int) -> float:
    """The fraction of input positions along one side that some tap reads."""
    return len(set(_taps(op, size)[0])) / size


def _convs(settings: Settings) -> list[tuple[Conv, LayerCost, int, int]]:
    """(convolution, its cost, height of its input, width of its input), in order."""
    layers = {layer.name: layer for layer in settings.cost().layers}
    convs: list[tuple[Conv, LayerCost, int, int]] = []
    stage_size = (settings.height, settings.width)
    if isinstance(settings.subject, BlockSpec):
        stages = [(block_ops(settings.subject), ())]
    else:
        stages = [(stage.body, stage.shortcut or ()) for stage in network_stages(settings.subject)]
    for body, shortcut in stages:
        size = stage_size
        for op in body:
            if isinstance(op, Conv):
                convs.append((op, layers[op.name], *size))
            size = layers[op.name].out_shape[2:]
        convs += [(op, layers[op.name], *stage_size) for op in shortcut if isinstance(op, Conv)]
        stage_size = size
    return convs

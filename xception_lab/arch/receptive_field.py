"""Which pixels of the picture one output position can see: closed form over the plan's operations. No torch here."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from xception_lab.arch.plan import Act, Conv, Linear, Norm, Op, Pool, network_stages
from xception_lab.spec import XceptionSpec

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LayerWindow:
    """How a layer's positions see those of the layer before, along one side.

    Position i sees first + stride * i to that + reach - 1, and nothing outside 0 to before - 1. reach None: everything.
    before, after: sizes of the two, in positions.
    """

    stride: int
    reach: int | None
    first: int
    before: int
    after: int

    def seen(self, low: int, high: int) -> Interval:
        """What the positions low to high see of the layer before."""
        if self.reach is None:
            return 0, self.before - 1
        start = self.stride * low + self.first
        end = self.stride * high + self.first + self.reach - 1
        return max(0, start), min(self.before - 1, end)


def same_padding_window(kernel_size: int, stride: int, side: int) -> LayerWindow:
    """A convolution with TensorFlow's SAME padding, of which an odd pixel stands after the picture."""
    after = -(-side // stride)
    padding = max(0, (after - 1) * stride + kernel_size - side)
    return LayerWindow(stride, kernel_size, -(padding // 2), side, after)


@dataclass(frozen=True, slots=True)
class LayerGeometry:
    """A layer of a network: its module's name, channels, side in positions, and the steps from the picture to it.

    role: a convolution's own (plan.Role), or "norm", "act", "pool", "linear", "block".
    """

    name: str
    role: str
    channels: int
    side: int
    steps: tuple[LayerWindow, ...]

    def field(self, position: int) -> Interval:
        """The pixels, first and last, that this output position can see along one side."""
        if not 0 <= position < self.side:
            raise ValueError(f"position={position}: must be from 0 to {self.side - 1}")
        low = high = position
        for step in reversed(self.steps):
            low, high = step.seen(low, high)
        return low, high


@cache
def layer_geometries(spec: XceptionSpec, side: int) -> dict[str, LayerGeometry]:
    """Every layer of a network on a picture of this side, by module name in running order; a residual block has one.

    The shortcut's position i sees pixel 2 i, which the body sees as well, so the body alone decides.
    Raises ValueError when the picture is too small for the network.
    """
    return {place.name: place for place in _walk(spec, side)}


def _walk(spec: XceptionSpec, side: int) -> Iterator[LayerGeometry]:
    steps: tuple[LayerWindow, ...] = ()
    channels = spec.in_channels
    for stage in network_stages(spec):
        for op in stage.body:
            step = _step(op, side, spec.same_pooling)
            if step.after < 1:
                raise ValueError(f"side: the picture is too small for {op.name}, which would leave nothing of it")
            if (step.stride, step.reach) != (1, 1):
                steps = (*steps, step)
            side, channels = step.after, _channels(op, channels)
            yield LayerGeometry(
                op.name, op.role if isinstance(op, Conv) else type(op).__name__.lower(), channels, side, steps
            )
        if stage.shortcut is not None:
            yield LayerGeometry(stage.name, "block", channels, side, steps)


def _channels(op: Op, before: int) -> int:
    match op:
        case Conv():
            return op.out_channels
        case Linear():
            return op.out_features
        case _:
            return before


def _step(op: Op, side: int, same_pooling: bool) -> LayerWindow:
    match op:
        case Conv():
            reach = op.dilation * (op.kernel_size - 1) + 1
            return LayerWindow(op.stride, reach, -op.padding, side, (side + 2 * op.padding - reach) // op.stride + 1)
        case Pool(size=None):
            return LayerWindow(1, None, 0, side, 1)
        case Pool():
            # TensorFlow's SAME has a pixel before the picture at odd sides only, torch's padding=1 always
            before = side % 2 if same_pooling else 1
            return LayerWindow(2, 3, -before, side, -(-side // 2) if same_pooling else (side - 1) // 2 + 1)
        case Norm() | Act() | Linear():
            return LayerWindow(1, 1, 0, side, side)

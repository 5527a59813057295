"""Receptive fields: which pixels of the picture an output position depends on, in closed form. No torch needed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from xception_lab.arch.plan import Act, Conv, Linear, Norm, Op, Pool, network_stages
from xception_lab.spec import XceptionSpec

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class LayerWindow:
    """Which positions of its input each output position of a layer reads, along one side.

    Output position i reads first + stride * i to first + stride * i + reach - 1, cut to 0 ... before - 1.

    reach: None is the whole input. before, after: sizes of input and output, in positions.
    """

    stride: int
    reach: int | None
    first: int
    before: int
    after: int

    def input_interval(self, low: int, high: int) -> Interval:
        """The input positions, first and last, that the output positions low to high read."""
        if self.reach is None:
            return 0, self.before - 1
        start = self.stride * low + self.first
        end = self.stride * high + self.first + self.reach - 1
        return max(0, start), min(self.before - 1, end)


def same_padding_window(kernel_size: int, stride: int, side: int) -> LayerWindow:
    """The window of a convolution with TensorFlow's SAME padding, of which an odd pixel comes after the picture."""
    after = -(-side // stride)
    padding = max(0, (after - 1) * stride + kernel_size - side)
    return LayerWindow(stride, kernel_size, -(padding // 2), side, after)


@dataclass(frozen=True, slots=True)
class LayerGeometry:
    """A layer of a network and where its output comes from.

    name: of its module. role: a convolution's own (plan.Role), or "norm", "act", "pool", "linear", "block".
    side: height and width of its output, in positions. steps: the windows from the picture to it.
    """

    name: str
    role: str
    channels: int
    side: int
    steps: tuple[LayerWindow, ...]

    def receptive_field(self, position: int) -> Interval:
        """The pixels, first and last, on which this output position depends, along one side. Raises ValueError."""
        if not 0 <= position < self.side:
            raise ValueError(f"position={position}: must be from 0 to {self.side - 1}")
        low = high = position
        for step in reversed(self.steps):
            low, high = step.input_interval(low, high)
        return low, high


@cache
def layer_geometries(spec: XceptionSpec, side: int) -> dict[str, LayerGeometry]:
    """Every layer of a network on a picture of this side, by module name in running order.

    A residual block as a whole is a layer too. Position i of its shortcut reads position 2 i, which the body reads as
    well, so the body alone decides. Raises ValueError when the picture is too small for the network.
    """
    return {layer.name: layer for layer in _walk(spec, side)}


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
            role = op.role if isinstance(op, Conv) else type(op).__name__.lower()
            yield LayerGeometry(op.name, role, channels, side, steps)
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
            # TensorFlow's SAME pads one pixel before the picture at odd sides only, torch's padding=1 always
            before = side % 2 if same_pooling else 1
            return LayerWindow(2, 3, -before, side, -(-side // 2) if same_pooling else (side - 1) // 2 + 1)
        case Norm() | Act() | Linear():
            return LayerWindow(1, 1, 0, side, side)

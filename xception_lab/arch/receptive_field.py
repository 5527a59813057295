"""Receptive fields: which pixels of the picture reach one position of a layer's output.

In closed form over the plan's operations, without torch. "Side" is a height or a width: both are treated alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from xception_lab.arch.plan import Act, Conv, Linear, Norm, Op, Pool, network_stages
from xception_lab.spec import XceptionSpec

Interval = tuple[int, int]  # first and last position


@dataclass(frozen=True, slots=True)
class LayerWindow:
    """The sliding window of a layer along one side.

    Output position i reads the input positions start + stride * i to start + stride * i + size - 1, as far as they lie
    within 0 to in_side - 1. size: in positions; None reads the whole input. in_side, out_side: of input and output.
    """

    stride: int
    size: int | None
    start: int
    in_side: int
    out_side: int

    def reads(self, low: int, high: int) -> Interval:
        """The input positions that the output positions low to high read."""
        if self.size is None:
            return 0, self.in_side - 1
        first = self.stride * low + self.start
        last = self.stride * high + self.start + self.size - 1
        return max(0, first), min(self.in_side - 1, last)


def same_padding_window(kernel_size: int, stride: int, side: int) -> LayerWindow:
    """A convolution with TensorFlow's SAME padding, whose odd pixel comes after the picture. side: of the input."""
    out_side = -(-side // stride)
    padding = max(0, (out_side - 1) * stride + kernel_size - side)
    return LayerWindow(stride, kernel_size, -(padding // 2), side, out_side)


@dataclass(frozen=True, slots=True)
class LayerGeometry:
    """A layer of a network. name: its module's. side: of its output. windows: of the layers from the picture to it.

    name: of its module. role: a convolution's own (plan.Role), or "norm", "act", "pool", "linear", "block".
    side: height and width of its output, in positions. steps: the windows from the picture to it.
    """

    name: str
    role: str
    channels: int
    side: int
    windows: tuple[LayerWindow, ...]

    def receptive_field(self, position: int) -> Interval:
        """The pixels, first and last along one side, that this output position depends on. Raises ValueError."""
        if not 0 <= position < self.side:
            raise ValueError(f"position={position}: must be from 0 to {self.side - 1}")
        low = high = position
        for window in reversed(self.windows):
            low, high = window.reads(low, high)
        return low, high


@cache
def layer_geometries(spec: XceptionSpec, side: int) -> dict[str, LayerGeometry]:
    """Every layer of a network on a picture of this side, by module name in running order, and each residual block.

    A block's receptive field is its body's: the shortcut's position i reads pixel 2 i, which the body reads as well.
    Raises ValueError when the picture is too small for the network.
    """
    return {layer.name: layer for layer in _walk(spec, side)}


def _walk(spec: XceptionSpec, side: int) -> Iterator[LayerGeometry]:
    windows: tuple[LayerWindow, ...] = ()
    channels = spec.in_channels
    for stage in network_stages(spec):
        for op in stage.body:
            window = _window(op, side, spec.same_pooling)
            if window.out_side < 1:
                raise ValueError(f"side: the picture is too small for {op.name}, which would leave nothing of it")
            if (window.stride, window.size) != (1, 1):
                windows = (*windows, window)
            side, channels = window.out_side, _channels(op, channels)
            role = op.role if isinstance(op, Conv) else type(op).__name__.lower()
            yield LayerGeometry(op.name, role, channels, side, windows)
        if stage.shortcut is not None:
            yield LayerGeometry(stage.name, "block", channels, side, windows)


def _channels(op: Op, before: int) -> int:
    match op:
        case Conv():
            return op.out_channels
        case Linear():
            return op.out_features
        case _:
            return before


def _window(op: Op, side: int, same_pooling: bool) -> LayerWindow:
    match op:
        case Conv():
            size = op.dilation * (op.kernel_size - 1) + 1
            return LayerWindow(op.stride, size, -op.padding, side, (side + 2 * op.padding - size) // op.stride + 1)
        case Pool(size=None):
            return LayerWindow(1, None, 0, side, 1)
        case Pool():
            # TensorFlow's SAME pads a pixel before the picture at odd sides only, torch's padding=1 always
            padding = side % 2 if same_pooling else 1
            return LayerWindow(2, 3, -padding, side, -(-side // 2) if same_pooling else (side - 1) // 2 + 1)
        case Norm() | Act() | Linear():
            return LayerWindow(1, 1, 0, side, side)

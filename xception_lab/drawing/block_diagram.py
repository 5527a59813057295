"""A block as a diagram: its operations in order, with a few stand-ins for its channels and the real shapes."""

from dataclasses import dataclass
from math import log2

from xception_lab.arch.cost import Cost, LayerCost
from xception_lab.arch.plan import Act, Conv, Norm, Role, block_ops
from xception_lab.spec import Activation, BlockSpec

MOST_STAND_INS = 12


@dataclass(frozen=True, slots=True)
class DrawnConv:
    """A convolution as links between two rows of stand-in channels.

    real_groups: of the convolution. tops, bottoms: channels drawn before and after it. groups: how many separate
    bundles the links between them form. share: MACs of this layer over those of a full bar, 0 to 1.
    """

    role: Role
    kernel_size: int
    real_groups: int
    tops: int
    bottoms: int
    groups: int
    layer: LayerCost
    share: float


@dataclass(frozen=True, slots=True)
class Diagram:
    """One or two convolutions, with what stands between them and after the last.

    between: the activation between them, None where there is one convolution only. shapes: (channels, height, width).
    """

    convs: tuple[DrawnConv, ...]
    between: Activation | None
    norm_between: bool
    norm_after: bool
    after: Activation
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]


def block_diagram(spec: BlockSpec, cost: Cost, height: int, width: int, whole: int) -> Diagram:
    """The diagram of a block on a picture. whole: the MACs of a full bar, those of the most expensive block."""
    layers = {layer.name: layer for layer in cost.layers}
    ops = block_ops(spec)
    convs = tuple(_drawn(op, layers[op.name], whole) for op in ops if isinstance(op, Conv))
    norms = [op.name for op in ops if isinstance(op, Norm)]
    functions: dict[bool, Activation] = {op.is_between: op.function for op in ops if isinstance(op, Act)}
    return Diagram(
        convs,
        None if spec.kind == "standard" else functions.get(True, "none"),
        any(name != "bn" for name in norms),
        "bn" in norms,
        functions.get(False, "none"),
        (spec.in_channels, height, width),
        cost.out_shape[1:],
    )


def _drawn(op: Conv, layer: LayerCost, whole: int) -> DrawnConv:
    tops, bottoms = stand_in_channels(op.in_channels), stand_in_channels(op.out_channels)
    if op.groups == 1:
        groups = 1
    elif op.groups == op.in_channels:
        groups = tops
    else:
        # fewer bundles than channels, or it would look like one per channel
        groups = max(2, min(stand_in_channels(op.groups), tops // 2)) if tops > 3 else 2
    share = layer.macs / whole if whole else 0.0
    return DrawnConv(op.role, op.kernel_size, op.groups, tops, bottoms, groups, layer, share)


def stand_in_channels(channels: int) -> int:
    """How many channels are drawn: all of them up to 4, then one more for each doubling."""
    return channels if channels <= 4 else min(MOST_STAND_INS, round(log2(channels)) + 2)

"""The operations of a spec in order: the one list that cost, modules, snippets and drawings read.

An operation stores a result: convolution, batch norm, activation, pooling, addition, linear.
Names are the names of the modules that `build_block` and `build_xception` make.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from xception_lab.spec import Activation, BlockSpec, XceptionSpec

Role = Literal["standard", "pointwise", "depthwise", "spatial", "shortcut"]
Flow = Literal["entry", "middle", "exit"]


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution. padding: pixels on each side. role: what the paper calls it."""

    name: str
    role: Role
    in_channels: int
    out_channels: int
    kernel_size: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    bias: bool = False


@dataclass(frozen=True, slots=True)
class Norm:
    """A batch norm with affine weights."""

    name: str
    channels: int


@dataclass(frozen=True, slots=True)
class Act:
    """An activation.

    is_between: whether it stands between the two convolutions of a block (paper, Figure 10).
    negative_slope: of a "relu", what negative values are multiplied by.
    """

    name: str
    function: Activation
    is_between: bool = False
    negative_slope: float = 0.0


@dataclass(frozen=True, slots=True)
class Pool:
    """A 3x3 max pooling of stride 2, or (size None) the mean over the whole picture."""

    name: str
    size: int | None = 3


@dataclass(frozen=True, slots=True)
class Linear:
    """A fully connected layer with bias, on (N, in_features, 1, 1)."""

    name: str
    in_features: int
    out_features: int


Op = Conv | Norm | Act | Pool | Linear


@dataclass(frozen=True, slots=True)
class Stage:
    """A sequence of operations, with an optional shortcut around them.

    shortcut: None (no addition), () (identity) or the operations on the shortcut.
    """

    name: str
    flow: Flow
    body: tuple[Op, ...]
    shortcut: tuple[Op, ...] | None = None


def block_ops(spec: BlockSpec) -> tuple[Op, ...]:
    """The operations of one block, in order (paper, section 1.2 and Figure 4)."""
    convs = _block_convs(spec)
    ops: list[Op] = []
    for position, conv in enumerate(convs):
        last = position == len(convs) - 1
        ops.append(conv)
        if spec.batch_norm == "every" or (last and spec.batch_norm == "last"):
            ops.append(Norm("bn" if last else f"{conv.name}_bn", conv.out_channels))
        function = spec.activation if last else spec.between
        if function != "none":
            ops.append(Act("activation" if last else "intermediate", function, is_between=not last))
    return tuple(ops)


def _block_convs(spec: BlockSpec) -> tuple[Conv, ...]:
    depthwise_channels = spec.in_channels * spec.depth_multiplier
    biases = spec.bias is True, spec.bias is not False  # of the first of two convolutions, and of the last
    groups = spec.segments or spec.out_channels

    def spatial(name: str, role: Role, ins: int, outs: int, groups: int, bias: bool) -> Conv:
        return Conv(
            name, role, ins, outs, spec.kernel_size, spec.stride, spec.padding_pixels, spec.dilation, groups, bias
        )

    if spec.kind == "standard":
        return (spatial("conv", "standard", spec.in_channels, spec.out_channels, 1, biases[1]),)
    if spec.kind == "extreme":
        role: Role = "depthwise" if groups == spec.out_channels else "spatial"
        return (
            Conv("pointwise", "pointwise", spec.in_channels, spec.out_channels, bias=biases[0]),
            spatial(role, role, spec.out_channels, spec.out_channels, groups, biases[1]),
        )
    return (
        spatial("depthwise", "depthwise", spec.in_channels, depthwise_channels, spec.in_channels, biases[0]),
        Conv("pointwise", "pointwise", depthwise_channels, spec.out_channels, bias=biases[1]),
    )


def network_stages(spec: XceptionSpec) -> Iterator[Stage]:
    """The network's stages in order (paper, Figure 5); names are timm's legacy_xception keys."""
    first, second = spec.stem_channels
    stride, padding = (1, 1) if spec.small_stem else (2, 0)
    yield Stage(
        "stem",
        "entry",
        (
            Conv("conv1", "standard", spec.in_channels, first, 3, stride, padding),
            Norm("bn1", first),
            Act("act1", "relu"),
            Conv("conv2", "standard", first, second, 3, 1, padding),
            Norm("bn2", second),
            Act("act2", "relu"),
        ),
    )
    width, number = second, 0
    for channels in spec.entry_channels:
        number += 1
        # the first block follows the stem's own ReLU, so it starts without one
        yield _residual(spec, number, "entry", (width, channels, channels), halve=True, leading_relu=number > 1)
        width = channels
    for _ in range(spec.middle_blocks):
        number += 1
        yield _residual(spec, number, "middle", (width,) * 4, halve=False)
    last, deep, deepest = spec.exit_channels
    yield _residual(spec, number + 1, "exit", (width, width, last), halve=True)
    yield Stage(
        "head",
        "exit",
        (
            *separable_ops(spec, "conv3", last, deep),
            Norm("bn3", deep),
            Act("act3", "relu"),
            *separable_ops(spec, "conv4", deep, deepest),
            Norm("bn4", deepest),
            Act("act4", "relu"),
            Pool("global_pool", None),
            Linear("fc", deepest, spec.num_classes),
        ),
    )


def _residual(
    spec: XceptionSpec, number: int, flow: Flow, widths: tuple[int, ...], *, halve: bool, leading_relu: bool = True
) -> Stage:
    name = f"block{number}"
    body: list[Op] = []
    index = 0
    for step, (ins, outs) in enumerate(pairwise(widths)):
        if step or leading_relu:
            body.append(Act(f"{name}.rep.{index}", "relu"))
            index += 1
        body += separable_ops(spec, f"{name}.rep.{index}", ins, outs)
        body.append(Norm(f"{name}.rep.{index + 1}", outs))
        index += 2
    if halve:
        body.append(Pool(f"{name}.rep.{index}"))
    shortcut: tuple[Op, ...] | None = None
    if spec.residual:
        project = Conv(f"{name}.skip", "shortcut", widths[0], widths[-1], stride=2)
        shortcut = (project, Norm(f"{name}.skipbn", widths[-1])) if halve else ()
    return Stage(name, flow, tuple(body), shortcut)


def separable_ops(spec: XceptionSpec, name: str, ins: int, outs: int) -> tuple[Op, ...]:
    """One separable convolution of the network: its two halves in the spec's order with the activation between them.

    A single regular convolution where spec.convolution is "standard".
    """
    if spec.convolution == "standard":
        return (Conv(name, "standard", ins, outs, 3, 1, 1),)
    spatial_width = ins if spec.order == "depthwise-first" else outs
    groups = spec.groups(spatial_width)
    role: Role = "depthwise" if groups == spatial_width else "spatial"
    spatial = Conv(f"{name}.conv1", role, spatial_width, spatial_width, 3, 1, 1, 1, groups)
    pointwise = Conv(f"{name}.pointwise", "pointwise", ins, outs)
    first, second = (spatial, pointwise) if spec.order == "depthwise-first" else (pointwise, spatial)
    between: list[Op] = []
    if spec.batch_norm == "every":
        between.append(Norm(f"{name}.bn", first.out_channels))
    if spec.intermediate != "none":
        between.append(Act(f"{name}.act", spec.intermediate, is_between=True, negative_slope=spec.negative_slope))
    return (first, *between, second)

"""What the user asked for: frozen, validated once, free of torch.

Every invalid value raises ValueError naming the field, the value and the rule it breaks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from xception_lab.common.validate import (
    check_choice,
    check_divisor,
    check_flag,
    check_fraction,
    check_positive,
    check_text,
    check_type,
    check_whole,
    is_real,
)

Kind = Literal["standard", "extreme", "separable"]
Activation = Literal["none", "relu", "elu"]
BatchNorm = Literal["none", "last", "every"]
Bias = bool | Literal["last"]
Order = Literal["depthwise-first", "pointwise-first"]
Convolution = Literal["separable", "standard"]

KINDS: tuple[Kind, ...] = ("standard", "extreme", "separable")
ACTIVATIONS: tuple[Activation, ...] = ("none", "relu", "elu")
BIASES: tuple[Bias, ...] = (False, True, "last")
BATCH_NORMS: tuple[BatchNorm, ...] = ("none", "last", "every")
ORDERS: tuple[Order, ...] = ("depthwise-first", "pointwise-first")


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """One of the three blocks of the paper, or a point on the spectrum between them (paper, section 1.2).

    kind: "standard" (one regular convolution), "extreme" (1x1, then one spatial convolution per channel, Figure 4) or
        "separable" (depthwise, then 1x1).
    padding: pixels on each side; "same" is dilation * (kernel_size - 1) // 2 and needs an odd kernel, "valid" is 0.
    segments: groups of the extreme block's spatial convolution; None is one per channel, 1 a regular convolution after
        a 1x1.
    depth_multiplier: output channels of the separable block's depthwise convolution per input channel.
    bias: of both convolutions, or "last": of the last alone, as Keras's SeparableConv2D has it.
    batch_norm: "none", "last" (after the last convolution) or "every" (after each).
    intermediate: activation between the two convolutions; None is the kind's default (extreme "relu", separable
        "none").
    activation: after the block.

    Raises ValueError naming field, value and rule.
    """

    kind: Kind
    in_channels: int = 64
    out_channels: int = 128
    kernel_size: int = 3
    stride: int = 1
    padding: Literal["same", "valid"] | int = "same"
    dilation: int = 1
    segments: int | None = None
    depth_multiplier: int = 1
    bias: Bias = False
    batch_norm: BatchNorm = "last"
    intermediate: Activation | None = None
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        for field in ("in_channels", "out_channels", "kernel_size", "stride", "dilation", "depth_multiplier"):
            check_whole(field, getattr(self, field), 1)
        if not (isinstance(self.bias, bool) or (isinstance(self.bias, str) and self.bias == "last")):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(f"bias={self.bias!r}: must be True, False or 'last'")
        check_choice("batch_norm", self.batch_norm, BATCH_NORMS)
        check_choice("activation", self.activation, ACTIVATIONS)
        self._check_padding()
        self._check_kind_fields()

    def _check_padding(self) -> None:
        if isinstance(self.padding, str):
            check_choice("padding", self.padding, ("same", "valid"))
            if self.padding == "same" and self.kernel_size % 2 == 0:
                raise ValueError(f"padding='same': needs an odd kernel_size, got kernel_size={self.kernel_size}")
        else:
            check_whole("padding", self.padding, 0)

    def _check_kind_fields(self) -> None:
        if self.intermediate is not None:
            if self.kind == "standard":
                raise ValueError(
                    f"intermediate={self.intermediate!r}: a standard block has nothing in between, use None"
                )
            check_choice("intermediate", self.intermediate, ACTIVATIONS)
        if self.kind != "separable" and self.depth_multiplier != 1:
            raise ValueError(f"depth_multiplier={self.depth_multiplier}: must be 1 unless kind='separable'")
        if self.segments is not None:
            check_whole("segments", self.segments, 1)
            if self.kind != "extreme":
                raise ValueError(f"segments={self.segments}: must be None unless kind='extreme'")
            check_divisor("segments", self.segments, "out_channels", self.out_channels)

    @property
    def between(self) -> Activation:
        """The activation between the two convolutions; where intermediate is None, the kind's default."""
        if self.intermediate is not None:
            return self.intermediate
        return "relu" if self.kind == "extreme" else "none"

    @property
    def padding_pixels(self) -> int:
        """The padding on each side, in pixels."""
        if self.padding == "same":
            return self.dilation * (self.kernel_size - 1) // 2
        return 0 if self.padding == "valid" else self.padding


@dataclass(frozen=True, slots=True)
class CompareSpec:
    """One setting shared by the three blocks, and the size of their input.

    Fields as in BlockSpec; segments, depth_multiplier and intermediate apply only to the kinds that have them.

    size: height and width of the input.

    Raises ValueError naming field, value and rule.
    """

    in_channels: int = 64
    out_channels: int = 128
    kernel_size: int = 3
    size: int = 56
    segments: int | None = None
    stride: int = 1
    padding: Literal["same", "valid"] | int = "same"
    dilation: int = 1
    batch_size: int = 1
    depth_multiplier: int = 1
    bias: Bias = False
    batch_norm: BatchNorm = "last"
    intermediate: Activation | None = None

    def __post_init__(self) -> None:
        check_whole("size", self.size, 1)
        check_whole("batch_size", self.batch_size, 1)
        for kind in KINDS:
            self.block(kind)

    def block(self, kind: Kind, intermediate: Activation | None = None) -> BlockSpec:
        """The block of this kind in this setting. intermediate: instead of the shared one, where it is given."""
        between = None if kind == "standard" else intermediate or self.intermediate
        return BlockSpec(
            kind,
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            segments=self.segments if kind == "extreme" else None,
            depth_multiplier=self.depth_multiplier if kind == "separable" else 1,
            bias=self.bias,
            batch_norm=self.batch_norm,
            intermediate=between,
        )


@dataclass(frozen=True, slots=True)
class XceptionSpec:
    """The paper's network (section 3, Figure 5) by default, and smaller ones of the same plan.

    in_channels: of the picture.
    stem_channels: output channels of the two plain 3x3 convolutions at the beginning.
    entry_channels: output channels of the entry flow's residual blocks, each of which halves the picture.
    middle_blocks: residual blocks of the middle flow, three separable convolutions each.
    middle_channels: width of the middle flow; its shortcuts are identities, so it equals entry_channels[-1].
    exit_channels: output channels of the last residual block and of the two separable convolutions after it.
    small_stem: stride 1 and padding 1 in the stem, for pictures of about 32 pixels.
    order: of the two halves of every separable convolution.
    intermediate: activation between the two halves (Figure 10).
    residual: whether there are shortcuts (Figure 9).
    segments: groups of every spatial convolution; None is one per channel.
    dropout: share of features that are dropped before the linear layer in training.
    same_pooling: TensorFlow's SAME padding, with which the published weights were trained; otherwise torch's padding=1.
    convolution: "standard" replaces each separable convolution by one regular 3x3 convolution.
    batch_norm: of every separable convolution, "last" (after its second half, as in the paper) or "every" (after each
        half, so that one stands between, before the activation there).
    negative_slope: of the ReLU between: 0 is a ReLU, 1 the identity, what lies between a leaky ReLU.
    segment_depth: channels in each group of every spatial convolution; None where segments says it.

    Raises ValueError naming field, value and rule. XceptionSpec() has 22,855,952 parameters (paper, Table 3).
    """

    in_channels: int = 3
    num_classes: int = 1000
    stem_channels: tuple[int, int] = (32, 64)
    entry_channels: tuple[int, ...] = (128, 256, 728)
    middle_blocks: int = 8
    middle_channels: int = 728
    exit_channels: tuple[int, int, int] = (1024, 1536, 2048)
    small_stem: bool = False
    order: Order = "depthwise-first"
    intermediate: Activation = "none"
    residual: bool = True
    segments: int | None = None
    dropout: float = 0.5
    batch_norm_eps: float = 1e-3
    same_pooling: bool = True
    convolution: Convolution = "separable"
    batch_norm: Literal["last", "every"] = "last"
    negative_slope: float = 0.0
    segment_depth: int | None = None

    def __post_init__(self) -> None:
        for field in ("in_channels", "num_classes", "middle_channels"):
            check_whole(field, getattr(self, field), 1)
        check_whole("middle_blocks", self.middle_blocks, 0)
        self._check_channels()
        for field in ("small_stem", "residual", "same_pooling"):
            check_flag(field, getattr(self, field))
        check_choice("order", self.order, ORDERS)
        check_choice("intermediate", self.intermediate, ACTIVATIONS)
        check_fraction("dropout", self.dropout)
        check_positive("batch_norm_eps", self.batch_norm_eps)
        check_choice("convolution", self.convolution, ("separable", "standard"))
        check_choice("batch_norm", self.batch_norm, ("last", "every"))
        self._check_negative_slope()
        # a regular convolution has no two halves to which these could apply
        rests = {
            "order": "depthwise-first",
            "intermediate": "none",
            "segments": None,
            "batch_norm": "last",
            "segment_depth": None,
        }
        for field, rest in rests.items():
            if self.convolution == "standard" and getattr(self, field) != rest:
                raise ValueError(f"{field}={getattr(self, field)!r}: must be {rest!r} when convolution='standard'")
        self._check_segments()

    def _check_channels(self) -> None:
        for field, count in (("stem_channels", 2), ("entry_channels", None), ("exit_channels", 3)):
            value: object = getattr(self, field)
            rule = f"a tuple of {count}" if count else "a tuple of at least one"
            widths = cast(tuple[object, ...], value) if isinstance(value, tuple) else ()
            if len(widths) != count if count else not widths:
                raise ValueError(f"{field}={value!r}: must be {rule} channel counts")
            for channels in widths:
                check_whole(field, channels, 1)
        if self.middle_channels != self.entry_channels[-1]:
            raise ValueError(
                f"middle_channels={self.middle_channels}: must equal entry_channels[-1]={self.entry_channels[-1]}, "
                "the middle flow's shortcuts are identities"
            )

    def _check_negative_slope(self) -> None:
        if not is_real(self.negative_slope) or not 0 <= self.negative_slope <= 1:
            raise ValueError(f"negative_slope={self.negative_slope!r}: must be a number from 0 to 1")
        if self.negative_slope and self.intermediate != "relu":
            raise ValueError(f"negative_slope={self.negative_slope!r}: must be 0 unless intermediate='relu'")

    def _check_segments(self) -> None:
        if self.segment_depth is not None:
            check_whole("segment_depth", self.segment_depth, 1)
            if self.segments is not None:
                raise ValueError(f"segment_depth={self.segment_depth}: must be None when segments={self.segments}")
            for channels in self.spatial_channels:
                if channels % self.segment_depth:
                    raise ValueError(
                        f"segment_depth={self.segment_depth}: must divide every spatial convolution's channels, "
                        f"got {channels}"
                    )
        if self.segments is None:
            return
        check_whole("segments", self.segments, 1)
        for channels in self.spatial_channels:
            if channels % self.segments:
                raise ValueError(
                    f"segments={self.segments}: must divide every spatial convolution's channels, got {channels}"
                )

    def groups(self, channels: int) -> int:
        """The groups of a spatial convolution of so many channels: one a channel, unless a field says otherwise."""
        if self.segment_depth is not None:
            return channels // self.segment_depth
        return self.segments or channels

    @property
    def separable_channels(self) -> tuple[tuple[int, int], ...]:
        """(in, out) channels of every separable convolution, in order; 34 in the paper's network."""
        pairs: list[tuple[int, int]] = []
        width = self.stem_channels[1]
        for channels in self.entry_channels:
            pairs += [(width, channels), (channels, channels)]
            width = channels
        pairs += [(width, width)] * (3 * self.middle_blocks)
        last, deep, deepest = self.exit_channels
        return (*pairs, (width, width), (width, last), (last, deep), (deep, deepest))

    @property
    def spatial_channels(self) -> tuple[int, ...]:
        """Channels of the spatial convolutions, each number once: a pair's input if it comes first, or its output."""
        side = 0 if self.order == "depthwise-first" else 1
        return tuple(sorted({pair[side] for pair in self.separable_channels}))


_ADDED_TO_NETWORK = {"batch_norm": "last", "negative_slope": 0.0, "segment_depth": None}


def without_added_fields(network: Mapping[str, Any]) -> dict[str, Any]:
    """A network's fields without those that version 0.1 did not have, where they are at their defaults.

    So a file has one text in all versions. network: as dataclasses.asdict gives it.
    """
    return {
        name: value
        for name, value in network.items()
        if name not in _ADDED_TO_NETWORK or value != _ADDED_TO_NETWORK[name]
    }


# learns within a minute on one core, so that a class can watch it: see benchmarks/training.py
SMALL_XCEPTION = XceptionSpec(
    in_channels=1,
    num_classes=10,
    stem_channels=(8, 16),
    entry_channels=(32, 64),
    middle_blocks=1,
    middle_channels=64,
    exit_channels=(96, 128, 160),
    small_stem=True,
    dropout=0.0,
)


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """One training run: network, data, length and seed.

    xception: the network; its in_channels and num_classes are replaced by the data's.
    dataset: a name that data.catalogue.load_dataset knows.
    train_size: how many training pictures, the same ones for every seed; None is all.
    autocast: whether products are computed in bfloat16 on a device that has it; False is float32 everywhere, as plans
        have it, so that two machines differ by less.
    use_test: whether the finished network is judged on the test pictures; False while a recipe is being chosen.

    Raises ValueError naming field, value and rule.
    """

    xception: XceptionSpec = SMALL_XCEPTION
    dataset: str = "fashion-mnist"
    epochs: int = 4
    batch_size: int = 64
    learning_rate: float = 0.012
    weight_decay: float = 0.01
    seed: int = 0
    train_size: int | None = None
    autocast: bool = True
    use_test: bool = True

    def __post_init__(self) -> None:
        check_type("xception", self.xception, XceptionSpec, "an XceptionSpec")
        check_text("dataset", self.dataset, "the name of a data set")
        # a batch norm refuses a batch of one where the picture has shrunk to one pixel
        for field, least in (("epochs", 1), ("batch_size", 2), ("seed", 0)):
            check_whole(field, getattr(self, field), least)
        if self.train_size is not None:
            check_whole("train_size", self.train_size, self.batch_size)
        check_positive("learning_rate", self.learning_rate)
        check_fraction("weight_decay", self.weight_decay)
        check_flag("autocast", self.autocast)
        check_flag("use_test", self.use_test)

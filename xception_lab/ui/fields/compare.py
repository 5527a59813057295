"""The controls of the three blocks, and of the Compare page's views."""

from dataclasses import dataclass
from typing import Literal

from xception_lab.arch.comparison import Measure, SweepField, divisors
from xception_lab.spec import BATCH_NORMS, KINDS, Activation, BatchNorm, Bias, CompareSpec, Kind, Order
from xception_lab.ui.fields.field import (
    N_,
    VIEW_AND_CONTROL,
    Field,
    Option,
    Texts,
    number_options,
    word_options,
)

Convention = Literal["macs", "flops"]
View = Literal["layers", "spectrum", "sweep", "formula", "differences", "table", "counters", "code"]

# "max" in a link is one segment per channel, for any number of channels
ONE_PER_CHANNEL = Option[int | None]("max", None)

CHANNELS = (
    1, 3, *range(8, 129, 8), *range(144, 257, 16), *range(288, 513, 32), *range(576, 705, 64), 728,
    *range(768, 1025, 64), *range(1152, 2049, 128),
)  # fmt: skip
SIZES = (
    7, 8, 10, 12, 14, 16, 19, 20, 24, 28, 32, 37, 38, 40, 48, 56, 64, 74, 75, 80, 96, 112, 128, 147, 149, 150,
    160, 192, 224, 256, 299, 320, 384, 448, 512,
)  # fmt: skip

IN_CHANNELS = Field(
    "in_channels",
    number_options(*CHANNELS),
    "64",
    "slider",
    help=N_("Channels of the picture that enters the block."),
)
OUT_CHANNELS = Field(
    "out_channels",
    number_options(*CHANNELS[2:]),
    "128",
    "slider",
    help=N_("Channels that leave the block: its filters."),
)
KERNEL_SIZE = Field(
    "kernel_size", number_options(1, 3, 5, 7), "3", "slider", help=N_("Side of the spatial kernel, in pixels.")
)
SIZE = Field(
    "size",
    number_options(*SIZES),
    "56",
    "slider",
    help=N_("Height and width of the picture that enters, in pixels."),
)


def segment_options(counts: tuple[int, ...]) -> tuple[Option[int | None], ...]:
    """Numbers of segments as options; one per channel comes last."""
    return (*(Option[int | None](str(count), count) for count in counts), ONE_PER_CHANNEL)


def _available_segments(texts: Texts) -> tuple[str, ...]:
    """The divisors of the number of output channels, the largest as one per channel."""
    *fewer, _all = divisors(OUT_CHANNELS.read(texts))
    return (*map(str, fewer), ONE_PER_CHANNEL.text)


SEGMENTS = Field(
    "segments",
    segment_options(tuple(sorted({count for channels in CHANNELS for count in divisors(channels)}))),
    ONE_PER_CHANNEL.text,
    "slider",
    help=N_(
        "Extreme block only: into how many groups its spatial convolution cuts the channels. 1 is a regular "
        "convolution after a 1×1, Inception has 3 or 4, max is one a channel."
    ),
    narrow=_available_segments,
)
STRIDE = Field("stride", number_options(1, 2, 3, 4), "1", help=N_("Step of the spatial kernel, in pixels."))
PADDING = Field(
    "padding",
    (
        Option[Literal["same", "valid"] | int]("same", "same"),
        Option[Literal["same", "valid"] | int]("valid", "valid"),
        *(Option[Literal["same", "valid"] | int](str(pixels), pixels) for pixels in (1, 2, 3)),
    ),
    "same",
    help=N_("Zeros around the picture: same keeps its size at stride 1, valid adds none, a number adds so many."),
)


def _available_dilations(texts: Texts) -> tuple[str, ...]:
    """The dilations with which the kernel fits the padded picture."""
    padding, kernel_size = PADDING.read(texts), KERNEL_SIZE.read(texts)
    if padding == "same" or kernel_size == 1:
        return DILATION.texts
    pixels = 0 if padding == "valid" else padding
    return DILATION.texts[: (SIZE.read(texts) + 2 * pixels - 1) // (kernel_size - 1)]


DILATION = Field(
    "dilation",
    number_options(1, 2, 3, 4),
    "1",
    help=N_("Distance between the kernel's taps, in pixels."),
    narrow=_available_dilations,
)
BATCH_SIZE = Field(
    "batch_size", number_options(1, 2, 4, 8, 16, 32, 64, 128, 256), "1", "slider", help=N_("Pictures at a time.")
)
DEPTH_MULTIPLIER = Field(
    "depth_multiplier",
    number_options(1, 2, 4),
    "1",
    help=N_("Separable block only: filters of the depthwise step for each input channel."),
)
BIAS: Field[Bias] = Field(
    "bias",
    (Option("false", False), Option("true", True), Option("last", "last")),
    "false",
    help=N_(
        "Whether the convolutions add a bias: none, as in Xception, all, or the block's last one alone, as in Keras's "
        "SeparableConv2D."
    ),
)
BATCH_NORM: Field[BatchNorm] = Field(
    "batch_norm",
    word_options(*BATCH_NORMS, labels={"none": N_("none"), "last": N_("last"), "every": N_("every")}),
    "last",
    help=N_("A batch norm after no convolution, after the block's last one, or after every one."),
)
ACTIVATION_LABELS = {"none": N_("none"), "relu": "ReLU", "elu": "ELU"}
INTERMEDIATE = Field(
    "intermediate",
    (
        # each kind's own default
        Option[Activation | None]("paper", None, N_("paper")),
        Option[Activation | None]("none", "none", ACTIVATION_LABELS["none"]),
        Option[Activation | None]("relu", "relu", ACTIVATION_LABELS["relu"]),
        Option[Activation | None]("elu", "elu", ACTIVATION_LABELS["elu"]),
    ),
    "paper",
    help=N_(
        "What stands between the two convolutions; in the paper a ReLU in the extreme block, nothing in the separable."
    ),
)

CONVENTION = Field(
    "convention",
    (Option[Convention]("MACs", "macs"), Option[Convention]("FLOPs", "flops")),
    "MACs",
    label=N_("Count in"),
    help=N_("One MAC is a multiplication and an addition: FLOPs = 2 × MACs."),
)
MEASURE: Field[Measure] = Field(
    "measure",
    word_options(
        "macs",
        "params",
        "moved_bytes",
        labels={"macs": "MACs / FLOPs", "params": N_("Parameters"), "moved_bytes": N_("Bytes moved")},
    ),
    "macs",
    label=N_("Charts show"),
    help=N_("What the charts show."),
)
SWEPT: Field[SweepField] = Field(
    "swept",
    word_options("out_channels", "in_channels", "kernel_size", "size"),
    "out_channels",
    label=N_("Along the axis"),
    help=N_("What runs along x."),
)
SCALE: Field[Literal["log", "linear"]] = Field(
    "scale",
    word_options("log", "linear", labels={"log": N_("logarithmic"), "linear": N_("linear")}),
    "log",
    label=N_("Scale"),
    help=N_("The scale of the chart's axes."),
)
ORDER_LABELS: dict[str, str] = {
    "pointwise-first": N_("1×1 first"),
    "depthwise-first": N_("depthwise first"),
}
ORDER: Field[Order] = Field(
    "order",
    word_options("pointwise-first", "depthwise-first", labels=ORDER_LABELS),
    "depthwise-first",
    label=N_("Target block: order"),
    help=N_("Which convolution comes first in the block that the steps below lead to, from the extreme block."),
)
BETWEEN: Field[Activation] = Field(
    "between",
    word_options("relu", "none", labels=ACTIVATION_LABELS),
    "none",
    label=N_("Target block: between"),
    help=N_("What stands between the two convolutions of the block that the steps below lead to."),
)
VIEW: Field[View] = Field(
    "view",
    word_options(
        "layers",
        "spectrum",
        "sweep",
        "formula",
        "differences",
        "table",
        "counters",
        "code",
        labels={
            "layers": N_("Layer by layer"),
            "spectrum": N_("The spectrum"),
            "sweep": N_("One field runs"),
            "formula": N_("Formulas"),
            "differences": N_("The two differences"),
            "table": N_("Table"),
            "counters": N_("Other counters"),
            "code": N_("PyTorch code"),
        },
    ),
    "layers",
    label=N_("Look at"),
    help=N_("What is shown below the three blocks."),
    part=VIEW_AND_CONTROL,
)
CODE_OF: Field[Kind] = Field(
    "code_of",
    word_options(*KINDS),
    "separable",
    label=N_("Block"),
    help=N_("The block whose code is shown."),
)


@dataclass(frozen=True, slots=True)
class StartState:
    """The controls of the start page."""

    out_channels: int = OUT_CHANNELS.attribute()
    kernel_size: int = KERNEL_SIZE.attribute()
    segments: int | None = SEGMENTS.attribute()

    @property
    def spec(self) -> CompareSpec:
        """The comparison that the controls ask for."""
        return CompareSpec(out_channels=self.out_channels, kernel_size=self.kernel_size, segments=self.segments)


@dataclass(frozen=True, slots=True)
class BlocksState:
    """The controls of the three blocks and of the picture that they work on."""

    in_channels: int = IN_CHANNELS.attribute()
    out_channels: int = OUT_CHANNELS.attribute()
    kernel_size: int = KERNEL_SIZE.attribute()
    size: int = SIZE.attribute()
    segments: int | None = SEGMENTS.attribute()
    stride: int = STRIDE.attribute()
    padding: Literal["same", "valid"] | int = PADDING.attribute()
    dilation: int = DILATION.attribute()
    batch_size: int = BATCH_SIZE.attribute()
    depth_multiplier: int = DEPTH_MULTIPLIER.attribute()
    bias: Bias = BIAS.attribute()
    batch_norm: BatchNorm = BATCH_NORM.attribute()
    intermediate: Activation | None = INTERMEDIATE.attribute()

    @property
    def spec(self) -> CompareSpec:
        """The comparison that the controls ask for."""
        return CompareSpec(
            in_channels=self.in_channels,
            out_channels=self.out_channels,
            kernel_size=self.kernel_size,
            size=self.size,
            segments=self.segments,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            batch_size=self.batch_size,
            depth_multiplier=self.depth_multiplier,
            bias=self.bias,
            batch_norm=self.batch_norm,
            intermediate=self.intermediate,
        )


@dataclass(frozen=True, slots=True)
class CompareState(BlocksState):
    """The controls of the Compare page: those of the blocks, then those of its views."""

    convention: Convention = CONVENTION.attribute()
    measure: Measure = MEASURE.attribute()
    swept: SweepField = SWEPT.attribute()
    scale: Literal["log", "linear"] = SCALE.attribute()
    order: Order = ORDER.attribute()
    between: Activation = BETWEEN.attribute()
    view: View = VIEW.attribute()
    code_of: Kind = CODE_OF.attribute()

    @property
    def charted(self) -> Measure:
        """The quantity that the charts show; of MACs and FLOPs the one that the convention names."""
        return self.convention if self.measure == "macs" else self.measure

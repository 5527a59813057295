"""The Network page's controls, and the network that they ask for.

A key is unique across the pages, so a field that another page has for one block is called network_... here.
"""

from dataclasses import dataclass
from typing import Literal

from xception_lab.arch.breakdown import LAYER_KINDS, AreaMeasure, LayerKind, NetworkSpec, possible_segments
from xception_lab.arch.inception_module import TOWERS
from xception_lab.arch.plan import Flow
from xception_lab.common.citations import constant
from xception_lab.spec import ACTIVATIONS, ORDERS, Activation, Convolution, Order, XceptionSpec
from xception_lab.ui.fields.compare import ACTIVATION_LABELS, ONE_PER_CHANNEL, ORDER_LABELS, segment_options
from xception_lab.ui.fields.field import (
    N_,
    VIEW_BELOW,
    Field,
    Option,
    Texts,
    flag_options,
    number_options,
    word_options,
)

CHOSEN_STAGE = "chosen"  # the container of the block whose layers are shown

Stage = Literal["stem", "block1", "block2", "block3", "middle", "exit", "head"]
NetworkView = Literal["architecture", "shares", "layer_table", "what_if", "relatives", "modules", "export"]

# these views do not show the network that the controls ask for
FIXED_VIEWS: tuple[NetworkView, ...] = ("relatives", "modules")

INPUT_SIZE = Field(
    "input_size",
    number_options(32, 48, 64, 71, 96, 128, 150, 160, 192, 224, 256, 299, 331, 384, 448, 512),
    "299",
    "slider",
    help=N_("Height and width of the picture that enters the network, in pixels; the paper's is 299."),
)
WIDTH_PERCENT = Field(
    "width_percent",
    number_options(25, 50, 75, 100, 125, 150, 200),
    "100",
    "slider",
    help=N_("Channels of every layer, in percent of the paper's."),
)
MIDDLE_BLOCKS = Field(
    "middle_blocks",
    number_options(*range(17)),
    "8",
    "slider",
    help=N_("Blocks of the middle flow; the paper has 8."),
)
CONVOLUTION: Field[Convolution] = Field(
    "convolution",
    word_options("separable", "standard"),
    "separable",
    help=N_("What each of the 34 separable convolutions is: itself, or one regular 3×3 convolution."),
)


def _available_orders(texts: Texts) -> tuple[str, ...]:
    """Both orders; for regular convolutions, which have none, the default."""
    return ORDERS if CONVOLUTION.read(texts) == "separable" else ORDERS[:1]


def _available_segments(texts: Texts) -> tuple[str, ...]:
    """The numbers of segments that divide every spatial convolution of the network."""
    if CONVOLUTION.read(texts) != "separable":
        return (ONE_PER_CHANNEL.text,)
    counts = possible_segments(WIDTH_PERCENT.read(texts), NETWORK_ORDER.read(texts))
    return (*map(str, counts), ONE_PER_CHANNEL.text)


def _available_activations(texts: Texts) -> tuple[str, ...]:
    """Every activation; for regular convolutions, which have nothing between, none."""
    return ACTIVATIONS if CONVOLUTION.read(texts) == "separable" else ACTIVATIONS[:1]


def _available_stages(texts: Texts) -> tuple[str, ...]:
    """Every stage of the network; the middle flow only where it has a block."""
    return tuple(stage for stage in STAGE.texts if stage != "middle" or MIDDLE_BLOCKS.read(texts))


NETWORK_ORDER: Field[Order] = Field(
    "network_order",
    word_options(*ORDERS, labels=ORDER_LABELS),
    ORDERS[0],
    label=N_("Order"),
    help=N_("Which convolution comes first."),
    narrow=_available_orders,
)
NETWORK_SEGMENTS = Field(
    "network_segments",
    segment_options(
        tuple(
            sorted(
                {
                    count
                    for width in WIDTH_PERCENT.options
                    for order in ORDERS
                    for count in possible_segments(width.value, order)
                }
            )
        )
    ),
    ONE_PER_CHANNEL.text,
    "slider",
    help=N_(
        "Into how many groups every spatial convolution cuts its channels: 1 is a regular convolution, Inception "
        "has 3 or 4, max is one a channel."
    ),
    narrow=_available_segments,
)
NETWORK_INTERMEDIATE: Field[Activation] = Field(
    "network_intermediate",
    word_options(*ACTIVATIONS, labels=ACTIVATION_LABELS),
    "none",
    label=N_("Between the two"),
    help=N_("What stands between the two convolutions; in the paper's network nothing."),
    narrow=_available_activations,
)
RESIDUAL = Field(
    "residual",
    flag_options(True),
    "true",
    help=N_("Whether the residual connections are there: Figure 9, whose two caveats stand under What if."),
)
SMALL_STEM = Field(
    "small_stem",
    flag_options(False),
    "false",
    help=N_("Stride 1 in the first convolution, for pictures of 32 pixels or so."),
)
NUM_CLASSES = Field(
    "num_classes",
    number_options(10, 100, XceptionSpec().num_classes, int(constant("jft_classes").value)),
    "1000",
    help=N_("Classes to tell apart; the two largest numbers are those of ImageNet and of the paper's JFT."),
)

NETWORK_VIEW: Field[NetworkView] = Field(
    "network_view",
    word_options(
        "architecture",
        "shares",
        "layer_table",
        "what_if",
        "relatives",
        "modules",
        "export",
        labels={
            "architecture": N_("Architecture"),
            "shares": N_("Where it lives"),
            "layer_table": N_("All layers"),
            "what_if": N_("What if"),
            "relatives": N_("Relatives"),
            "modules": N_("Figures 1–4"),
            "export": N_("Export"),
        },
    ),
    "architecture",
    label=N_("Look at"),
    help=N_("What is shown of the network."),
    part=VIEW_BELOW,
)
STAGE: Field[Stage] = Field(
    "stage",
    word_options(
        "stem",
        "block1",
        "block2",
        "block3",
        "middle",
        "exit",
        "head",
        labels={"middle": N_("middle"), "exit": N_("exit")},
    ),
    "block2",
    label=N_("Block"),
    help=N_("The block whose layers are shown."),
    narrow=_available_stages,
    part=CHOSEN_STAGE,
)
WEIGHED: Field[AreaMeasure] = Field(
    "weighed",
    word_options(
        "macs",
        "params",
        "activation_bytes",
        labels={
            "macs": "MACs / FLOPs",
            "params": N_("Parameters"),
            "activation_bytes": N_("Activation bytes"),
        },
    ),
    "macs",
    label=N_("Areas and bars show"),
    help=N_("What areas and bars stand for."),
)
LAYER_FLOW: Field[Flow | None] = Field(
    "layer_flow",
    (
        Option[Flow | None]("all", None, N_("all")),
        Option[Flow | None]("entry", "entry", N_("entry")),
        Option[Flow | None]("middle", "middle", N_("middle")),
        Option[Flow | None]("exit", "exit", N_("exit")),
    ),
    "all",
    label=N_("Flow"),
    help=N_("Layers of one flow only."),
)
LAYER_KIND_NAMES: dict[str, str] = {
    "standard": N_("regular 3×3"),
    "depthwise": N_("depthwise"),
    "pointwise": N_("pointwise 1×1"),
    "shortcut": N_("shortcut 1×1"),
    "spatial": N_("3×3 on segments"),
    "linear": N_("linear"),
    "other": N_("BN, ReLU, pooling, addition"),
}
LAYER_KIND: Field[LayerKind | None] = Field(
    "layer_kind",
    (
        Option[LayerKind | None]("all", None, N_("all")),
        *(Option[LayerKind | None](kind, kind, LAYER_KIND_NAMES[kind]) for kind in LAYER_KINDS),
    ),
    "all",
    label=N_("Kind"),
    help=N_("Layers of one kind only."),
)
TOWER_COUNT = Field(
    "towers",
    number_options(*TOWERS),
    "3",
    "slider",
    help=N_("Into how many towers, or segments, the module's 24 channels are cut."),
)


@dataclass(frozen=True, slots=True)
class ArchitectureState:
    """The controls of the network itself."""

    input_size: int = INPUT_SIZE.attribute()
    width_percent: int = WIDTH_PERCENT.attribute()
    middle_blocks: int = MIDDLE_BLOCKS.attribute()
    convolution: Convolution = CONVOLUTION.attribute()
    network_order: Order = NETWORK_ORDER.attribute()
    network_segments: int | None = NETWORK_SEGMENTS.attribute()
    network_intermediate: Activation = NETWORK_INTERMEDIATE.attribute()
    residual: bool = RESIDUAL.attribute()
    small_stem: bool = SMALL_STEM.attribute()
    num_classes: int = NUM_CLASSES.attribute()

    @property
    def spec(self) -> NetworkSpec:
        """The network that the controls ask for."""
        return NetworkSpec(
            size=self.input_size,
            width_percent=self.width_percent,
            middle_blocks=self.middle_blocks,
            convolution=self.convolution,
            order=self.network_order,
            segments=self.network_segments,
            intermediate=self.network_intermediate,
            residual=self.residual,
            small_stem=self.small_stem,
            num_classes=self.num_classes,
        )


@dataclass(frozen=True, slots=True)
class NetworkState(ArchitectureState):
    """The controls of the Network page: those of the network, then those of its views.

    layer_flow, layer_kind: None shows all.
    """

    network_view: NetworkView = NETWORK_VIEW.attribute()
    stage: Stage = STAGE.attribute()
    weighed: AreaMeasure = WEIGHED.attribute()
    layer_flow: Flow | None = LAYER_FLOW.attribute()
    layer_kind: LayerKind | None = LAYER_KIND.attribute()
    towers: int = TOWER_COUNT.attribute()

"""The Network page's controls, and the network that they ask for.

Fields whose name another page already uses for one block carry the word network.
"""

from collections.abc import Mapping
from typing import cast

from xception_lab.arch.breakdown import LAYER_KINDS, NetworkSpec, possible_segments
from xception_lab.arch.inception_module import TOWERS
from xception_lab.spec import ACTIVATIONS, ORDERS, Activation, Convolution, Order
from xception_lab.ui.fields.field import FALSE, N_, TRUE, Field, number_options

ONE_A_CHANNEL = "max"
STAGES = ("stem", "block1", "block2", "block3", "middle", "exit", "head")
NETWORK_VIEWS = ("architecture", "shares", "layer_table", "what_if", "relatives", "modules", "export")
# these do not show the network that the controls ask for
FIXED_VIEWS = ("relatives", "modules")
EVERY = "all"


def _separable(values: Mapping[str, str]) -> bool:
    return values.get("convolution", "separable") == "separable"


def _orders(values: Mapping[str, str]) -> tuple[str, ...]:
    """A regular convolution has no order."""
    return ORDERS if _separable(values) else ORDERS[:1]


def _segments(values: Mapping[str, str]) -> tuple[str, ...]:
    """Segments divide every spatial convolution of the network."""
    if not _separable(values):
        return (ONE_A_CHANNEL,)
    order = cast(Order, values.get("network_order", ORDERS[0]))
    return (*number_options(*possible_segments(int(values.get("width_percent", "100")), order)), ONE_A_CHANNEL)


def _activations(values: Mapping[str, str]) -> tuple[str, ...]:
    """A regular convolution has nothing between."""
    return ACTIVATIONS if _separable(values) else ACTIVATIONS[:1]


def _stages(values: Mapping[str, str]) -> tuple[str, ...]:
    """The middle flow can be looked at where there is one."""
    return STAGES if values.get("middle_blocks", "8") != "0" else tuple(s for s in STAGES if s != "middle")


_SPEC_FIELDS = (
    Field(
        "input_size",
        number_options(32, 48, 64, 71, 96, 128, 150, 160, 192, 224, 256, 299, 331, 384, 448, 512),
        "299",
        "slider",
        N_("Height and width of the picture that enters the network, in pixels; the paper's is 299."),
    ),
    Field(
        "width_percent",
        number_options(25, 50, 75, 100, 125, 150, 200),
        "100",
        "slider",
        N_("Channels of every layer, in percent of the paper's."),
    ),
    Field(
        "middle_blocks", number_options(*range(17)), "8", "slider", N_("Blocks of the middle flow; the paper has 8.")
    ),
    Field(
        "convolution",
        ("separable", "standard"),
        "separable",
        help=N_("What each of the 34 separable convolutions is: itself, or one regular 3×3 convolution."),
    ),
    Field("network_order", ORDERS, ORDERS[0], help=N_("Which convolution comes first."), narrowed=_orders),
    Field(
        "network_segments",
        (ONE_A_CHANNEL,),
        ONE_A_CHANNEL,
        "slider",
        N_(
            "Into how many groups every spatial convolution cuts its channels: 1 is a regular convolution, Inception "
            "has 3 or 4, max is one a channel."
        ),
        _segments,
    ),
    Field(
        "network_intermediate",
        ACTIVATIONS,
        "none",
        help=N_("What stands between the two convolutions; in the paper's network nothing."),
        narrowed=_activations,
    ),
    Field("residual", (TRUE, FALSE), TRUE, help=N_("Whether the residual connections are there (Figure 9).")),
    Field(
        "small_stem",
        (FALSE, TRUE),
        FALSE,
        help=N_("Stride 1 in the first convolution, for pictures of 32 pixels or so."),
    ),
    Field(
        "num_classes",
        number_options(10, 100, 1000, 17000),
        "1000",
        help=N_("Classes to tell apart: ImageNet has 1000, the paper's JFT 17000."),
    ),
)

_VIEW_FIELDS = (
    Field("network_view", NETWORK_VIEWS, NETWORK_VIEWS[0], help=N_("What is shown of the network.")),
    Field("stage", STAGES, "block2", help=N_("The block whose layers are shown."), narrowed=_stages),
    Field("weighed", ("macs", "params", "activation_bytes"), "macs", help=N_("What areas and bars stand for.")),
    Field("layer_flow", (EVERY, "entry", "middle", "exit"), EVERY, help=N_("Layers of one flow only.")),
    Field("layer_kind", (EVERY, *LAYER_KINDS), EVERY, help=N_("Layers of one kind only.")),
    Field(
        "towers",
        number_options(*TOWERS),
        "3",
        "slider",
        N_("Into how many towers, or segments, the module's 24 channels are cut."),
    ),
)

NETWORK_FIELDS = (*_SPEC_FIELDS, *_VIEW_FIELDS)
NETWORK_KEYS = tuple(field.key for field in NETWORK_FIELDS)
SPEC_KEYS = tuple(field.key for field in _SPEC_FIELDS)


def network_spec(values: Mapping[str, str]) -> NetworkSpec:
    """The network that these values ask for; they are options of their fields."""
    segments = values["network_segments"]
    return NetworkSpec(
        size=int(values["input_size"]),
        width_percent=int(values["width_percent"]),
        middle_blocks=int(values["middle_blocks"]),
        convolution=cast(Convolution, values["convolution"]),
        order=cast(Order, values["network_order"]),
        segments=None if segments == ONE_A_CHANNEL else int(segments),
        intermediate=cast(Activation, values["network_intermediate"]),
        residual=values["residual"] == TRUE,
        small_stem=values["small_stem"] == TRUE,
        num_classes=int(values["num_classes"]),
    )

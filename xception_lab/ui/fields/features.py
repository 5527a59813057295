"""The controls of the Feature maps page."""

from dataclasses import dataclass
from typing import Literal

from xception_lab.features.filters import KERNELS, MIXES
from xception_lab.features.layer_names import TRAINED_ON, lab_layers, lite0_layers, paper_layers
from xception_lab.features.maps import RANGES, SORTINGS, BlockStep, ColourRange, Sorting
from xception_lab.features.readings import Target
from xception_lab.features.sample_pictures import SAMPLES
from xception_lab.spec import Activation
from xception_lab.ui.fields.compare import INTERMEDIATE, KERNEL_SIZE
from xception_lab.ui.fields.field import N_, VIEW_AND_CONTROL, Field, number_options, word_options

FeaturesView = Literal["blocks", "kernels", "network", "depth", "reach", "information"]
FilterSource = Literal["hand", "random", "trained", "run"]
NetworkSource = Literal["small", "run", "xception", "lite0"]
Semantics = Literal["timm", "keras"]

OWN = "own"
OWN_PICTURES = ("upload", "camera", "draw")
STEPS: tuple[BlockStep, ...] = ("input", "first", "between", "second", "after")

# of all networks: the page narrows them to those of the one that it shows
_LAYERS = tuple(dict.fromkeys((*lab_layers(), *paper_layers(True), *lite0_layers())))

LOOK: Field[FeaturesView] = Field(
    "look",
    word_options(
        "blocks",
        "kernels",
        "network",
        "depth",
        "reach",
        "information",
        labels={
            "blocks": N_("The three blocks"),
            "kernels": N_("Kernels"),
            "network": N_("A network, layer by layer"),
            "depth": N_("Along the depth"),
            "reach": N_("Receptive field"),
            "information": N_("Information"),
        },
    ),
    "blocks",
    label=N_("Look at"),
    help=N_("What is shown of the picture."),
    part=VIEW_AND_CONTROL,
)
PICTURE: Field[str] = Field(
    "picture",
    word_options(
        *SAMPLES,
        *OWN_PICTURES,
        labels={
            "chelsea": N_("cat"),
            "coffee": N_("coffee"),
            "astronaut": N_("astronaut"),
            "boot": N_("ankle boot"),
            "emoji": N_("Emoji"),
            "checkerboard": N_("checkerboard"),
            "edge": N_("edge"),
            "gradient": N_("gradient"),
            "impulse": N_("impulse"),
            "stroke": N_("stroke"),
            "upload": N_("a file"),
            "camera": N_("camera"),
            "draw": N_("draw one"),
        },
    ),
    "chelsea",
    label=N_("Picture"),
    help=N_("What goes through the blocks and networks."),
)
FILTERS: Field[FilterSource] = Field(
    "filters",
    word_options(
        "hand",
        "random",
        "trained",
        "run",
        labels={
            "hand": N_("by hand"),
            "random": N_("random"),
            "trained": N_("trained"),
            "run": N_("a run of the lab"),
        },
    ),
    "hand",
    label=N_("Filters"),
    help=N_(
        "Set by hand and the same in all three blocks, drawn at random, trained and shipped, or trained in the lab."
    ),
)
KERNEL: Field[str] = Field(
    "kernel",
    word_options(
        *KERNELS,
        OWN,
        labels={
            "identity": N_("identity"),
            "edge": N_("edge"),
            "vertical": N_("vertical edge"),
            "blur": N_("blur"),
            "sharpen": N_("sharpen"),
            OWN: N_("own numbers"),
        },
    ),
    "sharpen",
    label=N_("k×k kernel"),
    help=N_("The k×k kernel that every channel gets."),
)
MIX: Field[str] = Field(
    "mix",
    word_options(
        *MIXES,
        OWN,
        labels={
            "channels": N_("± each channel"),
            "colours": N_("colour opponents"),
            "grey": N_("grey"),
            OWN: N_("own numbers"),
        },
    ),
    "colours",
    label=N_("1×1 mix"),
    help=N_("What the 1×1 convolution makes of red, green and blue."),
)
GROUPS = Field(
    "groups",
    number_options(1, 2, 3, 6),
    "6",
    term="segments",
    help=N_("Extreme block only: groups of its spatial convolution; 6 is one a channel."),
)
DRAW = Field("draw", number_options(*range(10)), "0", "slider", term="seed", help=N_("Which random filters: the seed."))
NETWORK: Field[NetworkSource] = Field(
    "network",
    word_options(
        "small",
        "run",
        "xception",
        "lite0",
        labels={
            "small": N_("small Xceptions"),
            "run": N_("a run of the lab"),
            "xception": N_("the paper's Xception"),
            "lite0": "EfficientNet-Lite0",
        },
    ),
    "small",
    label=N_("Network"),
    help=N_("Two small Xceptions trained here, a run of the training lab, the paper's network or EfficientNet-Lite0."),
)
TRAINED_ON_DATA: Field[str] = Field(
    "trained_on",
    word_options(*TRAINED_ON, labels={"fashion-mnist": "Fashion-MNIST", "emoji": N_("Emoji")}),
    "emoji",
    label=N_("Trained on"),
    help=N_("What the small Xceptions learned."),
)
SEMANTICS: Field[Semantics] = Field(
    "semantics",
    word_options("timm", "keras"),
    "timm",
    label=N_("Run as"),
    help=N_("timm: epsilon 1e-5, padding 1. Keras: epsilon 1e-3, TensorFlow's SAME pooling."),
)
LAYER: Field[str] = Field(
    "layer",
    word_options(*_LAYERS),
    "block2",
    "slider",
    label=N_("Layer"),
    help=N_("How deep in the network, by the module's name."),
)
SORT: Field[Sorting] = Field(
    "sort",
    word_options(*SORTINGS, labels={"index": N_("by number"), "strength": N_("strongest first")}),
    "index",
    label=N_("Order"),
    help=N_("Channels by number, or in each row by itself the strongest (root mean square) first."),
)
RANGE: Field[ColourRange] = Field(
    "range",
    word_options(*RANGES, labels={"map": N_("each map"), "layer": N_("each layer"), "shared": N_("shared")}),
    "layer",
    label=N_("Colour scale"),
    help=N_("What full colour stands for: the largest value of each map, of each layer, or of all columns."),
)
MAP_SIZE = Field(
    "map_size",
    number_options(40, 58, 76, 116),
    "58",
    label=N_("Size"),
    help=N_("Side of a map on the page, in pixels."),
)
STEP: Field[BlockStep] = Field(
    "step", word_options(*STEPS), "second", help=N_("Where in the block the enlarged map stands.")
)
CHANNEL = Field("channel", number_options(*range(2048)), "3", help=N_("The enlarged channel."))
ROW = Field(
    "row",
    number_options(*range(299)),
    "3",
    "slider",
    label=N_("Row"),
    help=N_("Output position, counted from the top."),
)
COLUMN = Field(
    "column",
    number_options(*range(299)),
    "3",
    "slider",
    label=N_("Column"),
    help=N_("Output position, counted from the left."),
)
TARGET: Field[Target] = Field(
    "target",
    word_options(
        "input", "first", labels={"input": N_("the block's input"), "first": N_("what enters the activation")}
    ),
    "input",
    label=N_("Explain"),
    help=N_("Whose variance the linear reader is to explain."),
)


@dataclass(frozen=True, slots=True)
class FeaturesState:
    """The controls of the Feature maps page. intermediate: None is each kind's own default."""

    kernel_size: int = KERNEL_SIZE.attribute()
    intermediate: Activation | None = INTERMEDIATE.attribute()
    look: FeaturesView = LOOK.attribute()
    picture: str = PICTURE.attribute()
    filters: FilterSource = FILTERS.attribute()
    kernel: str = KERNEL.attribute()
    mix: str = MIX.attribute()
    groups: int = GROUPS.attribute()
    draw: int = DRAW.attribute()
    network: NetworkSource = NETWORK.attribute()
    trained_on: str = TRAINED_ON_DATA.attribute()
    semantics: Semantics = SEMANTICS.attribute()
    layer: str = LAYER.attribute()
    sort: Sorting = SORT.attribute()
    range: ColourRange = RANGE.attribute()
    map_size: int = MAP_SIZE.attribute()
    step: BlockStep = STEP.attribute()
    channel: int = CHANNEL.attribute()
    row: int = ROW.attribute()
    column: int = COLUMN.attribute()
    target: Target = TARGET.attribute()

"""The controls of the Feature maps page."""

from xception_lab.filters import KERNELS, MIXES
from xception_lab.layers import TRAINED_ON, full_places, lab_layers, lite0_places
from xception_lab.maps import RANGES, SORTINGS
from xception_lab.samples import SAMPLES
from xception_lab.ui.field import Field, marked, numbers

OWN = "own"
OWN_PICTURES = ("upload", "camera", "draw")
NETWORKS = ("small", "run", "xception", "lite0")
LOOKS = ("blocks", "kernels", "network", "depth", "reach", "information")
STEPS = ("input", "first", "between", "second", "after")

# of whatever network: the page narrows them to those of the one that it shows
_LAYERS = tuple(dict.fromkeys((*lab_layers(), *full_places(True), *lite0_places())))

_FEATURE_FIELDS = (
    Field("look", LOOKS, "blocks", help=marked("What is shown of the picture.")),
    Field("picture", (*SAMPLES, *OWN_PICTURES), "chelsea", help=marked("What goes through the blocks and networks.")),
    Field(
        "filters",
        ("hand", "random", "trained", "run"),
        "hand",
        help=marked(
            "Set by hand and the same in all three blocks, drawn at random, trained and shipped, or trained in the lab."
        ),
    ),
    Field("kernel", (*KERNELS, OWN), "sharpen", help=marked("The k×k kernel that every channel gets.")),
    Field("mix", (*MIXES, OWN), "colours", help=marked("What the 1×1 convolution makes of red, green and blue.")),
    Field(
        "groups",
        ("1", "2", "3", "6"),
        "6",
        help=marked("Extreme block only: groups of its spatial convolution; 6 is one a channel."),
    ),
    Field("draw", numbers(*range(10)), "0", "slider", marked("Which random filters: the seed.")),
    Field(
        "network",
        NETWORKS,
        "small",
        help=marked(
            "Two small Xceptions trained here, a run of the training lab, the paper's network or EfficientNet-Lite0."
        ),
    ),
    Field("trained_on", TRAINED_ON, "emoji", help=marked("What the small Xceptions learned.")),
    Field(
        "semantics",
        ("timm", "keras"),
        "timm",
        help=marked("timm: epsilon 1e-5, padding 1. Keras: epsilon 1e-3, TensorFlow's SAME pooling."),
    ),
    Field("layer", _LAYERS, "block2", "slider", marked("How deep in the network, by the module's name.")),
    Field("sort", SORTINGS, "index", help=marked("Channels by number, or the strongest (root mean square) first.")),
    Field(
        "range",
        RANGES,
        "layer",
        help=marked("What full colour stands for: the largest value of each map, of each layer, or of all columns."),
    ),
    Field("map_size", numbers(40, 58, 76, 116), "58", help=marked("Side of a map on the page, in pixels.")),
    Field("step", STEPS, "second", help=marked("Where in the block the enlarged map stands.")),
    Field("channel", numbers(*range(2048)), "3", help=marked("The enlarged channel.")),
    Field("row", numbers(*range(299)), "3", "slider", marked("Output position, counted from the top.")),
    Field("column", numbers(*range(299)), "3", "slider", marked("Output position, counted from the left.")),
    Field(
        "target", ("input", "first"), "input", help=marked("What is to be recovered from the block's last convolution.")
    ),
)

OWN_FEATURE_KEYS = tuple(field.key for field in _FEATURE_FIELDS)
FEATURE_KEYS = ("kernel_size", "intermediate", *OWN_FEATURE_KEYS)
FEATURE_FIELDS = _FEATURE_FIELDS

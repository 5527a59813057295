"""The controls of the Feature maps page."""

from xception_lab.features.filters import KERNELS, MIXES
from xception_lab.features.layer_names import TRAINED_ON, lab_layers, lite0_layers, paper_layers
from xception_lab.features.maps import RANGES, SORTINGS
from xception_lab.features.sample_pictures import SAMPLES
from xception_lab.ui.fields.field import N_, Field, number_options

OWN = "own"
OWN_PICTURES = ("upload", "camera", "draw")
NETWORKS = ("small", "run", "xception", "lite0")
LOOKS = ("blocks", "kernels", "network", "depth", "reach", "information")
STEPS = ("input", "first", "between", "second", "after")

# of whatever network: the page narrows them to those of the one that it shows
_LAYERS = tuple(dict.fromkeys((*lab_layers(), *paper_layers(True), *lite0_layers())))

_FEATURE_FIELDS = (
    Field("look", LOOKS, "blocks", help=N_("What is shown of the picture.")),
    Field("picture", (*SAMPLES, *OWN_PICTURES), "chelsea", help=N_("What goes through the blocks and networks.")),
    Field(
        "filters",
        ("hand", "random", "trained", "run"),
        "hand",
        help=N_(
            "Set by hand and the same in all three blocks, drawn at random, trained and shipped, or trained in the lab."
        ),
    ),
    Field("kernel", (*KERNELS, OWN), "sharpen", help=N_("The k×k kernel that every channel gets.")),
    Field("mix", (*MIXES, OWN), "colours", help=N_("What the 1×1 convolution makes of red, green and blue.")),
    Field(
        "groups",
        ("1", "2", "3", "6"),
        "6",
        help=N_("Extreme block only: groups of its spatial convolution; 6 is one a channel."),
    ),
    Field("draw", number_options(*range(10)), "0", "slider", N_("Which random filters: the seed.")),
    Field(
        "network",
        NETWORKS,
        "small",
        help=N_(
            "Two small Xceptions trained here, a run of the training lab, the paper's network or EfficientNet-Lite0."
        ),
    ),
    Field("trained_on", TRAINED_ON, "emoji", help=N_("What the small Xceptions learned.")),
    Field(
        "semantics",
        ("timm", "keras"),
        "timm",
        help=N_("timm: epsilon 1e-5, padding 1. Keras: epsilon 1e-3, TensorFlow's SAME pooling."),
    ),
    Field("layer", _LAYERS, "block2", "slider", N_("How deep in the network, by the module's name.")),
    Field("sort", SORTINGS, "index", help=N_("Channels by number, or the strongest (root mean square) first.")),
    Field(
        "range",
        RANGES,
        "layer",
        help=N_("What full colour stands for: the largest value of each map, of each layer, or of all columns."),
    ),
    Field("map_size", number_options(40, 58, 76, 116), "58", help=N_("Side of a map on the page, in pixels.")),
    Field("step", STEPS, "second", help=N_("Where in the block the enlarged map stands.")),
    Field("channel", number_options(*range(2048)), "3", help=N_("The enlarged channel.")),
    Field("row", number_options(*range(299)), "3", "slider", N_("Output position, counted from the top.")),
    Field("column", number_options(*range(299)), "3", "slider", N_("Output position, counted from the left.")),
    Field("target", ("input", "first"), "input", help=N_("What is to be recovered from the block's last convolution.")),
)

OWN_FEATURE_KEYS = tuple(field.key for field in _FEATURE_FIELDS)
FEATURE_KEYS = ("kernel_size", "intermediate", *OWN_FEATURE_KEYS)
FEATURE_FIELDS = _FEATURE_FIELDS

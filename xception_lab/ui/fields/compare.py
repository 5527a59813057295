"""The controls of the three blocks, and of the Compare page's views."""

from collections.abc import Mapping

from xception_lab.arch.comparison import divisors
from xception_lab.spec import KINDS
from xception_lab.ui.fields.field import FALSE, N_, TRUE, Field, number_options

ONE_A_CHANNEL = "max"
DILATIONS = number_options(1, 2, 3, 4)


OWN_DEFAULT = "paper"


VIEWS = ("layers", "spectrum", "sweep", "formula", "differences", "table", "counters", "code")


CHANNELS = (
    1, 3, *range(8, 129, 8), *range(144, 257, 16), *range(288, 513, 32), *range(576, 705, 64), 728,
    *range(768, 1025, 64), *range(1152, 2049, 128),
)  # fmt: skip


SIZES = (
    7, 8, 10, 12, 14, 16, 19, 20, 24, 28, 32, 37, 38, 40, 48, 56, 64, 74, 75, 80, 96, 112, 128, 147, 149, 150,
    160, 192, 224, 256, 299, 320, 384, 448, 512,
)  # fmt: skip


def _dividing(values: Mapping[str, str]) -> tuple[str, ...]:
    """Segments divide the channels."""
    return (*number_options(*divisors(int(values.get("out_channels", "128")))[:-1]), ONE_A_CHANNEL)


def _reaching(values: Mapping[str, str]) -> tuple[str, ...]:
    """A dilated kernel fits its picture."""
    options = DILATIONS
    padding, kernel_size = values.get("padding", "same"), int(values.get("kernel_size", "3"))
    if padding == "same" or kernel_size == 1:
        return options
    pixels = 0 if padding == "valid" else int(padding)
    return options[: (int(values.get("size", "56")) + 2 * pixels - 1) // (kernel_size - 1)]


_COMPARE_FIELDS = (
    Field(
        "in_channels", number_options(*CHANNELS), "64", "slider", N_("Channels of the picture that enters the block.")
    ),
    Field(
        "out_channels",
        number_options(*CHANNELS[2:]),
        "128",
        "slider",
        N_("Channels that leave the block: its filters."),
    ),
    Field("kernel_size", number_options(1, 3, 5, 7), "3", "slider", N_("Side of the spatial kernel, in pixels.")),
    Field(
        "size", number_options(*SIZES), "56", "slider", N_("Height and width of the picture that enters, in pixels.")
    ),
    Field(
        "segments",
        (ONE_A_CHANNEL,),
        ONE_A_CHANNEL,
        "slider",
        N_(
            "Extreme block only: into how many groups its spatial convolution cuts the channels. 1 is a regular "
            "convolution after a 1×1, Inception has 3 or 4, max is one a channel."
        ),
        _dividing,
    ),
    Field("stride", number_options(1, 2, 3, 4), "1", help=N_("Step of the spatial kernel, in pixels.")),
    Field(
        "padding",
        ("same", "valid", "1", "2", "3"),
        "same",
        help=N_("Zeros around the picture: same keeps its size at stride 1, valid adds none, a number adds so many."),
    ),
    Field(
        "dilation",
        DILATIONS,
        "1",
        help=N_("Distance between the kernel's taps, in pixels."),
        narrowed=_reaching,
    ),
    Field("batch_size", number_options(1, 2, 4, 8, 16, 32, 64, 128, 256), "1", "slider", N_("Pictures at a time.")),
    Field(
        "depth_multiplier",
        number_options(1, 2, 4),
        "1",
        help=N_("Separable block only: filters of the depthwise step for each input channel."),
    ),
    Field("bias", (FALSE, TRUE), FALSE, help=N_("Whether the convolutions add a bias; Xception's do not.")),
    Field(
        "batch_norm",
        ("none", "last", "every"),
        "last",
        help=N_("A batch norm after no convolution, after the block's last one, or after every one."),
    ),
    Field(
        "intermediate",
        (OWN_DEFAULT, "none", "relu", "elu"),
        OWN_DEFAULT,
        help=N_(
            "What stands between the two convolutions. paper: ReLU in the extreme block, nothing in the separable."
        ),
    ),
)


_VIEW_FIELDS = (
    Field(
        "convention",
        ("MACs", "FLOPs"),
        "MACs",
        help=N_("One MAC is a multiplication and an addition: FLOPs = 2 × MACs."),
    ),
    Field("measure", ("macs", "params", "moved_bytes"), "macs", help=N_("What the charts show.")),
    Field(
        "swept",
        ("out_channels", "in_channels", "kernel_size", "size"),
        "out_channels",
        help=N_("What runs along x."),
    ),
    Field("scale", ("log", "linear"), "log", help=N_("The scale of the chart's axes.")),
    Field(
        "order",
        ("pointwise-first", "depthwise-first"),
        "depthwise-first",
        help=N_("Which convolution comes first."),
    ),
    Field("between", ("relu", "none"), "none", help=N_("What stands between the two convolutions.")),
    Field("view", VIEWS, "layers", help=N_("What is shown below the three blocks.")),
    Field("code_of", KINDS, "separable", help=N_("The block whose code is shown.")),
)


COMPARE_KEYS = tuple(field.key for field in _COMPARE_FIELDS)


WORKBENCH_KEYS = (*COMPARE_KEYS, *(field.key for field in _VIEW_FIELDS))

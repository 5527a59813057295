"""The controls' values: one declaration a field, and the repair of values that come from a URL.

Query parameter = widget key = dataclass field; values are the field's words, the same in every language.
"""

import math
from collections.abc import Mapping
from typing import cast

from xception_lab.comparison import divisors
from xception_lab.spec import KINDS, Activation, BatchNorm, CompareSpec
from xception_lab.ui.features_fields import FEATURE_FIELDS
from xception_lab.ui.field import FALSE, TRUE, Field, marked, numbers
from xception_lab.ui.network_fields import NETWORK_FIELDS
from xception_lab.ui.timing_fields import TIMING_FIELDS
from xception_lab.ui.training_fields import TRAIN_FIELDS

ONE_A_CHANNEL = "max"
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
    return (*numbers(*divisors(int(_value(values, "out_channels")))[:-1]), ONE_A_CHANNEL)


def _reaching(values: Mapping[str, str]) -> tuple[str, ...]:
    """A dilated kernel fits its picture."""
    options = FIELDS["dilation"].options
    padding, kernel_size = _value(values, "padding"), int(_value(values, "kernel_size"))
    if padding == "same" or kernel_size == 1:
        return options
    pixels = 0 if padding == "valid" else int(padding)
    return options[: (int(_value(values, "size")) + 2 * pixels - 1) // (kernel_size - 1)]


_COMPARE_FIELDS = (
    Field("in_channels", numbers(*CHANNELS), "64", "slider", marked("Channels of the picture that enters the block.")),
    Field(
        "out_channels", numbers(*CHANNELS[2:]), "128", "slider", marked("Channels that leave the block: its filters.")
    ),
    Field("kernel_size", numbers(1, 3, 5, 7), "3", "slider", marked("Side of the spatial kernel, in pixels.")),
    Field("size", numbers(*SIZES), "56", "slider", marked("Height and width of the picture that enters, in pixels.")),
    Field(
        "segments",
        (ONE_A_CHANNEL,),
        ONE_A_CHANNEL,
        "slider",
        marked(
            "Extreme block only: into how many groups its spatial convolution cuts the channels. 1 is a regular "
            "convolution after a 1×1, Inception has 3 or 4, max is one a channel."
        ),
        _dividing,
    ),
    Field("stride", numbers(1, 2, 3, 4), "1", help=marked("Step of the spatial kernel, in pixels.")),
    Field(
        "padding",
        ("same", "valid", "1", "2", "3"),
        "same",
        help=marked(
            "Zeros around the picture: same keeps its size at stride 1, valid adds none, a number adds so many."
        ),
    ),
    Field(
        "dilation",
        numbers(1, 2, 3, 4),
        "1",
        help=marked("Distance between the kernel's taps, in pixels."),
        narrowed=_reaching,
    ),
    Field("batch_size", numbers(1, 2, 4, 8, 16, 32, 64, 128, 256), "1", "slider", marked("Pictures at a time.")),
    Field(
        "depth_multiplier",
        numbers(1, 2, 4),
        "1",
        help=marked("Separable block only: filters of the depthwise step for each input channel."),
    ),
    Field("bias", (FALSE, TRUE), FALSE, help=marked("Whether the convolutions add a bias; Xception's do not.")),
    Field(
        "batch_norm",
        ("none", "last", "every"),
        "last",
        help=marked("A batch norm after no convolution, after the block's last one, or after every one."),
    ),
    Field(
        "intermediate",
        (OWN_DEFAULT, "none", "relu", "elu"),
        OWN_DEFAULT,
        help=marked(
            "What stands between the two convolutions. paper: ReLU in the extreme block, nothing in the separable."
        ),
    ),
)

_VIEW_FIELDS = (
    Field(
        "convention",
        ("MACs", "FLOPs"),
        "MACs",
        help=marked("One MAC is a multiplication and an addition: FLOPs = 2 × MACs."),
    ),
    Field("measure", ("macs", "params", "moved_bytes"), "macs", help=marked("What the charts show.")),
    Field(
        "swept",
        ("out_channels", "in_channels", "kernel_size", "size"),
        "out_channels",
        help=marked("What runs along x."),
    ),
    Field("scale", ("log", "linear"), "log", help=marked("The scale of the chart's axes.")),
    Field(
        "order",
        ("pointwise-first", "depthwise-first"),
        "depthwise-first",
        help=marked("Which convolution comes first."),
    ),
    Field("between", ("relu", "none"), "none", help=marked("What stands between the two convolutions.")),
    Field("view", VIEWS, "layers", help=marked("What is shown below the three blocks.")),
    Field("code_of", KINDS, "separable", help=marked("The block whose code is shown.")),
)

COMPARE_KEYS = tuple(field.key for field in _COMPARE_FIELDS)
WORKBENCH_KEYS = (*COMPARE_KEYS, *(field.key for field in _VIEW_FIELDS))
FIELDS = {
    field.key: field
    for field in (
        *_COMPARE_FIELDS, *_VIEW_FIELDS, *TIMING_FIELDS, *FEATURE_FIELDS, *TRAIN_FIELDS, *NETWORK_FIELDS
    )
}  # fmt: skip


def options_of(key: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """What a field can be, given the fields before it."""
    field = FIELDS[key]
    return field.narrowed(values) if field.narrowed else field.options


def fitted(values: Mapping[str, str]) -> dict[str, str]:
    """`values` with every field at the value nearest to the one given that the fields before it allow."""
    fit: dict[str, str] = {}
    for key, value in ((key, values[key]) for key in FIELDS if key in values):
        if key == "segments" and value == _value(fit, "out_channels"):
            fit[key] = ONE_A_CHANNEL
        else:
            fit[key] = nearest(value, options_of(key, fit), FIELDS[key].default)
    return fit


def nearest(value: str, options: tuple[str, ...], default: str) -> str:
    """The option nearest to `value`: itself, itself in other case, the nearest number, or the default."""
    if value in options:
        return value
    for option in options:
        if option.lower() == value.strip().lower():
            return option
    try:
        number = float(value)
    except ValueError:
        return default
    numbers = [int(option) for option in options if option.isdigit()]
    if math.isnan(number) or not numbers:
        return default
    # infinity has no distance to anything
    bounded = max(min(numbers), min(max(numbers), number))
    return str(min(numbers, key=lambda option: abs(option - bounded)))


def compare_spec(values: Mapping[str, str]) -> CompareSpec:
    """The spec that these values ask for; a field without a value keeps its default."""
    fit = fitted({key: _value(values, key) for key in COMPARE_KEYS})
    padding = fit["padding"]
    return CompareSpec(
        in_channels=int(fit["in_channels"]),
        out_channels=int(fit["out_channels"]),
        kernel_size=int(fit["kernel_size"]),
        size=int(fit["size"]),
        segments=None if fit["segments"] == ONE_A_CHANNEL else int(fit["segments"]),
        stride=int(fit["stride"]),
        padding=padding if padding in ("same", "valid") else int(padding),
        dilation=int(fit["dilation"]),
        batch_size=int(fit["batch_size"]),
        depth_multiplier=int(fit["depth_multiplier"]),
        bias=fit["bias"] == TRUE,
        batch_norm=cast(BatchNorm, fit["batch_norm"]),
        intermediate=None if fit["intermediate"] == OWN_DEFAULT else cast(Activation, fit["intermediate"]),
    )


def steps_ahead(values: Mapping[str, str], keys: tuple[str, ...]) -> dict[str, dict[str, CompareSpec]]:
    """The settings at `values` and one step to either side, by control and by the value it would have."""
    ahead: dict[str, dict[str, CompareSpec]] = {}
    for key in keys:
        options = options_of(key, values)
        at = options.index(values[key])
        near = options[max(at - 1, 0) : at + 2]
        ahead[key] = {option: compare_spec({**values, key: option}) for option in near}
    return ahead


def _value(values: Mapping[str, str], key: str) -> str:
    return values.get(key, FIELDS[key].default)

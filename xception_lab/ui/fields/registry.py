"""The controls' values: one declaration a field, and the repair of values that come from a URL.

Query parameter = widget key = dataclass field; values are the field's words, the same in every language.
"""

import math
from collections.abc import Mapping

from xception_lab.ui.fields.compare import _COMPARE_FIELDS, _VIEW_FIELDS, ONE_A_CHANNEL
from xception_lab.ui.fields.features import FEATURE_FIELDS
from xception_lab.ui.fields.network import NETWORK_FIELDS
from xception_lab.ui.fields.timing import TIMING_FIELDS
from xception_lab.ui.fields.training import TRAIN_FIELDS

FIELDS = {
    field.key: field
    for field in (*_COMPARE_FIELDS, *_VIEW_FIELDS, *TIMING_FIELDS, *FEATURE_FIELDS, *TRAIN_FIELDS, *NETWORK_FIELDS)
}


def options_of(key: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """What a field can be, given the fields before it."""
    field = FIELDS[key]
    return field.narrowed(values) if field.narrowed else field.options


def fit_values(values: Mapping[str, str]) -> dict[str, str]:
    """`values` with every field at the value nearest to the one given that the fields before it allow."""
    fit: dict[str, str] = {}
    for key, value in ((key, values[key]) for key in FIELDS if key in values):
        if key == "segments" and value == value_of(fit, "out_channels"):
            fit[key] = ONE_A_CHANNEL
        else:
            fit[key] = nearest_option(value, options_of(key, fit), FIELDS[key].default)
    return fit


def nearest_option(value: str, options: tuple[str, ...], default: str) -> str:
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


def value_of(values: Mapping[str, str], key: str) -> str:
    return values.get(key, FIELDS[key].default)

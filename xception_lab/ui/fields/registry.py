"""Every field of every page by its key, and the repair of values that come from a URL.

Query parameter = widget key = attribute of the page's state; the values are the same in every language.
"""

import math
from typing import Any, TypeVar

from xception_lab.ui.fields.compare import ONE_PER_CHANNEL, OUT_CHANNELS, SEGMENTS, CompareState
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.fields.field import Field, Texts, read_state, state_fields, state_keys
from xception_lab.ui.fields.network import NetworkState
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.fields.training import TrainingState

State = TypeVar("State")

# fields come after those that narrow them
FIELDS: dict[str, Field[Any]] = {
    field.key: field
    for state in (CompareState, TimingState, FeaturesState, TrainingState, NetworkState)
    for field in state_fields(state)
}


def options_of(key: str, texts: Texts) -> tuple[str, ...]:
    """What a field can be, given the fields before it."""
    return FIELDS[key].remaining(texts)


def fit_values(texts: Texts) -> dict[str, str]:
    """`texts` with every field at the option nearest to the one given that the fields before it allow."""
    fit: dict[str, str] = {}
    for key, text in ((key, texts[key]) for key in FIELDS if key in texts):
        if key == SEGMENTS.key and text == str(OUT_CHANNELS.read(fit)):
            fit[key] = ONE_PER_CHANNEL.text
        else:
            fit[key] = nearest_option(text, options_of(key, fit), FIELDS[key].default)
    return fit


def fit_state(state: type[State], texts: Texts) -> State:
    """A page's state from any texts: missing ones at their defaults, wrong ones at what is nearest."""
    keys = state_keys(state)
    return read_state(state, fit_values({key: texts.get(key, FIELDS[key].default) for key in keys}))


def texts_ahead(texts: Texts, key: str) -> dict[str, dict[str, str]]:
    """The controls with one of them where it stands and one step to either side, by the text it would have."""
    options = options_of(key, texts)
    at = options.index(texts[key])
    return {option: fit_values({**texts, key: option}) for option in options[max(at - 1, 0) : at + 2]}


def nearest_option(text: str, options: tuple[str, ...], default: str) -> str:
    """The option nearest to `text`: itself, itself in other case, the nearest number, or the default."""
    if text in options:
        return text
    for option in options:
        if option.lower() == text.strip().lower():
            return option
    try:
        number = float(text)
    except ValueError:
        return default
    numbers = [int(option) for option in options if option.isdigit()]
    if math.isnan(number) or not numbers:
        return default
    # infinity has no distance to anything
    bounded = max(min(numbers), min(max(numbers), number))
    return str(min(numbers, key=lambda option: abs(option - bounded)))

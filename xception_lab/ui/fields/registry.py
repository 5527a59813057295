"""Every field of every page by its key, and the repair of texts that come from a URL."""

import math
import re
from typing import Any, TypeVar

from xception_lab.ui.fields.compare import ONE_PER_CHANNEL, OUT_CHANNELS, SEGMENTS, CompareState
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.fields.field import Field, Texts, read_state, state_fields, state_keys
from xception_lab.ui.fields.network import NetworkState
from xception_lab.ui.fields.questions import QuestionsState
from xception_lab.ui.fields.story import StoryState
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.fields.training import TrainingState

State = TypeVar("State")

_NUMBER = re.compile(r"\d+(\.\d+)?")

# each field comes after those that its `narrow` reads
FIELDS: dict[str, Field[Any]] = {
    field.key: field
    for state in (CompareState, TimingState, FeaturesState, TrainingState, NetworkState, StoryState, QuestionsState)
    for field in state_fields(state)
}


def options_of(key: str, texts: Texts) -> tuple[str, ...]:
    """The texts that a field can have, given those of the fields before it."""
    return FIELDS[key].available(texts)


def fit_texts(texts: Texts) -> dict[str, str]:
    """`texts` with each field at the nearest option that the fields before it allow; unknown keys are dropped."""
    fit: dict[str, str] = {}
    for key, text in ((key, texts[key]) for key in FIELDS if key in texts):
        # as many segments as channels is one per channel
        if key == SEGMENTS.key and text == str(OUT_CHANNELS.read(fit)):
            fit[key] = ONE_PER_CHANNEL.text
        else:
            fit[key] = nearest_option(text, options_of(key, fit), FIELDS[key].default)
    return fit


def fit_state(state: type[State], texts: Texts) -> State:
    """A page's state from any texts: missing ones at their defaults, impossible ones at the nearest option."""
    keys = state_keys(state)
    return read_state(state, fit_texts({key: texts.get(key, FIELDS[key].default) for key in keys}))


def texts_ahead(texts: Texts, key: str) -> dict[str, dict[str, str]]:
    """The controls' texts as they are and with the control `key` one step to either side, by that control's text."""
    options = options_of(key, texts)
    index = options.index(texts[key])
    return {option: fit_texts({**texts, key: option}) for option in options[max(index - 1, 0) : index + 2]}


def nearest_option(text: str, options: tuple[str, ...], default: str) -> str:
    """The option nearest to `text`: the same, the same in other case, the nearest number, or else the default."""
    if text in options:
        return text
    for option in options:
        if option.lower() == text.strip().lower():
            return option
    try:
        number = float(text)
    except ValueError:
        return default
    numbers = {option: float(option) for option in options if _NUMBER.fullmatch(option)}
    if math.isnan(number) or not numbers:
        return default
    # infinity has no distance to anything
    bounded = max(min(numbers.values()), min(max(numbers.values()), number))
    return min(numbers, key=lambda option: abs(numbers[option] - bounded))

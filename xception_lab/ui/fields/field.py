"""One control: its key, what it can be, and its words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

TRUE, FALSE = "true", "false"


@dataclass(frozen=True, slots=True)
class Field:
    """A control with a fixed set of values. help: an English sentence, translated when shown.

    narrowed: the options that remain, given the values of the fields declared before it; None leaves all.
    """

    key: str
    options: tuple[str, ...]
    default: str
    widget: Literal["slider", "choice"] = "choice"
    help: str = ""
    narrowed: Callable[[Mapping[str, str]], tuple[str, ...]] | None = None


def N_(message: str) -> str:  # noqa: N802 - gettext's name for it
    """Mark a text for translation where it is declared; it is translated where it is shown."""
    return message


def number_options(*values: int) -> tuple[str, ...]:
    """Whole numbers as a field's options."""
    return tuple(map(str, values))

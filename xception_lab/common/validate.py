"""Checks of single values: each raises a ValueError that names the field, the value and the rule it breaks.

Their sentences are plain English, for values that no control of a page can produce. A refusal that a page shows is a
Message (common/messages) and is raised where its subject is known.
"""

import sys
from collections.abc import Collection
from typing import TypeGuard


def is_whole(value: object, least: int = 1) -> TypeGuard[int]:
    """Whether the value is an int of at least `least`. A bool is an int to Python, but never a channel count."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_real(value: object) -> TypeGuard[float]:
    """Whether the value is a finite number, whole or not."""
    # math.isfinite converts, and a whole number may be too large for that; a comparison never converts
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def check_choice(field: str, value: object, allowed: Collection[str]) -> None:
    """The value is one of the allowed words."""
    # the type first: a dict of words cannot be asked for a value without a hash
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{field}={value!r}: must be one of {', '.join(map(repr, allowed))}")


def check_whole(field: str, value: object, least: int = 1, most: int | None = None) -> None:
    """The value is a whole number of at least `least`, and of at most `most` where that is given."""
    if is_whole(value, least) and (most is None or value <= most):
        return
    rule = f"of at least {least}" if most is None else f"from {least} to {most}"
    raise ValueError(f"{field}={value!r}: must be a whole number {rule}")


def check_flag(field: str, value: object) -> None:
    """The value is True or False, not merely something that Python takes for one."""
    if not isinstance(value, bool):
        raise ValueError(f"{field}={value!r}: must be True or False")


def check_fraction(field: str, value: object) -> None:
    """The value is a number from 0 to less than 1."""
    if not is_real(value) or not 0 <= value < 1:
        raise ValueError(f"{field}={value!r}: must be a number from 0 to less than 1")


def check_positive(field: str, value: object) -> None:
    """The value is a number above 0."""
    if not is_real(value) or value <= 0:
        raise ValueError(f"{field}={value!r}: must be a positive number")


def check_divisor(field: str, value: object, whole_field: str, whole: int) -> None:
    """The value is a whole number that divides `whole`, the value of another field."""
    if not is_whole(value) or whole % value:
        raise ValueError(f"{field}={value!r}: must divide {whole_field}={whole}")


def check_text(field: str, value: object, rule: str) -> None:
    """The value is a str that is not empty; rule: what it has to be, "the name of a data set"."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{field}={value!r}: must be {rule}")


def check_type(field: str, value: object, types: type | tuple[type, ...], rule: str) -> None:
    """The value is an instance of one of the types; rule: what these are called, "an XceptionSpec"."""
    if not isinstance(value, types):
        raise ValueError(f"{field}={value!r}: must be {rule}")

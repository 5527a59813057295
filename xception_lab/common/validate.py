"""Checks of single values; each raises a ValueError that names the field, the value and the rule it breaks."""

import sys


def check_choice(field: str, value: object, allowed: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{field}={value!r}: must be one of {', '.join(map(repr, allowed))}")


def check_whole(field: str, value: object, least: int) -> None:
    # bool is an int to Python, but never a channel count to a person
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{field}={value!r}: must be a whole number of at least {least}")


def check_flag(field: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{field}={value!r}: must be True or False")


def is_real(value: object) -> bool:
    # math.isfinite converts, and a whole number may be too large for that; a comparison never converts
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def check_fraction(field: str, value: object) -> None:
    if not is_real(value) or not 0 <= value < 1:  # type: ignore[operator]
        raise ValueError(f"{field}={value!r}: must be a number from 0 to less than 1")

"""Each check names the field, the value and the rule, and lets through what the rule describes."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from xception_lab.common.validate import (
    check_choice,
    check_divisor,
    check_flag,
    check_fraction,
    check_positive,
    check_text,
    check_type,
    check_whole,
    is_real,
    is_whole,
)

HUGE = 10**400  # past the largest float: comparing is fine, converting overflows
NAN, INF = float("nan"), float("inf")
NO_NUMBER = ["3", "", None, [1], {1: 1}, 1j, True, False, Decimal(3), NAN, INF, np.ones(2), object]

WORDS = {"relu": 1, "elu": 2}
CASES: list[tuple[Callable[..., None], tuple[Any, ...], str, list[Any], list[Any]]] = [
    (check_choice, (WORDS,), "one of 'relu', 'elu'", ["relu", "elu"], ["", "Relu", 0, None, ["relu"], {}]),
    (check_whole, (), "a whole number of at least 1", [1, HUGE], [0, -1, 1.0, *NO_NUMBER]),
    (check_whole, (0,), "a whole number of at least 0", [0, 1], [-1, 0.0, *NO_NUMBER]),
    (check_whole, (1, 9), "a whole number from 1 to 9", [1, 9], [0, 10, HUGE, 3.0, *NO_NUMBER]),
    (check_flag, (), "True or False", [True, False], [0, 1, None, "true", np.bool_(True)]),
    (check_fraction, (), "a number from 0 to less than 1", [0, 0.0, 0.5], [1, -0.1, HUGE, *NO_NUMBER]),
    (check_positive, (), "a positive number", [1, 1e-300], [0, 0.0, -1, HUGE, *NO_NUMBER]),
    (check_divisor, ("out", 12), "divide out=12", [1, 3, 12], [0, -3, 5, 24, 3.0, *NO_NUMBER]),
    (check_text, ("a name",), "a name", ["x"], ["", None, b"x", 3]),
    (check_type, ((int, str), "an int or a str"), "an int or a str", [3, "x"], [3.0, None, b"x"]),
]


@pytest.mark.parametrize(("check", "arguments", "rule", "valid", "invalid"), CASES)
def test_a_check_names_field_value_and_rule(
    check: Callable[..., None], arguments: tuple[Any, ...], rule: str, valid: list[Any], invalid: list[Any]
) -> None:
    for value in valid:
        check("field", value, *arguments)
    for value in invalid:
        with pytest.raises(
            ValueError, match=f"^{re.escape(f'field={value!r}: must be {rule}')}$|: must divide out=12$"
        ):
            check("field", value, *arguments)


def test_a_number_is_neither_a_bool_nor_beyond_the_floats() -> None:
    assert [value for value in (0, 3, HUGE, True, 1.0, "1", None) if is_whole(value, 0)] == [0, 3, HUGE]
    assert [value for value in (0, -1.5, 3, HUGE, True, NAN, INF, "1") if is_real(value)] == [0, -1.5, 3]

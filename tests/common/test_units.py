"""Numbers as people read them, read back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from xception_lab.common.units import (
    MAX_DIGITS,
    TICKS_S,
    format_bytes,
    format_count,
    format_near,
    format_number,
    format_shape,
    format_times,
)

PREFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _read(text: str) -> tuple[float, str, str]:
    """(value, digits, prefix) of a number with its prefix."""
    found = re.fullmatch(r"([\d,]+(?:\.\d+)?)(?: ([kMGT])?B?)?", text)
    assert found, text
    prefix = found[2] or ""
    return float(found[1].replace(",", "")) * PREFIXES[prefix], found[1], prefix


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (7, "7"),
        (9_024, "9,024"),
        (9_999, "9,999"),
        (10_000, "10.0 k"),
        (27_496_448, "27.5 M"),
        (115_605_504, "116 M"),
        (1_000_000, "1.00 M"),
        (1_234_567, "1.23 M"),
        (8_357_403_496, "8.36 G"),
        (10**12, "1.00 T"),
        (9_995_000_000, "10.0 G"),
        (99_950_000, "100 M"),
    ],
)
def test_compact_by_hand(number: int, text: str) -> None:
    assert format_count(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1.00 kB"), (10_472_704, "10.5 MB"), (4 * 10**9, "4.00 GB")],
)
def test_compact_bytes_by_hand(number: int, text: str) -> None:
    assert format_bytes(number) == text


@examples(2000)
@given(
    number=st.integers(0, 10**15)
    | st.integers(0, 10**6)
    | st.builds(lambda n, e: 10**e - n, st.integers(1, 2000), st.integers(4, 14))
)
def test_three_digits_read_back_to_the_number(number: int) -> None:
    for text in (format_count(number), format_bytes(number)):
        value, digits, prefix = _read(text)
        assert value == pytest.approx(number, rel=0.0051, abs=0.5)
        if prefix:
            assert len(digits.replace(".", "").replace(",", "")) == 3 or prefix == "T", f"{number} reads {text}"
            assert float(digits.replace(",", "")) < 1000 or prefix == "T", f"{number} reads {text}"


@examples(500)
@given(pair=st.tuples(st.integers(0, 10**13), st.integers(0, 10**13)))
def test_a_larger_number_never_reads_as_a_smaller_one(pair: tuple[int, int]) -> None:
    small, large = sorted(pair)
    assert _read(format_count(small))[0] <= _read(format_count(large))[0]
    assert _read(format_bytes(small))[0] <= _read(format_bytes(large))[0]


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.06, "1.06×"), (2.0, "2.0×"), (8.416, "8.4×"), (131.4, "131×"), (1234.5, "1,234×")]
)
def test_times_by_hand(ratio: float, text: str) -> None:
    assert format_times(ratio) == text


@examples(1000)
@given(ratio=st.floats(1, 10**5))
def test_times_read_back_to_the_ratio(ratio: float) -> None:
    assert float(format_times(ratio).rstrip("×").replace(",", "")) == pytest.approx(ratio, rel=0.026)


@pytest.mark.parametrize("ratio", [1.0001, 1.004, 1.0049])
def test_a_difference_never_reads_as_none(ratio: float) -> None:
    # "1.00× fewer" says nothing: "the same" has its own words, and what is not the same must show it
    assert format_times(ratio) != "1.00×"


@pytest.mark.parametrize("ratio", [1.996, 99.96])
def test_times_have_as_many_digits_as_the_number_they_show(ratio: float) -> None:
    shown = float(format_times(ratio).rstrip("×"))
    assert format_times(ratio) == format_times(shown), f"{shown} itself reads {format_times(shown)}"


def test_a_shape_is_channels_by_height_by_width() -> None:
    assert format_shape(64, 56, 28) == "64×56×28"


def test_a_tick_says_its_seconds_in_the_unit_that_fits() -> None:
    assert list(TICKS_S) == sorted(TICKS_S)
    units = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}
    for at, text in TICKS_S.items():
        digits = text.rstrip("µms")
        assert float(digits) * units[text.removeprefix(digits)] == pytest.approx(at)
        assert float(digits) < 1000
    assert (TICKS_S[1e-6], TICKS_S[0.02], TICKS_S[500.0]) == ("1µs", "20ms", "500s")


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_has_no_exponent_and_three_digits(value: float) -> None:
    text = format_number(value)
    assert not re.search(r"[eE]", text)
    if 1e-4 <= abs(value) < 999.5:
        assert abs(float(text.replace("−", "-")) - value) <= 5e-3 * abs(value)


@pytest.mark.parametrize(
    ("value", "text"), [(18_200, "18.2 k"), (-0.0123, "−0.0123"), (0, "0"), (1e-9, "0"), (999.7, "1,000"), (2.5, "2.5")]
)
def test_a_number_as_people_read_it(value: float, text: str) -> None:
    assert format_number(value) == text


@examples(300)
@given(
    st.one_of(st.floats(-3, 3), st.sampled_from([0.4996, -0.5004, 0.5, -0.0, 0.004, -0.004, 1e-9])),
    st.lists(st.sampled_from([0.0, 0.5, -0.5, 1.0]), max_size=3),
)
def test_a_printed_number_stands_to_its_limits_as_the_number_does(value: float, limits: list[float]) -> None:
    text = format_near(value, limits)
    assert float(text) == pytest.approx(value, abs=0.00501)
    for limit in limits:
        if abs(value - limit) > 10**-MAX_DIGITS:  # closer than that it is written as if they were equal
            assert (float(text) > limit) == (value > limit)
            assert (float(text) < limit) == (value < limit)


@pytest.mark.parametrize(
    ("value", "limits", "text"),
    [
        (-0.004, (), "-0.00"),
        (-0.004, (0.0,), "-0.004"),
        (0.4996, (0.0, 0.5), "+0.4996"),
        (0.5, (0.5,), "+0.50"),
        (0.5 + 1e-15, (0.5,), "+0.500000000000"),
        (1.234, (0.0, 0.5), "+1.23"),
    ],
)
def test_digits_are_added_only_where_they_tell_something(value: float, limits: tuple[float, ...], text: str) -> None:
    assert format_near(value, limits) == text

"""Numbers as people read them: 27.5 M, 10.5 MB, 8.4 times."""

import math
from collections.abc import Iterable

# ticks of a logarithmic axis of seconds, with their labels
TICKS_S = {
    digit * 10.0**power: f"{digit * 10 ** (power % 3)}{unit}"
    for power, unit in zip(range(-6, 3), ("µs",) * 3 + ("ms",) * 3 + ("s",) * 3, strict=True)
    for digit in (1, 2, 5)
}

_STEPS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))

MINUS = "\N{MINUS SIGN}"  # as the charts' axes have it, where a format writes a hyphen


def format_count(number: float) -> str:
    """Three significant digits with a decimal prefix: 27_496_448 -> "27.5 M"; below 10,000 in full: "9,024"."""
    if number < 10_000:
        return f"{number:,.0f}"
    return _prefixed(number)


def format_bytes(number: float) -> str:
    """Decimal bytes with a prefix, as vendors state bandwidth: 10_472_704 -> "10.5 MB"."""
    return f"{_prefixed(number)}B" if number >= 1_000 else f"{number:,.0f} B"


def format_seconds(value: float) -> str:
    """Seconds with three significant digits and a prefix: 0.00245 -> "2.45 ms"."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        # what would round to 1,000 of a unit is 1.00 of the next
        if value >= 0.9995 * size:
            part = value / size
            return f"{part:,.{2 if part < 9.995 else 1 if part < 99.95 else 0}f} {unit}"
    return f"{value * 1e9:,.0f} ns"


def format_number(value: float) -> str:
    """Three significant digits, never with an exponent: 18_200 -> "18.2 k", -0.0123 -> "−0.0123", 0.0 -> "0".

    What would need more than six decimals is "0" with its sign left out.
    """
    size = abs(value)
    sign = "−" if value < 0 else ""
    if size >= 999.5:
        return f"{sign}{format_count(size)}"
    if size < 5e-7:
        return "0"
    decimals = min(6, max(0, 2 - math.floor(math.log10(size))))
    text = f"{size:.{decimals}f}"
    return f"{sign}{text.rstrip('0').rstrip('.') if '.' in text else text}"


def format_times(ratio: float) -> str:
    """A ratio above 1 with two or three significant digits, "8.4×", "1.06×", "131×", and never as "1.00×"."""
    digits = 0 if ratio >= 99.95 else 1 if ratio >= 1.995 else 2
    while digits < 6 and ratio > 1 and float(f"{ratio:.{digits}f}") == 1:
        digits += 1
    return f"{ratio:,.{digits}f}×"


def format_shape(channels: int, height: int, width: int) -> str:
    """A tensor's shape without its batch: "64×56×56"."""
    return f"{channels}×{height}×{width}"


def _prefixed(number: float) -> str:
    # what would round to 1,000 of a prefix is 1.00 of the next
    size, prefix = next((step for step in _STEPS if number >= 0.9995 * step[0]), _STEPS[-1])
    value = number / size
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{digits}f} {prefix}"


MAX_DIGITS = 12


def format_near(value: float, limits: Iterable[float] = (), digits: int = 2, sign: str = "+") -> str:
    """A number with so many decimals, and with more where it would read as on another side of a limit than it is.

    limits: what the number is compared with beside it: -0.004 is "-0.00", and with the limit 0 "-0.004". sign: "+" or
    "" as in a format's specification. A number that agrees with a limit to MAX_DIGITS is written as if they were equal.
    """
    for limit in limits:
        while digits < MAX_DIGITS and _side(float(f"{value:.{digits}f}"), limit) != _side(value, limit):
            digits += 1
    return f"{value:{sign}.{digits}f}"


def _side(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)

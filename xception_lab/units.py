"""Numbers as people read them: 27.5 M, 10.5 MB, 8.4 times."""

_STEPS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


def compact(number: float) -> str:
    """Three significant digits with a decimal prefix: 27_496_448 -> "27.5 M"; below 10,000 in full: "9,024"."""
    if number < 10_000:
        return f"{number:,.0f}"
    for size, prefix in _STEPS:
        if number >= size:
            return f"{_three_digits(number / size)} {prefix}"
    raise AssertionError(number)


def compact_bytes(number: float) -> str:
    """Decimal bytes with a prefix, as vendors state bandwidth: 10_472_704 -> "10.5 MB"."""
    for size, prefix in _STEPS:
        if number >= size:
            return f"{_three_digits(number / size)} {prefix}B"
    return f"{number:,.0f} B"


def times(ratio: float) -> str:
    """A ratio of at least 1 as "8.4×"; more digits only where they tell: "1.06×", "131×"."""
    digits = 2 if ratio < 2 else 1 if ratio < 100 else 0
    return f"{ratio:,.{digits}f}×"


def shape(channels: int, height: int, width: int) -> str:
    """A tensor's shape without its batch: "64×56×56"."""
    return f"{channels}×{height}×{width}"


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"

"""How the predictions of a step are distributed: counts of choices, bins of a scale, coverage of intervals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from xception_lab.classroom.room import LOOKED

MAX_BINS = 21  # as many as can be told apart on a phone


@dataclass(frozen=True, slots=True)
class Bar:
    """Neighbouring options of a step, from `first` to `last`, and how many chose one of them."""

    first: str
    last: str
    count: int


@dataclass(frozen=True, slots=True)
class Tally:
    """The predictions of a step.

    answered: how many predicted. looked: how many saw the answer without a prediction. bars: of choices and numbers
    the bins of the scale, which together count everybody once; of intervals the cells between two neighbouring ends,
    each with the number of intervals that cover it. intervals: each one's ends, the lowest first.
    """

    answered: int
    looked: int
    bars: tuple[Bar, ...]
    intervals: tuple[tuple[float, float], ...] = ()

    @property
    def highest(self) -> int:
        """The height of the highest bar."""
        return max((bar.count for bar in self.bars), default=0)


def tally_options(predictions: Sequence[str], options: Sequence[str]) -> Tally:
    """Count predictions by their options, neighbours together where there are more than MAX_BINS.

    A prediction that is no option, as a changed version of the story may leave, is not counted.
    """
    counts = Counter(text for text in predictions if text in options)
    width = -(-len(options) // MAX_BINS)
    groups = [options[start : start + width] for start in range(0, len(options), width)]
    bars = tuple(Bar(group[0], group[-1], sum(counts[option] for option in group)) for group in groups)
    return Tally(sum(counts.values()), predictions.count(LOOKED), bars)


def tally_intervals(predictions: Sequence[str], ends: Sequence[float]) -> Tally:
    """Count by how many predictions, "low:high", each cell between neighbouring `ends` is covered."""
    intervals = sorted(filter(None, (_interval(text, ends) for text in predictions)))
    bars = tuple(
        Bar(f"{low:g}", f"{high:g}", sum(first <= low and high <= last for first, last in intervals))
        for low, high in pairwise(ends)
    )
    return Tally(len(intervals), list(predictions).count(LOOKED), bars, tuple(intervals))


def _interval(text: str, ends: Sequence[float]) -> tuple[float, float] | None:
    low, colon, high = text.partition(":")
    try:
        interval = float(low), float(high)
    except ValueError:
        return None
    return interval if colon and interval[0] < interval[1] and set(interval) <= set(ends) else None

"""What a few seeds can say about a difference: intervals, tests, corrections and power, in closed form.

All of it is Student's t over one difference per seed. The statistics of scipy would do the same, but scipy.stats takes
most of a second to import; the tests hold these functions against it and against statsmodels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtr, stdtr, stdtrit

LEVEL = 0.05  # how often a test may find a difference where there is none
POWER = 0.8
MAX_SEEDS_NEEDED = 1000  # where the search for a number of seeds stops
_SHARES = (np.arange(1000) + 0.5) / 1000

Interval = tuple[float, float]


def standard_deviation(values: Sequence[float]) -> float:
    """Of a sample of two or more: statistics.stdev without its fractions, which take twenty times longer."""
    mean = fmean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def mean_interval(values: Sequence[float], confidence: float) -> Interval | None:
    """Student's interval around the mean, None below two values."""
    if len(values) < 2:
        return None
    half = _quantile(len(values), (1 + confidence) / 2) * standard_deviation(values) / math.sqrt(len(values))
    return fmean(values) - half, fmean(values) + half


def _quantile(count: int, probability: float) -> float:
    return float(stdtrit(count - 1, probability))


def difference_p(values: Sequence[float]) -> float | None:
    """The two-sided p of Student's one-sample test that the mean is 0, None below two values."""
    if len(values) < 2:
        return None
    return 2 * _upper_tail(values, -abs(fmean(values)))


def equivalence_p(values: Sequence[float], margin: float) -> float | None:
    """The p of two one-sided tests (TOST) that the mean lies within the margin of 0, None below two values.

    It is below 5 % where the 90 % interval lies inside the margin. Source: Schuirmann 1987.
    """
    if len(values) < 2:
        return None
    return _upper_tail(values, abs(fmean(values)) - margin)


def _upper_tail(values: Sequence[float], distance: float) -> float:
    """The probability that Student's t is at most the distance in standard errors."""
    error = standard_deviation(values) / math.sqrt(len(values))
    if error == 0:
        return 0.0 if distance < 0 else 0.5 if distance == 0 else 1.0
    return float(stdtr(len(values) - 1, distance / error))


@dataclass(frozen=True, slots=True)
class HolmStep:
    """What Holm's method says of one p: the adjusted p, and the level that its own step tested it at."""

    adjusted_p: float
    level: float

    @property
    def rejected(self) -> bool:
        """Whether the difference is there, with the errors of the whole family at most LEVEL."""
        return self.adjusted_p < LEVEL


def holm(ps: Sequence[float], family: int) -> tuple[HolmStep, ...]:
    """Holm's step-down correction, in the order of the ps.

    family: how many questions were fixed beforehand; those without a p here count as not yet tested. Once one is not
    rejected, those after it are tested at its level, so that an interval at 1 - level excludes 0 exactly where the
    verdict says so. Source: Holm 1979.
    """
    steps: dict[int, HolmStep] = {}
    highest, level, stopped = 0.0, 0.0, False
    for place, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        count = max(family, len(ps)) - place
        highest = max(highest, min(1.0, count * ps[index]))
        level = level if stopped else LEVEL / count
        stopped = stopped or ps[index] >= level
        steps[index] = HolmStep(highest, level)
    return tuple(steps[index] for index in range(len(ps)))


def difference_power(points: float, spread: float, seeds: int, level: float = LEVEL) -> float:
    """How often a two-sided test finds a true mean of `points`. spread: the standard deviation between seeds."""
    if spread == 0:
        return float(points != 0)
    error, shown = _errors(spread, seeds)
    limit = _quantile(seeds, 1 - level / 2) * shown
    return float((ndtr((points - limit) / error) + ndtr((-points - limit) / error)).mean())


def equivalence_power(points: float, spread: float, seeds: int, margin: float) -> float:
    """How often the two one-sided tests at 5 % say "equivalent" where the true mean is `points`."""
    if spread == 0:
        return float(abs(points) < margin)
    error, shown = _errors(spread, seeds)
    room = margin - _quantile(seeds, 1 - LEVEL) * shown
    inside = ndtr((room - points) / error) - ndtr((-room - points) / error)
    return float(np.where(room > 0, inside, 0).mean())


def _errors(spread: float, seeds: int) -> tuple[float, NDArray[np.float64]]:
    """The true standard error, and those that samples show, at evenly spread quantiles of their distribution.

    The mean over the latter is an integral: the non-central t distribution of scipy.special, which would give it in
    one call, is not a number for some effects of many standard errors.
    """
    error = spread / math.sqrt(seeds)
    return error, error * _sample_spreads(seeds - 1)


@lru_cache(maxsize=MAX_SEEDS_NEEDED)
def _sample_spreads(degrees: int) -> NDArray[np.float64]:
    """Standard deviations that samples of a spread of 1 show."""
    return np.sqrt(2 * gammaincinv(degrees / 2, _SHARES) / degrees)


def seeds_for(power: Callable[[int], float]) -> int | None:
    """The smallest number of seeds, from 2, at which the power is POWER; None above MAX_SEEDS_NEEDED.

    power: by the number of seeds; it grows with it.
    """
    low, high = 1, 2
    while power(high) < POWER:
        if high == MAX_SEEDS_NEEDED:
            return None
        low, high = high, min(2 * high, MAX_SEEDS_NEEDED)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def prediction_interval(values: Sequence[float], seeds: int, confidence: float = 0.95) -> Interval | None:
    """Where the mean of so many new seeds will lie with this confidence, None below two values."""
    if len(values) < 2:
        return None
    error = standard_deviation(values) * math.sqrt(1 / len(values) + 1 / seeds)
    reach = _quantile(len(values), (1 + confidence) / 2) * error
    return fmean(values) - reach, fmean(values) + reach


def crossed_interval(differences: NDArray[np.float64], confidence: float = 0.95) -> Interval | None:
    """An interval for other seeds and other examples at once, None below two seeds.

    differences: (seeds, examples), of one comparison. Both are taken as random and crossed: the variance of the mean is
    (MS_seeds + MS_examples - MS_residual) / (seeds * examples), its degrees of freedom are Satterthwaite's. Where the
    sum falls below one of the first two, which is chance, the larger of these stands for it.
    """
    seeds, examples = differences.shape
    if seeds < 2 or examples < 2:
        return None
    mean = differences.mean()
    by_seed, by_example = differences.mean(1), differences.mean(0)
    residual = differences - by_seed[:, None] - by_example + mean
    parts = (
        examples * ((by_seed - mean) ** 2).sum() / (seeds - 1),
        seeds * ((by_example - mean) ** 2).sum() / (examples - 1),
        (residual**2).sum() / ((seeds - 1) * (examples - 1)),
    )
    total = max(parts[0] + parts[1] - parts[2], parts[0], parts[1])
    if total == 0:
        return float(mean), float(mean)
    counts = (seeds - 1, examples - 1, (seeds - 1) * (examples - 1))
    degrees = total**2 / sum(part**2 / count for part, count in zip(parts, counts, strict=True))
    half = float(stdtrit(max(degrees, 1.0), (1 + confidence) / 2)) * math.sqrt(total / differences.size)
    return float(mean) - half, float(mean) + half

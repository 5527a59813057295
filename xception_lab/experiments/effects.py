"""The effects of an experiment's factors: differences paired by seed, with 95 % intervals and a computed verdict.

The variants of one seed share weights, batch order and shifts, so a difference within a seed is free of what the seed
does to all of them. The interval is Student's t over the seeds. It holds for this network, this recipe and this test
set; how far another test set of the same size may differ is the sampling error, stated separately. Of several
intervals, each holds with 95 %, not all of them at once.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from statistics import fmean, stdev
from typing import Any, Literal

from scipy.special import ndtri, stdtrit  # scipy.stats has the same, and takes most of a second to import

from xception_lab.experiments.spec import ExperimentSpec, Setting, level_of
from xception_lab.spec import TrainSpec

EffectVerdict = Literal["harmful", "helpful", "no difference seen", "undecided"]

CONFIDENCE = 0.95
PRECISION = 0.5  # percentage points: an interval around 0 that is no wider to each side counts as "no difference seen"
MAX_SEEDS_NEEDED = 1000  # where seeds_needed stops looking
_NORMAL = float(ndtri((1 + CONFIDENCE) / 2))


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A run that is done, and its last test accuracy, from 0 to 1."""

    spec: TrainSpec
    accuracy: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What the step from a baseline to another level does to the test accuracy, in percentage points.

    kind: "main" (a mean over the levels of the other factors), "simple" (with another factor fixed at `where`) or
        "interaction" (how much larger the first factor's effect is at the second's level than at its baseline).
    change, baseline, where: ((field, value), ...).
    differences: one per seed. points: their mean. low, high, half_width: its 95 % interval, None below two seeds.
    seeds_needed: how many seeds in all would give a half-width of at most PRECISION, if the spread stayed as it is;
        None below two seeds or above MAX_SEEDS_NEEDED.
    """

    kind: Literal["main", "simple", "interaction"]
    change: Setting
    baseline: Setting
    where: Setting
    differences: tuple[float, ...]
    points: float
    low: float | None
    high: float | None
    half_width: float | None
    verdict: EffectVerdict
    seeds_needed: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One variant: its setting, its accuracies per seed, their mean and the mean's 95 % half-width, in percent."""

    setting: Setting
    accuracies: tuple[float, ...]
    mean: float
    half_width: float | None


@dataclass(frozen=True, slots=True)
class Effects:
    """All effects, over the seeds of which every variant is done.

    sampling_error: the 95 % half-width, in percentage points, of one accuracy as an estimate for all pictures of the
        test set's kind (binomial); None while there is no accuracy.
    precision: the PRECISION that the verdicts were computed with.
    """

    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    effects: tuple[Effect, ...]
    sampling_error: float | None
    precision: float = PRECISION


def paired_effects(experiment: ExperimentSpec, outcomes: Iterable[RunOutcome], test_pictures: int) -> Effects:
    """The effects of an experiment's factors.

    outcomes: the runs that are done. test_pictures: how many pictures their accuracies are means of.
    """
    accuracy = {outcome.spec: 100 * outcome.accuracy for outcome in outcomes}
    factors = [(name, levels) for name, levels in experiment.levels if len(levels) > 1]
    table: dict[int, dict[Setting, float]] = {}
    for spec in experiment.variants():
        if spec in accuracy:
            setting = tuple((name, level_of(spec, name)) for name, _ in factors)
            table.setdefault(spec.seed, {})[setting] = accuracy[spec]
    settings = [
        tuple(zip((name for name, _ in factors), values, strict=True))
        for values in product(*(levels for _, levels in factors))
    ]
    seeds = tuple(seed for seed, row in sorted(table.items()) if len(row) == len(settings))
    if not seeds:
        return Effects((), (), (), None)
    rows = [table[seed] for seed in seeds]
    cells = tuple(_cell(setting, [row[setting] for row in rows]) for setting in settings)
    error = sampling_error(fmean(cell.mean for cell in cells) / 100, test_pictures)
    return Effects(seeds, cells, tuple(_effects(factors, rows)), error)


def _effects(factors: Sequence[tuple[str, tuple[Any, ...]]], rows: list[dict[Setting, float]]) -> Iterable[Effect]:
    for name, (first, *others) in factors:
        for other in others:
            yield make_effect(
                "main", ((name, other),), ((name, first),), (), [_gain(row, name, first, other) for row in rows]
            )
    for (outer, outer_levels), (inner, (first, *others)) in _ordered_pairs(factors):
        for other, at in product(others, outer_levels):
            differences = [_gain(row, inner, first, other, (outer, at)) for row in rows]
            yield make_effect("simple", ((inner, other),), ((inner, first),), ((outer, at),), differences)
    for (inner, (first, *others)), (outer, (base, *shifts)) in combinations(factors, 2):
        for other, at in product(others, shifts):
            differences = [
                _gain(row, inner, first, other, (outer, at)) - _gain(row, inner, first, other, (outer, base))
                for row in rows
            ]
            change = ((inner, other), (outer, at))
            yield make_effect("interaction", change, ((inner, first), (outer, base)), (), differences)


def _ordered_pairs(factors: Sequence[tuple[str, tuple[Any, ...]]]) -> Iterable[tuple[Any, Any]]:
    return ((outer, inner) for outer in factors for inner in factors if outer is not inner)


def _gain(row: dict[Setting, float], name: str, first: Any, other: Any, where: tuple[str, Any] | None = None) -> float:
    """The mean at level `other` minus that at level `first`, over the settings that agree with `where`."""

    def mean(value: Any) -> float:
        return fmean(
            accuracy
            for setting, accuracy in row.items()
            if (name, value) in setting and (where is None or where in setting)
        )

    return mean(other) - mean(first)


def make_effect(
    kind: Literal["main", "simple", "interaction"],
    change: Setting,
    baseline: Setting,
    where: Setting,
    differences: Sequence[float],
) -> Effect:
    """An effect from its differences, one per seed, in percentage points."""
    points = fmean(differences)
    half = half_width(differences)
    low, high = (None, None) if half is None else (points - half, points + half)
    return Effect(
        kind,
        change,
        baseline,
        where,
        tuple(differences),
        points,
        low,
        high,
        half,
        effect_verdict(points, half),
        seeds_needed(differences),
    )


def half_width(values: Sequence[float]) -> float | None:
    """Half the width of Student's 95 % interval around the mean of the values, None below two values."""
    if len(values) < 2:
        return None
    return _quantile(len(values)) * stdev(values) / math.sqrt(len(values))


def _quantile(count: int) -> float:
    return float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))


def effect_verdict(points: float, half: float | None) -> EffectVerdict:
    """On which side of 0 the interval lies, and where it contains 0, whether it is as narrow as PRECISION.

    points: the middle of the interval. half: its half-width, None for unknown.
    """
    if half is None:
        return "undecided"
    if abs(points) > half:
        return "helpful" if points > 0 else "harmful"
    return "no difference seen" if half <= PRECISION else "undecided"


def seeds_needed(differences: Sequence[float]) -> int | None:
    """See Effect.seeds_needed."""
    if len(differences) < 2:
        return None
    spread = stdev(differences)
    # Student's quantile exceeds the normal one, so no smaller number is enough
    least = max(2, math.ceil((_NORMAL * spread / PRECISION) ** 2))
    return next(
        (
            count
            for count in range(least, MAX_SEEDS_NEEDED + 1)
            if _quantile(count) * spread / math.sqrt(count) <= PRECISION
        ),
        None,
    )


def sampling_error(accuracy: float, pictures: int) -> float:
    """The 95 % half-width, in percentage points, of an accuracy from 0 to 1 that was measured on so many pictures.

    Binomial, by the normal approximation.
    """
    return 100 * _NORMAL * math.sqrt(accuracy * (1 - accuracy) / pictures)


def _cell(setting: Setting, accuracies: list[float]) -> Cell:
    return Cell(setting, tuple(accuracies), fmean(accuracies), half_width(accuracies))

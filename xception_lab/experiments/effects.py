"""The effects of an experiment's factors: differences per seed, intervals, and a verdict on what was fixed beforehand.

The variants of one seed share weights, batch order and shifts, and every effect is one difference per seed, so that
Student's t over the seeds needs no assumption about how the variants' spreads compare. It speaks of this network, this
recipe and these test pictures; the crossed interval (crossed_effect) speaks of other pictures of the kind too.

Only an experiment's primary comparisons get a verdict, and only once all seeds that were fixed beforehand are done: who
looks after every seed, and stops where the result pleases, finds effects that are not there. Those that ask for a
difference are corrected together by Holm's method; their interval is the one that the method's step was decided by. A
claim of equivalence is two one-sided tests: the 90 % interval inside the margin. Everything else is exploratory: an
estimate and its own 95 % interval.

The spread between seeds knows nothing of two faults, which are objections to any verdict: a variant that did not learn,
and test pictures so few that the difference is no more than a few of them.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from statistics import fmean
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri  # scipy.stats has the same, and takes most of a second to import

from xception_lab.experiments.inference import (
    LEVEL,
    Interval,
    crossed_interval,
    difference_p,
    difference_power,
    equivalence_p,
    equivalence_power,
    holm,
    mean_interval,
    seeds_for,
    standard_deviation,
)
from xception_lab.experiments.spec import MARGIN, PRESETS, Contrast, ExperimentSpec, Setting, level_of
from xception_lab.spec import TrainSpec

EffectVerdict = Literal["harmful", "helpful", "equivalent", "not decided"]
EffectKind = Literal["main", "simple", "diagonal", "interaction", "slope"]
Measure = Literal["accuracy", "area"]
Objection = Literal["", "did not learn", "few pictures"]

CONFIDENCE = 0.95
EQUIVALENCE_CONFIDENCE = 1 - 2 * LEVEL
# if k pictures were right in one variant alone and none in the other alone, the sign test's p would be 2 / 2**k: the
# least number that it takes for a difference, whatever else the pictures say
LEAST_PICTURES = math.ceil(math.log2(2 / LEVEL))
_LINE_PLACES = 25

Weights = tuple[tuple[Setting, float], ...]
Factor = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A run that is done: its test accuracy and the mean of its validation accuracies over the epochs, 0 to 1."""

    spec: TrainSpec
    accuracy: float
    area: float | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What the step from a baseline to another level does to the accuracy, in percentage points.

    kind: "main" (a mean over the levels of the other factors), "simple" (with another factor fixed at `where`),
        "diagonal" (two factors change at once), "interaction" (how much larger the first factor's effect is at the
        second's level than at its baseline) or "slope" (how much it grows when the field that `where` names is
        doubled).
    is_primary: fixed beforehand; else it is exploratory and has no verdict.
    asks_equivalence: whether the question is that there is no difference.
    change, baseline, where: ((field, value), ...).
    weights: the effect is the sum of the variants' accuracies, each times its weight.
    differences: one per seed. points: their mean. spread: their standard deviation, None below two seeds.
    low, high, confidence: the interval, None below two seeds. half_width: half of its width.
    p: of the effect's own test. adjusted_p: after Holm's correction; p itself where there is nothing to correct.
    verdict: None for what is exploratory, and while a seed that was fixed beforehand is missing.
    seeds_needed: how many seeds in all would decide it with a power of 80 %, were the true effect and spread as they
        are here; None where it is decided, below two seeds, or above inference.MAX_SEEDS_NEEDED.
    objection: why the verdict is "not decided" whatever the interval is: a variant "did not learn" (its accuracy may be
        that of always the same class), or the difference is too few of the test pictures; "" where nothing stands
        against it.
    """

    kind: EffectKind
    is_primary: bool
    asks_equivalence: bool
    change: Setting
    baseline: Setting
    where: Setting
    weights: Weights
    differences: tuple[float, ...]
    points: float
    spread: float | None
    low: float | None
    high: float | None
    half_width: float | None
    confidence: float
    p: float | None
    adjusted_p: float | None
    verdict: EffectVerdict | None
    seeds_needed: int | None
    objection: Objection = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One variant: its setting, its accuracies per seed, their mean and the mean's 95 % half-width, in percent."""

    setting: Setting
    accuracies: tuple[float, ...]
    mean: float
    half_width: float | None


@dataclass(frozen=True, slots=True)
class Effects:
    """All effects, over the seeds of which every variant is done; the primary ones first.

    sampling_error: the 95 % half-width, in percentage points, of one accuracy as an estimate for all pictures of the
        test set's kind (binomial); None while there is no accuracy.
    margin: what the claims of equivalence were judged by, in percentage points.
    seeds_missing: how many of the seeds that were fixed beforehand are not done.
    """

    seeds: tuple[int, ...]
    cells: tuple[Cell, ...]
    effects: tuple[Effect, ...]
    sampling_error: float | None
    margin: float = MARGIN
    seeds_missing: int = 0

    @property
    def primary(self) -> tuple[Effect, ...]:
        """The effects that answer the experiment's question."""
        return tuple(effect for effect in self.effects if effect.is_primary)

    @property
    def exploratory(self) -> tuple[Effect, ...]:
        """All others."""
        return tuple(effect for effect in self.effects if not effect.is_primary)


def paired_effects(
    experiment: ExperimentSpec,
    outcomes: Iterable[RunOutcome],
    test_pictures: int,
    measure: Measure = "accuracy",
    chance: float | None = None,
) -> Effects:
    """The effects of an experiment's factors.

    outcomes: the runs that are done. test_pictures: how many pictures their accuracies are means of.
    chance: the accuracy, 0 to 1, of always the same class; None where it is not known.
    measure: what is compared; with "area" nothing is primary, as the questions fixed beforehand are about accuracy.
    """
    values = {outcome.spec: getattr(outcome, measure) for outcome in outcomes}
    names = [name for name, _ in _factors(experiment)]
    table: dict[int, dict[Setting, float]] = {}
    for spec in experiment.variants():
        if values.get(spec) is not None:
            setting = tuple((name, level_of(spec, name)) for name in names)
            table.setdefault(spec.seed, {})[setting] = 100 * values[spec]
    return effects_of_table(experiment, table, test_pictures, measure, chance)


def effects_of_table(
    experiment: ExperimentSpec,
    table: Mapping[int, Mapping[Setting, float]],
    test_pictures: int,
    measure: Measure = "accuracy",
    chance: float | None = None,
) -> Effects:
    """The effects of an experiment's factors. table: by seed and variant, in percent. Else as paired_effects."""
    factors = _factors(experiment)
    settings = [
        tuple(zip((name for name, _ in factors), combination, strict=True))
        for combination in product(*(levels for _, levels in factors))
    ]
    seeds = tuple(seed for seed, row in sorted(table.items()) if len(row) == len(settings))
    missing = experiment.seeds - len(seeds)
    if not seeds:
        return Effects((), (), (), None, seeds_missing=missing)
    rows = [table[seed] for seed in seeds]
    cells = tuple(_cell(setting, [row[setting] for row in rows]) for setting in settings)
    error = sampling_error(fmean(cell.mean for cell in cells) / 100, test_pictures)
    primary = experiment.primary if measure == "accuracy" else ()
    diagonals = PRESETS[experiment.preset].exploratory
    effects = [_measure(each, rows) for each in _comparisons(factors, settings, primary, diagonals)]
    if measure != "accuracy":
        # a slope is no comparison of two variants, which would be among those above
        slopes = [each for each in experiment.primary if each.test == "slope"]
        found = (_measure(each, rows) for each in _comparisons(factors, settings, slopes, ()) if each.is_primary)
        effects = [*(replace(effect, is_primary=False) for effect in found), *effects]
    judged = effects if missing else _judge(effects, PRESETS[experiment.preset].family)
    learnt = {cell.setting for cell in cells if _has_learnt(cell.mean / 100, test_pictures, chance)}
    judged = tuple(_object(effect, learnt, test_pictures) for effect in judged)
    return Effects(seeds, cells, judged, error, seeds_missing=missing)


def _has_learnt(accuracy: float, pictures: int, chance: float | None) -> bool:
    """Whether an accuracy is beyond what always the same class has on other pictures of the kind."""
    return chance is None or 100 * (accuracy - chance) > sampling_error(chance, pictures)


def _object(effect: Effect, learnt: Collection[Setting], pictures: int) -> Effect:
    """The effect without its verdict where something stands against it."""
    objection: Objection = ""
    if any(setting not in learnt for setting, _ in effect.weights):
        objection = "did not learn"
    elif effect.verdict == "equivalent" and 100 / pictures > MARGIN:
        objection = "few pictures"  # one picture is more than the margin: "within" would be "exactly alike"
    elif effect.verdict in ("harmful", "helpful") and effect.kind != "slope":
        # a slope is a sum over many variants
        objection = "few pictures" if abs(effect.points) / 100 * pictures < LEAST_PICTURES else ""
    if not objection or effect.verdict is None:
        return effect
    return replace(effect, verdict="not decided", seeds_needed=None, objection=objection)


def _factors(experiment: ExperimentSpec) -> list[Factor]:
    return [(name, levels) for name, levels in experiment.levels if len(levels) > 1]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """An effect before it is measured."""

    kind: EffectKind
    contrast: Contrast
    weights: Weights
    is_primary: bool


def _comparisons(
    factors: Sequence[Factor], settings: Sequence[Setting], primary: Sequence[Contrast], diagonals: Sequence[Contrast]
) -> Iterable[_Comparison]:
    """The primary comparisons, then the preset's diagonals, then every other main and simple effect and interaction."""
    for contrast in primary:
        if contrast.test == "slope":
            yield _Comparison("slope", contrast, _slope_weights(contrast, dict(factors), settings), True)
        else:
            kind: EffectKind = "simple" if contrast.where else "main"
            yield _Comparison(kind, contrast, _difference_weights(contrast, settings), True)
    for contrast in diagonals:
        yield _Comparison("diagonal", contrast, _difference_weights(contrast, settings), False)
    answered = {(contrast.change, contrast.where) for contrast in primary if contrast.test != "slope"}
    for kind, contrast in _exploratory(factors):
        if kind == "interaction":
            yield _Comparison(kind, contrast, _interaction_weights(contrast, settings), False)
        elif (contrast.change, contrast.where) not in answered:
            yield _Comparison(kind, contrast, _difference_weights(contrast, settings), False)


def _exploratory(factors: Sequence[Factor]) -> Iterable[tuple[EffectKind, Contrast]]:
    for name, (first, *others) in factors:
        for other in others:
            yield "main", Contrast(((name, other),), ((name, first),))
    for (outer, outer_levels), (inner, (first, *others)) in _ordered_pairs(factors):
        for other, at in product(others, outer_levels):
            yield "simple", Contrast(((inner, other),), ((inner, first),), ((outer, at),))
    for (inner, (first, *others)), (outer, (base, *shifts)) in combinations(factors, 2):
        for other, at in product(others, shifts):
            yield "interaction", Contrast(((inner, other), (outer, at)), ((inner, first), (outer, base)))


def _ordered_pairs(factors: Sequence[Factor]) -> Iterable[tuple[Factor, Factor]]:
    return ((outer, inner) for outer in factors for inner in factors if outer is not inner)


def _difference_weights(contrast: Contrast, settings: Sequence[Setting]) -> Weights:
    """The mean of the settings with the change less that of those with the baseline, where both agree with `where`."""
    return _sum(
        _mean_weights(contrast.change + contrast.where, settings, 1),
        _mean_weights(contrast.baseline + contrast.where, settings, -1),
    )


def _interaction_weights(contrast: Contrast, settings: Sequence[Setting]) -> Weights:
    (change, shift), (first, base) = contrast.change, contrast.baseline
    corners = (((change, shift), 1), ((first, base), 1), ((change, base), -1), ((first, shift), -1))
    return _sum(*(_mean_weights(corner, settings, sign) for corner, sign in corners))


def _slope_weights(contrast: Contrast, factors: Mapping[str, tuple[Any, ...]], settings: Sequence[Setting]) -> Weights:
    """Least squares of the difference over the logarithm, to the base 2, of the field's levels; None counts as 1."""
    ((name, _start),) = contrast.where
    places = {level: math.log2(level or 1) for level in factors[name]}
    middle = fmean(places.values())
    scale = sum((place - middle) ** 2 for place in places.values())
    return _sum(
        *(
            _mean_weights((*setting, (name, level)), settings, sign * (place - middle) / scale)
            for level, place in places.items()
            for setting, sign in ((contrast.change, 1), (contrast.baseline, -1))
        )
    )


def _mean_weights(of: Setting, settings: Sequence[Setting], total: float) -> dict[Setting, float]:
    chosen = [setting for setting in settings if set(of) <= set(setting)]
    return dict.fromkeys(chosen, total / len(chosen))


def _sum(*parts: Mapping[Setting, float]) -> Weights:
    weights: dict[Setting, float] = {}
    for part in parts:
        for setting, weight in part.items():
            weights[setting] = weights.get(setting, 0.0) + weight
    return tuple((setting, weight) for setting, weight in weights.items() if weight)


def _measure(comparison: _Comparison, rows: Sequence[Mapping[Setting, float]]) -> Effect:
    """The effect with its own 95 % interval, and no verdict yet."""
    contrast = comparison.contrast
    differences = tuple(sum(weight * row[setting] for setting, weight in comparison.weights) for row in rows)
    effect = Effect(
        comparison.kind,
        comparison.is_primary,
        contrast.test == "equivalence",
        contrast.change,
        contrast.baseline,
        contrast.where,
        comparison.weights,
        differences,
        fmean(differences),
        standard_deviation(differences) if len(differences) > 1 else None,
        None,
        None,
        None,
        CONFIDENCE,
        None,
        None,
        None,
        None,
    )
    p = equivalence_p(differences, MARGIN) if effect.asks_equivalence else difference_p(differences)
    confidence = EQUIVALENCE_CONFIDENCE if effect.asks_equivalence else CONFIDENCE
    return _with_interval(replace(effect, p=p, adjusted_p=p), confidence)


def _with_interval(effect: Effect, confidence: float) -> Effect:
    interval = mean_interval(effect.differences, confidence)
    if interval is None:
        return replace(effect, confidence=confidence)
    low, high = interval
    return replace(effect, low=low, high=high, half_width=(high - low) / 2, confidence=confidence)


def _judge(effects: Sequence[Effect], family: int) -> tuple[Effect, ...]:
    """The effects with verdicts on the primary ones. family: as in Preset."""
    asked = [effect for effect in effects if effect.is_primary and not effect.asks_equivalence]
    ps = [effect.p for effect in asked if effect.p is not None]
    steps = iter(holm(ps, family))
    judged: list[Effect] = []
    for effect in effects:
        if not effect.is_primary:
            judged.append(effect)
        elif effect.p is None:
            judged.append(replace(effect, verdict="not decided"))
        elif effect.asks_equivalence:
            judged.append(_judge_equivalence(effect))
        else:
            step = next(steps)
            corrected = _with_interval(replace(effect, adjusted_p=step.adjusted_p), 1 - step.level)
            judged.append(_judge_difference(corrected, step.rejected, step.level))
    return tuple(judged)


def _judge_difference(effect: Effect, rejected: bool, level: float) -> Effect:
    if rejected:
        return replace(effect, verdict="helpful" if effect.points > 0 else "harmful")
    equivalence = equivalence_p(effect.differences, MARGIN)
    # a slope has another unit than the margin
    can_be_equivalent = effect.kind != "slope"
    if can_be_equivalent and equivalence is not None and equivalence < LEVEL:
        return replace(effect, verdict="equivalent")
    needed = [_seeds_for_difference(effect, level)]
    if can_be_equivalent:
        needed.append(_seeds_for_equivalence(effect))
    seeds_needed = min((seeds for seeds in needed if seeds is not None), default=None)
    return replace(effect, verdict="not decided", seeds_needed=seeds_needed)


def _judge_equivalence(effect: Effect) -> Effect:
    if effect.p is not None and effect.p < LEVEL:
        return replace(effect, verdict="equivalent")
    return replace(effect, verdict="not decided", seeds_needed=_seeds_for_equivalence(effect))


def _seeds_for_difference(effect: Effect, level: float) -> int | None:
    spread = effect.spread or 0.0
    return seeds_for(lambda seeds: difference_power(effect.points, spread, seeds, level))


def _seeds_for_equivalence(effect: Effect) -> int | None:
    spread = effect.spread or 0.0
    return seeds_for(lambda seeds: equivalence_power(effect.points, spread, seeds, MARGIN))


def own_interval(effect: Effect) -> Interval | None:
    """An effect's 95 % interval by itself, uncorrected, None below two seeds."""
    return mean_interval(effect.differences, CONFIDENCE)


def equivalence_test(effect: Effect) -> tuple[float, Interval] | None:
    """The p of the two one-sided tests and the 90 % interval that says the same, None below two seeds.

    It is the second step of a comparison that asked for a difference and found none.
    """
    p = equivalence_p(effect.differences, MARGIN)
    interval = mean_interval(effect.differences, EQUIVALENCE_CONFIDENCE)
    return None if p is None or interval is None else (p, interval)


def is_beyond_margin(effect: Effect) -> bool:
    """Whether an effect is not only there but larger than the margin: its interval lies outside, as corrected."""
    return effect.low is not None and effect.high is not None and (effect.high < -MARGIN or effect.low > MARGIN)


def needs_seeds_for_equivalence(effect: Effect) -> bool:
    """Whether what is not decided would sooner be shown to be equivalent than to be a difference."""
    if effect.asks_equivalence:
        return True
    alike, other = _seeds_for_equivalence(effect), _seeds_for_difference(effect, 1 - effect.confidence)
    return effect.kind != "slope" and alike is not None and (other is None or alike < other)


def power_without_effect(effect: Effect, seeds: int) -> float:
    """How often so many seeds would show equivalence if there were no difference at all."""
    return equivalence_power(0.0, effect.spread or 0.0, seeds, MARGIN)


def interval_within(effect: Effect) -> Interval | None:
    """An effect's 90 % interval where it lies inside the margin, so that it is equivalent too; None elsewhere."""
    # a slope has another unit than the margin
    interval = None if effect.kind == "slope" else mean_interval(effect.differences, EQUIVALENCE_CONFIDENCE)
    return interval if interval and interval[0] > -MARGIN and interval[1] < MARGIN else None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """An effect at one level of a field, with its own 95 % interval; low and high are None below two seeds.

    place: where the level stands on the trend's axis. differences: one per seed.
    """

    place: float
    level: Any
    differences: tuple[float, ...]
    points: float
    low: float | None
    high: float | None
    is_primary: bool


@dataclass(frozen=True, slots=True)
class TrendLine:
    """The line that belongs to a slope, at places from the first point to the last one, with its pointwise 95 % band.

    low, high: None below two seeds.
    """

    places: tuple[float, ...]
    points: tuple[float, ...]
    low: tuple[float, ...] | None
    high: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Trend:
    """How a difference changes along the levels of a field. line: None where no slope was fixed beforehand."""

    field: str
    points: tuple[TrendPoint, ...]
    line: TrendLine | None


@dataclass(frozen=True, slots=True)
class SlopeParts:
    """What a slope is made of, in points per doubling.

    baseline, change: how the accuracy itself changes, without and with the change that the slope is about.
    others: the slope where the first level is left out; others_interval: its 95 % interval, None below two seeds.
    """

    baseline: float
    change: float
    others: float
    others_interval: tuple[float, float] | None


def slope_parts(effects: Effects, slope: Effect) -> SlopeParts:
    """The slopes of the two lines whose distance a slope is about, and the slope without its first level."""
    steps = _steps(effects, slope)
    places = [math.log2(effect.where[0][1] or 1) for effect in steps]
    means = {frozenset(cell.setting): cell.mean for cell in effects.cells}
    base, changed = (
        [means[frozenset((*setting, *effect.where))] for effect in steps] for setting in (slope.baseline, slope.change)
    )
    by_seed = zip(*(effect.differences for effect in steps[1:]), strict=True)
    others = [_steepness(places[1:], differences) for differences in by_seed]
    interval = mean_interval(others, CONFIDENCE)
    return SlopeParts(_steepness(places, base), _steepness(places, changed), fmean(others), interval)


def _steepness(places: Sequence[float], values: Sequence[float]) -> float:
    return float(np.polyfit(places, values, 1)[0])


def _steps(effects: Effects, slope: Effect) -> list[Effect]:
    """The differences that a slope is fitted to, level by level."""
    ((name, _start),) = slope.where
    return [
        effect
        for effect in effects.effects
        if effect.kind == "simple"
        and (effect.change, effect.baseline) == (slope.change, slope.baseline)
        and effect.where[0][0] == name
    ]


def slope_trend(effects: Effects, slope: Effect) -> Trend:
    """The differences that a slope is fitted to, level by level, over the logarithm to the base 2, and its line.

    Each seed has a line of its own, of least squares through its differences; the band at a place is Student's interval
    over what the seeds' lines have there, so that its steepness is the slope's.
    """
    ((name, _start),) = slope.where
    steps = _steps(effects, slope)
    places = [math.log2(effect.where[0][1] or 1) for effect in steps]
    points = tuple(_trend_point(effect, effect.where[0][1], place) for effect, place in zip(steps, places, strict=True))
    middle = fmean(places)
    heights = [fmean(values) for values in zip(*(effect.differences for effect in steps), strict=True)]
    grid = np.linspace(min(places), max(places), _LINE_PLACES).tolist()
    lines = [
        [height + gain * (place - middle) for height, gain in zip(heights, slope.differences, strict=True)]
        for place in grid
    ]
    bands = [mean_interval(values, CONFIDENCE) for values in lines]
    ends = list(zip(*(band for band in bands if band), strict=True)) or [None, None]
    return Trend(name, points, TrendLine(tuple(grid), tuple(map(fmean, lines)), *ends))


def dose_trend(effects: Effects, name: str) -> Trend:
    """The main effects of the only field that varies, by the share of negative signal that its level cuts.

    name: of the field, whose levels are slopes for negative values: 1 cuts nothing, 0 all.
    """
    points = tuple(
        _trend_point(effect, effect.change[0][1], 1 - effect.change[0][1])
        for effect in effects.effects
        if effect.kind == "main" and effect.change[0][0] == name
    )
    return Trend(name, tuple(sorted(points, key=lambda point: point.place)), None)


def _trend_point(effect: Effect, level: Any, place: float) -> TrendPoint:
    low, high = own_interval(effect) or (None, None)
    return TrendPoint(place, level, effect.differences, effect.points, low, high, effect.is_primary)


def crossed_effect(effect: Effect, right: Mapping[Setting, NDArray[np.bool_]]) -> Interval | None:
    """An effect's interval, at its own confidence, for other seeds and other test pictures at once, in points.

    right: by variant, whether each picture got its class, (seeds, pictures); the same seeds and pictures in each.
    """
    differences = sum(weight * right[setting].astype(np.float64) for setting, weight in effect.weights)
    return crossed_interval(100 * np.asarray(differences), effect.confidence)


def sampling_error(accuracy: float, pictures: int) -> float:
    """The 95 % half-width, in percentage points, of an accuracy from 0 to 1 that was measured on so many pictures.

    Binomial, by the normal approximation.
    """
    return 100 * float(ndtri((1 + CONFIDENCE) / 2)) * math.sqrt(accuracy * (1 - accuracy) / pictures)


def _cell(setting: Setting, accuracies: list[float]) -> Cell:
    interval = mean_interval(accuracies, CONFIDENCE)
    half = None if interval is None else (interval[1] - interval[0]) / 2
    return Cell(setting, tuple(accuracies), fmean(accuracies), half)

"""The statistics against scipy's own, and by simulation: how often a 95% interval holds the truth."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.power import TTestPower

from xception_lab import TrainSpec
from xception_lab.data.catalogue import load_dataset
from xception_lab.experiments.effects import (
    LEAST_PICTURES,
    Effect,
    Effects,
    RunOutcome,
    crossed_effect,
    dose_trend,
    effects_of_table,
    is_beyond_margin,
    paired_effects,
    sampling_error,
    slope_parts,
    slope_trend,
)
from xception_lab.experiments.results_file import load_stored_result
from xception_lab.experiments.spec import MARGIN, PRESETS, ExperimentSpec, Setting, level_of

NONE, RELU, ELU = ((("intermediate", level),) for level in ("none", "relu", "elu"))
DEPTHWISE_FIRST, POINTWISE_FIRST = ((("order", level),) for level in ("depthwise-first", "pointwise-first"))


def _outcomes(experiment: ExperimentSpec, accuracy: dict[tuple[object, ...], list[float]]) -> list[RunOutcome]:
    names = [name for name, _ in experiment.levels]
    return [
        RunOutcome(spec, accuracy[tuple(level_of(spec, name) for name in names)][spec.seed])
        for spec in experiment.variants()
    ]


def _find(effects: Effects, kind: str, change: tuple[tuple[str, object], ...], where: object = ()) -> Effect:
    (found,) = [e for e in effects.effects if (e.kind, e.change, e.where) == (kind, change, where)]
    return found


def test_main_effects_and_interaction_are_what_ttest_rel_says_of_the_four_columns() -> None:
    experiment = ExperimentSpec(seeds=5)
    rng = np.random.default_rng(0)
    table = {
        (order, between): (0.88 + rng.normal(0, 0.01, 5)).tolist()
        for order in ("depthwise-first", "pointwise-first")
        for between in ("none", "relu")
    }
    effects = paired_effects(experiment, _outcomes(experiment, table), 5000)
    a, b, c, d = (100 * np.array(column) for column in table.values())
    for kind, change, first, second in (
        ("main", (("order", "pointwise-first"),), (c + d) / 2, (a + b) / 2),
        ("main", (("intermediate", "relu"),), (b + d) / 2, (a + c) / 2),
    ):
        found = _find(effects, kind, change)
        oracle = stats.ttest_rel(first, second).confidence_interval(0.95)
        assert (found.low, found.high) == pytest.approx((oracle.low, oracle.high))
        assert found.points == pytest.approx((first - second).mean())
    simple = _find(effects, "simple", (("intermediate", "relu"),), (("order", "pointwise-first"),))
    assert simple.differences == pytest.approx(tuple(d - c))
    (interaction,) = [e for e in effects.effects if e.kind == "interaction"]
    oracle = stats.ttest_rel(d - c, b - a).confidence_interval(0.95)
    assert (interaction.low, interaction.high) == pytest.approx((oracle.low, oracle.high))
    assert [cell.mean for cell in effects.cells] == pytest.approx([a.mean(), b.mean(), c.mean(), d.mean()])
    assert effects.seeds == (0, 1, 2, 3, 4)


def test_a_seed_counts_once_all_its_variants_are_there() -> None:
    experiment = ExperimentSpec(seeds=3)
    outcomes = [RunOutcome(spec, 0.9) for spec in experiment.variants()]
    assert paired_effects(experiment, outcomes[:-1], 100).seeds == (0, 1)
    assert paired_effects(experiment, [], 0) == Effects((), (), (), None, seeds_missing=3)
    alone = paired_effects(ExperimentSpec(seeds=1), outcomes[:4], 100)
    assert {e.verdict for e in alone.primary} == {"not decided"}
    for effect in alone.effects:
        assert effect.half_width is effect.low is effect.p is effect.spread is effect.seeds_needed is None


def test_a_verdict_waits_for_the_last_seed_that_was_fixed_beforehand() -> None:
    experiment = ExperimentSpec("figure-10", seeds=6)
    drop = {"none": 0.0, "relu": 0.02, "elu": 0.0}
    outcomes = [RunOutcome(s, 0.9 - drop[s.xception.intermediate] + s.seed / 1e4) for s in experiment.variants()]
    early = paired_effects(experiment, outcomes[:-1], 5000)
    assert (early.seeds_missing, [e.verdict for e in early.primary]) == (1, [None, None])
    assert [e.points for e in early.primary] == pytest.approx([-2, 0])
    whole = paired_effects(experiment, outcomes, 5000)
    assert (whole.seeds_missing, whole.primary[0].verdict) == (0, "harmful")


def test_a_factor_of_three_levels_has_two_effects_against_its_first() -> None:
    experiment = ExperimentSpec("figure-10", seeds=2)
    table = {("none",): [0.9, 0.91], ("relu",): [0.88, 0.89], ("elu",): [0.895, 0.905001]}
    effects = paired_effects(experiment, _outcomes(experiment, table), 5000)
    assert [(e.kind, e.change) for e in effects.effects] == [
        ("main", (("intermediate", "relu"),)),
        ("main", (("intermediate", "elu"),)),
    ]
    assert [e.points for e in effects.effects] == pytest.approx([-2, -0.5], rel=1e-3)
    assert effects.effects[0].verdict == "harmful"


def test_only_what_was_fixed_beforehand_has_a_verdict() -> None:
    experiment = ExperimentSpec(seeds=4)
    rng = np.random.default_rng(2)
    outcomes = [RunOutcome(spec, 0.9 + rng.normal(0, 0.004)) for spec in experiment.variants()]
    effects = paired_effects(experiment, outcomes, 5000)
    assert [(e.kind, e.change, e.where, e.asks_equivalence) for e in effects.primary] == [
        ("simple", RELU, DEPTHWISE_FIRST, False),
        ("simple", POINTWISE_FIRST, NONE, True),
    ]
    assert all(e.verdict is None for e in effects.exploratory)
    # every comparison once
    asked = [(e.kind, e.change, e.where) for e in effects.effects]
    assert len(asked) == len(set(asked)) == 8
    assert not paired_effects(experiment, outcomes, 5000, "area").seeds


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "own"])
def test_every_primary_comparison_is_one_of_the_presets_variants(preset: str) -> None:
    experiment = ExperimentSpec(preset, seeds=2)
    settings = set(experiment.settings())
    rng = np.random.default_rng(3)
    outcomes = [RunOutcome(spec, rng.uniform(0.8, 0.9)) for spec in experiment.variants()]
    effects = paired_effects(experiment, outcomes, 5000)
    assert len(effects.primary) == len(PRESETS[preset].primary) > 0
    for effect in effects.effects:
        assert {setting for setting, _ in effect.weights} <= settings
        assert sum(weight for _, weight in effect.weights) == pytest.approx(0)
        plus = sum(weight for _, weight in effect.weights if weight > 0)
        assert plus == pytest.approx({"interaction": 2}.get(effect.kind, 1)) or effect.kind == "slope"


def test_a_grid_of_ones_own_with_one_factor_is_a_question_and_with_two_is_not() -> None:
    one = ExperimentSpec("own", 2, grid=(("middle_blocks", (1, 0, 3)), ("residual", (True,))))
    assert [(c.change, c.baseline) for c in one.primary] == [
        ((("middle_blocks", 0),), (("middle_blocks", 1),)),
        ((("middle_blocks", 3),), (("middle_blocks", 1),)),
    ]
    assert ExperimentSpec("own", 2, grid=(("residual", (True, False)), ("middle_blocks", (1, 3)))).primary == ()


def test_the_parts_of_the_stored_slope_are_those_of_its_accuracies() -> None:
    stored = load_stored_result("conjecture")
    assert stored
    effects = stored.progress.effects()
    (slope,) = effects.primary
    parts = slope_parts(effects, slope)
    means = {(dict(cell.setting)["segment_depth"], dict(cell.setting)["intermediate"]): cell for cell in effects.cells}
    depths = (None, 2, 4, 8, 16)
    lines = {act: np.polyfit(range(5), [means[depth, act].mean for depth in depths], 1)[0] for act in ("none", "relu")}
    assert (parts.baseline, parts.change) == (pytest.approx(lines["none"]), pytest.approx(lines["relu"]))
    assert parts.change - parts.baseline == pytest.approx(slope.points), "the slope is the lines' distance"
    rest = np.array([np.subtract(means[d, "relu"].accuracies, means[d, "none"].accuracies) for d in depths[1:]])
    steepness = np.polyfit(range(4), rest, 1)[0]
    error = steepness.std(ddof=1) / np.sqrt(len(steepness))
    interval = stats.t.interval(0.95, len(steepness) - 1, steepness.mean(), error)
    assert (parts.others, parts.others_interval) == (pytest.approx(steepness.mean()), pytest.approx(interval))


def test_the_slope_of_the_conjecture_is_numpys() -> None:
    experiment = ExperimentSpec("conjecture", seeds=3)
    rng = np.random.default_rng(4)
    gains = rng.normal(0, 1, (3, 5))  # by seed and depth, in points
    depths = dict(PRESETS["conjecture"].grid)["segment_depth"]
    outcomes: list[RunOutcome] = []
    for spec in experiment.variants():
        gain = gains[spec.seed, depths.index(spec.xception.segment_depth)]
        outcomes.append(RunOutcome(spec, 0.85 + (spec.xception.intermediate == "relu") * gain / 100))
    effects = paired_effects(experiment, outcomes, 5000)
    (slope,) = effects.primary
    assert slope.kind == "slope"
    assert slope.differences == pytest.approx([np.polyfit(range(5), row, 1)[0] for row in gains])
    at = [e.where for e in effects.effects if e.kind == "simple" and e.change == RELU]
    assert at == [(("segment_depth", depth),) for depth in depths]


def _figure_10(differences: list[list[float]]) -> Effects:
    """Figure 10 with the ReLU's and the ELU's differences, in points, per seed."""
    relu, elu = differences
    experiment = ExperimentSpec("figure-10", seeds=len(relu))
    table = {
        ("none",): [0.9] * len(relu),
        ("relu",): [0.9 + d / 100 for d in relu],
        ("elu",): [0.9 + d / 100 for d in elu],
    }
    return paired_effects(experiment, _outcomes(experiment, table), 5000)


def _values(mean: float, spread: float, count: int) -> list[float]:
    """So many values with exactly this mean and standard deviation."""
    values = np.random.default_rng(count).normal(size=count)
    return (mean + spread * (values - values.mean()) / values.std(ddof=1)).tolist()


@pytest.mark.parametrize(
    ("relu", "elu", "verdicts"),
    [
        (_values(-1, 0.4, 6), _values(-1, 0.5, 6), ("harmful", "harmful")),
        (_values(1, 0.4, 6), _values(0, 0.2, 6), ("helpful", "equivalent")),
        # p = 0.03 each: with two questions neither is decided
        (_values(-0.6, 0.5, 6), _values(-0.6, 0.5, 6), ("not decided", "not decided")),
        (_values(0.1, 2, 6), _values(0, 0.4, 6), ("not decided", "equivalent")),
    ],
)
def test_the_verdict_follows_from_the_corrected_interval(
    relu: list[float], elu: list[float], verdicts: tuple[str, str]
) -> None:
    effects = _figure_10([relu, elu])
    assert tuple(e.verdict for e in effects.primary) == verdicts
    for effect in effects.primary:
        assert effect.low is not None
        assert effect.high is not None
        assert (effect.verdict in ("harmful", "helpful")) == (not effect.low <= 0 <= effect.high)


def test_what_is_not_decided_says_how_many_seeds_would_decide_it() -> None:
    effects = _figure_10([_values(-0.6, 0.6, 4), _values(-0.1, 0.6, 4)])
    relu, elu = (effect.seeds_needed for effect in effects.primary)
    assert relu == np.ceil(TTestPower().solve_power(1, power=0.8, alpha=0.025))
    # the ELU's difference would take hundreds of seeds to find: it is sooner shown to be equivalent
    assert 12 < (elu or 0) < 25


def test_an_equivalence_has_a_90_percent_interval_within_the_margin() -> None:
    experiment = ExperimentSpec(seeds=12)
    rng = np.random.default_rng(0)
    for shift, verdict in ((0.0, "equivalent"), (0.9, "not decided")):
        outcomes = [
            RunOutcome(spec, 0.9 + (spec.xception.order == "pointwise-first") * shift / 100 + rng.normal(0, 0.003))
            for spec in experiment.variants()
        ]
        order = paired_effects(experiment, outcomes, 5000).primary[1]
        oracle = stats.ttest_1samp(order.differences, 0).confidence_interval(0.9)
        assert (order.low, order.high, order.confidence) == (pytest.approx(oracle.low), pytest.approx(oracle.high), 0.9)
        assert order.verdict == verdict == ("equivalent" if oracle.low > -MARGIN and oracle.high < MARGIN else verdict)
    assert order.seeds_needed is None, "no number of seeds shows a difference of 0.9 to be within 0.5"


def _worlds(preset: str, count: int, effects: dict[Setting, float], seeds: int, spread: float = 0.36) -> list[Effects]:
    """Simulated experiments. effects: the true accuracy of a variant above the others', in points."""
    experiment = ExperimentSpec(preset, seeds=seeds)
    settings = experiment.settings()
    truth = np.array([effects.get(setting, 0.0) for setting in settings])
    rng = np.random.default_rng(len(preset) + seeds)
    luck = rng.normal(0, 0.3, (count, seeds, 1))  # what a seed does to all of its variants
    noise = rng.normal(0, spread, (count, seeds, len(settings)))
    tables = (
        {seed: dict(zip(settings, row, strict=True)) for seed, row in enumerate(world)}
        for world in (88 + truth + luck + noise).tolist()
    )
    return [effects_of_table(experiment, table, 5000) for table in tables]


@pytest.mark.parametrize("preset", ["figure-10", "two-differences"])
def test_in_worlds_without_an_effect_some_verdict_claims_one_in_at_most_6_percent(preset: str) -> None:
    worlds = _worlds(preset, 2000, {}, 12)
    claims = sum(any(e.verdict in ("harmful", "helpful") for e in world.primary) for world in worlds)
    assert 0.005 < claims / len(worlds) <= 0.06
    covered = [e.low <= 0 <= e.high for world in worlds for e in world.exploratory if e.low is not None and e.high]
    if covered:
        assert 0.93 < np.mean(covered) < 0.97


def test_a_95_percent_interval_covers_a_true_effect_95_times_in_a_hundred() -> None:
    truth = {(*POINTWISE_FIRST, *RELU): -0.8}
    worlds = _worlds("two-differences", 2000, truth, 12)
    held = dict.fromkeys(("main", "simple", "interaction"), 0)
    asked = (("main", RELU, -0.4), ("simple", RELU, -0.8), ("interaction", POINTWISE_FIRST + RELU, -0.8))
    for world in worlds:
        for kind, change, expected in asked:
            (effect,) = [e for e in world.exploratory if e.kind == kind and set(e.change) == set(change)]
            assert effect.low is not None
            assert effect.high is not None
            held[kind] += effect.low <= expected <= effect.high
    assert all(0.93 < count / len(worlds) < 0.97 for count in held.values()), held


def test_a_true_difference_of_the_margin_is_called_equivalent_in_at_most_6_percent() -> None:
    worlds = _worlds("two-differences", 2000, {(*POINTWISE_FIRST, *NONE): MARGIN}, 12)
    claims = sum(world.primary[1].verdict == "equivalent" for world in worlds)
    assert 0.03 < claims / len(worlds) <= 0.06
    at_zero = _worlds("two-differences", 300, {}, 12)
    assert sum(world.primary[1].verdict == "equivalent" for world in at_zero) / len(at_zero) > 0.7


def test_a_crossed_interval_is_wider_than_that_of_the_seeds() -> None:
    experiment = ExperimentSpec("figure-9", seeds=8)
    rng = np.random.default_rng(5)
    hard = rng.uniform(0.6, 1, 400)
    right = {
        setting: rng.uniform(size=(8, 400)) < hard * (1 - 0.05 * number)
        for number, setting in enumerate(experiment.settings())
    }
    outcomes = [
        RunOutcome(spec, float(right[(("residual", spec.xception.residual),)][spec.seed].mean()))
        for spec in experiment.variants()
    ]
    (effect,) = paired_effects(experiment, outcomes, 400).primary
    low, high = crossed_effect(effect, right) or (0.0, 0.0)
    assert (low + high) / 2 == pytest.approx(effect.points)
    assert effect.half_width
    assert (high - low) / 2 > effect.half_width


def test_the_sampling_error_is_the_binomials() -> None:
    low, high = stats.binom.interval(0.95, 5000, 0.88)
    assert sampling_error(0.88, 5000) == pytest.approx(100 * (high - low) / 2 / 5000, rel=0.02)
    assert sampling_error(1.0, 100) == 0


def test_a_seed_that_moves_every_variant_alike_widens_no_interval() -> None:
    experiment = ExperimentSpec("figure-9", seeds=4)
    luck = np.random.default_rng(1).normal(0, 0.05, 4)
    table = {(True,): (0.8 + luck).tolist(), (False,): (0.79 + luck).tolist()}
    (found,) = paired_effects(experiment, _outcomes(experiment, table), 5000).effects
    assert found.is_primary
    assert found.points == pytest.approx(-1)
    assert found.half_width == pytest.approx(0, abs=1e-9)
    assert found.verdict == "harmful"


def test_seeds_and_settings_beyond_the_experiment_are_left_out() -> None:
    experiment = ExperimentSpec("figure-9", seeds=2)
    stray = RunOutcome(replace(TrainSpec(), seed=77), 0.1)
    outcomes = [*(RunOutcome(spec, 0.9) for spec in experiment.variants()), stray]
    assert paired_effects(experiment, outcomes, 100).seeds == (0, 1)


def _judged(none: list[float], relu: list[float], pictures: int, chance: float | None) -> Effect:
    experiment = ExperimentSpec("figure-10", seeds=len(none))
    elu = [accuracy + 0.001 * (-1) ** seed for seed, accuracy in enumerate(none)]
    table: dict[tuple[object, ...], list[float]] = {("none",): none, ("relu",): relu, ("elu",): elu}
    effects = paired_effects(experiment, _outcomes(experiment, table), pictures, chance=chance)
    return next(effect for effect in effects.primary if effect.change == RELU)


def test_a_variant_that_did_not_learn_decides_nothing() -> None:
    chance = [0.111, 0.112, 0.111, 0.110]
    alike = _judged(chance, chance, 1800, 1 / 9)
    assert (alike.verdict, alike.objection, alike.seeds_needed) == ("not decided", "did not learn", None)
    better = _judged(chance, [0.5, 0.51, 0.5, 0.49], 1800, 1 / 9)
    assert (better.verdict, better.objection) == ("not decided", "did not learn")
    # the same numbers where chance is lower, or not known
    assert _judged(chance, [0.5, 0.51, 0.5, 0.49], 1800, 1 / 100).verdict == "helpful"
    assert _judged(chance, [0.5, 0.51, 0.5, 0.49], 1800, None).verdict == "helpful"


def test_a_difference_of_a_few_test_pictures_decides_nothing() -> None:
    # 5 of 24 pictures in every seed: with one more, the sign test finds a difference at best
    none, relu = [0.5] * 6, [0.5 + 5 / 24] * 6
    few = _judged(none, relu, 24, 0.25)
    assert (few.verdict, few.objection) == ("not decided", "few pictures")
    assert stats.binomtest(5, 5).pvalue > 0.05 > stats.binomtest(LEAST_PICTURES, LEAST_PICTURES).pvalue
    assert _judged(none, [0.5 + 6 / 24] * 6, 24, 0.25).verdict == "helpful"


def test_nothing_is_equivalent_where_one_picture_is_more_than_the_margin() -> None:
    none = [0.5, 0.51, 0.5, 0.49]
    assert _judged(none, none, 100, 0.1).objection == "few pictures"
    assert _judged(none, none, 250, 0.1).verdict == "equivalent"


def test_the_trend_of_a_slope_is_numpys_line_by_seed_with_scipys_interval_at_each_place() -> None:
    experiment = ExperimentSpec("conjecture", seeds=6)
    rng = np.random.default_rng(6)
    gains = -1 + 0.5 * np.arange(5) + rng.normal(0, 0.4, (6, 5))  # by seed and depth, in points
    depths = dict(PRESETS["conjecture"].grid)["segment_depth"]
    outcomes = [
        RunOutcome(
            spec,
            0.85
            + (spec.xception.intermediate == "relu")
            * gains[spec.seed, depths.index(spec.xception.segment_depth)]
            / 100,
        )
        for spec in experiment.variants()
    ]
    effects = paired_effects(experiment, outcomes, 5000)
    trend = slope_trend(effects, effects.primary[0])
    assert [(point.place, point.level) for point in trend.points] == list(enumerate(depths))
    for point, column in zip(trend.points, gains.T, strict=True):
        oracle = stats.ttest_1samp(column, 0).confidence_interval(0.95)
        assert (point.points, point.low, point.high) == pytest.approx((column.mean(), oracle.low, oracle.high))
        assert not point.is_primary
    assert trend.line
    assert trend.line.low
    assert trend.line.high
    lines = np.array([np.polyval(np.polyfit(range(5), row, 1), trend.line.places) for row in gains])
    assert trend.line.points == pytest.approx(tuple(lines.mean(0)))
    oracle = stats.ttest_1samp(lines, 0).confidence_interval(0.95)
    assert trend.line.low == pytest.approx(tuple(oracle.low))
    assert trend.line.high == pytest.approx(tuple(oracle.high))
    # the line is that of least squares through all differences, and as steep as the slope
    model = sm.OLS(gains.ravel(), sm.add_constant(np.tile(np.arange(5.0), 6))).fit()
    rise = (trend.line.points[-1] - trend.line.points[0]) / (trend.line.places[-1] - trend.line.places[0])
    assert rise == pytest.approx(model.params[1]) == pytest.approx(effects.primary[0].points)


def test_a_trend_of_one_seed_has_no_intervals() -> None:
    experiment = ExperimentSpec("conjecture", seeds=1)
    effects = paired_effects(experiment, [RunOutcome(spec, 0.8) for spec in experiment.variants()], 5000)
    trend = slope_trend(effects, effects.primary[0])
    assert trend.line
    assert trend.line.low is trend.line.high is trend.points[0].low is None


def test_the_doses_are_the_effects_by_what_they_cut() -> None:
    experiment = ExperimentSpec("dose", seeds=3)
    rng = np.random.default_rng(7)
    outcomes = [RunOutcome(spec, 0.9 + rng.normal(0, 0.003)) for spec in experiment.variants()]
    effects = paired_effects(experiment, outcomes, 5000)
    points = dose_trend(effects, "negative_slope").points
    assert [point.place for point in points] == pytest.approx([0.5, 0.8, 0.9, 1.0])
    assert [point.is_primary for point in points] == [False, False, False, True]
    assert points[-1].points == effects.primary[0].points


def test_the_two_blocks_of_the_paper_are_compared_and_only_explored() -> None:
    stored = load_stored_result("two-differences")
    assert stored
    (diagonal,) = [e for e in stored.progress.effects().effects if e.kind == "diagonal"]
    labels = load_dataset("fashion-mnist").test_labels
    accuracy = {
        (run.spec.xception.order, run.spec.xception.intermediate, run.spec.seed): 100
        * float((stored.predictions[run.id] == labels).mean())
        for run in stored.progress.runs
    }
    seeds = sorted({seed for *_, seed in accuracy})
    extreme, separable = (
        [accuracy[order, between, seed] for seed in seeds]
        for order, between in (("pointwise-first", "relu"), ("depthwise-first", "none"))
    )
    oracle = stats.ttest_rel(extreme, separable)
    interval = oracle.confidence_interval(0.95)
    assert (diagonal.low, diagonal.high) == pytest.approx((interval.low, interval.high))
    assert diagonal.p == pytest.approx(oracle.pvalue)
    assert (diagonal.is_primary, diagonal.verdict, diagonal.confidence) == (False, None, 0.95)


def test_larger_than_the_margin_is_said_of_the_corrected_interval() -> None:
    # the 90 % interval lies beyond the margin, the corrected one does not
    effects = _figure_10([_values(-1.0, 0.45, 5), _values(0, 0.1, 5)])
    relu = effects.primary[0]
    assert stats.ttest_1samp(relu.differences, 0).confidence_interval(0.9).high < -MARGIN
    assert relu.verdict == "harmful"
    assert relu.high is not None
    assert relu.high > -MARGIN
    assert not is_beyond_margin(relu)

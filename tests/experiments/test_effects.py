"""The statistics against scipy's own, and by simulation: how often a 95 % interval holds the truth."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from strategies import examples

from xception_lab import TrainSpec
from xception_lab.experiments.effects import (
    PRECISION,
    Effect,
    Effects,
    RunOutcome,
    effect_verdict,
    half_width,
    make_effect,
    paired_effects,
    sampling_error,
    seeds_needed,
)
from xception_lab.experiments.spec import ExperimentSpec, level_of

DIFFERENCES = st.lists(st.floats(-20, 20), min_size=2, max_size=12)


def _outcomes(experiment: ExperimentSpec, accuracy: dict[tuple[object, ...], list[float]]) -> list[RunOutcome]:
    names = [name for name, _ in experiment.levels]
    return [
        RunOutcome(spec, accuracy[tuple(level_of(spec, name) for name in names)][spec.seed])
        for spec in experiment.variants()
    ]


def _find(effects: Effects, kind: str, change: tuple[tuple[str, object], ...], where: object = ()) -> Effect:
    (found,) = [e for e in effects.effects if (e.kind, e.change, e.where) == (kind, change, where)]
    return found


@examples(200)
@given(DIFFERENCES)
def test_the_interval_is_scipys_paired_t(differences: list[float]) -> None:
    result = make_effect("main", (), (), (), differences)
    assert result.low is not None
    assert result.high is not None
    if np.ptp(differences) < 1e-6:
        return  # scipy loses precision there
    oracle = stats.ttest_rel(differences, np.zeros(len(differences))).confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


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
    assert paired_effects(experiment, [], 0) == Effects((), (), (), None)
    alone = paired_effects(experiment, outcomes[:4], 100)
    assert {e.verdict for e in alone.effects} == {"undecided"}
    assert {e.half_width for e in alone.effects} == {e.seeds_needed for e in alone.effects} == {None}


def test_a_factor_of_three_levels_has_two_effects_against_its_first() -> None:
    experiment = ExperimentSpec("figure-10", seeds=2)
    table = {("none",): [0.9, 0.91], ("relu",): [0.88, 0.89], ("elu",): [0.895, 0.905]}
    effects = paired_effects(experiment, _outcomes(experiment, table), 5000)
    assert [(e.kind, e.change) for e in effects.effects] == [
        ("main", (("intermediate", "relu"),)),
        ("main", (("intermediate", "elu"),)),
    ]
    assert [e.points for e in effects.effects] == pytest.approx([-2, -0.5])
    assert effects.effects[0].verdict == "harmful"


def test_the_conjecture_has_the_relus_effect_at_every_depth() -> None:
    experiment = ExperimentSpec("conjecture", seeds=2)
    names = ("order", "segments", "intermediate")
    table = {
        tuple(level_of(cell, name) for name in names): [0.9 - 0.01 * (level_of(cell, "segments") is None), 0.9]
        for cell in experiment.cells()
    }
    effects = paired_effects(experiment, _outcomes(experiment, table), 5000)
    at = [e.where for e in effects.effects if e.kind == "simple" and e.change == (("intermediate", "relu"),)]
    assert at == [(("segments", value),) for value in (1, 4, 16, None)]
    assert not any(name == "order" for e in effects.effects for name, _ in e.change)


@pytest.mark.parametrize(
    ("points", "half", "words"),
    [
        (-1.0, 0.9, "harmful"),
        (1.0, 0.9, "helpful"),
        (0.2, PRECISION, "no difference seen"),
        (0.2, PRECISION + 0.01, "undecided"),
        (5.0, None, "undecided"),
        (0.0, 0.0, "no difference seen"),
        (0.3, 0.0, "helpful"),
    ],
)
def test_the_verdict_follows_from_the_interval(points: float, half: float | None, words: str) -> None:
    assert effect_verdict(points, half) == words


@examples(100)
@given(DIFFERENCES)
def test_seeds_needed_is_the_least_number_that_reaches_the_precision(differences: list[float]) -> None:
    needed = seeds_needed(differences)
    spread = float(np.std(differences, ddof=1))

    def half(count: int) -> float:
        return stats.t.ppf(0.975, count - 1) * spread / math.sqrt(count)

    if needed is None:
        assert half(1000) > PRECISION
        return
    assert half(needed) <= PRECISION * (1 + 1e-9)
    if needed > 2:
        assert half(needed - 1) > PRECISION * (1 - 1e-9)


def test_the_sampling_error_is_the_binomials() -> None:
    low, high = stats.binom.interval(0.95, 5000, 0.88)
    assert sampling_error(0.88, 5000) == pytest.approx(100 * (high - low) / 2 / 5000, rel=0.02)
    assert sampling_error(1.0, 100) == 0


@pytest.mark.parametrize("seeds", [3, 5])
def test_a_95_percent_interval_holds_the_truth_95_times_in_a_hundred(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    truth, trials = -0.7, 4000
    held = 0
    for differences in truth + rng.normal(0, 1.3, (trials, seeds)):
        half = half_width(differences.tolist())
        assert half is not None
        held += abs(differences.mean() - truth) <= half
    # three standard errors of a share of 95 % over so many trials
    assert held / trials == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / trials))


def test_a_seed_that_moves_every_variant_alike_widens_no_interval() -> None:
    experiment = ExperimentSpec("figure-9", seeds=4)
    luck = np.random.default_rng(1).normal(0, 0.05, 4)
    table = {(True,): (0.8 + luck).tolist(), (False,): (0.79 + luck).tolist()}
    (found,) = paired_effects(experiment, _outcomes(experiment, table), 5000).effects
    assert found.points == pytest.approx(-1)
    assert found.half_width == pytest.approx(0, abs=1e-9)
    assert found.verdict == "harmful"


def test_seeds_and_settings_beyond_the_experiment_are_left_out() -> None:
    experiment = ExperimentSpec("figure-9", seeds=2)
    stray = RunOutcome(replace(TrainSpec(), seed=77), 0.1)
    outcomes = [*(RunOutcome(spec, 0.9) for spec in experiment.variants()), stray]
    assert paired_effects(experiment, outcomes, 100).seeds == (0, 1)

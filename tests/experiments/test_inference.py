"""Intervals, tests, corrections and power against scipy and statsmodels, and by simulation."""

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired
from strategies import examples

from xception_lab.experiments.inference import (
    LEVEL,
    POWER,
    crossed_interval,
    difference_p,
    difference_power,
    equivalence_p,
    equivalence_power,
    holm,
    mean_interval,
    prediction_interval,
    seeds_for,
)

VALUES = st.lists(st.floats(-20, 20), min_size=2, max_size=15).filter(lambda values: np.ptp(values) > 1e-3)
PS = st.lists(st.floats(1e-6, 1), min_size=1, max_size=5)


@examples(200)
@given(VALUES, st.sampled_from([0.9, 0.95, 0.975]))
def test_the_interval_and_the_p_are_scipys_one_sample_t(values: list[float], confidence: float) -> None:
    oracle = stats.ttest_1samp(values, 0)
    interval = oracle.confidence_interval(confidence)
    assert mean_interval(values, confidence) == pytest.approx((interval.low, interval.high), abs=1e-7)
    assert difference_p(values) == pytest.approx(oracle.pvalue, abs=1e-9)


@examples(200)
@given(VALUES, st.floats(0.1, 5))
def test_the_two_one_sided_tests_are_statsmodels(values: list[float], margin: float) -> None:
    array = np.array(values)
    oracle, _lower, _upper = ttost_paired(array, np.zeros(len(array)), -margin, margin)
    found = equivalence_p(values, margin)
    assert found == pytest.approx(oracle, abs=1e-9)
    low, high = mean_interval(values, 0.9) or (0.0, 0.0)
    if abs(oracle - LEVEL) > 1e-6:
        assert (oracle < LEVEL) == (-margin < low and high < margin)


def test_one_value_decides_nothing() -> None:
    assert mean_interval([1.0], 0.95) is difference_p([1.0]) is equivalence_p([1.0], 0.5) is None
    assert prediction_interval([1.0], 8) is None


@pytest.mark.parametrize(("value", "p"), [(1.0, 0.0), (0.0, 1.0)])
def test_values_without_a_spread_have_a_p_all_the_same(value: float, p: float) -> None:
    assert difference_p([value] * 3) == p
    assert equivalence_p([value] * 3, 0.5) == 1 - p


@examples(50)
@given(PS)
def test_holms_adjusted_ps_are_statsmodels(ps: list[float]) -> None:
    with mock.patch("gc.collect"):  # statsmodels collects all garbage of the process before it begins
        rejected, adjusted, _, _ = multipletests(ps, alpha=LEVEL, method="holm")
    steps = holm(ps, len(ps))
    assert [step.adjusted_p for step in steps] == pytest.approx(adjusted)
    if all(abs(p - LEVEL) > 1e-9 for p in adjusted):
        assert [step.rejected for step in steps] == rejected.tolist()


@examples(200)
@given(PS, st.integers(0, 3))
def test_the_level_of_a_step_says_the_same_as_the_adjusted_p(ps: list[float], more: int) -> None:
    # the interval at 1 - level leaves 0 out exactly where the p is below the level
    for p, step in zip(ps, holm(ps, len(ps) + more), strict=True):
        if abs(step.adjusted_p - LEVEL) > 1e-9:
            assert step.rejected == (p < step.level)


def test_a_question_that_is_not_tested_yet_counts_in_the_family() -> None:
    (alone,) = holm([0.03], 2)
    assert (alone.level, alone.adjusted_p, alone.rejected) == (0.025, 0.06, False)


@pytest.mark.parametrize(("points", "spread", "seeds", "level"), [(0.6, 0.5, 10, 0.05), (-0.75, 0.56, 12, 0.025)])
def test_the_power_of_a_difference_is_statsmodels(points: float, spread: float, seeds: int, level: float) -> None:
    oracle = TTestPower().power(effect_size=points / spread, nobs=seeds, alpha=level)
    assert difference_power(points, spread, seeds, level) == pytest.approx(oracle, abs=1e-3)


def test_a_difference_of_many_standard_errors_is_certain() -> None:
    assert difference_power(50.0, 0.1, 12) == pytest.approx(1)
    assert difference_power(1.0, 0.0, 2) == 1
    assert difference_power(0.0, 0.0, 2) == 0


@pytest.mark.parametrize(("points", "spread", "seeds"), [(0.0, 0.5, 13), (0.2, 0.5, 20), (0.5, 0.4, 9), (0.0, 0.9, 5)])
def test_the_power_of_equivalence_is_what_simulation_finds(points: float, spread: float, seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    worlds = points + rng.normal(0, spread, (20_000, seeds))
    room = 0.5 - stats.t.ppf(0.95, seeds - 1) * worlds.std(1, ddof=1) / math.sqrt(seeds)
    found = (np.abs(worlds.mean(1)) < room).mean()
    assert equivalence_power(points, spread, seeds, 0.5) == pytest.approx(found, abs=0.012)


def test_the_evidence_needs_the_seeds_that_were_planned() -> None:
    # a spread of half a point: 12 seeds find -0.6 nine times in ten, 12 to 15 show equivalence if there is none
    assert difference_power(-0.6, 0.5, 12) > 0.9
    assert equivalence_power(0.0, 0.5, 15, 0.5) > 0.8
    assert difference_power(-0.6, 0.5, 3) < 0.35


@examples(60)
@given(st.floats(0.05, 3), st.floats(0.05, 3))
def test_the_number_of_seeds_is_the_least_with_the_power(points: float, spread: float) -> None:
    needed = seeds_for(lambda seeds: difference_power(points, spread, seeds))
    if needed is None:
        assert difference_power(points, spread, 1000) < POWER
        return
    assert difference_power(points, spread, needed) >= POWER
    assert needed == 2 or difference_power(points, spread, needed - 1) < POWER


def test_no_number_of_seeds_shows_equivalence_beyond_the_margin() -> None:
    assert seeds_for(lambda seeds: equivalence_power(0.8, 0.5, seeds, 0.5)) is None


def test_the_mean_of_new_seeds_falls_into_the_prediction_interval() -> None:
    rng = np.random.default_rng(3)
    worlds = rng.normal(-0.7, 0.5, (2000, 20))
    inside = 0
    for world in worlds:
        low, high = prediction_interval(world[:12].tolist(), 8) or (0.0, 0.0)
        inside += low <= world[12:].mean() <= high
    assert 0.935 < inside / len(worlds) < 0.965


@pytest.mark.parametrize(("by_seed", "by_example"), [(0.5, 0.0), (0.0, 8.0), (0.5, 8.0)])
def test_a_crossed_interval_holds_the_truth_of_other_seeds_and_examples(by_seed: float, by_example: float) -> None:
    rng = np.random.default_rng(7)
    truth, seeds, examples_, worlds = -0.7, 12, 300, 600
    held = 0
    for _ in range(worlds):
        differences = (
            truth
            + rng.normal(0, by_seed, (seeds, 1))
            + rng.normal(0, by_example, (1, examples_))
            + rng.normal(0, 20, (seeds, examples_))
        )
        low, high = crossed_interval(differences) or (0.0, 0.0)
        held += low <= truth <= high
    # never less than it says; where one source is absent, it may hold more
    assert held / worlds > 0.93


def test_a_crossed_interval_of_many_examples_that_are_alike_is_that_of_the_seeds() -> None:
    by_seed = np.random.default_rng(1).normal(0, 1, 10)
    found = crossed_interval(np.repeat(by_seed[:, None], 40, 1))
    assert found == pytest.approx(mean_interval(by_seed.tolist(), 0.95))
    assert crossed_interval(np.zeros((1, 40))) is None
    assert crossed_interval(np.ones((3, 5))) == (1.0, 1.0)

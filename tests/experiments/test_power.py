"""The power of the whole rule: against the rule itself in simulated worlds, and where it is one test against others."""

from unittest import mock

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from xception_lab.experiments.effects import Effect, Effects, effects_of_table
from xception_lab.experiments.inference import LEVEL
from xception_lab.experiments.power import WORLDS, _holm, rule_power
from xception_lab.experiments.spec import MARGIN, PRESETS, ExperimentSpec

PICTURES = 5000


def _effects(preset: str, seeds: int, accuracies: np.ndarray) -> Effects:
    """An experiment's effects. accuracies: (seeds, variants), in percent."""
    experiment = ExperimentSpec(preset, seeds)
    settings = experiment.settings()
    table = {seed: dict(zip(settings, row, strict=True)) for seed, row in enumerate(accuracies.tolist())}
    return effects_of_table(experiment, table, PICTURES)


def _stored(preset: str, means: list[float], spread: float) -> tuple[Effect, ...]:
    rng = np.random.default_rng(1)
    return _effects(preset, 12, 88 + np.array(means) + rng.normal(0, spread, (12, len(means)))).primary


@pytest.mark.parametrize(
    ("preset", "means", "spread", "seeds"),
    [
        ("figure-10", [0, -0.7, -0.1], 0.35, 6),
        ("two-differences", [0, -0.6, 0.1, -1], 0.3, 8),
        ("figure-9", [0, -0.1], 0.3, 10),
        ("figure-9", [0, -0.09], 0.02, 5),  # found, and no more than a few pictures
    ],
)
def test_it_is_how_often_the_rule_decides_in_worlds_with_the_stored_effects(
    preset: str, means: list[float], spread: float, seeds: int
) -> None:
    primary = _stored(preset, means, spread)
    power = rule_power(primary, seeds, PICTURES, PRESETS[preset].family)
    # accuracies whose primary differences have the stored means and covariance: the oracle is the rule, world by world
    differences = np.array([effect.differences for effect in primary])
    settings = ExperimentSpec(preset, seeds).settings()
    weights = np.zeros((len(primary), len(settings)))
    for row, effect in zip(weights, primary, strict=True):
        for setting, weight in effect.weights:
            row[settings.index(setting)] = weight
    worlds, rng = 400, np.random.default_rng(2)
    drawn = rng.multivariate_normal(differences.mean(1), np.atleast_2d(np.cov(differences)), (worlds, seeds))
    accuracies = 88 + drawn @ np.linalg.pinv(weights).T
    judged = [_effects(preset, seeds, world).primary for world in accuracies]
    found = np.array([[e.verdict in ("harmful", "helpful") for e in world] for world in judged])
    equivalent = np.array([[e.verdict == "equivalent" for e in world] for world in judged])
    error = 4 * np.sqrt(0.25 / worlds + 0.25 / WORLDS)
    assert power.found == pytest.approx(found.mean(0), abs=error)
    assert power.equivalent == pytest.approx(equivalent.mean(0), abs=error)
    assert power.all_decided == pytest.approx((found | equivalent).all(1).mean(), abs=error)


def test_a_single_difference_is_found_as_often_as_statsmodels_says() -> None:
    (effect,) = _stored("figure-9", [0, -0.8], 0.5)
    assert effect.spread
    for seeds in (3, 6, 10):
        oracle = TTestPower().power(abs(effect.points) / effect.spread, seeds, LEVEL)
        (found,) = rule_power([effect], seeds, PICTURES, 0).found
        assert found == pytest.approx(oracle, abs=0.02)


def test_a_single_equivalence_is_shown_as_often_as_two_t_tests_of_scipy_say() -> None:
    order = _stored("two-differences", [0, -0.5, 0.1, -1], 0.3)[1]
    drawn = np.random.default_rng(3).normal(order.points, order.spread, (8, 20_000))
    upper = stats.ttest_1samp(drawn, MARGIN, alternative="less").pvalue
    lower = stats.ttest_1samp(drawn, -MARGIN, alternative="greater").pvalue
    power = rule_power([order], 8, PICTURES, 2)
    assert power.equivalent[0] == pytest.approx((np.maximum(upper, lower) < LEVEL).mean(), abs=0.02)
    assert power.found == (0,)


def test_the_correction_is_statsmodels() -> None:
    ps = np.random.default_rng(4).uniform(0, 0.08, (300, 3))
    with mock.patch("gc.collect"):
        oracle = [multipletests(row, alpha=LEVEL, method="holm")[0] for row in ps]
    assert (_holm(ps, 3) == np.array(oracle)).all()
    # a family of two of which one is asked here: tested at half the level
    assert (_holm(ps[:, :1], 2)[:, 0] == (ps[:, 0] < LEVEL / 2)).all()


def test_it_is_the_same_each_time_and_no_spread_is_no_trouble() -> None:
    primary = _stored("figure-10", [0, -0.7, -0.1], 0.35)
    assert rule_power(primary, 4, PICTURES, 2) == rule_power(primary, 4, PICTURES, 2)
    exact = _effects("figure-9", 4, np.tile([88.0, 87.0], (4, 1))).primary
    assert rule_power(exact, 2, PICTURES, 0).found == (1,)

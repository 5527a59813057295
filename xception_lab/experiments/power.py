"""How often so many seeds would decide what was fixed beforehand: the power of the whole rule, by simulation.

A verdict is no single test. The differences of a question are corrected together by Holm's method, one that is not
found is tested for equivalence in a second step, and a difference of a few test pictures decides nothing. The power of
one of these tests says little of that, and a closed form of all of them together is not known: so experiments are
drawn at random and judged, all at once as arrays. The tests hold the verdicts against effects.effects_of_table, and the
parts that are single tests against statsmodels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from xception_lab.experiments.effects import LEAST_PICTURES, Effect
from xception_lab.experiments.inference import LEVEL
from xception_lab.experiments.spec import MARGIN

WORLDS = 10_000  # simulated experiments: a share of them is 1 percentage point off in 95 of 100 cases at most

_Bools = NDArray[np.bool_]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RulePower:
    """Of the primary effects, in their order: how often each is found (harmful or helpful), and how often equivalent.

    all_decided: how often all of them get a verdict other than "not decided".
    """

    found: tuple[float, ...]
    equivalent: tuple[float, ...]
    all_decided: float


def rule_power(primary: Sequence[Effect], seeds: int, pictures: int, family: int) -> RulePower:
    """The power of the rule with so many seeds, at least 2, were true effects and spreads as these effects' are.

    primary: the effects that were fixed beforehand, over two or more seeds; how they vary together is kept.
    pictures: of the test. family: as in Preset. The differences are drawn from a normal distribution; the random
    numbers are the same each time, so that a number of seeds always has the same power.
    """
    differences = np.array([effect.differences for effect in primary])
    means = differences.mean(axis=1)
    shares, axes = np.linalg.eigh(np.atleast_2d(np.cov(differences)))
    mixing = axes * np.sqrt(np.clip(shares, 0, None))
    # (worlds, seeds, effects)
    draws = means + np.random.default_rng(0).standard_normal((WORLDS, seeds, len(means))) @ mixing.T
    found, equivalent = _judge(primary, draws, pictures, family)
    return RulePower(
        tuple(found.mean(axis=0).tolist()),
        tuple(equivalent.mean(axis=0).tolist()),
        float((found | equivalent).all(axis=1).mean()),
    )


def _judge(primary: Sequence[Effect], draws: _Floats, pictures: int, family: int) -> tuple[_Bools, _Bools]:
    """By world and effect, whether it is found, and whether equivalent: the rule of effects.py over arrays."""
    seeds = draws.shape[1]
    means = draws.mean(axis=1)
    errors = np.maximum(draws.std(axis=1, ddof=1) / np.sqrt(seeds), np.finfo(np.float64).tiny)
    asks = np.array([effect.asks_equivalence for effect in primary])
    is_slope = np.array([effect.kind == "slope" for effect in primary])
    found = np.zeros(means.shape, bool)
    found[:, ~asks] = _holm(2 * stdtr(seeds - 1, -np.abs(means / errors))[:, ~asks], family)
    within = stdtr(seeds - 1, (np.abs(means) - MARGIN) / errors) < LEVEL
    equivalent = within & ~found & ~is_slope & (100 / pictures <= MARGIN)
    found &= is_slope | (np.abs(means) / 100 * pictures >= LEAST_PICTURES)
    return found, equivalent


def _holm(ps: _Floats, family: int) -> _Bools:
    """Which ps, (worlds, questions), Holm's method rejects; family: as in inference.holm."""
    order = np.argsort(ps, axis=1)
    counts = max(family, ps.shape[1]) - np.arange(ps.shape[1])
    adjusted = np.maximum.accumulate(np.take_along_axis(ps, order, axis=1) * counts, axis=1)
    rejected = np.zeros(ps.shape, bool)
    np.put_along_axis(rejected, order, adjusted < LEVEL, axis=1)
    return rejected

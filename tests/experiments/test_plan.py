"""A plan: fixed before its runs, chosen on validation alone, and read again as it was written."""

from dataclasses import replace
from pathlib import Path

import pytest
from tiny_data import TINY

from tools.build_atlas import LEARNING_RATES, OUTLINES, TUNING_SEEDS, tuning_runs
from xception_lab import build_xception
from xception_lab.experiments.plan import (
    FIRST_SEED,
    Score,
    best_learning_rate,
    load_plan,
    make_plan,
    plan_from_json,
    plan_names,
    plan_to_json,
)
from xception_lab.experiments.spec import PRESETS, ExperimentSpec
from xception_lab.spec import SMALL_XCEPTION

OUTLINE = ExperimentSpec("figure-9", 3, TINY, first_seed=100)
WITH, WITHOUT = OUTLINE.settings()
SCORES = (
    Score(WITH, 0.006, (0.80, 0.90)),
    Score(WITH, 0.012, (0.86, 0.88)),
    Score(WITH, 0.024, (0.99, 0.10)),
    Score(WITHOUT, 0.006, (0.5, 0.5)),
    Score(WITHOUT, 0.012, (0.6, 0.4)),
)


def test_the_best_learning_rate_has_the_highest_mean_and_is_the_lower_one_of_two() -> None:
    assert best_learning_rate(WITH, SCORES) == 0.012
    assert best_learning_rate(WITHOUT, SCORES) == best_learning_rate(WITHOUT, SCORES[::-1]) == 0.006


def test_every_variant_of_a_plan_trains_with_the_rate_chosen_for_it() -> None:
    plan = make_plan("nine", OUTLINE, (50, 51), SCORES)
    found = [(run.seed, run.xception.residual, run.learning_rate) for run in plan.experiment.variants()]
    assert found == [(seed, *cell) for seed in (100, 101, 102) for cell in ((True, 0.012), (False, 0.006))]
    assert plan.primary == PRESETS["figure-9"].primary


def test_a_plan_survives_json_and_its_file(tmp_path: Path) -> None:
    plan = make_plan("nine", OUTLINE, (50, 51), SCORES)
    assert plan_from_json(plan_to_json(plan)) == plan
    (tmp_path / "nine.json").write_text(plan_to_json(plan), encoding="utf-8")
    assert load_plan("nine", tmp_path) == plan
    for name in ("ten", "../nine", "nine.json", ""):
        with pytest.raises(ValueError, match=r"^plan='.*': must be one of 'nine'$"):
            load_plan(name, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", "null", '{"experiment": {}}'])
def test_other_text_is_no_plan(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        plan_from_json(text)


def test_the_shipped_plans_are_the_outlines_with_rates_that_were_tried() -> None:
    for name in plan_names():
        plan = load_plan(name)
        assert plan.name == name
        assert replace(plan.experiment, overrides=OUTLINES[name].overrides) == OUTLINES[name]
        assert {run.learning_rate for run in plan.experiment.cells()} <= {*LEARNING_RATES}
        assert len(plan.scores) == len(plan.experiment.settings()) * len(LEARNING_RATES)
        for score in plan.scores:
            assert len(score.accuracies) == len(plan.tuning_seeds), f"{name}: {score}"


def test_tuning_sees_no_test_picture_and_shares_no_seed_with_what_is_confirmed() -> None:
    for name, outline in OUTLINES.items():
        tuned = [run for runs in tuning_runs(outline).values() for run in runs]
        assert len(tuned) == len(outline.cells()) * len(LEARNING_RATES) * len(TUNING_SEEDS), name
        assert not any(run.use_test for run in tuned)
        confirmed = outline.variants()
        assert all(run.use_test for run in confirmed)
        assert not {run.seed for run in tuned} & {run.seed for run in confirmed}
        assert min(run.seed for run in confirmed) == FIRST_SEED


def test_segments_of_every_depth_have_equally_many_parameters() -> None:
    def parameters(network: object) -> int:
        return sum(parameter.numel() for parameter in build_xception(network).parameters())  # type: ignore[arg-type]

    depths = {1: parameters(SMALL_XCEPTION)}
    for cell in OUTLINES["conjecture"].cells():
        depth = cell.xception.segment_depth
        if depth is not None:
            depths[depth] = parameters(cell.xception)
    assert depths.keys() == {1, 2, 4, 8, 16}
    assert list(depths.values()) == pytest.approx([depths[1]] * len(depths), rel=0.005)

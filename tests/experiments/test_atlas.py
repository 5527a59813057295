"""The stored experiments: what their plans fixed, whole, with accuracies that follow from their predictions."""

import json
from dataclasses import replace

import numpy as np
import pytest

from xception_lab.data.catalogue import load_dataset
from xception_lab.experiments.plan import FIRST_SEED, best_learning_rate, edge_rates, load_plan, plan_names
from xception_lab.experiments.results_file import RESULTS, load_stored_result
from xception_lab.experiments.spec import MARGIN, PRESETS, Setting

STORED = tuple(name for name in plan_names() if (RESULTS / f"{name}.json").exists())


@pytest.mark.parametrize("name", plan_names())
def test_a_plan_fixes_what_its_preset_asks_and_chose_its_rates_by_the_scores(name: str) -> None:
    plan = load_plan(name)
    experiment = plan.experiment
    assert plan.name == name
    assert plan.margin == MARGIN
    assert plan.primary == PRESETS[experiment.preset].primary
    assert experiment.first_seed == FIRST_SEED > max(plan.tuning_seeds)
    assert not experiment.base.autocast
    tried = {
        setting: {s.learning_rate for s in plan.scores if s.setting == setting} for setting in experiment.settings()
    }
    assert len(set(map(frozenset, tried.values()))) == 1, "every variant has the same rates to choose from"
    for setting in experiment.settings():
        assert experiment.cell(setting).learning_rate == best_learning_rate(setting, plan.scores)
    assert {len(score.accuracies) for score in plan.scores} == {len(plan.tuning_seeds)}


@pytest.mark.parametrize("name", STORED)
def test_a_stored_result_is_its_whole_plan(name: str) -> None:
    result, plan = load_stored_result(name), load_plan(name)
    assert result
    assert result.plan == plan
    assert result.progress.spec == plan.experiment
    assert [run.spec for run in result.progress.runs] == list(plan.experiment.variants()), "no run is left out"
    assert result.provenance
    assert name in result.provenance.command
    assert len(result.provenance.commit) == 40
    assert all(effect.verdict for effect in result.progress.effects().primary)


@pytest.mark.parametrize("name", STORED)
def test_its_accuracies_are_those_of_its_predictions(name: str) -> None:
    result = load_stored_result(name)
    assert result
    labels = load_dataset(result.progress.spec.base.dataset).test_labels
    for run in result.progress.runs:
        last = run.records[-1]
        assert len(run.records) == run.spec.epochs
        assert last.test_accuracy == (result.predictions[run.id] == labels).mean()
        # the test pictures are seen once
        assert all(record.test_accuracy is None for record in run.records[:-1])
        assert all(record.validation_accuracy is not None for record in run.records)
        assert run.test_pictures == len(labels)


@pytest.mark.parametrize("name", STORED)
def test_the_effects_in_the_file_are_those_that_its_runs_give(name: str) -> None:
    stored = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["effects"]
    result = load_stored_result(name)
    assert result
    effects = result.progress.effects().effects
    assert [effect["verdict"] for effect in stored] == [effect.verdict for effect in effects]
    assert np.allclose([effect["points"] for effect in stored], [effect.points for effect in effects])


def test_the_questions_that_the_start_page_and_the_first_paint_need_are_stored() -> None:
    assert {"figure-10", "two-differences"} <= set(STORED)


@pytest.mark.parametrize("name", STORED)
def test_runs_that_are_copies_are_stated_with_the_commit_that_made_them(name: str) -> None:
    result = load_stored_result(name)
    assert result
    assert result.provenance
    own = {run.spec: run.records for run in result.progress.runs}
    for earlier in result.provenance.earlier:
        other = load_stored_result(earlier.plan)
        assert other
        assert other.provenance
        assert earlier.commit == other.provenance.commit
    for plan in STORED:
        other = load_stored_result(plan)
        assert other
        assert other.provenance
        shared = [run for run in other.progress.runs if run.spec in own and plan != name]
        # the very records, seconds included: one of the two is a copy, or both are copies of a third
        copies = [run for run in shared if run.records == own[run.spec]]
        origins = {e.plan for e in (*result.provenance.earlier, *other.provenance.earlier)}
        assert not copies or origins, f"python -m tools.build_atlas refresh . {name} states whose runs these are"


def test_a_chosen_rate_at_the_edge_of_those_tried_is_known() -> None:
    at_edge: dict[str, set[Setting]] = {name: set() for name in plan_names()}
    for name, found in at_edge.items():
        plan = load_plan(name)
        for setting in plan.experiment.settings():
            tried = sorted(score.learning_rate for score in plan.scores if score.setting == setting)
            if best_learning_rate(setting, plan.scores) in (tried[0], tried[-1]):
                found.add(setting)
    assert {name: set(edge_rates(load_plan(name))) for name in plan_names()} == at_edge
    assert at_edge["figure-10-emoji"]
    assert not at_edge["figure-10"]
    plan = load_plan("figure-10")
    one = replace(plan, scores=tuple(score for score in plan.scores if score.learning_rate == 0.024))
    assert not edge_rates(one), "one rate is no choice"

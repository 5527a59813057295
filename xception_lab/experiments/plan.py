"""A plan: an experiment that is fixed, comparisons and number of seeds included, before it touches the test pictures.

The learning rate of every variant is chosen first, from one small grid, on the validation pictures and with seeds of
its own; what was tried and what it scored stays in the plan. Then the plan is stored, and its runs start from seed 100.
tools/build_atlas.py makes the plans in assets/plans and runs them; `xception-lab sweep --plan NAME` runs one again.
"""

import json
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

from xception_lab.common.files import asset_path
from xception_lab.experiments.spec import MARGIN, PRESETS, Contrast, ExperimentSpec, Setting, experiment_spec_from_json
from xception_lab.training.records import lists_to_tuples

FIRST_SEED = 100
FOLDER = asset_path("plans")


@dataclass(frozen=True, slots=True)
class Score:
    """What one learning rate scored: validation accuracies after the last epoch, 0 to 1, one per tuning seed."""

    setting: Setting
    learning_rate: float
    accuracies: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A question as it was fixed.

    experiment: its variants, each with the learning rate that was chosen for it, and its seeds.
    primary: the comparisons that it decides; margin: of those that ask for equivalence, in percentage points.
    tuning_seeds, scores: what the learning rates were chosen by.
    """

    name: str
    experiment: ExperimentSpec
    primary: tuple[Contrast, ...]
    margin: float
    tuning_seeds: tuple[int, ...]
    scores: tuple[Score, ...]


def make_plan(name: str, experiment: ExperimentSpec, tuning_seeds: tuple[int, ...], scores: tuple[Score, ...]) -> Plan:
    """The plan of an experiment: every variant gets the learning rate with the highest mean score.

    experiment: without learning rates of its own.
    """
    rates = tuple(
        (setting, (("learning_rate", best_learning_rate(setting, scores)),)) for setting in experiment.settings()
    )
    chosen = replace(experiment, overrides=experiment.overrides + rates)
    return Plan(name, chosen, PRESETS[experiment.preset].primary, MARGIN, tuning_seeds, scores)


def best_learning_rate(setting: Setting, scores: tuple[Score, ...]) -> float:
    """The learning rate that scored best for a variant; of two with the same score, the lower one."""
    means = {score.learning_rate: fmean(score.accuracies) for score in scores if score.setting == setting}
    return max(sorted(means), key=means.__getitem__)


def edge_rates(plan: Plan) -> dict[Setting, float]:
    """The variants whose chosen learning rate is the lowest or the highest that was tried, with that rate.

    A rate beyond it might have scored better, so that such a variant may be weaker than it could be. A single rate is
    no choice, and at no edge.
    """
    rates = {score.learning_rate for score in plan.scores}
    chosen = {setting: plan.experiment.cell(setting).learning_rate for setting in plan.experiment.settings()}
    ends = {min(rates), max(rates)} if len(rates) > 1 else set[float]()
    return {setting: rate for setting, rate in chosen.items() if rate in ends}


def plan_to_json(plan: Plan) -> str:
    """The plan as indented JSON."""
    values = {**asdict(plan), "experiment": json.loads(plan.experiment.to_json())}
    return json.dumps(values, indent=1) + "\n"


def plan_from_json(text: str) -> Plan:
    """The inverse of plan_to_json. Raises ValueError on anything else."""
    try:
        values: dict[str, Any] = json.loads(text)
        experiment = experiment_spec_from_json(json.dumps(values["experiment"]))
        primary = tuple(
            Contrast(_setting(each["change"]), _setting(each["baseline"]), _setting(each["where"]), each["test"])
            for each in values["primary"]
        )
        scores = tuple(
            Score(_setting(score["setting"]), score["learning_rate"], tuple(score["accuracies"]))
            for score in values["scores"]
        )
        seeds = tuple(values["tuning_seeds"])
        return Plan(str(values["name"]), experiment, primary, float(values["margin"]), seeds, scores)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a plan: {error}") from error


def _setting(values: Any) -> Setting:
    return tuple((name, lists_to_tuples(value)) for name, value in values)


def plan_names(folder: Path = FOLDER) -> tuple[str, ...]:
    """The plans that come with the lab."""
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def load_plan(name: str, folder: Path = FOLDER) -> Plan:
    """A plan that comes with the lab. Raises ValueError naming the plans there are."""
    if name not in plan_names(folder):
        raise ValueError(f"plan={name!r}: must be one of {', '.join(map(repr, plan_names(folder)))}")
    return plan_from_json((folder / f"{name}.json").read_text(encoding="utf-8"))


def plan_name(preset: str, dataset: str) -> str:
    """The name that a preset's plan on a data set has, if there is one."""
    return preset if dataset == "fashion-mnist" else f"{preset}-{dataset}"


@cache
def planned_experiment(preset: str, dataset: str) -> ExperimentSpec | None:
    """The experiment of the preset's plan on a data set; where there is none, that of its plan on Fashion-MNIST.

    None where the preset has no plan. Its learning rates are those that were chosen for the plan's own pictures.
    """
    for name in (plan_name(preset, dataset), preset):
        if name in plan_names():
            experiment = load_plan(name).experiment
            return replace(experiment, base=replace(experiment.base, dataset=dataset))
    return None

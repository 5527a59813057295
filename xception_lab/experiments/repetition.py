"""A plan's runs once more on another device: what came out there, and how far it agrees, run by run.

The seeds are the same ones, so the pictures, the initial weights, the order and the shifts are too. What differs is how
sums are rounded, by the device or by another version of torch, and training makes that grow until the network is
another one. So a repetition repeats the computation and is no new data: its seeds are not added to those of the first
result, and the plan's verdicts stay the first result's.

A device that made all of a plan's runs has a file as the first result has, assets/results/PLAN-DEVICE.json. One that
made those of the first few seeds has a file of their predictions alone, and no verdict.
"""

import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.json_text import parse_json
from xception_lab.data.catalogue import chance_accuracy, load_dataset
from xception_lab.experiments.effects import CONFIDENCE, Effect, Effects, RunOutcome, paired_effects
from xception_lab.experiments.inference import mean_interval
from xception_lab.experiments.plan import load_plan, plan_names
from xception_lab.experiments.results_file import (
    MAX_BYTES,
    RESULTS,
    ExperimentResult,
    Provenance,
    checksum,
    experiment_from_json,
    pack_predictions,
    provenance_from_dict,
    provenance_to_dict,
    unpack_predictions,
)
from xception_lab.experiments.spec import ExperimentSpec, level_of
from xception_lab.spec import TrainSpec

Predictions = Mapping[TrainSpec, NDArray[np.int64]]  # by run, the predicted class of each test picture, (N,)


@dataclass(frozen=True, slots=True)
class Repetition:
    """What another device made of a plan.

    device: its name at the end of the file's. machine: what the runs were made on, in one line.
    experiment: the plan's. predictions: of the runs that were made, all variants of the plan's first seeds.
    validation: by run, the validation accuracy after each epoch, 0 to 1.
    result: everything of all runs; None where the file has predictions alone.
    """

    device: str
    machine: str
    experiment: ExperimentSpec
    provenance: Provenance | None
    predictions: Predictions
    validation: Mapping[TrainSpec, tuple[float, ...]]
    result: ExperimentResult | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of its runs."""
        return tuple(sorted({spec.seed for spec in self.predictions}))


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the runs of two devices agree, each with the run of the same spec; differences in percentage points.

    lowest, highest, mean: the share of the test pictures for which both predict the same class, 0 to 1, over the runs.
    largest, typical: of the differences between the two accuracies, the largest and the root of the mean square.
    seeds_mean, seeds_typical: mean and typical of two different seeds of one variant on the first device instead.
    """

    runs: int
    lowest: float
    highest: float
    mean: float
    largest: float
    typical: float
    seeds_mean: float
    seeds_typical: float

    @property
    def is_between(self) -> bool:
        """Whether a run there is nearer to the same run here than another seed is, and yet no copy of it."""
        return self.seeds_mean < self.mean < 1 and 0 < self.typical < self.seeds_typical


def predictions_of(result: ExperimentResult) -> Predictions:
    """A stored result's predictions by run."""
    return {run.spec: result.predictions[run.id] for run in result.progress.runs}


def effects_of_predictions(
    experiment: ExperimentSpec, predictions: Predictions, seeds: Iterable[int] | None = None
) -> Effects:
    """The effects on the accuracies that these predictions have; no verdict where a seed of the experiment is missing.

    seeds: of these alone; of all that there are when left out.
    """
    labels = load_dataset(experiment.base.dataset).test_labels
    chosen = None if seeds is None else set(seeds)
    outcomes = [
        RunOutcome(spec, float((classes == labels).mean()))
        for spec, classes in predictions.items()
        if chosen is None or spec.seed in chosen
    ]
    return paired_effects(experiment, outcomes, len(labels), chance=chance_accuracy(experiment.base.dataset))


def effect_shift(first: Effect, second: Effect) -> tuple[float, float, float]:
    """How much larger an effect is there than here, (points, low, high), paired by seed: its own 95 % interval.

    Raises ValueError unless both are of the same comparison, and of the same two or more seeds.
    """
    differences = [there - here for here, there in zip(first.differences, second.differences, strict=True)]
    interval = mean_interval(differences, CONFIDENCE)
    if interval is None or first.weights != second.weights:
        raise ValueError("effects: must be of one comparison over the same two or more seeds")
    return fmean(differences), *interval


def agreement(first: Predictions, second: Predictions, labels: NDArray[np.int64]) -> Agreement:
    """How far two devices' runs agree, over the specs that both have. labels: (N,), of the test pictures.

    Raises ValueError where there is no such spec, or fewer than two seeds of each variant in the first.
    """
    both = [(first[spec], classes) for spec, classes in second.items() if spec in first]
    by_variant: dict[str, list[NDArray[np.int64]]] = {}
    for spec, classes in first.items():
        by_variant.setdefault(_variant(spec), []).append(classes)
    seeds = [pair for of in by_variant.values() for pair in combinations(of, 2)]
    if not both or not seeds:
        raise ValueError("predictions: must have a spec in common, and two seeds of a variant")
    same = _same(both)
    differences = _differences(both, labels)
    return Agreement(
        len(both),
        min(same),
        max(same),
        fmean(same),
        max(differences),
        _root_mean_square(differences),
        fmean(_same(seeds)),
        _root_mean_square(_differences(seeds, labels)),
    )


_Pairs = Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]


def _variant(spec: TrainSpec) -> str:
    return json.dumps({**asdict(spec), "seed": None}, sort_keys=True)


def _same(pairs: _Pairs) -> list[float]:
    return [float((one == other).mean()) for one, other in pairs]


def _differences(pairs: _Pairs, labels: NDArray[np.int64]) -> list[float]:
    return [100 * abs(float((one == labels).mean()) - float((other == labels).mean())) for one, other in pairs]


def _root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(fmean(value**2 for value in values))


_NAMES = {"plan", "machine", "provenance", "runs", "sha256"}


def repetition_to_json(name: str, repetition: Repetition) -> str:
    """The predictions and validation accuracies of a repetition of a plan's first seeds, for load_repetition.

    name: the plan's. Raises ValueError unless its runs are all variants of the plan's first seeds.
    """
    experiment = load_plan(name).experiment
    specs = experiment.variants(len(repetition.seeds))
    if set(specs) != set(repetition.predictions):
        raise ValueError(f"runs: must be all variants of the first seeds of the plan {name!r}")
    runs = [
        {
            "seed": spec.seed,
            "setting": [[factor, level_of(spec, factor)] for factor, _levels in experiment.levels],
            "validation": list(repetition.validation[spec]),
            "predictions": pack_predictions(repetition.predictions[spec]),
        }
        for spec in specs
    ]
    values: dict[str, Any] = {"plan": name, "machine": repetition.machine, "runs": runs}
    if repetition.provenance:
        values["provenance"] = provenance_to_dict(repetition.provenance)
    return json.dumps({**values, "sha256": checksum(json.loads(json.dumps(values)))})


def repetition_from_json(text: str, name: str, device: str) -> Repetition:
    """A plan's repetition from either kind of file. Raises ValueError when the text is none of this plan's."""
    experiment = load_plan(name).experiment
    try:
        values: dict[str, Any] = parse_json(text, MAX_BYTES)
        if "experiment" in values:
            return _whole_repetition(experiment_from_json(text), experiment, device)
        if set(values) - _NAMES or values["sha256"] != checksum(values) or values["plan"] != name:
            raise ValueError(f"not a repetition of the plan {name!r} as it was written")
        rows = {
            replace(experiment.cell(tuple((factor, level) for factor, level in run["setting"])), seed=run["seed"]): run
            for run in values["runs"]
        }
        return Repetition(
            device,
            str(values["machine"]),
            experiment,
            provenance_from_dict(values["provenance"]) if "provenance" in values else None,
            {spec: unpack_predictions(run["predictions"]) for spec, run in rows.items()},
            {spec: tuple(run["validation"]) for spec, run in rows.items()},
        )
    except (TypeError, KeyError, AttributeError, zlib.error) as error:
        raise ValueError(f"not a repetition: {error}") from error


def _whole_repetition(result: ExperimentResult, experiment: ExperimentSpec, device: str) -> Repetition:
    if result.progress.spec != experiment:
        raise ValueError("not a repetition: its experiment is not the plan's")
    validation = {
        run.spec: tuple(each.validation_accuracy for each in run.records if each.validation_accuracy is not None)
        for run in result.progress.runs
    }
    predictions = predictions_of(result)
    return Repetition(device, result.machine, experiment, result.provenance, predictions, validation, result)


def repeating_devices(name: str, folder: Path = RESULTS) -> tuple[str, ...]:
    """The devices whose repetition of this plan comes with the lab, by the ends of their files' names."""
    devices: list[str] = []
    for path in sorted(folder.glob(f"{name}-*.json")):
        # figure-10-emoji.json is another plan's own result, and figure-10-emoji-DEVICE.json its repetition
        owner = max((plan for plan in plan_names() if f"{path.stem}-".startswith(f"{plan}-")), key=len, default="")
        if owner == name:
            devices.append(path.stem.removeprefix(f"{name}-"))
    return tuple(devices)


def load_repetition(name: str, device: str, folder: Path = RESULTS) -> Repetition:
    """A plan's repetition that comes with the lab. Raises ValueError naming the devices there are."""
    devices = repeating_devices(name, folder)
    if device not in devices:
        there = f"one of {', '.join(map(repr, devices))}" if devices else f"left out: {name!r} has no other device"
        raise ValueError(f"device={device!r}: must be {there}")
    return repetition_from_json((folder / f"{name}-{device}.json").read_text(encoding="utf-8"), name, device)

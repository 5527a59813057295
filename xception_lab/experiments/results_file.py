"""A finished experiment as a file: what a page shows before anything has run here, and what a person takes away."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xception_lab.experiments.progress import Progress, RunProgress
from xception_lab.experiments.spec import experiment_spec_from_json
from xception_lab.training.records import record_from_dict, train_spec_from_dict

MAX_PICTURES = 1_000_000  # a test set's, when a file says how many predictions it has


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """An experiment that ran elsewhere or earlier.

    machine: what it ran on, in one line. predictions: the class given to each test picture, by run.
    """

    progress: Progress
    machine: str
    predictions: Mapping[int, NDArray[np.int64]]


def experiment_to_json(progress: Progress, machine: str, predictions: Mapping[int, NDArray[np.int64]]) -> str:
    """The experiment with all its records and the predictions that are given, for from_json."""
    runs = [
        {
            "spec": asdict(run.spec),
            "test_pictures": run.test_pictures,
            "records": [asdict(r) for r in run.records],
            "predictions": _packed(predictions.get(run.id, np.zeros(0, np.int64))),
        }
        for run in progress.runs
        if run.state == "done"
    ]
    # the effects are there for readers without statistics, such as a start page; from_json computes them anew
    effects = asdict(progress.effects())["effects"]
    return json.dumps(
        {"machine": machine, "experiment": json.loads(progress.spec.to_json()), "effects": effects, "runs": runs}
    )


def experiment_from_json(text: str) -> ExperimentResult:
    """The inverse of to_json; an experiment in which every run that is there is done. Raises ValueError."""
    try:
        values: dict[str, Any] = json.loads(text)
        spec = experiment_spec_from_json(json.dumps(values["experiment"]))
        runs = tuple(
            RunProgress(
                number,
                train_spec_from_dict(run["spec"]),
                "done",
                "",
                tuple(map(record_from_dict, run["records"])),
                int(run["test_pictures"]),
                0.0,
            )
            for number, run in enumerate(values["runs"])
        )
        predictions = {number: _unpacked(run["predictions"]) for number, run in enumerate(values["runs"])}
    except (TypeError, KeyError, AttributeError, zlib.error) as error:
        raise ValueError(f"not a stored experiment: {error}") from error
    progress = Progress("", "", spec, "done", "", False, 0, 1.0, 0.0, runs)
    return ExperimentResult(progress, str(values["machine"]), predictions)


def _packed(predictions: NDArray[np.int64]) -> str:
    """Classes, at most 100 of them, as text: a byte each, compressed."""
    return base64.b64encode(zlib.compress(predictions.astype(np.uint8).tobytes(), 9)).decode("ascii")


def _unpacked(text: str) -> NDArray[np.int64]:
    most = zlib.decompressobj().decompress(base64.b64decode(text), MAX_PICTURES)
    return np.frombuffer(most, np.uint8).astype(np.int64)


def load_shipped_result(folder: Path, preset: str) -> ExperimentResult | None:
    """The result that is shipped for a preset, None where there is none."""
    path = folder / f"{preset}.json"
    return experiment_from_json(path.read_text(encoding="utf-8")) if path.exists() else None

"""A finished experiment as a file: what a page shows before anything has run here, and what a person takes away."""

import base64
import json
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xception_lab.experiments import experiment_from_json, level
from xception_lab.progress import Progress, RunProgress
from xception_lab.records import record_from_dict, train_spec_from_dict
from xception_lab.statistics import Setting
from xception_lab.tables import as_csv

MAX_PICTURES = 1_000_000  # a test set's, when a file says how many predictions it has


@dataclass(frozen=True, slots=True)
class Stored:
    """An experiment that ran elsewhere or earlier.

    machine: what it ran on, in one line. predictions: the class given to each test picture, by run.
    """

    progress: Progress
    machine: str
    predictions: Mapping[int, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Curve:
    """One variant's test accuracy over the epochs, in percent: mean, lowest and highest of the seeds that got there."""

    setting: Setting
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def curves(progress: Progress) -> tuple[Curve, ...]:
    """The variants' learning curves, in the order of the experiment's cells; a variant without an epoch is left out."""
    names = [name for name, _ in progress.spec.levels]
    found: dict[Setting, dict[int, list[float]]] = {}
    for run in progress.runs:
        setting = tuple((name, level(run.spec, name)) for name in names)
        by_epoch = found.setdefault(setting, defaultdict(list))
        for record in run.records:
            by_epoch[record.epoch].append(100 * record.test_accuracy)
    return tuple(
        Curve(setting, tuple(epochs), *zip(*((fmean(v), min(v), max(v)) for v in epochs.values()), strict=True))
        for setting, by_epoch in found.items()
        if (epochs := dict(sorted(by_epoch.items())))
    )


def run_rows(progress: Progress) -> list[dict[str, Any]]:
    """One row a run: what varies, seed, state, epochs done, time left and the last record."""
    names = [name for name, _ in progress.spec.levels]
    rows: list[dict[str, Any]] = []
    for run in progress.runs:
        last = run.records[-1] if run.records else None
        rows.append({
            **{name: str(level(run.spec, name)) for name in names},
            "seed": run.spec.seed,
            "state": run.state,
            "epochs": len(run.records),
            "time_left_s": run.time_left_s,
            "test_accuracy": last.test_accuracy if last else None,
            "test_loss": last.test_loss if last else None,
            "train_accuracy": last.train_accuracy if last else None,
            "images_per_s": last.images_per_s if last else None,
            "elapsed_s": last.elapsed_s if last else None,
        })  # fmt: skip
    return rows


def records_csv(progress: Progress) -> str:
    """Every epoch of every run as CSV with a header."""
    names = [name for name, _ in progress.spec.levels]
    rows = [
        {**{name: level(run.spec, name) for name in names}, "seed": run.spec.seed, **asdict(record)}
        for run in progress.runs
        for record in run.records
    ]
    return as_csv(rows)


def to_json(progress: Progress, machine: str, predictions: Mapping[int, NDArray[np.int64]]) -> str:
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


def from_json(text: str) -> Stored:
    """The inverse of to_json; an experiment in which every run that is there is done. Raises ValueError."""
    try:
        values: dict[str, Any] = json.loads(text)
        spec = experiment_from_json(json.dumps(values["experiment"]))
        runs = tuple(
            RunProgress(
                number, train_spec_from_dict(run["spec"]), "done", "",
                tuple(map(record_from_dict, run["records"])), int(run["test_pictures"]), 0.0,
            )
            for number, run in enumerate(values["runs"])
        )  # fmt: skip
        predictions = {number: _unpacked(run["predictions"]) for number, run in enumerate(values["runs"])}
    except (TypeError, KeyError, AttributeError, zlib.error) as error:
        raise ValueError(f"not a stored experiment: {error}") from error
    progress = Progress("", "", spec, "done", "", False, 0, 1.0, 0.0, runs)
    return Stored(progress, str(values["machine"]), predictions)


def _packed(predictions: NDArray[np.int64]) -> str:
    """Classes, at most 100 of them, as text: a byte each, compressed."""
    return base64.b64encode(zlib.compress(predictions.astype(np.uint8).tobytes(), 9)).decode("ascii")


def _unpacked(text: str) -> NDArray[np.int64]:
    most = zlib.decompressobj().decompress(base64.b64decode(text), MAX_PICTURES)
    return np.frombuffer(most, np.uint8).astype(np.int64)


def stored_result(folder: Path, preset: str) -> Stored | None:
    """The result that is shipped for a preset, None where there is none."""
    path = folder / f"{preset}.json"
    return from_json(path.read_text(encoding="utf-8")) if path.exists() else None

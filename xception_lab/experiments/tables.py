"""An experiment's runs as learning curves, as rows of a table and as CSV."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from xception_lab.common.files import rows_to_csv
from xception_lab.experiments.effects import Setting
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.spec import level_of


@dataclass(frozen=True, slots=True)
class Curve:
    """One variant's accuracy in percent on the validation pictures, or on the test's where there are no others.

    mean, low, high: per epoch the mean, minimum and maximum over the seeds that have reached it.
    """

    setting: Setting
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def curves(progress: Progress) -> tuple[Curve, ...]:
    """The variants' learning curves, in the order of the experiment's cells; a variant without an epoch is left out."""
    names = [name for name, _ in progress.spec.levels]
    accuracies: dict[Setting, dict[int, list[float]]] = {}
    for run in progress.runs:
        setting = tuple((name, level_of(run.spec, name)) for name in names)
        by_epoch = accuracies.setdefault(setting, defaultdict(list))
        for record in run.records:
            if record.accuracy is not None:
                by_epoch[record.epoch].append(100 * record.accuracy)
    return tuple(
        Curve(
            setting,
            tuple(epochs),
            *zip(*((fmean(each), min(each), max(each)) for each in epochs.values()), strict=True),
        )
        for setting, by_epoch in accuracies.items()
        if (epochs := dict(sorted(by_epoch.items())))
    )


def run_rows(progress: Progress) -> list[dict[str, Any]]:
    """One row per run: the varied fields, seed, state, epochs done, time left and the last record."""
    names = [name for name, _ in progress.spec.levels]
    rows: list[dict[str, Any]] = []
    for run in progress.runs:
        last = run.records[-1] if run.records else None
        rows.append(
            {
                **{name: str(level_of(run.spec, name)) for name in names},
                "seed": run.spec.seed,
                "state": run.state,
                "epochs": len(run.records),
                "time_left_s": run.time_left_s,
                "validation_accuracy": last.validation_accuracy if last else None,
                "test_accuracy": last.test_accuracy if last else None,
                "test_loss": last.test_loss if last else None,
                "train_accuracy": last.train_accuracy if last else None,
                "images_per_s": last.images_per_s if last else None,
                "elapsed_s": last.elapsed_s if last else None,
            }
        )
    return rows


def records_csv(progress: Progress, machine: str = "") -> str:
    """Every epoch of every run as CSV with a header, each with what it is of: the experiment, the data, the machine."""
    names = [name for name, _ in progress.spec.levels]
    origin = {"dataset": progress.spec.base.dataset, "experiment": progress.id, "machine": machine}
    rows = [
        {**{name: level_of(run.spec, name) for name in names}, "seed": run.spec.seed, **asdict(record), **origin}
        for run in progress.runs
        for record in run.records
    ]
    return rows_to_csv(rows)

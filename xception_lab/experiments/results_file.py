"""A finished experiment as a JSON file: what a page shows before anything has run, and what a person can download."""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.files import asset_path
from xception_lab.common.json_text import parse_json
from xception_lab.common.messages import say
from xception_lab.experiments.plan import Plan, plan_from_json, plan_to_json
from xception_lab.experiments.progress import Progress, RunProgress
from xception_lab.experiments.spec import experiment_spec_from_json
from xception_lab.training.records import record_from_dict, record_to_dict, train_spec_from_dict, train_spec_to_dict
from xception_lab.training.records import with_data_shape as train_spec_with

RESULTS = asset_path("results")
_NAMES = {"machine", "experiment", "effects", "runs", "provenance", "plan", "sha256"}
MAX_BYTES = 16 << 20
MAX_RUNS = 1_000
MAX_PREDICTIONS = 100_000  # per run: with MAX_RUNS, a limit on what a file can unpack to; test sets have 10,000


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """Runs of a stored result that were not made for it: they are another plan's, copied bit by bit.

    plan: the one that they were made for. commit: that fixed it, of whose code they are. runs: how many.
    """

    plan: str
    commit: str
    runs: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a stored result was made, so that somebody can make it again.

    command: what runs it. commit: of this project, "" where it was not noted down. threads: per run. precision: of the
    products. earlier: which of its runs were made before, at another plan's commit; all others at `commit`.
    """

    command: str
    commit: str
    threads: int
    precision: str
    earlier: tuple[EarlierRuns, ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """An experiment that ran elsewhere or earlier.

    machine: what it ran on, in one line. predictions: by the run's id, the predicted class of each test picture, (N,).
    plan: what was fixed before it ran. provenance, plan: None where the file has none, as those of version 0.1.
    """

    progress: Progress
    machine: str
    predictions: Mapping[int, NDArray[np.int64]]
    provenance: Provenance | None = None
    plan: Plan | None = None


def experiment_to_json(
    progress: Progress,
    machine: str,
    predictions: Mapping[int, NDArray[np.int64]],
    provenance: Provenance | None = None,
    plan: Plan | None = None,
) -> str:
    """The runs of an experiment that are done, with all records, for experiment_from_json.

    machine, predictions, provenance, plan: as in ExperimentResult; a run may have no predictions.
    """
    runs = [
        {
            "spec": train_spec_to_dict(run.spec),
            "test_pictures": run.test_pictures,
            "records": [record_to_dict(r) for r in run.records],
            "predictions": pack_predictions(predictions.get(run.id, np.zeros(0, np.int64))),
        }
        for run in progress.runs
        if run.state == "done"
    ]
    # the effects are for readers that compute no statistics; experiment_from_json computes them anew
    effects = asdict(progress.effects())["effects"]
    values = {"machine": machine, "experiment": json.loads(progress.spec.to_json()), "effects": effects, "runs": runs}
    if provenance:
        values["provenance"] = provenance_to_dict(provenance)
    if plan:
        values["plan"] = json.loads(plan_to_json(plan))
    # the values as a reader finds them: with lists for tuples
    return json.dumps({**values, "sha256": checksum(json.loads(json.dumps(values)))})


def provenance_to_dict(provenance: Provenance) -> dict[str, Any]:
    """As a file has it: without `earlier` where there are none, as before there was such a thing."""
    values = asdict(provenance)
    return values if provenance.earlier else {name: value for name, value in values.items() if name != "earlier"}


def provenance_from_dict(values: dict[str, Any]) -> Provenance:
    """The inverse of provenance_to_dict. Raises TypeError on anything else."""
    earlier = tuple(EarlierRuns(**runs) for runs in values.get("earlier", ()))
    return replace(Provenance(**values), earlier=earlier)


def with_data_shape(progress: Progress, in_channels: int, num_classes: int) -> Progress:
    """The experiment with the channels and classes of its data in every spec, as its networks have them."""
    spec = replace(progress.spec, base=train_spec_with(progress.spec.base, in_channels, num_classes))
    runs = (replace(run, spec=train_spec_with(run.spec, in_channels, num_classes)) for run in progress.runs)
    return replace(progress, spec=spec, runs=tuple(runs))


def checksum(values: dict[str, Any]) -> str:
    """The checksum of a file's values but for "sha256" itself, however the file is formatted."""
    content = {name: value for name, value in values.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def experiment_from_json(text: str) -> ExperimentResult:
    """The inverse of experiment_to_json: an experiment all of whose runs are done.

    Its runs have new ids, from 0. A file of an earlier version, without a checksum, is read as it stands. Raises
    ValueError when the text is no such file, or not as it was written.
    """
    try:
        values: dict[str, Any] = parse_json(text, MAX_BYTES)
        # a changed byte in the name "sha256" must not make a file look old
        if set(values) - _NAMES or ("sha256" in values and values["sha256"] != checksum(values)):
            raise ValueError(say("not a stored experiment: its checksum is wrong, it is not as it was written"))
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
        if len(runs) > MAX_RUNS:
            raise ValueError(f"runs: must be at most {MAX_RUNS:,}, are {len(runs):,}")
        predictions = {number: unpack_predictions(run["predictions"]) for number, run in enumerate(values["runs"])}
        provenance = provenance_from_dict(values["provenance"]) if "provenance" in values else None
        plan = plan_from_json(json.dumps(values["plan"])) if "plan" in values else None
    except (TypeError, KeyError, AttributeError, OverflowError, RecursionError, zlib.error) as error:
        raise ValueError(f"not a stored experiment: {error}") from error
    progress = Progress("", "", spec, "done", "", False, 0, 1.0, 0.0, runs)
    return ExperimentResult(progress, str(values["machine"]), predictions, provenance, plan)


def pack_predictions(predictions: NDArray[np.int64]) -> str:
    """Predicted classes, of which there are at most 100, as text: one byte each, compressed, in base64."""
    return base64.b64encode(zlib.compress(predictions.astype(np.uint8).tobytes(), 9)).decode("ascii")


def unpack_predictions(text: str) -> NDArray[np.int64]:
    """The inverse of pack_predictions, (N,). Raises ValueError or zlib.error on anything else."""
    content = zlib.decompressobj().decompress(base64.b64decode(text), MAX_PREDICTIONS)
    classes = np.frombuffer(content, np.uint8).astype(np.int64)
    classes.setflags(write=False)  # a stored result is shared by all who look at it
    return classes


def load_stored_result(name: str, folder: Path = RESULTS) -> ExperimentResult | None:
    """The result of a plan that comes with the lab, None where there is none."""
    path = folder / f"{name}.json"
    return experiment_from_json(path.read_text(encoding="utf-8")) if path.exists() else None

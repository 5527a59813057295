"""A store that is made again when its database is damaged: from the checkpoints, and from what lies beside them.

Beside the checkpoints lies a file for each experiment, checkpoints/<experiment>.json: its id, owner, spec and the
numbers of its runs, with a checksum. It is written when the experiment is added or gets more seeds, so the folder
checkpoints/ is all that a store can be made of. What a run had done is taken from its checkpoint, or from the damaged
database where that can still be read and the run's checksum is right; whichever has more epochs. Cancellations and
reasons are in the database alone.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from xception_lab.common.files import write_atomically
from xception_lab.common.messages import Message, say
from xception_lab.experiments.spec import ExperimentSpec, experiment_spec_from_json
from xception_lab.spec import TrainSpec
from xception_lab.training.artifacts import read_predictions
from xception_lab.training.checkpoint_file import read_header
from xception_lab.training.records import EpochRecord, record_from_dict, train_spec_from_json

RECORD_COLUMNS = tuple(field.name for field in fields(EpochRecord))
_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_VERSION_AT = 60  # of user_version in the header of a SQLite file, four bytes, the highest first


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run of a store that is made again. id: its number, as in the name of its checkpoint."""

    id: int
    spec: TrainSpec
    records: tuple[EpochRecord, ...]
    test_pictures: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundExperiment:
    """An experiment of a store that is made again. created: seconds since 1970."""

    id: str
    owner: str
    created: float
    spec: ExperimentSpec
    runs: tuple[FoundRun, ...]


def find_damage(file: Path) -> Message | None:
    """Why this cannot be a SQLite database, as far as its first bytes tell; None where nothing is wrong with them.

    A file that is missing is none; a file of no bytes is damaged, as a store never has none. Raises OSError.
    """
    if file.is_dir():
        return say("{name} is a folder", name=file.name)
    try:
        with file.open("rb") as opened:
            header = opened.read(_HEADER_BYTES)
    except FileNotFoundError:
        return None
    if not header:
        return say("{name} is empty", name=file.name)
    if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
        return say("{name} is no SQLite database", name=file.name)
    return None


def schema_version(file: Path) -> int:
    """The schema's version in the header of a SQLite file, without opening it as a database. Raises OSError."""
    with file.open("rb") as opened:
        header = opened.read(_HEADER_BYTES)
    return int.from_bytes(header[_VERSION_AT : _VERSION_AT + 4], "big")


def experiment_file(folder: Path, experiment: str) -> Path:
    """Where the file of an experiment is. folder: the store's."""
    return folder / "checkpoints" / f"{experiment}.json"


def write_experiment_file(
    folder: Path, experiment: str, owner: str, created: float, spec: str, runs: list[int | None]
) -> None:
    """Write what an experiment is found again by. Raises OSError.

    spec: as JSON. runs: the numbers of its runs, in the order of the spec's variants.
    """
    values = {"id": experiment, "owner": owner, "created": created, "spec": spec, "runs": runs}
    text = json.dumps({**values, "sha256": _checksum(values)})
    write_atomically(experiment_file(folder, experiment), text.encode())


def run_checksum(run: sqlite3.Row, records: list[sqlite3.Row]) -> str:
    """The checksum of a run's row and its records, as the store keeps it."""
    parts = [run[name] for name in ("id", "experiment", "spec", "state", "reason", "note", "test_pictures")]
    parts += [tuple(record) for record in records]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def find_experiments(folder: Path, damaged: Path | None) -> Iterator[FoundExperiment]:
    """The experiments that the folder's files tell of, in the order in which they were made.

    damaged: the database that was set aside, where there is one.
    """
    readable = dict(_readable_runs(damaged)) if damaged and damaged.is_file() else {}
    found: list[FoundExperiment] = []
    for path in (folder / "checkpoints").glob("*.json"):
        with suppress(ValueError, KeyError, TypeError, OSError):
            values: dict[str, Any] = json.loads(path.read_bytes())
            if values.pop("sha256") == _checksum(values):
                spec = experiment_spec_from_json(values["spec"])
                runs = tuple(
                    _find_run(folder, number, run, readable)
                    for number, run in zip(values["runs"], spec.variants(), strict=True)
                    if number is not None
                )
                found.append(FoundExperiment(values["id"], values["owner"], values["created"], spec, runs))
    yield from sorted(found, key=lambda experiment: experiment.created)


def _find_run(folder: Path, number: int, spec: TrainSpec, readable: dict[int, FoundRun]) -> FoundRun:
    known = readable.get(number)
    best = known if known and known.spec == spec else FoundRun(number, spec, (), 0, "queued", "")
    with suppress(ValueError, OSError):
        content = (folder / "checkpoints" / f"{number}.safetensors").read_bytes()
        header = read_header(content)
        if header.spec == spec and len(header.records) > len(best.records):
            done = len(header.records) == spec.epochs
            tested = len(read_predictions(content))
            best = FoundRun(number, spec, header.records, tested, "done" if done else best.state, best.reason)
    return best


def _readable_runs(damaged: Path) -> Iterator[tuple[int, FoundRun]]:
    """By number, the runs of a damaged database whose checksums are right."""
    columns = ", ".join(("run", *RECORD_COLUMNS))
    with suppress(sqlite3.Error), closing(sqlite3.connect(damaged)) as db:
        db.row_factory = sqlite3.Row
        for row in db.execute("SELECT * FROM runs"):
            # one run that cannot be read does not hide the others
            with suppress(sqlite3.Error, ValueError, KeyError, TypeError):
                query = f"SELECT {columns} FROM records WHERE run = ? ORDER BY epoch"
                rows = db.execute(query, (row["id"],)).fetchall()
                if run_checksum(row, rows) == row["checksum"]:
                    records = tuple(record_from_dict(dict(record)) for record in rows)
                    spec = train_spec_from_json(row["spec"])
                    state = "queued" if row["state"] == "running" else row["state"]
                    yield row["id"], FoundRun(row["id"], spec, records, row["test_pictures"], state, row["reason"])


def _checksum(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

"""Experiments, runs and records in SQLite, checkpoints as files beside it: what outlives a reload, a restart or a kill.

Every method is one short transaction on a connection of its own, so any thread and any process may call it. An
experiment is worked on by one keeper at a time, who renews a lease; when the lease is over, anyone may take it.
"""

import secrets
import sqlite3
import time
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from xception_lab.common.files import write_atomically
from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import message_from_text, message_to_text, say
from xception_lab.common.work_state import UNFINISHED, WorkState
from xception_lab.experiments.spec import ExperimentSpec, experiment_spec_from_json
from xception_lab.spec import TrainSpec
from xception_lab.training.records import EpochRecord, record_from_dict, train_spec_from_json, train_spec_to_json

LEASE_S = 15.0
BUSY_S = 20.0

_COLUMNS = tuple(field.name for field in fields(EpochRecord))
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS experiments (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, spec TEXT NOT NULL, created REAL NOT NULL,
    keeper TEXT NOT NULL DEFAULT '', lease_until REAL NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiments(id), spec TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued', reason TEXT NOT NULL DEFAULT '', test_pictures INTEGER NOT NULL DEFAULT 0,
    UNIQUE (experiment, spec)
) STRICT;
CREATE TABLE IF NOT EXISTS records (
    run INTEGER NOT NULL REFERENCES runs(id), epoch INTEGER NOT NULL,
    {" ".join(f"{name} REAL NOT NULL," for name in _COLUMNS[1:])}
    PRIMARY KEY (run, epoch)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run as stored. reason: a Sentence, or the plain text of an earlier version.

    test_pictures: how many pictures its test accuracy is over, 0 before the first epoch.
    """

    id: int
    spec: TrainSpec
    state: WorkState
    reason: str
    test_pictures: int
    records: tuple[EpochRecord, ...]


@dataclass(frozen=True, slots=True)
class StoredExperiment:
    """One experiment as stored. kept: some process is at work on it, by its lease."""

    id: str
    owner: str
    spec: ExperimentSpec
    created: float
    kept: bool
    runs: tuple[StoredRun, ...]


class Store:
    """The store under a folder, which is made when missing."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home_folder()
        self._file = self.folder / "runs.sqlite"
        with self._explained():
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=BUSY_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    @contextmanager
    def _explained(self) -> Generator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            sentence = say("the run store in {folder} failed: {error}", folder=str(self.folder), error=str(error))
            raise StoreError(sentence) from error

    @contextmanager
    def _write(self) -> Generator[sqlite3.Connection]:
        with self._explained(), closing(self._connect()) as connection:
            # taking the write lock at once: a read lock that grows into one can deadlock with another
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _read(self) -> Generator[sqlite3.Connection]:
        with self._explained(), closing(self._connect()) as connection:
            connection.execute("BEGIN")  # one moment for all the reads in it
            yield connection

    def add(self, spec: ExperimentSpec, owner: str, most_unfinished: int) -> str | None:
        """A new experiment's unguessable id, or None when its runs would exceed what one owner may have unfinished."""
        key = secrets.token_urlsafe(12)
        with self._write() as db:
            waiting = db.execute(
                "SELECT count(*) FROM runs JOIN experiments ON experiment = experiments.id "
                "WHERE owner = ? AND state IN ('queued', 'running')",
                (owner,),
            ).fetchone()[0]
            specs = spec.variants()
            if waiting + len(specs) > most_unfinished:
                return None
            db.execute(
                "INSERT INTO experiments (id, owner, spec, created) VALUES (?, ?, ?, ?)",
                (key, owner, spec.to_json(), time.time()),
            )
            _add_runs(db, key, specs)
        return key

    def extend(self, experiment: str, spec: ExperimentSpec) -> None:
        """Replace an experiment's spec by one with more seeds; runs it already has stay."""
        with self._write() as db:
            db.execute("UPDATE experiments SET spec = ? WHERE id = ?", (spec.to_json(), experiment))
            _add_runs(db, experiment, spec.variants())

    def experiment(self, experiment: str) -> StoredExperiment:
        """Raises KeyError when there is none of this id."""
        with self._read() as db:
            row = db.execute("SELECT * FROM experiments WHERE id = ?", (experiment,)).fetchone()
            if row is None:
                raise KeyError(experiment)
            runs = db.execute("SELECT * FROM runs WHERE experiment = ? ORDER BY id", (experiment,)).fetchall()
            records = db.execute(
                "SELECT records.* FROM records JOIN runs ON run = runs.id WHERE experiment = ? ORDER BY run, epoch",
                (experiment,),
            ).fetchall()
        by_run: dict[int, list[EpochRecord]] = {}
        for record in records:
            by_run.setdefault(record["run"], []).append(record_from_dict(dict(record)))
        spec = experiment_spec_from_json(row["spec"])
        return StoredExperiment(
            row["id"],
            row["owner"],
            spec,
            row["created"],
            row["lease_until"] > time.time(),
            tuple(_run(run, tuple(by_run.get(run["id"], ()))) for run in runs),
        )

    def experiments(self, owner: str | None = None) -> tuple[str, ...]:
        """The ids, newest first; of one owner where given."""
        with self._read() as db:
            rows = db.execute(
                "SELECT id FROM experiments WHERE ?1 IS NULL OR owner = ?1 ORDER BY created DESC, rowid DESC", (owner,)
            )
            return tuple(row["id"] for row in rows)

    def busy(self) -> bool:
        """Whether any process is training now: some run of an experiment that is being worked on is under way."""
        with self._read() as db:
            query = (
                "SELECT 1 FROM runs JOIN experiments ON experiment = experiments.id "
                "WHERE state = 'running' AND lease_until > ? LIMIT 1"
            )
            return db.execute(query, (time.time(),)).fetchone() is not None

    def states(self, runs: Iterable[int]) -> dict[int, WorkState]:
        """The states of these runs."""
        with self._read() as db:
            return {run: db.execute("SELECT state FROM runs WHERE id = ?", (run,)).fetchone()["state"] for run in runs}

    def move(
        self, runs: Iterable[int], to: WorkState, reason: str = "", *, of: Iterable[WorkState] = UNFINISHED
    ) -> None:
        """Give these runs another state, those of them whose state is one of `of`."""
        states = tuple(of)
        marks = ", ".join("?" * len(states))
        with self._write() as db:
            for run in runs:
                query = f"UPDATE runs SET state = ?, reason = ? WHERE id = ? AND state IN ({marks})"
                db.execute(query, (to, message_to_text(reason), run, *states))

    def record(
        self, run: int, records: Iterable[EpochRecord], checkpoint: bytes, test_pictures: int, *, last: bool
    ) -> None:
        """A run after an epoch: the checkpoint first, so that no record is ahead of what a resume starts from."""
        with self._explained():
            write_atomically(self.checkpoint_path(run), checkpoint)
        marks = ", ".join("?" * (len(_COLUMNS) + 1))
        with self._write() as db:
            db.executemany(
                f"INSERT OR REPLACE INTO records (run, {', '.join(_COLUMNS)}) VALUES ({marks})",
                [(run, *astuple(record)) for record in records],
            )
            db.execute("UPDATE runs SET test_pictures = ? WHERE id = ?", (test_pictures, run))
            state = "done" if last else "running"
            db.execute(
                "UPDATE runs SET state = ?, reason = '' WHERE id = ? AND state IN ('queued', 'running')", (state, run)
            )

    def checkpoint_path(self, run: int) -> Path:
        """Where the run's checkpoint is or will be."""
        return self.folder / "checkpoints" / f"{run}.safetensors"

    def claim(self, experiment: str, keeper: str) -> bool:
        """Take the lease, or renew one's own; False when another keeper's has not run out."""
        now = time.time()
        with self._write() as db:
            taken = db.execute(
                "UPDATE experiments SET keeper = ?1, lease_until = ?2 "
                "WHERE id = ?3 AND (keeper = ?1 OR lease_until < ?4)",
                (keeper, now + LEASE_S, experiment, now),
            )
            return taken.rowcount == 1

    def release(self, experiment: str, keeper: str) -> None:
        """Give the lease back."""
        with self._write() as db:
            db.execute("UPDATE experiments SET lease_until = 0 WHERE id = ? AND keeper = ?", (experiment, keeper))


def _add_runs(db: sqlite3.Connection, experiment: str, specs: Iterable[TrainSpec]) -> None:
    rows = [(experiment, train_spec_to_json(spec)) for spec in specs]
    db.executemany("INSERT OR IGNORE INTO runs (experiment, spec) VALUES (?, ?)", rows)


def _run(row: sqlite3.Row, records: tuple[EpochRecord, ...]) -> StoredRun:
    values: dict[str, Any] = dict(row)
    spec = train_spec_from_json(values["spec"])
    return StoredRun(
        values["id"], spec, values["state"], message_from_text(values["reason"]), values["test_pictures"], records
    )

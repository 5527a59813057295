"""Experiments, runs and records in SQLite, checkpoints as files beside it: what outlives a reload, a restart or a kill.

Every method is one short transaction on a connection of its own, so any thread and any process may call it.

The lease of an experiment
--------------------------
Several processes may share a store: a server and a terminal, or a server and the one that is started after it was
killed. Only one of them at a time may train the runs of an experiment; two would train the same epochs twice, and the
slower one would replace newer checkpoints by older ones. So each experiment has a lease, in two columns of its row:
`keeper`, a random name that a Scheduler gives itself, and `lease_until`, the time at which its right to the experiment
ends, in seconds since 1970.

- Store.claim takes the lease. It succeeds when nobody has it, when it is over, or when the keeper has it already, and
  lets it last for LEASE_S from now. It is one UPDATE, so of two processes that claim at once one gets it.
- The keeper renews the lease every LEASE_S / 4, from a thread that does nothing else. A renewal that comes late, on a
  computer that was asleep for instance, may find that another process has taken the experiment; the keeper then drops
  its runs and leaves them to the other.
- Store.release ends the lease: after the experiment's last run, and when the process closes in order.
- A process that is killed releases nothing. Its runs still say "running", and for up to LEASE_S everybody else is
  refused; then the experiment counts as interrupted, and any process may resume it. None does so by itself.

A kill costs at most the epoch that was under way. After each epoch the checkpoint file is replaced in one step, and
then the records are written in one transaction. A kill between the two leaves the checkpoint one epoch ahead of the
records; the next epoch makes that good, as it writes all records that its checkpoint holds.

Cancelling needs no lease: any process may change the state of a run. The keeper reads the states of its runs again and
again, and drops those that are no longer queued or running.
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
BUSY_S = 20.0  # how long a transaction waits for those of other processes

_COLUMNS = tuple(field.name for field in fields(EpochRecord))
_OPTIONAL = ("test_loss", "test_accuracy", "validation_loss", "validation_accuracy")
_RECORDS = f"""CREATE TABLE IF NOT EXISTS records (
    run INTEGER NOT NULL REFERENCES runs(id), epoch INTEGER NOT NULL,
    {" ".join(f"{name} REAL{'' if name in _OPTIONAL else ' NOT NULL'}," for name in _COLUMNS[1:])}
    PRIMARY KEY (run, epoch)
) STRICT;
"""
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
{_RECORDS}
"""
# the records of version 0.1 have no validation, and a test after every epoch
_WIDEN_RECORDS = f"""
ALTER TABLE records RENAME TO narrow_records;
{_RECORDS}
INSERT INTO records ({{columns}}) SELECT {{columns}} FROM narrow_records;
DROP TABLE narrow_records;
"""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run as stored.

    reason: why it failed or was cancelled, else "": a Message, or a plain text that an earlier version wrote.
    test_pictures: how many pictures its test accuracy is a mean of, 0 before the first epoch.
    """

    id: int
    spec: TrainSpec
    state: WorkState
    reason: str
    test_pictures: int
    records: tuple[EpochRecord, ...]


@dataclass(frozen=True, slots=True)
class StoredExperiment:
    """One experiment as stored. created: seconds since 1970. is_leased: whether some process works on it."""

    id: str
    owner: str
    spec: ExperimentSpec
    created: float
    is_leased: bool
    runs: tuple[StoredRun, ...]


class Store:
    """The store in a folder, by default the home folder; it is made where it is missing.

    Every method raises StoreError when the file system or the database fails.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home_folder()
        self._file = self.folder / "runs.sqlite"
        with self._raising_store_errors():
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(_SCHEMA)
            self._widen_records()

    def _widen_records(self) -> None:
        with self._write() as db:
            columns = [row["name"] for row in db.execute("PRAGMA table_info(records)")]
            if "validation_loss" not in columns:
                for statement in _WIDEN_RECORDS.format(columns=", ".join(columns)).split(";"):
                    db.execute(statement)  # executescript would end the transaction first

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=BUSY_S, isolation_level=None)
        connection.row_factory = sqlite3.Row
        return connection

    @contextmanager
    def _raising_store_errors(self) -> Generator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            sentence = say("the run store in {folder} failed: {error}", folder=str(self.folder), error=str(error))
            raise StoreError(sentence) from error

    @contextmanager
    def _write(self) -> Generator[sqlite3.Connection]:
        with self._raising_store_errors(), closing(self._connect()) as connection:
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
        with self._raising_store_errors(), closing(self._connect()) as connection:
            connection.execute("BEGIN")  # all reads in it see one state of the database
            yield connection

    def add(self, spec: ExperimentSpec, owner: str, max_unfinished: int) -> str | None:
        """Queue a new experiment. Returns its unguessable id, or None when the owner would have too many runs.

        max_unfinished: how many queued and running runs one owner may have, with those of this experiment.
        """
        key = secrets.token_urlsafe(12)
        with self._write() as db:
            unfinished = db.execute(
                "SELECT count(*) FROM runs JOIN experiments ON experiment = experiments.id "
                "WHERE owner = ? AND state IN ('queued', 'running')",
                (owner,),
            ).fetchone()[0]
            specs = spec.variants()
            if unfinished + len(specs) > max_unfinished:
                return None
            db.execute(
                "INSERT INTO experiments (id, owner, spec, created) VALUES (?, ?, ?, ?)",
                (key, owner, spec.to_json(), time.time()),
            )
            _add_runs(db, key, specs)
        return key

    def extend(self, experiment: str, spec: ExperimentSpec) -> None:
        """Replace an experiment's spec by one with more seeds; the runs that it has stay as they are."""
        with self._write() as db:
            db.execute("UPDATE experiments SET spec = ? WHERE id = ?", (spec.to_json(), experiment))
            _add_runs(db, experiment, spec.variants())

    def experiment(self, experiment: str) -> StoredExperiment:
        """One experiment with all its runs and records. Raises KeyError when there is none of this id."""
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
        """The ids of all experiments, or of one owner's, newest first."""
        with self._read() as db:
            rows = db.execute(
                "SELECT id FROM experiments WHERE ?1 IS NULL OR owner = ?1 ORDER BY created DESC, rowid DESC", (owner,)
            )
            return tuple(row["id"] for row in rows)

    def busy(self) -> bool:
        """Whether any process is training now: some run of an experiment under lease is running."""
        with self._read() as db:
            query = (
                "SELECT 1 FROM runs JOIN experiments ON experiment = experiments.id "
                "WHERE state = 'running' AND lease_until > ? LIMIT 1"
            )
            return db.execute(query, (time.time(),)).fetchone() is not None

    def states(self, runs: Iterable[int]) -> dict[int, WorkState]:
        """The states of these runs, by id."""
        with self._read() as db:
            return {run: db.execute("SELECT state FROM runs WHERE id = ?", (run,)).fetchone()["state"] for run in runs}

    def move(
        self, runs: Iterable[int], to: WorkState, reason: str = "", *, of: Iterable[WorkState] = UNFINISHED
    ) -> None:
        """Give another state, and a reason, to those of these runs whose state is one of `of`."""
        states = tuple(of)
        marks = ", ".join("?" * len(states))
        with self._write() as db:
            for run in runs:
                query = f"UPDATE runs SET state = ?, reason = ? WHERE id = ? AND state IN ({marks})"
                db.execute(query, (to, message_to_text(reason), run, *states))

    def record(
        self, run: int, records: Iterable[EpochRecord], checkpoint: bytes, test_pictures: int, *, last: bool
    ) -> None:
        """Store a run after an epoch: the checkpoint first, so that no record is ahead of what a resume starts from.

        records: all so far. last: whether the run is done. A run that was cancelled meanwhile stays cancelled.
        """
        with self._raising_store_errors():
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
        """Where the run's checkpoint is, once it has one."""
        return self.folder / "checkpoints" / f"{run}.safetensors"

    def claim(self, experiment: str, keeper: str) -> bool:
        """Take or renew the experiment's lease; False when another keeper has it."""
        now = time.time()
        with self._write() as db:
            update = db.execute(
                "UPDATE experiments SET keeper = ?1, lease_until = ?2 "
                "WHERE id = ?3 AND (keeper = ?1 OR lease_until < ?4)",
                (keeper, now + LEASE_S, experiment, now),
            )
            return update.rowcount == 1

    def release(self, experiment: str, keeper: str) -> None:
        """End the experiment's lease; another keeper's stays."""
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

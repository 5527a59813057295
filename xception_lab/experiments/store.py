"""Experiments, runs and records in SQLite, checkpoints as files beside it: what outlives a reload, a restart or a kill.

Every method is one short transaction on a connection of its own, so any thread and any process may call it. Which
process may train the runs of an experiment is explained in lease.py, how a damaged database is made again in
recovery.py.

A kill costs at most the epoch that was under way. After each epoch the checkpoint file is replaced in one step, and
then the records are written in one transaction. A kill between the two leaves the checkpoint one epoch ahead of the
records; the next epoch makes that good, as it writes all records that its checkpoint holds.

Cancelling needs no lease: any process may change the state of a run. The keeper reads the states of its runs again and
again, and drops those that are no longer queued or running.

Every run has a checksum over its row and its records, and every experiment one over its row, as SQLite does not notice
a changed value. A change through SQL empties the checksum, by a trigger; each transaction ends with filling in those
that are empty. So a version that knows no checksums may write to the same store.
"""

import hashlib
import os
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from xception_lab.common.files import set_aside, write_atomically
from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import Message, message_from_text, message_of, message_to_text, say
from xception_lab.common.work_state import UNFINISHED, WorkState, overall_state
from xception_lab.experiments.lease import LEASE_S, LeaseReader, LeaseState, lease_to_text, make_lease
from xception_lab.experiments.recovery import (
    RECORD_COLUMNS,
    FoundExperiment,
    experiment_file,
    find_damage,
    find_experiments,
    run_checksum,
    schema_version,
    write_experiment_file,
)
from xception_lab.experiments.spec import ExperimentSpec, experiment_spec_from_json
from xception_lab.spec import TrainSpec
from xception_lab.training.records import EpochRecord, record_from_dict, train_spec_from_json, train_spec_to_json

BUSY_S = 20.0  # how long a transaction waits for those of other processes
SCHEMA_VERSION = 3  # of the database; up to version 0.1 of the lab it was 0

_OPTIONAL = ("test_loss", "test_accuracy", "validation_loss", "validation_accuracy")
_RECORDS = f"""CREATE TABLE IF NOT EXISTS records (
    run INTEGER NOT NULL REFERENCES runs(id), epoch INTEGER NOT NULL,
    {" ".join(f"{name} REAL{'' if name in _OPTIONAL else ' NOT NULL'}," for name in RECORD_COLUMNS[1:])}
    PRIMARY KEY (run, epoch)
) STRICT"""
_TABLES = (
    """CREATE TABLE IF NOT EXISTS experiments (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, spec TEXT NOT NULL, created REAL NOT NULL,
    keeper TEXT NOT NULL DEFAULT '', lease_until REAL NOT NULL DEFAULT 0
) STRICT""",
    """CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiments(id), spec TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued', reason TEXT NOT NULL DEFAULT '', test_pictures INTEGER NOT NULL DEFAULT 0,
    UNIQUE (experiment, spec)
) STRICT""",
    _RECORDS,
    # who has uploaded which of the data sets in data/
    """CREATE TABLE IF NOT EXISTS uploads (
    name TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (name, owner)
) STRICT""",
)
# what the tables of version 0.1 do not have; label and control came with version 3 of the database
_ADDED_COLUMNS = (
    ("experiments", "lease"),
    ("experiments", "checksum"),
    ("experiments", "label"),
    ("experiments", "control"),
    ("runs", "note"),
    ("runs", "checksum"),
)
_EMPTY_CHECKSUMS = (
    "CREATE TRIGGER IF NOT EXISTS experiment_changed AFTER UPDATE OF owner, spec, created ON experiments "
    "BEGIN UPDATE experiments SET checksum = '' WHERE id = NEW.id; END",
    "CREATE TRIGGER IF NOT EXISTS run_changed "
    "AFTER UPDATE OF experiment, spec, state, reason, note, test_pictures ON runs "
    "BEGIN UPDATE runs SET checksum = '' WHERE id = NEW.id; END",
    *(
        f"CREATE TRIGGER IF NOT EXISTS record_{event.lower()} AFTER {event} ON records "
        f"BEGIN UPDATE runs SET checksum = '' WHERE id = {row}.run; END"
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    ),
)


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run as stored.

    reason: why it failed or was cancelled, else "": a Message, or a plain text that an earlier version wrote.
    test_pictures: how many pictures its test accuracy is a mean of, 0 before the first epoch.
    note: what a reader of its result should know, such as that it was started anew, else "".
    """

    id: int
    spec: TrainSpec
    state: WorkState
    reason: str
    test_pictures: int
    records: tuple[EpochRecord, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class StoredExperiment:
    """One experiment as stored. created: seconds since 1970. is_leased: whether some process works on it.

    label: what its owner calls it, else "". control: the hash of the key that lets others control it, else "".
    """

    id: str
    owner: str
    spec: ExperimentSpec
    created: float
    is_leased: bool
    runs: tuple[StoredRun, ...]
    label: str = ""
    control: str = ""


@dataclass(frozen=True, slots=True)
class ExperimentSummary:
    """One line of a list of experiments.

    created, is_leased, label, control: as in StoredExperiment. states: how many of its runs are in each state. share:
    of all its epochs, those that are done, 0 to 1. disk_bytes: of its checkpoints.
    """

    id: str
    owner: str
    spec: ExperimentSpec
    created: float
    is_leased: bool
    label: str
    control: str
    states: Mapping[WorkState, int]
    share: float
    disk_bytes: int

    @property
    def state(self) -> WorkState:
        """Of the experiment as a whole, as Progress has it."""
        return overall_state(self.states)

    @property
    def runs(self) -> int:
        """How many it has."""
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class Usage:
    """What an owner, or all of them, have in the store. unfinished: runs. disk_bytes: of checkpoints."""

    experiments: int
    unfinished: int
    disk_bytes: int


_WIDEN_RECORDS = (
    # the records of version 0.1 have no validation, and a test after every epoch
    "ALTER TABLE records RENAME TO narrow_records",
    _RECORDS,
    "INSERT INTO records ({columns}) SELECT {columns} FROM narrow_records",
    "DROP TABLE narrow_records",
)
_RECORDS_OF_RUN = f"SELECT {', '.join(('run', *RECORD_COLUMNS))} FROM records WHERE run = ? ORDER BY epoch"
_opened: dict[str, tuple[int, int, int]] = {}  # the databases that this process has checked, by path


class _DamageError(Exception):
    """The database holds what was never written to it; the Message says what was noticed."""


class _RepairedError(StoreError):
    """The database was damaged and has been made again: what was asked for can be asked again."""


class Store:
    """The store in a folder, by default the home folder; it is made where it is missing.

    notice: what was done about a damaged database when this object was made, else "".
    Every method raises StoreError when the file system or the database fails, or a later version has written it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home_folder()
        self.notice: str = ""
        self._file = self.folder / "runs.sqlite"
        self._leases = LeaseReader()
        with self._raising_store_errors(repair=False):
            self._refuse_later_version()
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            damage = find_damage(self._file)
            if damage or not self._file.exists():
                self._make_again(damage)
        try:
            with self._raising_store_errors(repair=True):
                self._open()
        except _RepairedError as repaired:
            self.notice = message_of(repaired)

    # ---- the file ----

    def _open(self) -> None:
        """Check the database, once for each change of its file, and give it what earlier versions did not have."""
        if _opened.get(str(self._file)) == _fingerprint(self._file):
            return
        with closing(self._connect()) as db:
            _check_whole(db)
            version = db.execute("PRAGMA user_version").fetchone()[0]
            db.execute("PRAGMA journal_mode = WAL")
        if version < SCHEMA_VERSION:
            with self._write() as db:
                _upgrade(db)
        with self._write() as db:
            for row in db.execute("SELECT id FROM experiments").fetchall():
                if not experiment_file(self.folder, row["id"]).exists():
                    self._write_file(db, row["id"])
        _opened[str(self._file)] = _fingerprint(self._file)

    def _refuse_later_version(self) -> None:
        """Raise StoreError where a later version has written the database; nothing is changed then."""
        if find_damage(self._file) or not self._file.exists():
            return
        version = schema_version(self._file)
        wal = Path(f"{self._file}-wal")
        if version <= SCHEMA_VERSION and wal.exists() and wal.stat().st_size:
            # the header may be newer in the write-ahead log; read only, so that the log stays
            with suppress(sqlite3.Error), closing(sqlite3.connect(f"{self._file.as_uri()}?mode=ro", uri=True)) as db:
                version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            sentence = say(
                "the run store in {folder} was written by a later version of the lab (schema {version}, this one reads "
                "up to {known}) and is left as it is: use that version, or another folder as XCEPTION_LAB_HOME",
                folder=str(self.folder),
                version=version,
                known=SCHEMA_VERSION,
            )
            raise StoreError(sentence)

    def _make_again(self, damage: Message | None) -> None:
        """Set a damaged database aside, and make a new one of what the folder's files tell."""
        # an empty database as a lock: it is free again when its process ends, however it ends
        with closing(sqlite3.connect(self.folder / "rebuild.lock", timeout=BUSY_S, isolation_level=None)) as lock:
            lock.execute("BEGIN EXCLUSIVE")
            if self._file.exists() and (damage is None or not self._is_damaged()):
                return  # another process has made it meanwhile
            aside = set_aside(self._file) if os.path.lexists(self._file) else None
            for end in ("-wal", "-shm"):  # what belongs to the old one must not meet the new one
                rest = Path(f"{self._file}{end}")
                if rest.exists() and aside:
                    rest.rename(f"{aside}{end}")
                elif rest.exists():
                    set_aside(rest)
            part = self.folder / f"runs.{os.getpid()}.part"
            part.unlink(missing_ok=True)
            with closing(sqlite3.connect(part, isolation_level=None)) as db:
                db.row_factory = sqlite3.Row
                db.execute("PRAGMA journal_mode = WAL")
                db.execute("BEGIN IMMEDIATE")
                _upgrade(db)
                found = tuple(find_experiments(self.folder, aside))
                notice = say(
                    "the database of runs could not be used ({reason}) and was made again from the checkpoints; "
                    "the old one is {name}",
                    reason=damage or say("{name} is missing", name=self._file.name),
                    name=aside.name if aside else "-",
                )
                for experiment in found:
                    _insert_found(db, experiment, notice)
                _fill_in_checksums(db)
                db.execute("COMMIT")
            part.rename(self._file)
            if damage or found:
                self.notice = notice

    def _is_damaged(self) -> bool:
        """Whether the database is damaged, as a whole or in a row."""
        if find_damage(self._file):
            return True
        try:
            with closing(self._connect()) as db:
                _check_whole(db)
                for row in db.execute("SELECT * FROM experiments").fetchall():
                    _check_rows(row, _runs_with_records(db, row["id"]))
        except (sqlite3.Error, _DamageError) as error:
            return _is_damage(error)
        return False

    def _write_file(self, db: sqlite3.Connection, experiment: str) -> None:
        """Write the file that the experiment is found again by."""
        row = db.execute("SELECT * FROM experiments WHERE id = ?", (experiment,)).fetchone()
        runs = db.execute("SELECT id, spec FROM runs WHERE experiment = ?", (experiment,)).fetchall()
        numbers = {run["spec"]: run["id"] for run in runs}
        variants = experiment_spec_from_json(row["spec"]).variants()
        order = [numbers.get(train_spec_to_json(spec)) for spec in variants]
        write_experiment_file(self.folder, experiment, row["owner"], row["created"], row["spec"], order)

    def _connect(self) -> sqlite3.Connection:
        damage = find_damage(self._file)
        if damage:
            raise _DamageError(damage)
        if not self._file.exists():
            raise _DamageError(say("{name} is missing", name=self._file.name))
        # not made where it is missing
        address = f"{self._file.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(address, timeout=BUSY_S, isolation_level=None, uri=True)
        connection.row_factory = sqlite3.Row
        return connection

    @contextmanager
    def _raising_store_errors(self, *, repair: bool = True) -> Generator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, _DamageError) as error:
            if repair and _is_damage(error):
                self._repair(message_of(error))
            sentence = say(
                "the run store in {folder} failed: {error}", folder=str(self.folder), error=message_of(error)
            )
            raise StoreError(sentence) from error

    def _repair(self, damage: str) -> None:
        """Make the database again, and raise _RepairedError."""
        with self._raising_store_errors(repair=False):
            self._make_again(
                damage if isinstance(damage, Message) else say("its check says: {verdict}", verdict=damage)
            )
            self._open()
        raise _RepairedError(self.notice or say("the run store in {folder} was made again", folder=str(self.folder)))

    @contextmanager
    def _write(self) -> Generator[sqlite3.Connection]:
        with self._raising_store_errors(), closing(self._connect()) as connection:
            # taking the write lock at once: a read lock that grows into one can deadlock with another
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                _fill_in_checksums(connection)
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

    # ---- experiments and runs ----

    def add(self, spec: ExperimentSpec, owner: str, max_unfinished: int) -> str | None:
        """Queue a new experiment. Returns its unguessable id, or None when the owner would have too many runs.

        max_unfinished: how many queued and running runs one owner may have, with those of this experiment.
        """
        key = secrets.token_hex(12)  # nothing that a terminal could take for an option
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
            self._write_file(db, key)
        return key

    def extend(self, experiment: str, spec: ExperimentSpec) -> None:
        """Replace an experiment's spec by one with more seeds; the runs that it has stay as they are."""
        with self._write() as db:
            db.execute("UPDATE experiments SET spec = ? WHERE id = ?", (spec.to_json(), experiment))
            _add_runs(db, experiment, spec.variants())
            self._write_file(db, experiment)

    def experiment(self, experiment: str) -> StoredExperiment:
        """One experiment with all its runs and records. Raises KeyError when there is none of this id."""
        with self._read() as db:
            row = db.execute("SELECT * FROM experiments WHERE id = ?", (experiment,)).fetchone()
            if row is None:
                raise KeyError(experiment)
            runs = _runs_with_records(db, experiment)
            _check_rows(row, runs)
        return StoredExperiment(
            row["id"],
            row["owner"],
            experiment_spec_from_json(row["spec"]),
            row["created"],
            self._lease_state(row) != "free",
            tuple(_run(run, tuple(record_from_dict(dict(record)) for record in records)) for run, records in runs),
            row["label"],
            row["control"],
        )

    def experiments(self, owner: str | None = None) -> tuple[str, ...]:
        """The ids of all experiments, or of one owner's, newest first."""
        with self._read() as db:
            rows = db.execute(
                "SELECT id FROM experiments WHERE ?1 IS NULL OR owner = ?1 ORDER BY created DESC, rowid DESC", (owner,)
            )
            return tuple(row["id"] for row in rows)

    def summaries(self, owner: str | None = None, ids: Collection[str] | None = None) -> tuple[ExperimentSummary, ...]:
        """All experiments in short, or one owner's, or those of the ids that exist; newest first."""
        with self._read() as db:
            rows = db.execute(
                "SELECT * FROM experiments WHERE ?1 IS NULL OR owner = ?1 ORDER BY created DESC, rowid DESC", (owner,)
            ).fetchall()
            return tuple(self._summary(db, row) for row in rows if ids is None or row["id"] in ids)

    def _summary(self, db: sqlite3.Connection, row: sqlite3.Row) -> ExperimentSummary:
        query = (
            "SELECT id, state, (SELECT count(*) FROM records WHERE run = runs.id) AS epochs FROM runs "
            "WHERE experiment = ?"
        )
        runs = db.execute(query, (row["id"],)).fetchall()
        spec = experiment_spec_from_json(row["spec"])
        states: Counter[WorkState] = Counter(run["state"] for run in runs)
        planned = sum(cell.epochs for cell in spec.variants()) or 1
        return ExperimentSummary(
            row["id"],
            row["owner"],
            spec,
            row["created"],
            self._lease_state(row) != "free",
            row["label"],
            row["control"],
            states,
            min(sum(run["epochs"] for run in runs) / planned, 1.0),
            sum(_size(self.checkpoint_path(run["id"])) for run in runs),
        )

    def delete(self, experiment: str) -> int:
        """Forget an experiment with its runs and checkpoints. Returns the bytes that this frees. Raises KeyError.

        Nobody may work on it: Scheduler.delete sees to that.
        """
        with self._write() as db:
            if db.execute("SELECT 1 FROM experiments WHERE id = ?", (experiment,)).fetchone() is None:
                raise KeyError(experiment)
            runs = [row["id"] for row in db.execute("SELECT id FROM runs WHERE experiment = ?", (experiment,))]
            # first: a store that is made again must not find it once more
            experiment_file(self.folder, experiment).unlink(missing_ok=True)
            db.executemany("DELETE FROM records WHERE run = ?", [(run,) for run in runs])
            db.execute("DELETE FROM runs WHERE experiment = ?", (experiment,))
            db.execute("DELETE FROM experiments WHERE id = ?", (experiment,))
        files = [self.checkpoint_path(run) for run in runs]
        freed = sum(map(_size, files))
        with self._raising_store_errors():
            for file in files:
                file.unlink(missing_ok=True)
        return freed

    def hand_over(self, owner: str, heir: str) -> None:
        """Make what one owner has another's: experiments and uploads."""
        with self._read() as db:  # most have nothing, and a write would wait for the workers' results
            query = "SELECT owner FROM experiments WHERE owner = ?1 UNION SELECT owner FROM uploads WHERE owner = ?1"
            if db.execute(query, (owner,)).fetchone() is None:
                return
        with self._write() as db:
            own = [row["id"] for row in db.execute("SELECT id FROM experiments WHERE owner = ?", (owner,))]
            db.execute("UPDATE experiments SET owner = ? WHERE owner = ?", (heir, owner))
            for experiment in own:
                self._write_file(db, experiment)
            db.execute("UPDATE OR IGNORE uploads SET owner = ? WHERE owner = ?", (heir, owner))
            db.execute("DELETE FROM uploads WHERE owner = ?", (owner,))

    def usage(self, owner: str | None = None) -> Usage:
        """What one owner has in the store, or all of them."""
        with self._read() as db:
            mine = "WHERE ?1 IS NULL OR owner = ?1"
            experiments = db.execute(f"SELECT count(*) FROM experiments {mine}", (owner,)).fetchone()[0]
            query = f"SELECT runs.id, state FROM runs JOIN experiments ON experiment = experiments.id {mine}"
            runs = db.execute(query, (owner,)).fetchall()
        unfinished = sum(run["state"] in UNFINISHED for run in runs)
        return Usage(experiments, unfinished, sum(_size(self.checkpoint_path(run["id"])) for run in runs))

    def run_numbers(self) -> frozenset[int]:
        """The numbers of all runs."""
        with self._read() as db:
            return frozenset(row["id"] for row in db.execute("SELECT id FROM runs"))

    def note_upload(self, name: str, owner: str) -> None:
        """Keep that this owner has uploaded a data set of data/custom.py."""
        with self._write() as db:
            db.execute("INSERT OR IGNORE INTO uploads VALUES (?, ?, ?)", (name, owner, time.time()))

    def upload_bytes(self, owner: str | None = None) -> int:
        """What the data sets that an owner has uploaded take on disk, or all that are kept."""
        if owner is None:
            return sum(map(_size, (self.folder / "data").glob("*.safetensors")))
        with self._read() as db:
            rows = db.execute("SELECT name FROM uploads WHERE owner = ?", (owner,)).fetchall()
        return sum(_size(self._upload_path(row["name"])) for row in rows)

    def forget_missing_uploads(self) -> None:
        """Forget whose the data sets were that are no longer kept."""
        with self._write() as db:
            names = [row["name"] for row in db.execute("SELECT DISTINCT name FROM uploads").fetchall()]
            missing = [(name,) for name in names if not self._upload_path(name).exists()]
            db.executemany("DELETE FROM uploads WHERE name = ?", missing)

    def _upload_path(self, name: str) -> Path:
        return self.folder / "data" / f"{name}.safetensors"

    def set_label(self, experiment: str, label: str) -> None:
        """Keep what the owner calls an experiment."""
        with self._write() as db:
            db.execute("UPDATE experiments SET label = ? WHERE id = ?", (label, experiment))

    def control(self, experiment: str) -> str:
        """The hash of the key that lets others control an experiment; "" where nobody else may, or there is none."""
        with self._read() as db:
            row = db.execute("SELECT control FROM experiments WHERE id = ?", (experiment,)).fetchone()
        return row["control"] if row else ""

    def set_control(self, experiment: str, control: str) -> None:
        """Keep the hash of the key that lets others control an experiment; "" lets nobody."""
        with self._write() as db:
            db.execute("UPDATE experiments SET control = ? WHERE id = ?", (control, experiment))

    def busy(self) -> bool:
        """Whether any process is training now: some run of an experiment under lease is running."""
        with self._read() as db:
            query = (
                "SELECT DISTINCT keeper, lease, lease_until FROM experiments JOIN runs ON experiment = experiments.id "
                "WHERE state = 'running'"
            )
            return any(self._lease_state(row) != "free" for row in db.execute(query))

    def train_spec(self, run: int) -> TrainSpec:
        """The spec of a run. Raises KeyError when there is none of this number."""
        with self._read() as db:
            row = db.execute("SELECT spec FROM runs WHERE id = ?", (run,)).fetchone()
        if row is None:
            raise KeyError(run)
        return train_spec_from_json(row["spec"])

    def states(self, runs: Iterable[int]) -> dict[int, WorkState]:
        """The states of these runs, by id; one that was deleted is cancelled."""
        with self._read() as db:
            rows = {run: db.execute("SELECT state FROM runs WHERE id = ?", (run,)).fetchone() for run in runs}
        return {run: row["state"] if row else "cancelled" for run, row in rows.items()}

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
        self,
        run: int,
        records: Iterable[EpochRecord],
        checkpoint: bytes,
        test_pictures: int,
        *,
        last: bool,
        keeper: str | None = None,
    ) -> bool:
        """Store a run after an epoch: the checkpoint first, so that no record is ahead of what a resume starts from.

        records: all so far. last: whether the run is done. A run that was cancelled meanwhile stays cancelled.
        keeper: who has the lease; False, and nothing is stored, when another keeper has it.
        """
        marks = ", ".join("?" * (len(RECORD_COLUMNS) + 1))
        with self._write() as db:
            query = "SELECT keeper FROM experiments JOIN runs ON experiment = experiments.id WHERE runs.id = ?"
            row = db.execute(query, (run,)).fetchone()
            if row is None or (keeper is not None and row["keeper"] != keeper):
                return False
            write_atomically(self.checkpoint_path(run), checkpoint)
            # all of them: a run that started anew has fewer than before
            db.execute("DELETE FROM records WHERE run = ?", (run,))
            db.executemany(
                f"INSERT INTO records (run, {', '.join(RECORD_COLUMNS)}) VALUES ({marks})",
                [(run, *astuple(record)) for record in records],
            )
            db.execute("UPDATE runs SET test_pictures = ? WHERE id = ?", (test_pictures, run))
            state = "done" if last else "running"
            db.execute(
                "UPDATE runs SET state = ?, reason = '' WHERE id = ? AND state IN ('queued', 'running')", (state, run)
            )
        return True

    def start_anew(self, run: int, note: str) -> None:
        """Forget what a run has done, as its checkpoint cannot be used, and keep a note of it.

        A checkpoint that is there is set aside.
        """
        with self._write() as db:
            if self.checkpoint_path(run).exists():
                set_aside(self.checkpoint_path(run))
            db.execute("DELETE FROM records WHERE run = ?", (run,))
            db.execute("UPDATE runs SET test_pictures = 0, note = ? WHERE id = ?", (message_to_text(note), run))

    def note(self, run: int, note: str) -> None:
        """Keep what a reader of the run's result should know."""
        with self._write() as db:
            db.execute("UPDATE runs SET note = ? WHERE id = ?", (message_to_text(note), run))

    def checkpoint_path(self, run: int) -> Path:
        """Where the run's checkpoint is, once it has one."""
        return self.folder / "checkpoints" / f"{run}.safetensors"

    def claim(self, experiment: str, keeper: str) -> bool:
        """Take or renew the experiment's lease; False when another keeper has it."""
        lease = make_lease(keeper)
        with self._write() as db:
            row = db.execute("SELECT * FROM experiments WHERE id = ?", (experiment,)).fetchone()
            if row is None or (row["keeper"] != keeper and self._lease_state(row) != "free"):
                return False
            db.execute(
                "UPDATE experiments SET keeper = ?, lease = ?, lease_until = ? WHERE id = ?",
                (keeper, lease_to_text(lease), time.time() + LEASE_S, experiment),
            )
        return True

    def lease_state(self, experiment: str) -> LeaseState:
        """Whether some process has the experiment's lease, and "perhaps" where that may be gone already."""
        with self._read() as db:
            row = db.execute("SELECT * FROM experiments WHERE id = ?", (experiment,)).fetchone()
            return self._lease_state(row) if row else "free"

    def _lease_state(self, row: sqlite3.Row) -> LeaseState:
        return self._leases.state(row["keeper"], row["lease"], row["lease_until"])

    def release(self, experiment: str, keeper: str) -> None:
        """End the experiment's lease; another keeper's stays."""
        with self._write() as db:
            db.execute(
                "UPDATE experiments SET keeper = '', lease = '', lease_until = 0 WHERE id = ? AND keeper = ?",
                (experiment, keeper),
            )


def _size(file: Path) -> int:
    """Its bytes, 0 where it is missing."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _fingerprint(file: Path) -> tuple[int, int, int]:
    """What changes whenever the file does."""
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _check_whole(db: sqlite3.Connection) -> None:
    """Raise _DamageError where the database is not whole, or another program's."""
    verdict = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _DamageError(say("its check says: {verdict}", verdict=verdict))
    tables = {row["name"] for row in db.execute("SELECT name FROM sqlite_master")}
    if not {"experiments", "runs", "records"} <= tables:
        raise _DamageError(say("it holds no runs"))


def _upgrade(db: sqlite3.Connection) -> None:
    """Make the tables of this version, in an empty database or from those of an earlier version."""
    for statement in _TABLES:
        db.execute(statement)
    columns = [row["name"] for row in db.execute("PRAGMA table_info(records)")]
    if "validation_loss" not in columns:
        for statement in _WIDEN_RECORDS:
            db.execute(statement.replace("{columns}", ", ".join(columns)))
    for table, column in _ADDED_COLUMNS:
        if column not in [row["name"] for row in db.execute(f"PRAGMA table_info({table})")]:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
    for statement in _EMPTY_CHECKSUMS:
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _add_runs(db: sqlite3.Connection, experiment: str, specs: Iterable[TrainSpec]) -> None:
    rows = [(experiment, train_spec_to_json(spec)) for spec in specs]
    db.executemany("INSERT OR IGNORE INTO runs (experiment, spec) VALUES (?, ?)", rows)


def _insert_found(db: sqlite3.Connection, experiment: FoundExperiment, note: str) -> None:
    """Add an experiment that was found in the folder's files, with a note for each of its runs."""
    db.execute(
        "INSERT INTO experiments (id, owner, spec, created) VALUES (?, ?, ?, ?)",
        (experiment.id, experiment.owner, experiment.spec.to_json(), experiment.created),
    )
    marks = ", ".join("?" * (len(RECORD_COLUMNS) + 1))
    for run in experiment.runs:
        db.execute(
            "INSERT INTO runs (id, experiment, spec, state, reason, test_pictures, note) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                run.id,
                experiment.id,
                train_spec_to_json(run.spec),
                run.state,
                run.reason,
                run.test_pictures,
                message_to_text(note),
            ),
        )
        db.executemany(
            f"INSERT INTO records (run, {', '.join(RECORD_COLUMNS)}) VALUES ({marks})",
            [(run.id, *astuple(record)) for record in run.records],
        )


Runs = list[tuple[sqlite3.Row, list[sqlite3.Row]]]


def _runs_with_records(db: sqlite3.Connection, experiment: str) -> Runs:
    runs = db.execute("SELECT * FROM runs WHERE experiment = ? ORDER BY id", (experiment,)).fetchall()
    return [(run, db.execute(_RECORDS_OF_RUN, (run["id"],)).fetchall()) for run in runs]


def _check_rows(experiment: sqlite3.Row, runs: Runs) -> None:
    """Raise _DamageError where a checksum is wrong; an empty one is of a row that version 0.1 changed."""
    if experiment["checksum"] not in ("", _experiment_checksum(experiment)):
        raise _DamageError(say("the checksum of experiment {id} is wrong", id=experiment["id"]))
    for run, records in runs:
        if run["checksum"] not in ("", run_checksum(run, records)):
            raise _DamageError(say("the checksum of run {number} is wrong", number=run["id"]))


def _experiment_checksum(row: sqlite3.Row) -> str:
    parts = [row[name] for name in ("id", "owner", "spec", "created")]
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _fill_in_checksums(db: sqlite3.Connection) -> None:
    """Give the rows that this transaction, or version 0.1, has changed their checksums."""
    for row in db.execute("SELECT * FROM experiments WHERE checksum = ''").fetchall():
        db.execute("UPDATE experiments SET checksum = ? WHERE id = ?", (_experiment_checksum(row), row["id"]))
    for run in db.execute("SELECT * FROM runs WHERE checksum = ''").fetchall():
        records = db.execute(_RECORDS_OF_RUN, (run["id"],)).fetchall()
        db.execute("UPDATE runs SET checksum = ? WHERE id = ?", (run_checksum(run, records), run["id"]))


def _is_damage(error: Exception) -> bool:
    """Whether an error says that the database holds what was never written to it."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None) or 0  # Python's own errors have none
        is_broken = code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        return is_broken or "Could not decode to UTF-8" in str(error)
    return isinstance(error, _DamageError)


def _run(row: sqlite3.Row, records: tuple[EpochRecord, ...]) -> StoredRun:
    values: dict[str, Any] = dict(row)
    spec = train_spec_from_json(values["spec"])
    return StoredRun(
        values["id"],
        spec,
        values["state"],
        message_from_text(values["reason"]),
        values["test_pictures"],
        records,
        message_from_text(values["note"]),
    )

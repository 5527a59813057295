"""The rooms in SQLite: class.sqlite in the home folder, beside the store of runs and independent of it.

Every method is one short transaction on the one connection that this process has, so any thread and any process may
call it, and what a method has returned from outlives the process. A page that waits for news calls `counters`, which
reads one row; forty pages do so every other second, which is why no call opens the file anew.

A damaged database is set aside and a new, empty one made: rooms live for one lesson, so nothing is recovered from it.
"""

import hashlib
import hmac
import os
import sqlite3
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xception_lab.classroom.room import (
    ANSWERS,
    EMPTY_ROOM_AGE_S,
    EXAMPLE_CODE,
    LOOKED,
    MAX_BYTES,
    MAX_ROOMS,
    MAX_SEATS,
    PACES,
    ROOM_AGE_S,
    Answers,
    Pace,
    Room,
    RoomError,
    check_prediction,
    check_step,
    is_key,
    make_code,
    make_key,
    repair_code,
)
from xception_lab.common.files import set_aside
from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import say
from xception_lab.common.validate import check_choice

BUSY_S = 20.0  # how long a transaction waits for those of other processes
FIRST_STEP = "1"

_TABLES = (
    """CREATE TABLE IF NOT EXISTS rooms (
    code TEXT PRIMARY KEY, secret TEXT NOT NULL, step TEXT NOT NULL, pace TEXT NOT NULL, answers TEXT NOT NULL,
    is_covered INTEGER NOT NULL, is_closed INTEGER NOT NULL, version INTEGER NOT NULL, changes INTEGER NOT NULL,
    created REAL NOT NULL, used REAL NOT NULL
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS seats (
    room TEXT NOT NULL REFERENCES rooms(code) ON DELETE CASCADE, seat TEXT NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (room, seat)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS predictions (
    room TEXT NOT NULL REFERENCES rooms(code) ON DELETE CASCADE, step TEXT NOT NULL, seat TEXT NOT NULL,
    text TEXT NOT NULL, time REAL NOT NULL, PRIMARY KEY (room, step, seat)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS reveals (
    room TEXT NOT NULL REFERENCES rooms(code) ON DELETE CASCADE, step TEXT NOT NULL, PRIMARY KEY (room, step)
) STRICT, WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS experiments (
    room TEXT NOT NULL REFERENCES rooms(code) ON DELETE CASCADE, experiment TEXT NOT NULL, seat TEXT NOT NULL,
    PRIMARY KEY (room, experiment)
) STRICT, WITHOUT ROWID""",
)
CHECK_S = 2.0  # how often it is looked whether the file is still the one that is open


@dataclass(slots=True)
class _Connection:
    """This process's connection to a database. inode: of its file. checked: when the file still had it."""

    db: sqlite3.Connection
    inode: int
    checked: float


_open: dict[str, _Connection] = {}  # by the database's path
_lock = threading.RLock()  # one transaction at a time is on a connection


@dataclass(frozen=True, slots=True)
class Counters:
    """How often a room has changed: version by the teacher, changes by anybody."""

    version: int
    changes: int


@dataclass(frozen=True, slots=True)
class RoomPrediction:
    """One prediction. student: their number in the order in which they joined, from 1. time: seconds since 1970."""

    step: str
    student: int
    text: str
    time: float


class ClassStore:
    """The rooms in a folder, by default the home folder; it is made where it is missing.

    Every method raises StoreError where the file system or the database fails, and RoomError where a room refuses. A
    code may be as somebody typed it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or home_folder()
        self._file = self.folder / "class.sqlite"

    # ---- the teacher ----

    def open_room(self) -> tuple[str, str]:
        """Open a room. Returns its code and its secret, which nothing can tell again."""
        secret = make_key()
        with self._write() as db:
            now = time.time()
            _delete_old(db, now)
            if _scalar(db, "SELECT count(*) FROM rooms") >= MAX_ROOMS:
                raise RoomError(
                    say(
                        "this server has {count} rooms, and no more fit: delete one that is done, or wait; a room that "
                        "nobody has joined goes after {hours} hours",
                        count=MAX_ROOMS,
                        hours=round(EMPTY_ROOM_AGE_S / 3600),
                    )
                )
            _check_size(db)
            code = make_code()
            while _scalar(db, "SELECT count(*) FROM rooms WHERE code = ?", code):
                code = make_code()
            db.execute(
                "INSERT INTO rooms VALUES (?, ?, ?, ?, ?, 0, 0, 1, 1, ?, ?)",
                (code, _hash(secret), FIRST_STEP, PACES[0], ANSWERS[0], now, now),
            )
        return code, secret

    def is_teacher(self, code: str, secret: object) -> bool:
        """Whether this is the secret of this room."""
        with self._read() as db:
            return _is_secret(_room_row(db, code), secret)

    def set_step(self, code: str, secret: str, step: str) -> None:
        """Move the class to a step."""
        check_step(step)
        self._change(code, secret, "step = ?", step)

    def set_pace(self, code: str, secret: str, pace: Pace) -> None:
        """Whether the class moves together or each at their own pace."""
        check_choice("pace", pace, PACES)
        self._change(code, secret, "pace = ?", pace)

    def set_answers(self, code: str, secret: str, answers: Answers) -> None:
        """When a student sees the answer of a step."""
        check_choice("answers", answers, ANSWERS)
        self._change(code, secret, "answers = ?", answers)

    def set_covered(self, code: str, secret: str, is_covered: bool) -> None:
        """Whether the bars of a step stay covered until it is revealed."""
        self._change(code, secret, "is_covered = ?", int(is_covered))

    def set_closed(self, code: str, secret: str, is_closed: bool) -> None:
        """Close a room, which then takes no seat and no prediction, or open it again."""
        self._change(code, secret, "is_closed = ?", int(is_closed))

    def reveal(self, code: str, secret: str, step: str) -> None:
        """Show the answer of a step to everybody; its predictions stand from now on."""
        check_step(step)
        with self._teacher(code, secret) as (db, room):
            db.execute("INSERT OR IGNORE INTO reveals VALUES (?, ?)", (room, step))

    def reset(self, code: str, secret: str, step: str) -> None:
        """Forget the predictions of a step and seal its answer again."""
        check_step(step)
        with self._teacher(code, secret) as (db, room):
            for table in ("predictions", "reveals"):
                db.execute(f"DELETE FROM {table} WHERE room = ? AND step = ?", (room, step))

    def delete(self, code: str, secret: str) -> None:
        """Delete a room with all that is in it."""
        with self._teacher(code, secret) as (db, room):
            db.execute("DELETE FROM rooms WHERE code = ?", (room,))

    def predictions(self, code: str, secret: str) -> tuple[RoomPrediction, ...]:
        """Every prediction of a room, by step and student."""
        with self._read() as db:
            row = _room_row(db, code)
            _check_secret(row, secret)
            rows = db.execute(
                "SELECT step, number, text, time FROM predictions JOIN seats USING (room, seat) WHERE room = ? "
                "ORDER BY CAST(step AS INTEGER), step, number",
                (row["code"],),
            )
            return tuple(RoomPrediction(*row) for row in rows.fetchall())

    def experiments(self, code: str, secret: str) -> Mapping[str, int]:
        """The experiments that the class has started, with the number of the student who did."""
        with self._read() as db:
            row = _room_row(db, code)
            _check_secret(row, secret)
            rows = db.execute(
                "SELECT experiment, number FROM experiments JOIN seats USING (room, seat) WHERE room = ?",
                (row["code"],),
            )
            return {row["experiment"]: row["number"] for row in rows.fetchall()}

    # ---- a student ----

    def join(self, code: str, seat: object = None) -> str:
        """Take a seat. seat: the one that this person may have already. Returns it, or a new one."""
        with self._write() as db:
            row = _room_row(db, code)
            if is_key(seat) and _has_seat(db, row["code"], str(seat)):
                return str(seat)
            _check_open(row)
            taken = _scalar(db, "SELECT count(*) FROM seats WHERE room = ?", row["code"])
            if taken >= MAX_SEATS:
                raise RoomError(say("room {code} is full: it has {seats} seats", code=row["code"], seats=MAX_SEATS))
            _check_size(db)
            new = make_key()
            db.execute("INSERT INTO seats VALUES (?, ?, ?)", (row["code"], _hash(new), taken + 1))
            _touch(db, row["code"])
        return new

    def predict(self, code: str, seat: object, step: str, text: str) -> None:
        """Keep a student's prediction of a step. One that they made before is replaced, until they see the answer."""
        check_step(step)
        check_prediction(text)
        with self._write() as db:
            row = _room_row(db, code)
            _check_open(row)
            _check_seat(db, row["code"], seat)
            hashed = _hash(str(seat))
            if _is_revealed(db, row["code"], step):
                raise RoomError(say("the answer of this step has been revealed: predictions stand as they are"))
            if row["answers"] == "at_once" and _prediction(db, row["code"], step, hashed) is not None:
                raise RoomError(say("you have seen the answer of this step: your prediction stands as it is"))
            if row["answers"] != "at_once" and text == LOOKED:
                raise RoomError(say("in this room the teacher reveals the answers"))
            db.execute(
                "INSERT OR REPLACE INTO predictions VALUES (?, ?, ?, ?, ?)",
                (row["code"], step, hashed, text, time.time()),
            )
            _touch(db, row["code"])

    def add_experiment(self, code: str, seat: object, experiment: str) -> None:
        """Let the teacher of a room see an experiment that a student has started from it."""
        with self._write() as db:
            row = _room_row(db, code)
            _check_seat(db, row["code"], seat)
            _check_size(db)
            hashed = _hash(str(seat))
            db.execute("INSERT OR IGNORE INTO experiments VALUES (?, ?, ?)", (row["code"], experiment, hashed))
            _touch(db, row["code"])

    def own_predictions(self, code: str, seat: object) -> Mapping[str, str]:
        """A student's own predictions by step."""
        with self._read() as db:
            row = _room_row(db, code)
            _check_seat(db, row["code"], seat)
            rows = db.execute(
                "SELECT step, text FROM predictions WHERE room = ? AND seat = ?", (row["code"], _hash(str(seat)))
            )
            return {row["step"]: row["text"] for row in rows.fetchall()}

    # ---- everybody ----

    def room(self, code: str) -> Room:
        """A room as it is now."""
        with self._read() as db:
            row = _room_row(db, code)
            revealed = db.execute("SELECT step FROM reveals WHERE room = ?", (row["code"],)).fetchall()
            return Room(
                code=row["code"],
                step=row["step"],
                pace=row["pace"],
                answers=row["answers"],
                is_covered=bool(row["is_covered"]),
                is_closed=bool(row["is_closed"]),
                revealed=frozenset(row["step"] for row in revealed),
                version=row["version"],
                changes=row["changes"],
                seats=_scalar(db, "SELECT count(*) FROM seats WHERE room = ?", row["code"]),
            )

    def counters(self, code: str) -> Counters | None:
        """How often a room has changed; None where there is none."""
        with self._read() as db:
            row = db.execute("SELECT version, changes FROM rooms WHERE code = ?", (repair_code(code),)).fetchone()
            return Counters(*row) if row else None

    def step_predictions(self, code: str, step: str) -> tuple[str, ...]:
        """The predictions of a step, in no order that tells whose they are."""
        with self._read() as db:
            row = _room_row(db, code)
            rows = db.execute("SELECT text FROM predictions WHERE room = ? AND step = ?", (row["code"], step))
            return tuple(sorted(row["text"] for row in rows.fetchall()))

    # ---- the file ----

    def _change(self, code: str, secret: str, change: str, value: str | int) -> None:
        with self._teacher(code, secret) as (db, room):
            db.execute(f"UPDATE rooms SET {change} WHERE code = ?", (value, room))

    @contextmanager
    def _teacher(self, code: str, secret: str) -> Generator[tuple[sqlite3.Connection, str]]:
        """A transaction of the teacher's; the room's code."""
        with self._write() as db:
            row = _room_row(db, code)
            _check_secret(row, secret)
            yield db, row["code"]
            db.execute("UPDATE rooms SET version = version + 1 WHERE code = ?", (row["code"],))
            _touch(db, row["code"])

    @contextmanager
    def _write(self) -> Generator[sqlite3.Connection]:
        # taking the write lock at once: a read lock that grows into one can deadlock with another process's
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def _read(self) -> Generator[sqlite3.Connection]:
        with self._transaction("BEGIN") as db:  # all reads in it see one state of the database
            yield db

    @contextmanager
    def _transaction(self, begin: str) -> Generator[sqlite3.Connection]:
        with _lock, self._raising_store_errors():
            db = self._connection()
            db.execute(begin)
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _connection(self) -> sqlite3.Connection:
        kept = _open.get(str(self._file))
        if kept and time.monotonic() - kept.checked > CHECK_S:
            kept.checked = time.monotonic()
            if _inode(self._file) != kept.inode:  # somebody has removed or replaced it
                self._close()
                kept = None
        if kept is None:
            db = self._connect()
            kept = _open[str(self._file)] = _Connection(db, _inode(self._file), time.monotonic())
        return kept.db

    def _connect(self) -> sqlite3.Connection:
        self.folder.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA foreign_keys = ON")
            # a kill of the process costs nothing; a power cut may cost the last predictions, but forty at once do not
            # queue for the disk
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                db.execute(table)
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        return db

    def _close(self) -> None:
        if kept := _open.pop(str(self._file), None):
            kept.db.close()

    @contextmanager
    def _raising_store_errors(self) -> Generator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            sentence = say("the rooms in {folder} cannot be used: {error}", folder=str(self.folder), error=str(error))
            raise StoreError(sentence) from error
        except sqlite3.DatabaseError as error:  # what it says where the file is damaged, or no database
            raise StoreError(self._set_aside(str(error))) from error

    def _set_aside(self, damage: str) -> str:
        self._close()
        name = set_aside(self._file).name if self._file.exists() else "-"
        for end in ("-wal", "-shm"):  # what belongs to the old one must not meet the new one
            Path(f"{self._file}{end}").unlink(missing_ok=True)
        return say(
            "the database of rooms was damaged ({error}) and has been set aside as {name}: open a new room",
            error=damage,
            name=name,
        )


def _inode(file: Path) -> int:
    return os.stat(file).st_ino if file.exists() else -1


def _hash(key: str) -> str:
    # of 128 random bits: nothing is gained by a slow hash
    return hashlib.sha256(key.encode()).hexdigest()


def _scalar(db: sqlite3.Connection, query: str, *values: str | float) -> int:
    return db.execute(query, values).fetchone()[0]


def _room_row(db: sqlite3.Connection, code: str) -> sqlite3.Row:
    """A room's row. Raises RoomError where there is none."""
    repaired = repair_code(code)
    if repaired is None:
        raise RoomError(say("a room's code is six letters, such as {example}", example=EXAMPLE_CODE))
    row = db.execute("SELECT * FROM rooms WHERE code = ?", (repaired,)).fetchone()
    if row is None:
        raise RoomError(
            say(
                "there is no room {code} on this server: look at the code again; a room is deleted {days} days after "
                "its last use",
                code=repaired,
                days=round(ROOM_AGE_S / 24 / 3600),
            )
        )
    return row


def _is_secret(row: sqlite3.Row, secret: object) -> bool:
    return is_key(secret) and hmac.compare_digest(row["secret"], _hash(str(secret)))


def _check_secret(row: sqlite3.Row, secret: object) -> None:
    if not _is_secret(row, secret):
        raise RoomError(say("this is not the key of room {code}: only its teacher has it", code=row["code"]))


def _check_open(row: sqlite3.Row) -> None:
    if row["is_closed"]:
        raise RoomError(say("room {code} has been closed by its teacher", code=row["code"]))


def _has_seat(db: sqlite3.Connection, room: str, seat: str) -> bool:
    return bool(_scalar(db, "SELECT count(*) FROM seats WHERE room = ? AND seat = ?", room, _hash(seat)))


def _check_seat(db: sqlite3.Connection, room: str, seat: object) -> None:
    if not (is_key(seat) and _has_seat(db, room, str(seat))):
        raise RoomError(say("this link has no seat in room {code}: join it with the code", code=room))


def _is_revealed(db: sqlite3.Connection, room: str, step: str) -> bool:
    return bool(_scalar(db, "SELECT count(*) FROM reveals WHERE room = ? AND step = ?", room, step))


def _prediction(db: sqlite3.Connection, room: str, step: str, seat: str) -> str | None:
    query = "SELECT text FROM predictions WHERE room = ? AND step = ? AND seat = ?"
    row = db.execute(query, (room, step, seat)).fetchone()
    return row["text"] if row else None


def _touch(db: sqlite3.Connection, room: str) -> None:
    db.execute("UPDATE rooms SET changes = changes + 1, used = ? WHERE code = ?", (time.time(), room))


def _check_size(db: sqlite3.Connection) -> None:
    pages = _scalar(db, "PRAGMA page_count") - _scalar(db, "PRAGMA freelist_count")
    if pages * _scalar(db, "PRAGMA page_size") >= MAX_BYTES:
        raise RoomError(
            say(
                "the rooms of this server take {megabytes} MB, and no more fit: delete one that is done",
                megabytes=MAX_BYTES // 2**20,
            )
        )


def _delete_old(db: sqlite3.Connection, now: float) -> None:
    db.execute("DELETE FROM rooms WHERE used < ?", (now - ROOM_AGE_S,))
    db.execute(
        "DELETE FROM rooms WHERE used < ? AND NOT EXISTS (SELECT 1 FROM seats WHERE room = code)",
        (now - EMPTY_ROOM_AGE_S,),
    )


def predictions_table(predictions: Sequence[RoomPrediction]) -> list[dict[str, str | int]]:
    """The predictions as rows for a CSV, times in UTC. A student is a number; nothing in a row leads to a seat."""
    return [
        {
            "step": prediction.step,
            "student": prediction.student,
            "prediction": prediction.text,
            "time_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(prediction.time)),
        }
        for prediction in predictions
    ]

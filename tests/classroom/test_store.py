"""A class's room: nothing is lost among many, after a restart or in a gap; nobody does what is another's to do."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hostile import HOSTILE_VALUES
from hypothesis import given
from hypothesis import strategies as st
from paths import ROOT

from xception_lab.classroom import store as store_module
from xception_lab.classroom.room import (
    CODE_LENGTH,
    EMPTY_ROOM_AGE_S,
    LETTERS,
    LOOKED,
    ROOM_AGE_S,
    RoomError,
    make_code,
    make_key,
    repair_code,
)
from xception_lab.classroom.store import ClassStore, predictions_table
from xception_lab.common.home import StoreError


@pytest.fixture
def store(tmp_path: Path) -> ClassStore:
    return ClassStore(tmp_path / "deep" / "home")


def _age(store: ClassStore, code: str, seconds: float) -> None:
    with closing(sqlite3.connect(store.folder / "class.sqlite")) as db:
        db.execute("UPDATE rooms SET used = used - ? WHERE code = ?", (seconds, code))
        db.commit()


def _rows(store: ClassStore, code: str) -> int:
    """How many rows of any table belong to a room."""
    with closing(sqlite3.connect(store.folder / "class.sqlite")) as db:
        tables = ("seats", "predictions", "reveals", "experiments")
        return sum(db.execute(f"SELECT count(*) FROM {name} WHERE room = ?", (code,)).fetchone()[0] for name in tables)


def test_a_lesson_from_the_first_click_to_the_export(store: ClassStore) -> None:
    code, secret = store.open_room()
    ada, bob = store.join(code), store.join(code)
    store.predict(code, ada, "1", "100")
    store.predict(code, bob, "1", "250")
    store.predict(code, ada, "1", "630")  # another mind, before it is revealed
    assert store.step_predictions(code, "1") == ("250", "630")
    assert store.own_predictions(code, ada) == {"1": "630"}
    assert not store.room(code).is_told("1", "630")
    store.reveal(code, secret, "1")
    assert store.room(code).is_told("1", None)
    with pytest.raises(RoomError, match="has been revealed"):
        store.predict(code, bob, "1", "10")
    store.set_step(code, secret, "2")
    assert (store.room(code).step, store.room(code).revealed) == ("2", {"1"})
    rows = predictions_table(store.predictions(code, secret))
    assert [(row["step"], row["student"], row["prediction"]) for row in rows] == [("1", 1, "630"), ("1", 2, "250")]
    assert not any(key in str(rows) for key in (ada, bob, secret))
    store.reset(code, secret, "1")
    assert (store.step_predictions(code, "1"), store.room(code).revealed) == ((), frozenset())
    store.predict(code, bob, "1", "10")
    store.delete(code, secret)
    with pytest.raises(RoomError, match=f"no room {code}"):
        store.room(code)
    assert store.counters(code) is None


def test_where_answers_come_at_once_the_first_prediction_stands(store: ClassStore) -> None:
    code, secret = store.open_room()
    seat = store.join(code)
    with pytest.raises(RoomError, match="the teacher reveals"):
        store.predict(code, seat, "3", LOOKED)
    store.set_answers(code, secret, "at_once")
    store.predict(code, seat, "3", "4")
    assert store.room(code).is_told("3", "4")
    assert not store.room(code).is_told("4", None)
    with pytest.raises(RoomError, match="stands as it is"):
        store.predict(code, seat, "3", "8")
    store.predict(code, seat, "4", LOOKED)
    assert store.own_predictions(code, seat) == {"3": "4", "4": LOOKED}


def test_a_closed_room_takes_nothing_and_opens_again_as_it_was(store: ClassStore) -> None:
    code, secret = store.open_room()
    seat = store.join(code)
    store.predict(code, seat, "1", "5")
    store.set_closed(code, secret, True)
    for act in (lambda: store.join(code), lambda: store.predict(code, seat, "1", "6")):
        with pytest.raises(RoomError, match="closed by its teacher"):
            act()
    assert store.join(code, seat) == seat  # to see what came of it
    assert len(store.predictions(code, secret)) == 1
    store.set_closed(code, secret, False)
    store.predict(code, seat, "1", "6")
    assert store.step_predictions(code, "1") == ("6",)


def test_counters_tell_the_teachers_acts_from_those_of_the_class(store: ClassStore) -> None:
    code, secret = store.open_room()
    before = store.counters(code)
    seat = store.join(code)
    store.predict(code, seat, "1", "5")
    after = store.counters(code)
    assert before
    assert after
    assert (after.version, after.changes) == (before.version, before.changes + 2)
    store.set_pace(code, secret, "free")
    moved = store.counters(code)
    assert moved
    assert (moved.version, moved.changes) == (before.version + 1, before.changes + 3)


def test_two_hundred_at_once_in_two_processes_lose_nothing(store: ClassStore) -> None:
    code, secret = store.open_room()
    errors: list[BaseException] = []

    def student(number: int) -> None:
        try:
            seat = store.join(code)
            store.predict(code, seat, "2", f"{number}")
            store.predict(code, seat, "2", f"{1000 + number}")
        except BaseException as error:
            errors.append(error)

    program = (
        "import sys\nfrom pathlib import Path\nfrom xception_lab.classroom.store import ClassStore\n"
        "store = ClassStore(Path(sys.argv[1]))\n"
        "for number in range(100):\n"
        "    store.predict(sys.argv[2], store.join(sys.argv[2]), '2', f'{2000 + number}')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(store.folder), code], cwd=ROOT) as other:
        threads = [threading.Thread(target=student, args=(number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (other.returncode, errors) == (0, [])
    kept = {int(text) for text in store.step_predictions(code, "2")}
    assert kept == {*range(1000, 1100), *range(2000, 2100)}
    assert {one.student for one in store.predictions(code, secret)} == set(range(1, 201))
    with pytest.raises(RoomError, match="is full: it has 200 seats"):
        store.join(code)


def test_what_was_answered_is_there_after_a_kill(store: ClassStore) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom xception_lab.classroom.store import ClassStore\n"
        "store = ClassStore(Path(sys.argv[1]))\ncode, secret = store.open_room()\nseat = store.join(code)\n"
        "store.predict(code, seat, '8', '-1:0.5')\nstore.reveal(code, secret, '7')\n"
        "print(code, secret, seat, flush=True)\nos.kill(os.getpid(), 9)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(store.folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    code, secret, seat = run.stdout.split()
    assert store.own_predictions(code, seat) == {"8": "-1:0.5"}
    assert store.room(code).revealed == {"7"}
    assert store.is_teacher(code, secret)
    assert store.join(code.lower(), seat) == seat


def test_rooms_are_bounded_and_old_ones_make_room(store: ClassStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_ROOMS", 3)
    (first, _), (second, secret), (third, _) = (store.open_room() for _ in range(3))
    store.join(second)
    with pytest.raises(RoomError, match="no more fit"):
        store.open_room()
    _age(store, first, EMPTY_ROOM_AGE_S + 60)
    _age(store, second, EMPTY_ROOM_AGE_S + 60)
    store.open_room()
    assert store.counters(first) is None
    assert store.counters(second), "somebody has joined it"
    _age(store, second, ROOM_AGE_S)
    store.open_room()
    assert store.counters(second) is None
    assert _rows(store, second) == 0
    assert store.counters(third)
    with pytest.raises(RoomError, match=f"no room {second}"):
        store.is_teacher(second, secret)


def test_a_full_database_takes_no_room_and_no_seat_but_predictions(
    store: ClassStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _secret = store.open_room()
    seat = store.join(code)
    monkeypatch.setattr(store_module, "MAX_BYTES", 4096)
    for act in (store.open_room, lambda: store.join(code)):
        with pytest.raises(RoomError, match="and no more fit"):
            act()
    store.predict(code, seat, "1", "5")


def _teachers_acts(store: ClassStore) -> dict[str, Callable[[str, str], object]]:
    return {
        "step": lambda code, secret: store.set_step(code, secret, "2"),
        "pace": lambda code, secret: store.set_pace(code, secret, "free"),
        "answers": lambda code, secret: store.set_answers(code, secret, "at_once"),
        "covered": lambda code, secret: store.set_covered(code, secret, True),
        "closed": lambda code, secret: store.set_closed(code, secret, True),
        "reveal": lambda code, secret: store.reveal(code, secret, "1"),
        "reset": lambda code, secret: store.reset(code, secret, "1"),
        "delete": lambda code, secret: store.delete(code, secret),
        "export": lambda code, secret: store.predictions(code, secret),
    }


@pytest.mark.parametrize("name", _teachers_acts(ClassStore(Path())))
def test_only_the_teacher_acts_as_the_teacher(store: ClassStore, name: str) -> None:
    code, _secret = store.open_room()
    _other, other_secret = store.open_room()
    seat = store.join(code)
    before = store.room(code)
    for wrong in ("", code, seat, other_secret, make_key(), "0" * 32, *HOSTILE_VALUES):
        with pytest.raises(RoomError, match="not the key of room"):
            _teachers_acts(store)[name](code, wrong)
        assert not store.is_teacher(code, wrong)
    assert store.room(code) == before


@pytest.mark.parametrize("text", HOSTILE_VALUES)
def test_hostile_texts_are_refused_with_a_sentence(store: ClassStore, text: str) -> None:
    code, secret = store.open_room()
    seat = store.join(code, text)
    assert seat != text
    before = store.room(code)
    with pytest.raises(RoomError, match="room"):
        store.join(text)
    with pytest.raises(RoomError, match="has no seat in room"):
        store.predict(code, text, "1", "5")
    with pytest.raises(RoomError, match="has no seat in room"):
        store.own_predictions(code, text)
    assert store.counters(text) is None
    for predict in (lambda: store.predict(code, seat, "1", text), lambda: store.predict(code, seat, text, "5")):
        try:
            predict()
        except RoomError:
            continue
        assert len(text) <= 24
        assert text.isascii()
    assert store.room(code).revealed == before.revealed
    assert len(store.predictions(code, secret)) <= 2


@given(st.text(max_size=200))
def test_a_code_is_repaired_or_none(text: str) -> None:
    code = repair_code(text)
    assert code is None or (len(code) == CODE_LENGTH and set(code) <= set(LETTERS) and repair_code(code) == code)


@given(st.lists(st.sampled_from([" ", "-", "", "\t"]), min_size=6, max_size=6), st.booleans())
def test_a_code_is_read_however_it_is_typed(gaps: list[str], is_lower: bool) -> None:
    code = make_code()
    typed = "".join(gap + letter for gap, letter in zip(gaps, code, strict=True))
    assert repair_code(typed.lower() if is_lower else typed) == code


def test_the_store_lets_nobody_in_who_reads_it(store: ClassStore) -> None:
    code, secret = store.open_room()
    seat = store.join(code)
    store.predict(code, seat, "1", "5")
    content = b"".join(path.read_bytes() for path in store.folder.iterdir())
    assert code.encode() in content
    assert secret.encode() not in content
    assert seat.encode() not in content


def test_a_damaged_database_is_set_aside_with_a_sentence(store: ClassStore, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _secret = store.open_room()
    for path in store.folder.iterdir():
        path.unlink()
    (store.folder / "class.sqlite").write_bytes(b"no database " * 1000)
    monkeypatch.setattr(store_module, "CHECK_S", 0.0)
    with pytest.raises(StoreError, match=r"set aside as class\.set-aside-.*: open a new room"):
        store.room(code)
    new, _secret = store.open_room()
    assert store.room(new).seats == 0


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used"):
        ClassStore(tmp_path / "file").open_room()


def test_waiting_for_news_is_cheap(store: ClassStore) -> None:
    code, _secret = store.open_room()
    for _ in range(40):
        store.join(code)
    started = time.perf_counter()
    for _ in range(200):
        store.counters(code)
    assert (time.perf_counter() - started) / 200 < 0.02  # it takes 0.3 ms; a busy machine is forgiven

"""A damaged database is set aside and made again; a later version's is left as it is; leases know no clock."""

import json
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from damage import flip_bit
from tiny_data import TINY

from xception_lab.common.home import StoreError
from xception_lab.experiments import lease as lease_module
from xception_lab.experiments.lease import LEASE_S, LeaseReader, lease_to_text, make_lease
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import SCHEMA_VERSION, Store, StoredExperiment
from xception_lab.training.checkpoint import Checkpoint, checkpoint_to_bytes
from xception_lab.training.records import EpochRecord

SPEC = ExperimentSpec("figure-9", 2, TINY)


def _records(run: int, count: int) -> tuple[EpochRecord, ...]:
    epochs = range(1, count + 1)
    return tuple(EpochRecord(epoch, 0.5 + run, 0.75, None, None, 0.001, 1234.5, 1.5 * epoch) for epoch in epochs)


def _fill(store: Store) -> str:
    """An experiment with a run that is done, one that is half done and two that have not begun. Returns its id."""
    import torch

    key = store.add(SPEC, "ada", 100)
    assert key
    for run, epochs in zip(store.experiment(key).runs, (2, 1), strict=False):
        records = _records(run.id, epochs)
        tested = torch.zeros(40 if epochs == 2 else 0, dtype=torch.int64)
        checkpoint = Checkpoint(run.spec, records, {"conv1.weight": torch.ones(3) * run.id}, {}, tested)
        store.record(run.id, records, checkpoint_to_bytes(checkpoint), len(tested), last=epochs == 2)
    return key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _without_notes(experiment: StoredExperiment) -> StoredExperiment:
    runs = tuple(
        replace(run, note="", state="queued" if run.state == "running" else run.state) for run in experiment.runs
    )
    return replace(experiment, runs=runs)


def _text(file: Path) -> None:
    file.write_text("once upon a time")


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()
    (file / "inside").write_text("kept")


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _header_alone(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])


def _garbage_inside(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = random.Random(0).randbytes(len(content) - 4096)
    file.write_bytes(content)


def _changed_value(file: Path) -> None:
    """A value that SQLite itself takes for a good one: a loss in a record."""
    content = file.read_bytes()
    place = content.index(struct.pack(">d", 1234.5))
    file.write_bytes(flip_bit(content, 8 * place + 20))


def _another_database(file: Path) -> None:
    file.unlink()
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE other (value)")


@pytest.mark.parametrize(
    "damage",
    [_text, _folder, _empty, _truncated, _header_alone, _garbage_inside, _changed_value, _another_database, os.unlink],
    ids=lambda damage: damage.__name__.strip("_"),
)
def test_a_damaged_database_is_set_aside_said_and_made_again(folder: Path, damage: object) -> None:
    store = Store(folder)
    key = _fill(store)
    before = _without_notes(store.experiment(key))
    file = folder / "runs.sqlite"
    assert not (folder / "runs.sqlite-wal").exists(), "at rest everything is in the one file"
    damage(file)  # type: ignore[operator]
    was_there = file.exists()
    again = Store(folder)
    if damage is _changed_value:  # noticed when it is read
        with pytest.raises(StoreError, match="the checksum of run"):
            again.experiment(key)
    else:
        assert "made again from the checkpoints" in again.notice
    after = again.experiment(key)
    assert _without_notes(after) == before
    assert all("made again from the checkpoints" in run.note for run in after.runs)
    aside = [path for path in folder.iterdir() if path.name.startswith("runs.set-aside-")]
    assert len(aside) == was_there
    if damage is _folder:
        assert (aside[0] / "inside").read_text() == "kept"
    # once
    assert Store(folder).notice == ""
    assert Store(folder).experiments() == (key,)


def test_a_database_that_is_damaged_while_it_is_in_use_is_made_again(folder: Path) -> None:
    store = Store(folder)
    key = _fill(store)
    _empty(folder / "runs.sqlite")
    with pytest.raises(StoreError, match=r"runs\.sqlite is empty"):
        store.experiments()
    assert store.experiments() == (key,)


def test_what_no_checkpoint_holds_is_read_from_the_damaged_database_where_its_checksum_is_right(folder: Path) -> None:
    store = Store(folder)
    key = _fill(store)
    done, half, waiting, last = store.experiment(key).runs
    store.move([waiting.id], "cancelled", "by hand")
    store.checkpoint_path(done.id).unlink()
    with closing(sqlite3.connect(folder / "runs.sqlite")) as db:
        db.execute("DROP TRIGGER run_changed")
        db.execute("UPDATE runs SET reason = 'a changed bit' WHERE id = ?", (last.id,))
        db.commit()
    with pytest.raises(StoreError, match=f"the checksum of run {last.id} is wrong"):
        store.experiment(key)
    runs = store.experiment(key).runs
    assert [(run.state, len(run.records), run.reason) for run in runs] == [
        ("done", 2, ""),
        ("queued", 1, ""),
        ("cancelled", 0, "by hand"),
        ("queued", 0, ""),
    ]
    assert runs[0].records == done.records
    assert runs[1].records == half.records


def test_a_store_of_a_later_version_is_left_as_it_is(folder: Path) -> None:
    key = _fill(Store(folder))
    with closing(sqlite3.connect(folder / "runs.sqlite")) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(StoreError, match=r"later version of the lab \(schema 4, this one reads up to 3\)"):
        Store(folder)
    assert {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    # also where the new number is in the write-ahead log alone
    with closing(sqlite3.connect(folder / "runs.sqlite")) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    copy = folder.parent / "copy"
    with closing(sqlite3.connect(folder / "runs.sqlite")) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 2}")
        shutil.copytree(folder, copy)
    content = (copy / "runs.sqlite").read_bytes()
    with pytest.raises(StoreError, match="schema 5"):
        Store(copy)
    assert (copy / "runs.sqlite").read_bytes() == content
    assert key


def test_backups_hold_what_the_readme_promises(folder: Path, tmp_path: Path) -> None:
    store = Store(folder)
    key = _fill(store)
    expected = _without_notes(store.experiment(key))
    # at rest, a copy of the folder
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    assert Store(whole).experiment(key) == store.experiment(key)
    # at any time, the folder checkpoints/ alone
    part = tmp_path / "part"
    shutil.copytree(folder / "checkpoints", part / "checkpoints")
    assert _without_notes(Store(part).experiment(key)) == expected
    # at any time, also while another process writes: SQLite's own backup
    backup = tmp_path / "backup"
    shutil.copytree(folder / "checkpoints", backup / "checkpoints")
    with closing(sqlite3.connect(folder / "runs.sqlite")) as db, closing(sqlite3.connect(backup / "runs.sqlite")) as to:
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE runs SET reason = 'half written'")
        with closing(sqlite3.connect(folder / "runs.sqlite")) as reader:
            reader.backup(to)
    assert Store(backup).experiment(key) == store.experiment(key)


def test_version_0_1_may_write_to_the_same_store(folder: Path) -> None:
    store = Store(folder)
    key = _fill(store)
    run = store.experiment(key).runs[2]
    with closing(sqlite3.connect(folder / "runs.sqlite")) as db:  # as it wrote: without checksums
        db.execute("INSERT INTO records VALUES (?, 1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, NULL, NULL)", (run.id,))
        db.execute("UPDATE runs SET state = 'running' WHERE id = ?", (run.id,))
        db.execute("UPDATE experiments SET keeper = 'old', lease_until = ? WHERE id = ?", (time.time() + 10, key))
        db.commit()
    after = store.experiment(key)
    assert after.runs[2].state == "running"
    assert len(after.runs[2].records) == 1
    assert after.is_leased
    assert not store.claim(key, "new")


@pytest.fixture
def key(folder: Path) -> str:
    return _fill(Store(folder))


def _lease_of_a_child() -> str:
    """A lease that a process took which is gone now."""
    code = "from xception_lab.experiments.lease import *; print(lease_to_text(make_lease('child')))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_lease_of_a_process_that_is_gone_is_free_at_once() -> None:
    text = _lease_of_a_child()
    assert LeaseReader().state("child", text, 0.0) == "free"
    assert LeaseReader().state("me", lease_to_text(make_lease("me")), 0.0) == "held"
    # another process has got its number
    mine = make_lease("me")
    reused = replace(mine, process=replace(mine.process, started="1"))
    assert LeaseReader().state("me", lease_to_text(reused), 0.0) == "free"


def test_no_clock_moves_a_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    text, now = lease_to_text(make_lease("me")), time.time()
    for day in (-86_400, 86_400):
        monkeypatch.setattr(lease_module.time, "time", lambda day=day: now + day)
        assert LeaseReader().state("me", text, now + LEASE_S) == "held"
        # nor does one of version 0.1 block for longer than it lasts
        assert LeaseReader().state("old", "", now + LEASE_S) == "free"


def test_a_lease_that_cannot_be_told_has_to_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = make_lease("other")
    container = lease_to_text(replace(mine, process=replace(mine.process, namespace="another", host="another")))
    machine = lease_to_text(replace(mine, process=replace(mine.process, boot="another", host="another")))
    earlier = lease_to_text(replace(mine, process=replace(mine.process, boot="another")))
    reader = LeaseReader()
    states = [reader.state("other", text, 0.0) for text in (container, machine, earlier, "", "[]")]
    assert states == ["perhaps", "perhaps", "free", "free", "free"]
    now_s = lease_module.boot_time_s()
    monkeypatch.setattr(lease_module, "boot_time_s", lambda: now_s + LEASE_S + 1)
    assert [reader.state("other", text, 0.0) for text in (container, machine)] == ["free", "free"]
    # one that was renewed meanwhile counts anew
    renewed = json.dumps([*json.loads(machine)[:2], 1e9])
    assert reader.state("other", renewed, 0.0) == "perhaps"


def test_a_keeper_that_has_lost_its_lease_stores_nothing(folder: Path, key: str) -> None:
    store = Store(folder)
    run = store.experiment(key).runs[1]
    before = store.checkpoint_path(run.id).read_bytes()
    assert store.claim(key, "new")
    assert not store.record(run.id, _records(9, 2), b"late", 1, last=True, keeper="old")
    assert store.experiment(key).runs[1] == run
    assert store.checkpoint_path(run.id).read_bytes() == before


def test_a_run_that_starts_anew_keeps_a_note_and_its_checkpoint_is_set_aside(folder: Path, key: str) -> None:
    store = Store(folder)
    run = store.experiment(key).runs[0]
    content = store.checkpoint_path(run.id).read_bytes()
    store.start_anew(run.id, "why")
    after = store.experiment(key).runs[0]
    assert (after.records, after.test_pictures, after.note) == ((), 0, "why")
    (aside,) = (folder / "checkpoints").glob(f"{run.id}.set-aside-*.safetensors")
    assert aside.read_bytes() == content

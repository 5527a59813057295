"""What is stored comes back; two processes, a full disk and an old lease do no harm."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from paths import ROOT
from tiny_data import TINY, environment

from xception_lab.common.home import StoreError
from xception_lab.experiments import lease as lease_module
from xception_lab.experiments import store as store_module
from xception_lab.experiments.lease import LEASE_S
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.training.records import EpochRecord

SPEC = ExperimentSpec("figure-9", 2, TINY)


def _record(epoch: int) -> EpochRecord:
    return EpochRecord(epoch, 0.5, 0.75, 0.6, 0.7, 0.001, 1234.5, 1.5 * epoch)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "home")


def _add(store: Store, owner: str = "ada") -> str:
    key = store.add(SPEC, owner, 100)
    assert key
    return key


def test_an_experiment_comes_back_as_it_was_also_in_a_new_store(store: Store) -> None:
    key = _add(store)
    run = store.experiment(key).runs[0]
    store.move([run.id], "running", of=("queued",))
    store.record(run.id, [_record(1)], b"one", 40, last=False)
    store.record(run.id, [_record(1), _record(2)], b"two", 40, last=True)
    again = Store(store.folder).experiment(key)
    assert (again.owner, again.spec) == ("ada", SPEC)
    assert [r.spec for r in again.runs] == list(SPEC.variants())
    assert again.runs[0].records == (_record(1), _record(2))
    assert [r.state for r in again.runs] == ["done", "queued", "queued", "queued"]
    assert again.runs[0].test_pictures == 40
    assert store.checkpoint_path(run.id).read_bytes() == b"two"


def test_what_one_owner_has_is_handed_over_whole_and_found_again(store: Store) -> None:
    first, second, other = _add(store, "new"), _add(store, "new"), _add(store, "bob")
    for owner in ("new", "ada"):
        store.note_upload("own-1", owner)
    store.note_upload("own-2", "new")
    store.hand_over("new", "ada")
    store.hand_over("nobody", "ada")
    assert (store.experiments("new"), set(store.experiments("ada"))) == ((), {first, second})
    assert store.experiments("bob") == (other,)
    with closing(sqlite3.connect(store.folder / "runs.sqlite")) as db:
        assert sorted(db.execute("SELECT name, owner FROM uploads")) == [("own-1", "ada"), ("own-2", "ada")]
    # a store that is made again finds them under their new owner
    (store.folder / "runs.sqlite").write_bytes(b"no database")
    again = Store(store.folder)
    assert {again.experiment(key).owner for key in (first, second)} == {"ada"}


def test_what_was_not_measured_comes_back_as_nothing(store: Store) -> None:
    run = store.experiment(_add(store)).runs[0]
    early = replace(_record(1), test_loss=None, test_accuracy=None, validation_loss=0.4, validation_accuracy=0.8)
    last = replace(_record(2), validation_loss=0.3, validation_accuracy=0.9)
    store.record(run.id, [early], b"", 0, last=False)
    store.record(run.id, [early, last], b"", 40, last=True)
    again = Store(store.folder).experiment(store.experiments()[0]).runs[0]
    assert (again.records, again.test_pictures) == ((early, last), 40)


def test_a_store_of_version_0_1_is_widened_once_and_keeps_its_records(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests/recorded/store", tmp_path, dirs_exist_ok=True)
    query = "SELECT run, epoch, train_loss, test_loss, test_accuracy, elapsed_s FROM records ORDER BY run, epoch"
    with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as db:
        before = db.execute(query).fetchall()
    assert len(before) > 5
    for _ in range(2):
        store = Store(tmp_path)
        with closing(sqlite3.connect(tmp_path / "runs.sqlite")) as db:
            assert db.execute(query).fetchall() == before
            assert db.execute("SELECT name FROM sqlite_master WHERE name LIKE '%narrow%'").fetchall() == []
        runs = [run for key in store.experiments() for run in store.experiment(key).runs]
        assert sum(len(run.records) for run in runs) == len(before)
        assert {record.validation_accuracy for run in runs for record in run.records} == {None}
    # and it takes what the narrow table refused
    run = next(run for run in runs if run.state == "queued")
    record = replace(_record(1), test_loss=None, test_accuracy=None, validation_accuracy=0.5)
    store.record(run.id, [record], b"", 0, last=False)
    stored = [one for key in store.experiments() for one in store.experiment(key).runs if one.id == run.id]
    assert stored[0].records == (record,)


def test_ids_cannot_be_guessed_and_the_newest_comes_first(store: Store) -> None:
    keys = [_add(store, owner) for owner in ("ada", "bob", "ada")]
    assert len({*keys}) == 3
    assert min(map(len, keys)) >= 16
    assert store.experiments() == tuple(reversed(keys))
    assert store.experiments("ada") == (keys[2], keys[0])
    with pytest.raises(KeyError):
        store.experiment("nothing")


def test_an_owner_has_a_cap_and_others_are_not_counted(store: Store) -> None:
    assert store.add(SPEC, "ada", 4)
    assert store.add(SPEC, "ada", 7) is None
    assert store.add(SPEC, "bob", 4)
    for run in store.experiment(store.experiments("ada")[0]).runs:
        store.move([run.id], "done")
    assert store.add(SPEC, "ada", 4)


def test_a_state_changes_only_from_where_it_may(store: Store) -> None:
    first, second, *_ = store.experiment(_add(store)).runs
    store.move([first.id], "cancelled", "by hand")
    store.move([first.id, second.id], "running", of=("queued",))
    assert store.states([first.id, second.id]) == {first.id: "cancelled", second.id: "running"}
    store.record(first.id, [_record(1)], b"", 1, last=True)
    assert store.states([first.id]) == {first.id: "cancelled"}


def test_more_seeds_leave_what_there_is(store: Store) -> None:
    key = _add(store)
    before = store.experiment(key).runs
    more = replace(SPEC, seeds=3)
    store.extend(key, more)
    after = store.experiment(key)
    assert after.spec == more
    assert after.runs[:4] == before
    assert [run.spec for run in after.runs] == list(more.variants())


def test_a_lease_keeps_others_away_until_it_runs_out(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    key = _add(store)
    assert not store.experiment(key).is_leased
    assert store.claim(key, "me")
    assert store.claim(key, "me")
    assert store.experiment(key).is_leased
    assert not store.claim(key, "you")
    now = lease_module.boot_time_s()
    monkeypatch.setattr(lease_module, "boot_time_s", lambda: now + LEASE_S + 1)
    assert not store.experiment(key).is_leased
    assert store.claim(key, "you")
    store.release(key, "me")
    assert store.experiment(key).is_leased
    store.release(key, "you")
    assert not store.experiment(key).is_leased


def test_a_full_disk_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.experiment(_add(store)).runs[0]

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module, "write_atomically", full)
    with pytest.raises(StoreError, match=r"the run store in .* failed: .*No space left on device"):
        store.record(run.id, [_record(1)], b"", 1, last=False)
    assert store.experiment(store.experiments()[0]).runs[0].records == ()


def test_a_full_database_is_said_and_nothing_is_half_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    key = _add(store)
    connect = Store._connect

    def small(self: Store) -> sqlite3.Connection:
        connection = connect(self)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(Store, "_connect", small)
    with pytest.raises(StoreError, match="database or disk is full"):
        store.add(ExperimentSpec("figure-9", 100, TINY), "ada", 1000)
    monkeypatch.undo()
    assert store.experiments() == (key,)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match=r"the run store in .* failed"):
        Store(tmp_path / "file" / "home")


WRITER = """
import sys
from tiny_data import TINY
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.training.records import EpochRecord
from xception_lab.experiments.store import Store
store = Store()
print("open", flush=True)
sys.stdin.readline()
for _ in range(15):
    key = store.add(ExperimentSpec("figure-9", 1, TINY), sys.argv[1], 1000)
    for run in store.experiment(key).runs:
        store.record(run.id, [EpochRecord(1, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)], sys.argv[1].encode(), 1, last=True)
"""


def test_two_processes_open_the_store_at_once_and_lose_nothing(tmp_path: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, owner],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(tmp_path),
        )
        for owner in ("ada", "bob")
    ]
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == b"open\n"
    for child in children:
        child.communicate(b"\n", timeout=60)
    assert [child.returncode for child in children] == [0, 0]
    store = Store(tmp_path)
    for owner in ("ada", "bob"):
        keys = store.experiments(owner)
        assert len(keys) == 15
        for key in keys:
            for run in store.experiment(key).runs:
                assert (run.state, len(run.records)) == ("done", 1)
                assert store.checkpoint_path(run.id).read_bytes() == owner.encode()

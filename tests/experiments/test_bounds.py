"""What a shared server refuses and cleans, and whose an experiment is."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_data import TINY, tiny_dataset

from xception_lab.common.settings import RunBounds, Settings, TrainingBounds, UploadBounds
from xception_lab.data.custom import save_dataset
from xception_lab.experiments import bounds
from xception_lab.experiments.bounds import BoundError, check_training, check_upload, clean, keep_upload
from xception_lab.experiments.ownership import (
    TERMINAL,
    control_hash,
    control_key,
    is_ownerless,
    is_secret,
    make_secret,
    opens,
    owner_of,
)
from xception_lab.experiments.scheduler import CANCELLED_BY_ANOTHER, LeaseHeldError, Scheduler, TooManyRunsError
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store

SPEC = ExperimentSpec("figure-9", 1, TINY)  # two runs
ADA = owner_of("a" * 32)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def _add(store: Store, owner: str = ADA, spec: ExperimentSpec = SPEC) -> str:
    key = store.add(spec, owner, 100)
    assert key
    return key


def _fill(store: Store, key: str, size: int = 1000) -> list[Path]:
    """Give the experiment's runs checkpoints, and end them."""
    runs = store.experiment(key).runs
    store.move([run.id for run in runs], "cancelled")
    for run in runs:
        store.checkpoint_path(run.id).write_bytes(b"x" * size)
    return [store.checkpoint_path(run.id) for run in runs]


# ---- whose ----


def test_the_store_has_the_hash_of_a_secret_and_a_key_opens_one_experiment_alone(store: Store) -> None:
    secret = make_secret()
    assert is_secret(secret)
    assert secret not in owner_of(secret)
    key = control_key(secret, "one")
    assert is_secret(key)
    assert secret not in key
    assert opens(key, control_hash(key))
    assert not opens(control_key(secret, "other"), control_hash(key))
    assert not opens(control_key(make_secret(), "one"), control_hash(key))
    assert not opens(key, "")
    for hostile in (None, "", "x", "é" * 32, key + "\n", key.upper()):
        assert not opens(hostile, control_hash(key))
    assert [is_ownerless(owner) for owner in (owner_of(secret), TERMINAL, "0SZi2hZIYgj", "")] == [
        False,
        False,
        True,
        True,
    ]
    experiment = _add(store)
    assert store.control(experiment) == ""
    store.set_control(experiment, control_hash(key))
    store.set_label(experiment, "first try")
    again = Store(store.folder).experiment(experiment)
    assert (again.label, again.control) == ("first try", control_hash(key))
    assert store.control("nothing") == ""


def test_a_stop_by_another_person_is_told_as_such(store: Store) -> None:
    key = _add(store)
    scheduler = Scheduler(store)
    scheduler.cancel(key, CANCELLED_BY_ANOTHER)
    assert scheduler.progress(key).reason == "stopped by another person, whom the owner had given control"


# ---- deleting ----


def test_what_is_deleted_is_gone_with_its_files_and_stays_gone(store: Store) -> None:
    key, other = _add(store), _add(store)
    files, kept = _fill(store, key), _fill(store, other)
    assert Scheduler(store).delete(key) == 2000
    assert store.experiments() == (other,)
    assert not any(file.exists() for file in files)
    assert all(file.exists() for file in kept)
    # a store that is made again of its files does not find it either
    (store.folder / "runs.sqlite").unlink()
    assert Store(store.folder).experiments() == (other,)
    with pytest.raises(KeyError):
        Scheduler(store).delete(key)


def test_what_another_process_trains_is_not_deleted(store: Store) -> None:
    key = _add(store)
    assert store.claim(key, "somebody")
    with pytest.raises(LeaseHeldError, match="stop it first"):
        Scheduler(store).delete(key)
    assert store.experiments() == (key,)


def test_a_summary_says_what_the_whole_experiment_does(store: Store) -> None:
    key = _add(store)
    _fill(store, key, 10)
    (summary,) = store.summaries(ADA)
    assert (summary.id, summary.runs, summary.state, summary.disk_bytes) == (key, 2, "cancelled", 20)
    assert store.summaries("nobody") == ()


# ---- bounds ----


def _refused(store: Store, settings: Settings, owner: str = ADA) -> str:
    with pytest.raises(BoundError) as refusal:
        check_training(store, settings, owner)
    check_training(store, settings, TERMINAL)  # the machine's own may
    return str(refusal.value)


def test_every_bound_of_training_is_said(store: Store) -> None:
    check_training(store, Settings(), ADA)
    assert (
        _refused(store, Settings(training=TrainingBounds(enabled=False))) == "training is switched off on this server"
    )
    _fill(store, _add(store), 600_000)
    assert "at most 1 experiments of one person are kept" in _refused(
        store, Settings(runs=RunBounds(experiments_per_person=1))
    )
    assert "the 1 MB that a person may have" in _refused(store, Settings(runs=RunBounds(megabytes_per_person=1)))
    assert "all checkpoints here take the 1 MB" in _refused(store, Settings(runs=RunBounds(megabytes=1)), "another")
    _add(store, "another")
    assert "at most 2 runs of all people" in _refused(store, Settings(training=TrainingBounds(most_waiting=2)))
    check_training(store, Settings(runs=RunBounds(0, 0, 0)), ADA)  # 0 is no bound


def test_the_scheduler_holds_to_the_settings_of_the_moment(store: Store) -> None:
    now = [Settings(training=TrainingBounds(enabled=False))]
    scheduler = Scheduler(store, settings=lambda: now[0])
    with pytest.raises(BoundError):
        scheduler.submit(SPEC, ADA)
    key = _add(store)
    with pytest.raises(BoundError):
        scheduler.resume(key)
    now[0] = Settings(training=TrainingBounds(most_waiting_per_person=3))
    with pytest.raises(TooManyRunsError, match="at most 3 runs"):
        scheduler.submit(SPEC, ADA)
    assert store.experiments() == (key,)


def test_uploads_are_counted_by_person_and_in_all(store: Store) -> None:
    name = save_dataset(tiny_dataset("tiny"), store.folder)
    path = store.folder / "data" / f"{name}.safetensors"
    keep_upload(store, name, ADA)
    keep_upload(store, name, ADA)
    assert store.upload_bytes(ADA) == store.upload_bytes() == path.stat().st_size
    assert store.upload_bytes("another") == 0
    with path.open("ab") as file:
        file.write(b"x" * 1_000_000)
    check_upload(store, Settings(), ADA)
    check_upload(store, Settings(uploads=UploadBounds(megabytes_per_person=1)), "another")
    for settings, said in (
        (UploadBounds(megabytes_per_person=1), "your pictures take the 1 MB"),
        (UploadBounds(megabytes=1), "all uploads here take the 1 MB"),
        (UploadBounds(enabled=False), "uploads are switched off"),
    ):
        with pytest.raises(BoundError, match=said):
            check_upload(store, Settings(uploads=settings), ADA)


def test_what_nobody_refers_to_is_cleaned_when_it_is_old(store: Store) -> None:
    used, unused, fresh = (
        save_dataset(replace(tiny_dataset("tiny"), name=name), store.folder) for name in ("used", "unused", "fresh")
    )
    _add(store, spec=replace(SPEC, base=replace(TINY, dataset=used)))
    keep_upload(store, unused, ADA)
    orphan = store.folder / "checkpoints" / "999.safetensors"
    orphan.write_bytes(b"x" * 50)
    data = {name: store.folder / "data" / f"{name}.safetensors" for name in (used, unused, fresh)}
    long_ago = time.time() - 31 * bounds.DAY_S
    for path in (data[used], data[unused], orphan):
        os.utime(path, (long_ago, long_ago))
    size = data[unused].stat().st_size
    assert clean(store, Settings(uploads=UploadBounds(keep_unused_days=0))) == 50
    assert clean(store, Settings()) == size
    assert [path.exists() for path in data.values()] == [True, False, True]
    assert store.upload_bytes(ADA) == 0
    assert clean(store, Settings()) == 0


def test_old_experiments_of_people_are_cleaned_only_where_the_settings_say_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xception_lab.experiments.store.time.time", lambda: 1e9)  # years ago
    old, terminals, trained, waiting = _add(store), _add(store, TERMINAL), _add(store), _add(store)
    monkeypatch.undo()
    for key in (old, terminals, trained):
        _fill(store, key)
    new = _add(store)
    _fill(store, new)
    assert store.claim(trained, "somebody")
    assert clean(store, Settings()) == 0
    assert clean(store, Settings(runs=RunBounds(keep_days=30))) == 2000
    assert set(store.experiments()) == {terminals, trained, waiting, new}

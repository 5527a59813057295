"""What a class trains from its room: its teacher sees it, stops it, goes on with it, deletes it; nobody else does."""

from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tiny_data import TINY
from visits import opened, ran
from waiting import until

from xception_lab.classroom.room import RoomError
from xception_lab.classroom.store import ClassStore
from xception_lab.experiments.ownership import make_secret, owner_of
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.training.records import EpochRecord
from xception_lab.ui.training import experiment as training
from xception_lab.ui.training import run_list

SPEC = ExperimentSpec("figure-9", 1, TINY)
SECRET = make_secret()


def _do_nothing(*_: object) -> None:
    pass


def _ten_minutes(_spec: ExperimentSpec) -> float:
    return 600.0


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    store = Store()
    scheduler = Scheduler(store)
    monkeypatch.setattr(Scheduler, "_enqueue", _do_nothing)
    monkeypatch.setattr(Scheduler, "is_ready", True)
    for module in (training, run_list):
        monkeypatch.setattr(module, "get_scheduler", lambda: scheduler)
    return store


def _words(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption, at.warning) for element in kind)


def _start(monkeypatch: pytest.MonkeyPatch, query: dict[str, str]) -> AppTest:
    """The training page after this person has pressed Start."""
    monkeypatch.setattr(training, "_estimate_s", _ten_minutes)
    at = opened("pages/training.py", {"dataset": "fashion", **query})
    at.session_state["_person"] = SECRET
    at.session_state["starting"] = True
    assert ("teacher of your class" in _words(ran(at))) == ("seat" in query)
    at.button(key="start").click()
    return ran(at)


def _teacher(code: str, secret: str, *, is_open: bool = True) -> AppTest:
    at = opened("pages/class.py", {"room": code, "key": secret})
    if is_open:
        at.session_state["class_runs"] = True
        ran(at)
    return at


def test_the_teacher_sees_and_moves_what_the_class_has_started(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    code, secret = ClassStore().open_room()
    ClassStore().join(code)
    seat = ClassStore().join(code)
    assert "class's runs" not in str(_teacher(code, secret, is_open=False))
    _start(monkeypatch, {})  # of nobody in the class
    _start(monkeypatch, {"room": code, "seat": seat})
    key, other = (summary.id for summary in store.summaries())
    assert ClassStore().experiments(code, secret) == {key: 2}
    at = _teacher(code, secret)
    assert "student 2" in _words(at)
    assert not any(other in (button.key or "") for button in at.button)
    assert store.claim(key, "a server")
    ran(at).button(key=f"stop_{key}").click()
    ran(at)
    assert {run.state for run in store.experiment(key).runs} == {"cancelled"}
    owner = opened("pages/training.py", {"run": key, "guess": "show"})
    assert "stopped by the teacher" in _words(owner)
    store.release(key, "a server")
    ran(at).button(key=f"go_on_{key}").click()
    ran(at)
    assert {run.state for run in store.experiment(key).runs} == {"queued"}
    store.move([run.id for run in store.experiment(key).runs], "cancelled")
    ran(at).button(key=f"delete_{key}").click()
    ran(at).button(key=f"really_delete_{key}").click()
    ran(at)
    assert store.experiments() == (other,)
    assert "student 2" not in _words(ran(at))  # what is gone is not listed


@pytest.mark.usefixtures("store")
def test_only_the_teacher_reads_the_list() -> None:
    code, secret = ClassStore().open_room()
    seat = ClassStore().join(code)
    ClassStore().add_experiment(code, seat, "a1")
    with pytest.raises(RoomError, match="only its teacher"):
        ClassStore().experiments(code, seat)
    with pytest.raises(RoomError, match="no seat"):
        ClassStore().add_experiment(code, secret, "a2")
    assert ClassStore().experiments(code, secret) == {"a1": 1}


def test_a_room_that_is_gone_keeps_nobody_from_training(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    code, secret = ClassStore().open_room()
    seat = ClassStore().join(code)
    ClassStore().delete(code, secret)
    _start(monkeypatch, {"room": code, "seat": seat})
    assert len(store.summaries()) == 1


@pytest.mark.usefixtures("store")
def test_an_estimate_waits_for_the_workers_and_is_given_up_when_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = replace(SPEC, seeds=5)  # estimated by no other test
    monkeypatch.setattr(training, "_estimate_s", _ten_minutes)
    monkeypatch.setattr(training, "POLL_S", 0.01)
    monkeypatch.setattr(Scheduler, "is_ready", False)
    assert training._estimated_s(spec) is None
    given_up = training._estimating(spec).future
    until(given_up.cancelled)
    assert training._estimated_s(spec) is None
    assert training._estimating(spec).future is not given_up
    monkeypatch.setattr(Scheduler, "is_ready", True)
    until(lambda: training._estimated_s(spec) == 600)


@pytest.mark.usefixtures("store")
def test_an_estimate_that_fails_says_so_and_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(SPEC, seeds=6)

    def fail(_spec: ExperimentSpec) -> float:
        raise ValueError("no such data")

    monkeypatch.setattr(training, "_estimate_s", fail)
    until(training._estimating(spec).future.done)
    with pytest.raises(ValueError, match="no such data"):
        training._estimated_s(spec)
    monkeypatch.setattr(training, "_estimate_s", _ten_minutes)
    until(lambda: training._estimated_s(spec) == 600)


def test_the_estimate_counts_what_shares_the_machine(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_estimate_s", _ten_minutes)
    assert "share the machine" not in training.estimate_text(SPEC)
    key = store.add(SPEC, owner_of(make_secret()), 100)
    assert key
    assert "share the machine" not in training.estimate_text(SPEC)  # nobody works on it
    assert store.claim(key, "a server")
    assert "share the machine: 1. It takes longer" in training.estimate_text(SPEC)  # before its first epoch
    run = store.experiment(key).runs[0]
    store.move([run.id], "running")
    store.record(run.id, [EpochRecord(1, 0.5, 0.5, None, None, 0.01, 10.0, 60.0)], b"x", 0, last=False)
    left_s = training.get_scheduler().progress(key).time_left_s
    assert left_s
    minutes = max(1.0, (600 + min(left_s, 600)) / 60)
    assert f"With them, up to **{minutes:.0f} min**" in training.estimate_text(SPEC)

"""Whose a run is on the page: the list of one's own, and what another person's link lets one do."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tiny_data import TINY
from visits import component_data, opened, ran

from xception_lab.common.settings import NAME
from xception_lab.experiments.ownership import TERMINAL, control_hash, control_key, is_secret, make_secret, owner_of
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.training.records import EpochRecord
from xception_lab.ui.training import experiment as training
from xception_lab.ui.training import run_list

SECRET = make_secret()
SPEC = ExperimentSpec("figure-9", 1, TINY)
PAGE = "pages/training.py"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    store = Store()
    scheduler = Scheduler(store)
    monkeypatch.setattr(Scheduler, "_enqueue", lambda *_: None)
    for module in (training, run_list):
        monkeypatch.setattr(module, "get_scheduler", lambda: scheduler)
    return store


def _add(store: Store, owner: str = owner_of(SECRET)) -> str:
    key = store.add(SPEC, owner, 100)
    assert key
    return key


def _list(person: str = SECRET, **query: str) -> AppTest:
    """The page of this person with the list open."""
    at = opened(PAGE, query)
    at.session_state["_person"] = person
    at.session_state["my_runs"] = True
    return ran(at)


def _words(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption, at.info, at.warning) for element in kind)


def _buttons(at: AppTest) -> list[str]:
    return [button.key for button in at.button]


def test_a_page_without_runs_asks_for_nobody() -> None:
    at = opened(PAGE)
    assert component_data(at, "page")["person"] is None
    at.session_state["my_runs"] = True
    assert is_secret(component_data(ran(at), "page")["person"])
    assert "No run yet" in _words(at)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_list_has_ones_own_and_nobody_elses(lang: str, store: Store) -> None:
    mine, theirs = _add(store), _add(store, owner_of(make_secret()))
    assert store.claim(mine, "a server")
    at = _list(lang=lang)
    assert f"stop_{mine}" in _buttons(at)
    assert not any(theirs in key for key in _buttons(at) if key)


def test_ones_own_is_labelled_stopped_gone_on_with_shared_and_deleted(store: Store) -> None:
    key = _add(store)
    run = store.experiment(key).runs[0]
    store.record(run.id, [EpochRecord(1, 0.5, 0.5, None, None, 0.01, 10.0, 1.0)], b"x" * 2_000_000, 0, last=False)
    assert store.claim(key, "a server")
    at = _list()
    at.text_input(key=f"label_{key}").set_value("<b>mine</b>\n").run()
    assert store.experiment(key).label == "<b>mine</b>"
    ran(at).button(key=f"stop_{key}").click()
    assert {run.state for run in store.experiment(ran(at) and key).runs} == {"cancelled"}
    store.release(key, "a server")
    assert r"\<b\>mine\</b\>" in _words(ran(at))
    assert "stopped, runs done: 0 of 2, 2.0 MB" in _words(at)
    at.button(key=f"share_{key}").click()
    ran(at)
    link = at.code[0].value
    assert link.endswith(f"?run={key}&control={control_key(SECRET, key)}")
    at.button(key=f"unshare_{key}").click()
    ran(at)
    assert store.control(key) == ""
    at.button(key=f"delete_{key}").click()
    ran(at).button(key=f"keep_{key}").click()
    assert store.experiments() == (ran(at) and key,)
    at.button(key=f"delete_{key}").click()
    ran(at).button(key=f"really_delete_{key}").click()
    ran(at)
    assert store.experiments() == ()


def test_another_persons_run_is_for_reading_unless_its_key_is_shared(store: Store) -> None:
    key = _add(store)
    store.move([run.id for run in store.experiment(key).runs], "cancelled")
    reader = opened(PAGE, {"run": key, "guess": "show"})
    assert "resume" not in _buttons(reader)
    assert "its link is for reading" in _words(reader)
    wrong = opened(PAGE, {"run": key, "guess": "show", "control": control_key(SECRET, key)})
    assert "resume" not in _buttons(wrong)
    assert "key gives no control" in _words(wrong)
    store.set_control(key, control_hash(control_key(SECRET, key)))
    shared = opened(PAGE, {"run": key, "guess": "show", "control": control_key(SECRET, key)})
    assert "resume" in _buttons(shared)
    assert component_data(shared, "page")["values"]["control"] == control_key(SECRET, key)
    store.move([run.id for run in store.experiment(key).runs], "queued", of=("cancelled",))
    assert store.claim(key, "a server")
    stopping = opened(PAGE, {"run": key, "guess": "show", "control": control_key(SECRET, key)})
    stopping.button(key="stop").click()
    assert "stopped by another person" in _words(ran(stopping))


def test_a_terminals_run_is_for_reading_and_one_of_an_earlier_version_is_as_it_was(store: Store) -> None:
    for owner, may in ((TERMINAL, False), ("0SZi2hZIYgj", True)):
        key = _add(store, owner)
        store.move([run.id for run in store.experiment(key).runs], "cancelled")
        assert ("resume" in _buttons(opened(PAGE, {"run": key, "guess": "show"}))) == may


@pytest.mark.usefixtures("store")
def test_a_run_that_is_not_found_stays_in_the_address_until_it_is_forgotten() -> None:
    at = opened(PAGE, {"run": "abc", "guess": "show"})
    assert component_data(at, "page")["values"]["run"] == "abc"
    assert component_data(ran(at), "page")["values"]["run"] == "abc"
    at.button(key="forget").click()
    assert "run" not in component_data(ran(at), "page")["values"]


def test_an_interrupted_run_says_so(store: Store) -> None:
    key = _add(store)
    assert "Interrupted" in _words(opened(PAGE, {"run": key, "guess": "show"}))


def test_what_the_browser_answers_is_checked() -> None:
    def page(sent: object) -> None:
        import streamlit as st

        from xception_lab.ui.shell.person import current_person, proposed_secret, remember_person

        before = current_person().secret
        remember_person(sent)
        st.session_state["found"] = (current_person().secret == before, current_person().is_kept, proposed_secret())

    for sent, same, kept in ((SECRET, False, True), ("", True, False), ("x", True, True), (7, True, True)):
        at = AppTest.from_function(page, args=(sent,)).run()
        assert at.session_state["found"][:2] == (same, kept)
        assert (at.session_state["found"][2] is None) == (not kept)


def test_what_was_started_before_the_browser_answered_is_the_persons(store: Store) -> None:
    def page(secret: str) -> None:
        import streamlit as st
        from tiny_data import TINY

        from xception_lab.experiments.ownership import owner_of
        from xception_lab.experiments.spec import ExperimentSpec
        from xception_lab.experiments.store import Store
        from xception_lab.ui.shell.person import current_person, remember_person

        before = current_person().owner
        key = Store().add(ExperimentSpec("figure-9", 1, TINY), before, 100)
        remember_person(secret)
        person = current_person()
        # a measurement is kept in memory alone, under the owner that it was asked for with
        st.session_state["owns"] = [person.owns(owner) for owner in (before, person.owner, owner_of("another"))]
        st.session_state["key"] = key

    at = AppTest.from_function(page, args=(SECRET,)).run()
    assert at.session_state["owns"] == [True, True, False]
    assert store.experiments(owner_of(SECRET)) == (at.session_state["key"],)


def test_bounds_and_a_bad_settings_file_are_sentences_on_the_page(store: Store) -> None:
    file = store.folder / NAME
    file.write_text("[training]\nenabled = false\n[measuring]\nenabled = false\n[uploads]\nenabled = false\n")
    at = opened(PAGE, {"dataset": "own"})
    at.session_state["starting"] = True
    ran(at)
    assert "uploads are switched off on this server" in _words(at)
    at = opened(PAGE, {"guess": "show"})
    at.session_state["starting"] = True
    assert "training is switched off on this server" in _words(ran(at))
    assert "start" not in _buttons(at)
    timing = opened("pages/timing.py")
    assert "Measuring is switched off on this server" in _words(timing)
    assert timing.button(key="measure").disabled
    file.write_text("[training]\nenabled = 3\n")
    assert "every bound is at its default" in _words(opened(PAGE))

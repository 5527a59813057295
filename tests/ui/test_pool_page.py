"""The pooled experiment's page: each takes one seed, all see the same interval, and no verdict comes early."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from tiny_data import TINY
from visits import opened

from xception_lab.experiments.pool import PoolStore
from xception_lab.experiments.progress import IDLE_QUEUE, Progress, make_progress
from xception_lab.experiments.results_file import load_stored_result
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.training.records import EpochRecord
from xception_lab.ui.training import experiment as experiment_page
from xception_lab.ui.training import pool as pool_page

SPEC = ExperimentSpec("figure-10", 2, TINY, first_seed=100)


class Bench:
    """A scheduler that trains nothing."""

    def submit(self, spec: ExperimentSpec, owner: str) -> str:
        key = Store().add(spec, owner, 100)
        assert key
        Store().claim(key, "the test")
        return key

    def progress(self, experiment: str) -> Progress:
        return make_progress(Store().experiment(experiment), IDLE_QUEUE)

    def prepare(self) -> None:
        """Nothing."""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(pool_page, "get_scheduler", Bench)
    monkeypatch.setattr(experiment_page, "get_scheduler", Bench)
    monkeypatch.setattr(pool_page, "SHARED_S", 0.0)
    pool_page._load.clear()


def _end(experiment: str, right: Callable[[str], float]) -> None:
    for run in Store().experiment(experiment).runs:
        accuracy = right(run.spec.xception.intermediate)
        records = tuple(EpochRecord(epoch, 1.0, 0.5, 1.0, accuracy, 0.01, 100.0, float(epoch)) for epoch in (1, 2))
        assert Store().record(run.id, records, b"checkpoint", 5000, last=True, keeper="the test")
    pool_page._load.clear()


def _seeds(at: AppTest) -> str:
    return "".join(html.proto.body for html in at.get("html") if "<li" in html.proto.body)


def test_a_student_takes_the_next_seed_and_the_verdict_waits_for_the_last() -> None:
    key = PoolStore().add(SPEC)
    ada = opened("pages/pool.py", {"pool": key})
    assert any("0 of 2 seeds are done" in each.value for each in ada.markdown)
    assert [button.label for button in ada.button if button.key == "take_part"] == ["**Train seed 100**"]
    ada.button(key="take_part").click().run()
    assert not ada.exception
    assert any("You are training **seed 100**" in each.value for each in ada.markdown)
    assert "100</b><span>" in _seeds(ada)
    assert "yours" in _seeds(ada)
    bob = opened("pages/pool.py", {"pool": key})
    assert "yours" not in _seeds(bob)
    bob.button(key="take_part").click().run()
    shares = PoolStore().pool(key).shares
    assert sorted(shares) == [100, 101]
    owners = {Store().experiment(experiment).owner for experiment in shares.values()}
    assert len(owners) == 2
    _end(shares[100], {"none": 0.9, "relu": 0.85, "elu": 0.9}.__getitem__)
    ada.run()
    assert any("1 of 2 seeds are done" in each.value for each in ada.markdown)
    assert not any("Harmful" in each.value for each in ada.markdown)
    _end(shares[101], {"none": 0.901, "relu": 0.852, "elu": 0.9}.__getitem__)
    late = opened("pages/pool.py", {"pool": key})
    assert any("ReLU between instead of nothing between" in each.value for each in late.markdown)
    assert not [button for button in late.button if button.key == "take_part"]


def test_the_stored_result_stands_behind_where_it_is_asked_for() -> None:
    key = PoolStore().add(ExperimentSpec("figure-10", 2))
    at = opened("pages/pool.py", {"pool": key})
    assert not at.toggle, "nothing to stand behind before the first seed"
    at.button(key="take_part").click().run()
    _end(PoolStore().pool(key).shares[0], {"none": 0.9, "relu": 0.85, "elu": 0.9}.__getitem__)
    at.run()

    def bars() -> list[dict[str, object]]:
        (chart,) = at.get("plotly_chart")
        shapes = json.loads(chart.proto.spec)["layout"]["shapes"]
        return [shape for shape in shapes if shape["type"] == "rect" and "yref" not in shape]

    assert not bars()
    at.toggle(key="pool_stored").set_value(True).run()
    stored = load_stored_result("figure-10")
    assert stored
    expected = [(effect.low, effect.high) for effect in stored.progress.effects().primary]
    assert [(bar["x0"], bar["x1"]) for bar in bars()] == expected
    assert any("12 seeds" in each.value for each in at.caption)


@pytest.mark.parametrize("key", ["", "none", "\ufffd", "x" * 5000, "../../etc"])
def test_no_such_pool_is_a_sentence_and_a_way_on(key: str) -> None:
    at = opened("pages/pool.py", {"pool": key} if key else {})
    assert not at.exception
    assert any("no such pooled experiment" in each.value for each in at.info)

"""Runs of the training lab on the Feature maps page: one choice for every view, from the store, the link or a file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.testing.v1 import AppTest
from visits import component_data, features_page
from weights import randomised

from xception_lab import TrainSpec, build_xception
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.features.layer_names import map_names
from xception_lab.spec import SMALL_XCEPTION
from xception_lab.training.checkpoint import Checkpoint, checkpoint_to_bytes
from xception_lab.ui.fields.features import LAYER

torch.set_num_threads(1)
TINY = replace(
    SMALL_XCEPTION,
    stem_channels=(4, 8),
    entry_channels=(8, 8),
    middle_blocks=3,
    middle_channels=8,
    exit_channels=(8, 8, 8),
)


@pytest.fixture(autouse=True, scope="module")
def _only_our_components() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BidiComponentManager, "discover_and_register_components", lambda *_, **__: None)
        yield


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str]]:
    """A store with one experiment of four runs, the last of which has no checkpoint yet."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XCEPTION_LAB_HOME", str(folder))
        store = Store(folder)
        spec = ExperimentSpec("two-differences", 1, TrainSpec(TINY, "fashion-mnist"))
        name = store.add(spec, "someone", 100)
        assert name
        for number, run in enumerate(store.experiment(name).runs[:3]):
            store.checkpoint_path(run.id).write_bytes(_checkpoint(run.spec, number))
        yield store, name


def _state(spec: TrainSpec, seed: int) -> dict[str, torch.Tensor]:
    return randomised(build_xception(spec.xception), seed).float().state_dict()


def _checkpoint(spec: TrainSpec, seed: int) -> bytes:
    return checkpoint_to_bytes(Checkpoint(spec, (), _state(spec, seed), {}, torch.zeros(4)))


def _weights(app: AppTest) -> list[list[float]]:
    """The kernels of the enlarged channel in each column."""
    panels = component_data(app)["detail"]["panels"]
    return [[value for grid in panel["kernel"]["grids"] for value in grid["values"]] for panel in panels]


def test_the_blocks_are_the_runs_and_the_other_orders_stand_beside_them(lab: tuple[Store, str]) -> None:
    store, name = lab
    app = features_page(filters="run", lab_run=f"{name}.0", channel="2")
    runs = store.experiment(name).runs
    assert [(run.spec.xception.order, run.spec.xception.intermediate) for run in runs[:3]] == [
        ("depthwise-first", "none"),
        ("depthwise-first", "relu"),
        ("pointwise-first", "none"),
    ]
    own, other = (_state(runs[number].spec, number) for number in (0, 2))
    assert [column["kind"] for column in component_data(app)["columns"]] == ["standard", "extreme", "separable"]
    stem, extreme, separable = _weights(app)
    strongest = np.sort(np.argsort(-np.abs(own["conv2.weight"][2].numpy()).sum((1, 2)))[:3])
    np.testing.assert_allclose(stem, own["conv2.weight"][2][strongest].ravel(), rtol=5e-3)
    np.testing.assert_allclose(extreme, other["block1.rep.0.conv1.weight"][2].ravel(), rtol=5e-3)
    np.testing.assert_allclose(separable, own["block1.rep.0.pointwise.weight"][2].ravel(), rtol=5e-3)
    assert not app.info


def test_a_run_without_its_like_in_the_other_order_stands_alone_and_says_so(lab: tuple[Store, str]) -> None:
    app = features_page(filters="run", lab_run=f"{lab[1]}.1")
    assert [column["kind"] for column in component_data(app)["columns"]] == ["standard", "separable"]
    assert "other order" in app.info[0].value


def test_the_layers_are_those_that_the_runs_network_has(lab: tuple[Store, str]) -> None:
    store, name = lab
    for number in (1, 2):
        app = features_page(look="network", network="run", lab_run=f"{name}.{number}", layer="block5")
        spec = store.experiment(name).runs[number].spec.xception
        (slider,) = [slider for slider in app.select_slider if slider.key == "layer"]
        assert tuple(slider.options) == map_names(spec, 28)
        assert slider.value == "block5"
        assert not app.info
    places = features_page(look="reach", network="run", lab_run=f"{name}.2", layer="block2")
    assert len(next(s for s in places.select_slider if s.key == "row").options) == 7


def test_every_layer_of_the_labs_variants_can_be_asked_for() -> None:
    layers = LAYER.texts
    for middle in range(4):
        for between in ("none", "relu", "elu"):
            for order in ("depthwise-first", "pointwise-first"):
                spec = replace(TINY, middle_blocks=middle, intermediate=between, order=order, residual=middle != 2)
                assert set(map_names(spec, 28)) <= set(layers)
        assert set(map_names(replace(TINY, middle_blocks=middle, convolution="standard"), 28)) <= set(layers)


def test_a_layer_or_a_position_that_the_network_lacks_is_repaired_with_a_note(lab: tuple[Store, str]) -> None:
    app = features_page(look="reach", network="run", lab_run=f"{lab[1]}.0", layer="block1.rep.0.act", row="200")
    notes = [note.value for note in app.info]
    assert any("block1.rep.0.act" in note and "`block1.rep.0.conv1`" in note for note in notes)
    assert any("`row=200`" in note and "`27`" in note for note in notes)


@pytest.mark.parametrize("where", [{"filters": "run"}, {"look": "network", "network": "run"}])
@pytest.mark.parametrize("missing", ["{name}.3", "{name}.99", "{name}.", "nobody.0", "../../etc.0", "file"])
def test_a_run_that_is_gone_gets_a_note(lab: tuple[Store, str], where: dict[str, str], missing: str) -> None:
    lab_run = missing.format(name=lab[1])
    app = features_page(lab_run=lab_run, **where)
    assert ("No run is here yet" if lab_run == "file" else "not on this server") in app.info[0].value
    assert component_data(app)["columns"]
    assert not app.error


def test_a_run_that_does_not_fit_is_said(lab: tuple[Store, str]) -> None:
    store, name = lab
    path = store.checkpoint_path(store.experiment(name).runs[0].id)
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-9])
        for where in ({"filters": "run"}, {"look": "network", "network": "run"}):
            app = features_page(lab_run=f"{name}.0", **where)
            assert "its checksum is wrong" in app.error[0].value
            assert component_data(app)["columns"]
    finally:
        path.write_bytes(whole)


def test_a_strangers_runs_are_not_offered(lab: tuple[Store, str]) -> None:
    app = features_page(filters="run")
    assert not app.selectbox
    app = features_page(filters="run", lab_run=f"{lab[1]}.1")
    assert len(app.selectbox[0].options) == 4  # three runs and a file


def test_the_store_is_not_a_page_that_breaks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path / "file"))
    app = features_page(filters="run", lab_run="some.0")
    assert component_data(app)["columns"]
    assert "not on this server" in app.info[0].value

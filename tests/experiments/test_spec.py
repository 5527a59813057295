"""Presets and grids as data: what runs they make, and that they survive JSON."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples
from tiny_data import TINY, tiny_dataset

from xception_lab import network_cost
from xception_lab.experiments.estimate import estimate_s
from xception_lab.experiments.spec import MAX_RUNS, PRESETS, ExperimentSpec, experiment_spec_from_json, level_of
from xception_lab.spec import SMALL_XCEPTION, TrainSpec
from xception_lab.training import loop as training
from xception_lab.training import tensors
from xception_lab.training.records import train_spec_to_dict


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tensors, "load_dataset", tiny_dataset)
    tensors.load_pictures.cache_clear()
    yield
    tensors.load_pictures.cache_clear()


@pytest.mark.parametrize(
    ("preset", "cells"),
    [
        ("two-differences", {(o, i) for o in ("depthwise-first", "pointwise-first") for i in ("none", "relu")}),
        ("figure-10", {("none",), ("relu",), ("elu",)}),
        ("figure-9", {(True,), (False,)}),
        ("conjecture", {(depth, i) for depth in (None, 2, 4, 8, 16) for i in ("none", "relu")}),
        ("batch-norm", {(norm, i) for norm in ("last", "every") for i in ("none", "relu", "elu")}),
        ("dose", {(slope,) for slope in (1.0, 0.5, 0.2, 0.1, 0.0)}),
    ],
)
def test_a_preset_makes_every_combination_on_every_seed(preset: str, cells: set[tuple[object, ...]]) -> None:
    experiment = ExperimentSpec(preset, 3)
    runs = experiment.variants()
    names = [name for name, _ in experiment.levels]
    found = [(run.seed, tuple(level_of(run, name) for name in names)) for run in runs]
    assert {*found} == {(seed, cell) for seed in range(3) for cell in cells}
    assert len(found) == 3 * len(cells)
    # a seed's comparison is complete before the next one begins
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    assert experiment.variants(5)[: len(runs)] == runs
    for run in runs:
        assert network_cost(run.xception, 28, 28).params > 0


def test_every_preset_states_its_question_and_where_the_paper_raises_it() -> None:
    for name, preset in PRESETS.items():
        assert preset.question.endswith("?")
        assert bool(preset.paper_section) == (name != "own")
    assert ExperimentSpec("figure-10").paper_section == "4.7"


def test_the_small_networks_differ_in_nothing_but_what_is_asked() -> None:
    costs = {
        (level_of(cell, "order"), level_of(cell, "intermediate")): network_cost(cell.xception, 28, 28)
        for cell in ExperimentSpec().cells()
    }
    assert costs["depthwise-first", "none"].params == costs["depthwise-first", "relu"].params
    assert costs["pointwise-first", "none"].macs == costs["pointwise-first", "relu"].macs
    assert 80_000 <= network_cost(SMALL_XCEPTION, 28, 28).params <= 190_000


def test_a_grid_of_ones_own_reaches_run_and_network() -> None:
    grid = (("batch_size", (8, 16)), ("stem_channels", ((4, 8), (8, 8))), ("segments", (None, 2)))
    runs = ExperimentSpec("own", 1, TINY, grid).variants()
    assert len(runs) == 8
    assert {(run.batch_size, run.xception.stem_channels, run.xception.segments) for run in runs} == {
        (batch, stem, segments) for batch in (8, 16) for stem in ((4, 8), (8, 8)) for segments in (None, 2)
    }


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"preset": "figure-11"}, "preset='figure-11': must be one of 'two-differences', "),
        ({"seeds": 0}, "seeds=0: must be a whole number from 1 to 100"),
        ({"first_seed": -1}, "first_seed=-1: must be a whole number of at least 0"),
        ({"seeds": True}, "seeds=True: must be a whole number"),
        ({"grid": (("order", ("depthwise-first",)),)}, "grid=(('order'"),
        ({"preset": "own"}, "grid=(): belongs to preset='own', which needs one"),
        ({"preset": "own", "grid": (("colour", (1, 2)),)}, "grid field 'colour': must be one of stem_channels, "),
        ({"overrides": (((), (("colour", 1),)),)}, "overrides field 'colour': must be one of stem_channels, "),
        ({"preset": "own", "grid": (("dropout", (0.1, 0.1)),)}, "grid dropout=(0.1, 0.1): must be named once"),
        ({"preset": "own", "grid": (("segments", (1, 5)),)}, "segments=5: must divide"),
        (
            {"preset": "own", "seeds": 100, "grid": (("epochs", (1, 2, 3, 4, 5)),)},
            f"seeds=100: makes 500 runs, must make at most {MAX_RUNS}",
        ),
    ],
)
def test_a_bad_field_is_named_with_its_value_and_rule(change: dict[str, object], rule: str) -> None:
    with pytest.raises(ValueError, match=r"must|belongs") as caught:
        replace(ExperimentSpec(base=TINY), **change)
    assert str(caught.value).startswith(rule)


@examples(40)
@given(
    st.sampled_from([name for name in PRESETS if name != "own"]),
    st.integers(1, 20),
    st.integers(1, 9),
    st.floats(0, 0.9),
)
def test_an_experiment_survives_json(preset: str, seeds: int, epochs: int, dropout: float) -> None:
    base = TrainSpec(replace(SMALL_XCEPTION, dropout=dropout), epochs=epochs)
    experiment = ExperimentSpec(preset, seeds, base)
    assert experiment_spec_from_json(experiment.to_json()) == experiment
    own = ExperimentSpec("own", 1, base, (("entry_channels", ((8, 64), (16, 64))), ("segments", (None, 2))))
    assert experiment_spec_from_json(own.to_json()) == own


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "own"])
def test_first_seed_and_overrides_survive_json_and_reach_the_runs(preset: str) -> None:
    plain = ExperimentSpec(preset, 2)
    first, *others = plain.settings()
    spec = replace(
        plain, first_seed=100, overrides=((first, (("learning_rate", 0.5), ("exit_channels", (96, 128, 192)))),)
    )
    assert experiment_spec_from_json(spec.to_json()) == spec
    assert {run.seed for run in spec.variants()} == {100, 101}
    assert (spec.cell(first).learning_rate, spec.cell(first).xception.exit_channels) == (0.5, (96, 128, 192))
    assert all(spec.cell(setting) == plain.cell(setting) for setting in others)


def test_a_conjecture_of_version_0_1_keeps_the_grid_that_it_had() -> None:
    old = json.dumps({"preset": "conjecture", "seeds": 2, "grid": [], "base": train_spec_to_dict(TrainSpec())})
    spec = experiment_spec_from_json(old)
    assert spec.preset == "own"
    found = {(run.xception.order, run.xception.segments, run.xception.intermediate) for run in spec.variants()}
    assert found == {("pointwise-first", s, i) for s in (1, 4, 16, None) for i in ("none", "relu")}
    assert experiment_spec_from_json(spec.to_json()) == spec


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"grid": 3}', "3"])
def test_other_text_is_no_experiment(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        experiment_spec_from_json(text)


def test_the_estimate_of_workers_that_share_a_device_is_by_their_speed_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "estimate_run_s", lambda spec: 10.0 * spec.epochs)
    experiment = ExperimentSpec("figure-9", 20, replace(TINY, epochs=1))
    runs = len(experiment.variants())
    assert estimate_s(experiment, 4, 2.0) == 10 * runs / 2
    # each of them is slower than alone
    assert estimate_s(experiment, 10 * runs, runs) == 10 * 10


@pytest.mark.usefixtures("_tiny")
def test_the_estimate_shares_the_runs_among_the_workers() -> None:
    experiment = ExperimentSpec("figure-9", 20, TINY)
    one, two = estimate_s(experiment, 1), estimate_s(experiment, 20)
    assert 0 < two < one


def test_the_estimate_times_what_takes_equally_long_once(monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[TrainSpec] = []

    def ten_seconds_an_epoch(spec: TrainSpec) -> float:
        timed.append(spec)
        return 10.0 * spec.epochs

    monkeypatch.setattr(training, "estimate_run_s", ten_seconds_an_epoch)
    grid = (("learning_rate", (0.1, 0.2)), ("epochs", (1, 3)), ("residual", (True, False)))
    assert estimate_s(ExperimentSpec("own", 2, TINY, grid), 1) == 2 * 2 * 2 * 10 * (1 + 3)
    assert len(timed) == 2

"""The training lab's controls make valid experiments, whatever they stand at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from states import GRID_KEYS, TRAIN_KEYS, experiment_spec
from strategies import examples

from xception_lab.experiments.spec import MAX_UNFINISHED, level_of
from xception_lab.ui.fields.registry import FIELDS, fit_texts


@examples(300)
@given(st.fixed_dictionaries({key: st.sampled_from(FIELDS[key].texts) for key in TRAIN_KEYS}))
def test_every_state_of_the_controls_is_an_experiment_that_may_be_queued(values: dict[str, str]) -> None:
    values = fit_texts(values)
    spec = experiment_spec(values, "own-0123456789abcdef")
    assert spec
    assert spec.preset == values["preset"]
    assert 1 <= len(spec.variants()) <= MAX_UNFINISHED
    assert spec.base.dataset == ("own-0123456789abcdef" if values["dataset"] == "own" else values["dataset"])
    if values["preset"] != "own":
        return
    # each run has, of every field, a value that its control names, and each named value is in some run
    for key in GRID_KEYS:
        levels = {level_of(run, key.removeprefix("grid_")) for run in spec.variants()}
        words = {"max": None, "true": True, "false": False}
        expected = {words.get(word, word) for word in values[key].split(",")}
        assert {str(value) for value in levels} == {str(value) for value in expected}


def test_without_a_picture_of_ones_own_there_is_no_experiment_yet() -> None:
    values = {key: FIELDS[key].default for key in TRAIN_KEYS}
    assert experiment_spec(values, None)
    assert experiment_spec({**values, "dataset": "own"}, None) is None


@pytest.mark.parametrize(("seeds", "fits"), [("3", "3"), ("10", "2")])
def test_a_large_grid_leaves_fewer_seeds(seeds: str, fits: str) -> None:
    values = {key: FIELDS[key].default for key in TRAIN_KEYS}
    grid = {key: max(FIELDS[key].texts, key=lambda option: option.count(",")) for key in GRID_KEYS}
    whole = fit_texts({**values, **grid, "grid_residual": "true", "preset": "own", "seeds": seeds})
    assert whole["seeds"] == fits if fits == "2" else int(whole["seeds"]) <= 3

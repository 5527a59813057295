"""Whatever the text, a control ends on one of its options, and the options together always make a comparison."""

import dataclasses
import random
from typing import Any

import pytest
from hostile import HOSTILE_VALUES
from hypothesis import example, given
from hypothesis import strategies as st
from states import BLOCK_KEYS, compare_spec
from strategies import examples

from xception_lab import block_cost
from xception_lab.spec import KINDS
from xception_lab.ui.compare.blocks import specs_ahead
from xception_lab.ui.compare.presets import PRESETS
from xception_lab.ui.fields.compare import BlocksState, CompareState, StartState
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.fields.field import read_state, state_keys, state_texts
from xception_lab.ui.fields.network import NetworkState
from xception_lab.ui.fields.registry import FIELDS, fit_state, fit_texts, nearest_option, options_of
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.fields.training import TrainingState

TEXTS = (
    st.text(max_size=20)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.integers(0, 3000).map(str)
    | st.sampled_from(HOSTILE_VALUES)
    | st.sampled_from(sorted({option for field in FIELDS.values() for option in field.texts}))
)
VALUES = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, TEXTS))


@examples(1000)
@given(value=TEXTS, key=st.sampled_from(tuple(FIELDS)), data=st.data())
def test_the_nearest_value_is_an_option(value: str, key: str, data: st.DataObject) -> None:
    available = data.draw(st.sets(st.sampled_from(FIELDS[key].texts))) | {FIELDS[key].default}
    options = tuple(text for text in FIELDS[key].texts if text in available)
    used = nearest_option(value, options, FIELDS[key].default)
    assert used in options
    assert nearest_option(used, options, FIELDS[key].default) == used
    if value in options:
        assert used == value


@examples(500)
@given(
    value=st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6), key=st.sampled_from(("in_channels", "size", "stride"))
)
def test_a_number_goes_to_the_nearest_number(value: float, key: str) -> None:
    options = FIELDS[key].texts
    used = nearest_option(str(value), options, FIELDS[key].default)
    assert abs(int(used) - value) == min(abs(int(option) - value) for option in options)


@pytest.mark.parametrize(
    ("key", "value", "used"),
    [
        ("kernel_size", "٣", "3"),
        ("kernel_size", "²", "3"),
        ("in_channels", "²", "64"),
        ("in_channels", "1e309", "2048"),
        ("in_channels", "-0", "1"),
        ("in_channels", "-1e309", "1"),
        ("in_channels", "nan", "64"),
        ("in_channels", "9" * 5000, "2048"),
        ("in_channels", "", "64"),
        ("in_channels", "65", "64"),
        ("in_channels", "64\0", "64"),
        ("padding", "VALID", "valid"),
        ("padding", "9", "3"),
        ("bias", "True", "true"),
        ("bias", "1", "false"),
        ("batch_norm", "__proto__", "last"),
        ("segments", "MAX", "max"),
        ("segments", "3", "2"),
        ("segments", "five", "max"),
        ("convention", "flops", "FLOPs"),
    ],
)
def test_repairs_by_hand(key: str, value: str, used: str) -> None:
    assert fit_texts({key: value})[key] == used


@pytest.mark.parametrize("channels", ["8", "128", "728"])
def test_as_many_segments_as_channels_is_one_a_channel(channels: str) -> None:
    # the paper's Figure 4 by its number, as BlockSpec(segments=out_channels) takes it too
    assert fit_texts({"out_channels": channels, "segments": channels})["segments"] == "max"


@examples(300)
@given(values=VALUES)
@example(values={"size": "7", "kernel_size": "7", "padding": "valid", "dilation": "4"})
@example(values={"out_channels": "8", "segments": "64"})
def test_fitted_values_are_options_and_stay(values: dict[str, str]) -> None:
    fit = fit_texts(values)
    assert fit.keys() == values.keys()
    for key, value in fit.items():
        assert value in options_of(key, fit)
    assert fit_texts(fit) == fit
    compare_spec(values)


def _cost_everything(values: dict[str, str]) -> None:
    """Every block of the spec that these values ask for can be built and costed."""
    spec = compare_spec(values)
    assert values.keys() <= FIELDS.keys()
    for kind in KINDS:
        assert block_cost(spec.block(kind), spec.size, spec.size, spec.batch_size).macs > 0


def test_every_sampled_combination_of_options_is_a_comparison() -> None:
    dice = random.Random(20170407)
    for _ in range(3000):
        values: dict[str, str] = {}
        for key in BLOCK_KEYS:
            # the ends are where a kernel outgrows its picture
            options = options_of(key, values)
            values[key] = dice.choice((dice.choice(options), options[0], options[-1]))
        assert fit_texts(values) == values, "an option that is offered is not taken away"
        _cost_everything(values)


def test_the_smallest_picture_takes_every_kernel_padding_and_dilation() -> None:
    for kernel_size in FIELDS["kernel_size"].texts:
        for padding in FIELDS["padding"].texts:
            values = {"size": "7", "kernel_size": kernel_size, "padding": padding}
            offered = options_of("dilation", values)
            for dilation in FIELDS["dilation"].texts:
                # "same" pads what the kernel needs; else the taps span dilation * (kernel_size - 1) + 1 pixels
                room = 7 + 2 * {"same": 99, "valid": 0, "1": 1, "2": 2, "3": 3}[padding]
                assert (dilation in offered) == (int(dilation) * (int(kernel_size) - 1) + 1 <= room)
            for dilation in offered:
                _cost_everything(values | {"dilation": dilation})


@pytest.mark.parametrize("key", FIELDS)
def test_a_field_is_sound(key: str) -> None:
    field = FIELDS[key]
    assert field.key == key
    assert field.default in field.texts
    assert len(set(field.texts)) == len(field.texts)
    assert fit_texts({key: field.default}) == {key: field.default}
    numbers = [int(option) for option in field.texts if option.isdigit()]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_needs_no_repair(name: str) -> None:
    assert fit_texts(PRESETS[name]) == PRESETS[name]
    assert PRESETS[name].keys() <= set(BLOCK_KEYS)
    _cost_everything(PRESETS[name])


def test_the_default_values_are_the_engines_defaults() -> None:
    from xception_lab.spec import CompareSpec

    assert compare_spec({}) == CompareSpec()


@examples(100)
@given(values=VALUES)
def test_the_steps_ahead_are_here_and_the_neighbours(values: dict[str, str]) -> None:
    fit = fit_texts({key: values.get(key, FIELDS[key].default) for key in BLOCK_KEYS})
    keys = ("in_channels", "out_channels", "kernel_size", "size", "segments")
    ahead = specs_ahead(read_state(BlocksState, fit), tuple(FIELDS[key] for key in keys))
    assert tuple(ahead) == keys
    for key, steps in ahead.items():
        options = options_of(key, fit)
        here = options.index(fit[key])
        assert [options.index(option) - here for option in steps] == [
            d for d in (-1, 0, 1) if 0 <= here + d < len(options)
        ]
        assert all(spec == compare_spec(fit | {key: option}) for option, spec in steps.items())


@examples(100)
@given(values=VALUES, state=st.sampled_from((CompareState, TimingState, FeaturesState, TrainingState, NetworkState)))
def test_a_state_and_its_texts_are_each_others_inverse(values: dict[str, str], state: type[Any]) -> None:
    found = fit_state(state, values)
    assert read_state(state, state_texts(found)) == found
    assert fit_texts(state_texts(found)) == state_texts(found)


@pytest.mark.parametrize("state", [StartState, CompareState, TimingState, FeaturesState, TrainingState, NetworkState])
def test_an_attribute_of_a_state_is_named_as_its_field(state: type[Any]) -> None:
    assert tuple(attribute.name for attribute in dataclasses.fields(state)) == state_keys(state)
    assert state() == fit_state(state, {})

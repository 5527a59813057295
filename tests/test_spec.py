"""Every invalid spec raises ValueError naming field, value and rule; nothing else ever escapes."""

from dataclasses import FrozenInstanceError, fields
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import block_specs, examples, xception_specs

from xception_lab import BlockSpec, XceptionSpec
from xception_lab.spec import ACTIVATIONS, BATCH_NORMS, KINDS, ORDERS, CompareSpec

NAN = float("nan")
INF = float("inf")
# past the largest float: comparing is fine, converting overflows
HUGE = 10**400

NOT_WHOLE = [
    True,
    False,
    1.0,
    1.5,
    NAN,
    INF,
    "3",
    "",
    None,
    [1],
    (1,),
    {1: 1},
    b"1",
    1j,
    object,
    Decimal(3),
    Fraction(3, 1),
    np.int64(3),
    np.ones(2),
]
NOT_FLAG = [0, 1, 1.0, "true", "", None, [], NAN, np.bool_(True)]
NOT_WORD = ["", "Relu", "RELU", " relu", "자", 0, 1.0, NAN, None, True, [], ["relu"], ("relu",), {}, b"relu", object]
NOT_REAL = [True, False, NAN, INF, -INF, HUGE, -HUGE, "0.5", None, [0.5], 1j, Decimal("0.5"), object]

Case = tuple[dict[str, Any], str, object, str]


def _each(base: dict[str, Any], field: str, values: list[Any], rule: str) -> list[Case]:
    return [({**base, field: value}, field, value, rule) for value in values]


def _block_cases() -> list[Case]:
    standard = {"kind": "standard"}
    cases = _each({}, "kind", [v for v in NOT_WORD if v != "none"], "one of 'standard', 'extreme', 'separable'")
    for field in ("in_channels", "out_channels", "kernel_size", "stride", "dilation", "depth_multiplier"):
        cases += _each({"kind": "separable"}, field, [*NOT_WHOLE, 0, -1, -HUGE], "whole number of at least 1")
    cases += _each(standard, "padding", [v for v in NOT_WHOLE if not isinstance(v, str)], "whole number of at least 0")
    cases += _each(standard, "padding", [-1, -HUGE], "whole number of at least 0")
    cases += _each(standard, "padding", ["", "SAME", "full", "1"], "one of 'same', 'valid'")
    for kernel_size in (2, 4, 10):
        cases += _each(
            {"kind": "standard", "kernel_size": kernel_size}, "padding", ["same"], f"got kernel_size={kernel_size}"
        )
    cases += _each(standard, "bias", [*NOT_FLAG, "first", "LAST"], "True, False or 'last'")
    cases += _each(standard, "batch_norm", [*NOT_WORD, "first"], "one of 'none', 'last', 'every'")
    cases += _each(standard, "activation", [*NOT_WORD, "gelu"], "one of 'none', 'relu', 'elu'")
    for kind in ("extreme", "separable"):
        words = [v for v in [*NOT_WORD, "gelu"] if v is not None]
        cases += _each({"kind": kind}, "intermediate", words, "one of 'none', 'relu', 'elu'")
        rest = [v for v in [*NOT_WHOLE, 0, -1, -HUGE] if v is not None]
        cases += _each({"kind": kind}, "segments", rest, "whole number of at least 1")
    cases += _each(standard, "intermediate", ["none", "relu", "elu", "gelu", 0, False], "use None")
    for kind in ("standard", "extreme"):
        cases += _each({"kind": kind}, "depth_multiplier", [2, 3], "must be 1 unless kind='separable'")
    for kind in ("standard", "separable"):
        cases += _each({"kind": kind}, "segments", [1, 2, 128], "must be None unless kind='extreme'")
    cases += _each({"kind": "extreme"}, "segments", [3, 129, 256, HUGE], "must divide out_channels=128")
    return cases


def _xception_cases() -> list[Case]:
    cases: list[Case] = []
    for field in ("in_channels", "num_classes", "middle_channels"):
        cases += _each({}, field, [*NOT_WHOLE, 0, -1], "whole number of at least 1")
    cases += _each({}, "middle_blocks", [*NOT_WHOLE, -1, -HUGE], "whole number of at least 0")
    not_tuples: list[Any] = [(), [32, 64], 32, "32", None, {32, 64}, NAN, np.array([32, 64])]
    cases += _each({}, "stem_channels", [*not_tuples, (32,), (32, 64, 64)], "a tuple of 2 channel counts")
    cases += _each({}, "entry_channels", not_tuples, "a tuple of at least one channel counts")
    cases += _each({}, "exit_channels", [*not_tuples, (1, 2), (1, 2, 3, 4)], "a tuple of 3 channel counts")
    for bad in [*NOT_WHOLE, 0, -1]:
        for field, value in (
            ("stem_channels", (32, bad)),
            ("entry_channels", (bad, 728)),
            ("exit_channels", (1, bad, 3)),
        ):
            cases.append(({field: value}, field, bad, "whole number of at least 1"))
    cases += _each({}, "middle_channels", [727, 729], "must equal entry_channels[-1]=728")
    for field in ("small_stem", "residual", "same_pooling"):
        cases += _each({}, field, NOT_FLAG, "True or False")
    cases += _each({}, "order", [*NOT_WORD, "separable"], "one of 'depthwise-first', 'pointwise-first'")
    cases += _each({}, "intermediate", NOT_WORD, "one of 'none', 'relu', 'elu'")
    cases += _each({}, "dropout", [*NOT_REAL, 1, 1.0, -0.1, 2], "number from 0 to less than 1")
    cases += _each({}, "batch_norm_eps", [*NOT_REAL, 0, 0.0, -1e-3], "positive number")
    cases += _each({}, "segments", [v for v in [*NOT_WHOLE, 0, -1] if v is not None], "whole number of at least 1")
    cases += _each({}, "segments", [3, 128, HUGE], "must divide every spatial convolution's channels")
    cases += _each({}, "batch_norm", [*NOT_WORD, "first"], "one of 'last', 'every'")
    relu = {"intermediate": "relu"}
    cases += _each(relu, "negative_slope", [*NOT_REAL, -0.1, 1.1, 2], "must be a number from 0 to 1")
    for between in ("none", "elu"):
        cases += _each({"intermediate": between}, "negative_slope", [0.1, 1.0], "must be 0 unless intermediate='relu'")
    depths = [v for v in [*NOT_WHOLE, 0, -1] if v is not None]
    cases += _each({}, "segment_depth", depths, "whole number of at least 1")
    cases += _each({}, "segment_depth", [3, 128, HUGE], "must divide every spatial convolution's channels")
    cases += _each({"segments": 4}, "segment_depth", [1, 4], "must be None when segments=4")
    standard = {"convolution": "standard"}
    cases += _each(standard, "batch_norm", ["every"], "must be 'last' when convolution='standard'")
    cases += _each(standard, "segment_depth", [1, 4], "must be None when convolution='standard'")
    return cases


def _refused(make: Any, case: Case) -> None:
    arguments, field, value, rule = case
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the message is checked below, in three parts
        make(**arguments)
    message = str(refusal.value)
    assert message.startswith(f"{field}={value!r}: ")
    assert rule in message


@pytest.mark.parametrize("case", _block_cases(), ids=lambda case: f"{case[1]}={str(case[2])[:20]}")
def test_an_invalid_block_is_refused_with_field_value_and_rule(case: Case) -> None:
    _refused(BlockSpec, case)


@pytest.mark.parametrize("case", _xception_cases(), ids=lambda case: f"{case[1]}={str(case[2])[:20]}")
def test_an_invalid_network_is_refused_with_field_value_and_rule(case: Case) -> None:
    _refused(XceptionSpec, case)


# values a URL, a notebook or a typo may bring, valid ones among them
_JUNK = st.one_of(
    st.sampled_from([*KINDS, *ACTIVATIONS, *BATCH_NORMS, *ORDERS, "same", "valid"]),
    st.integers(-3, 9),
    st.integers(),
    st.sampled_from([HUGE, -HUGE]),
    st.floats(),
    st.booleans(),
    st.none(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.complex_numbers(),
    st.lists(st.integers(-1, 9) | st.floats() | st.none(), max_size=4),
    st.lists(st.integers(-1, 9) | st.floats() | st.none() | st.text(max_size=2), max_size=4).map(tuple),
    st.dictionaries(st.integers(), st.integers(), max_size=2),
    st.fractions(),
    st.decimals(),
    st.sampled_from([np.int64(3), np.float32(0.5), np.arange(3), object(), int, len]),
)


def _junk_for(cls: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={field.name: _JUNK for field in fields(cls)})


def _valid_or_refused(cls: type[Any], arguments: dict[str, Any]) -> None:
    try:
        spec = cls(**arguments)
    except ValueError as refusal:
        field, _, value = str(refusal).partition("=")
        assert field in {field.name for field in fields(cls)}
        assert value
    else:
        assert {name: getattr(spec, name) for name in arguments} == arguments


@examples(200)
@given(arguments=_junk_for(BlockSpec).map(lambda junk: {"kind": "extreme", **junk}))
def test_junk_makes_a_valid_block_or_a_value_error(arguments: dict[str, Any]) -> None:
    _valid_or_refused(BlockSpec, arguments)


@examples(200)
@given(arguments=_junk_for(XceptionSpec))
def test_junk_makes_a_valid_network_or_a_value_error(arguments: dict[str, Any]) -> None:
    _valid_or_refused(XceptionSpec, arguments)


@examples(200)
@given(arguments=_junk_for(CompareSpec))
def test_junk_makes_a_valid_comparison_or_a_value_error(arguments: dict[str, Any]) -> None:
    _valid_or_refused(CompareSpec, arguments)


@pytest.mark.parametrize("cls", [BlockSpec, XceptionSpec])
@examples(150)
@given(data=st.data())
def test_one_junk_field_makes_a_valid_spec_or_a_value_error(cls: type[Any], data: st.DataObject) -> None:
    spec = data.draw(block_specs() if cls is BlockSpec else xception_specs())
    field = data.draw(st.sampled_from([field.name for field in fields(cls)]))
    arguments = {field.name: getattr(spec, field.name) for field in fields(cls)}
    _valid_or_refused(cls, {**arguments, field: data.draw(_JUNK)})


@pytest.mark.parametrize("spec", [BlockSpec("extreme"), XceptionSpec()])
def test_a_spec_is_frozen_and_hashable(spec: BlockSpec | XceptionSpec) -> None:
    with pytest.raises(FrozenInstanceError):
        spec.in_channels = 1  # type: ignore[misc]
    assert len({spec, type(spec)(**{field.name: getattr(spec, field.name) for field in fields(spec)})}) == 1


@pytest.mark.parametrize(
    ("kind", "intermediate", "between"),
    [
        ("standard", None, "none"),
        ("extreme", None, "relu"),
        ("separable", None, "none"),
        ("extreme", "none", "none"),
        ("separable", "relu", "relu"),
        ("separable", "elu", "elu"),
        ("extreme", "elu", "elu"),
    ],
)
def test_none_between_the_convolutions_means_the_kinds_default(kind: Any, intermediate: Any, between: str) -> None:
    assert BlockSpec(kind, intermediate=intermediate).between == between


@pytest.mark.parametrize(
    ("padding", "kernel_size", "dilation", "pixels"),
    [
        ("same", 3, 1, 1),
        ("same", 5, 1, 2),
        ("same", 3, 2, 2),
        ("same", 1, 3, 0),
        ("same", 5, 3, 6),
        ("valid", 3, 2, 0),
        (0, 3, 1, 0),
        (4, 2, 1, 4),
    ],
)
def test_padding_in_pixels(padding: Any, kernel_size: int, dilation: int, pixels: int) -> None:
    assert BlockSpec("standard", kernel_size=kernel_size, padding=padding, dilation=dilation).padding_pixels == pixels


@pytest.mark.parametrize(
    ("fields", "groups"),
    [({}, (64, 728)), ({"segments": 4}, (4, 4)), ({"segment_depth": 1}, (64, 728)), ({"segment_depth": 8}, (8, 91))],
)
def test_the_groups_of_a_spatial_convolution_are_one_a_channel_or_what_a_field_says(
    fields: dict[str, Any], groups: tuple[int, int]
) -> None:
    spec = XceptionSpec(**fields)
    assert (spec.groups(64), spec.groups(728)) == groups

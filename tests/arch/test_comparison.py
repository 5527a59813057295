"""Ratios, the spectrum, sweeps and the two differences, against brute force and the paper's own arithmetic."""

import csv
import io
from dataclasses import fields, replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hostile import compare_specs, fits
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import divisors as tried_divisors
from strategies import examples

from xception_lab import BlockSpec, block_cost
from xception_lab.arch.comparison import (
    MEASURES,
    SWEEP_VALUES,
    SweepField,
    block_layer_csv,
    block_layer_rows,
    compare,
    divisors,
    ratio,
    spectrum,
    sweep,
    sweep_field,
    two_differences,
)
from xception_lab.spec import ACTIVATIONS, KINDS, Activation, CompareSpec

SUMMED = ("params", "macs", "flops", "weight_bytes", "activation_bytes", "moved_bytes")


@examples(200)
@given(value=st.integers(0, 10**12), reference=st.integers(0, 10**12))
def test_a_ratio_is_at_least_one_and_says_which_way(value: int, reference: int) -> None:
    found = ratio(value, reference)
    if value == reference or 0 in (value, reference):
        assert (found.times, found.direction) == (1.0, "same")
        return
    exact = Fraction(value, reference)
    assert found.direction == ("more" if exact > 1 else "fewer")
    assert found.times == pytest.approx(float(max(exact, 1 / exact)))
    assert found.times >= 1


@pytest.mark.parametrize(
    ("value", "reference", "times", "direction"),
    [(1, 4, 4.0, "fewer"), (6, 4, 1.5, "more"), (7, 7, 1.0, "same"), (0, 5, 1.0, "same"), (5, 0, 1.0, "same")],
)
def test_ratios_by_hand(value: int, reference: int, times: float, direction: str) -> None:
    assert (ratio(value, reference).times, ratio(value, reference).direction) == (times, direction)


def test_divisors_are_what_trying_every_number_finds() -> None:
    for number in range(1, 2049):
        assert list(divisors(number)) == tried_divisors(number)


def _block(spec: CompareSpec, kind: str, **changes: object) -> BlockSpec:
    """The block that this setting means, written out field by field."""
    common = {
        "in_channels": spec.in_channels,
        "out_channels": spec.out_channels,
        "kernel_size": spec.kernel_size,
        "stride": spec.stride,
        "padding": spec.padding,
        "dilation": spec.dilation,
        "bias": spec.bias,
        "batch_norm": spec.batch_norm,
        "intermediate": spec.intermediate if kind != "standard" else None,
        "segments": spec.segments if kind == "extreme" else None,
        "depth_multiplier": spec.depth_multiplier if kind == "separable" else 1,
    }
    return BlockSpec(kind, **(common | changes))  # type: ignore[arg-type]


@examples(120)
@given(spec=compare_specs())
def test_three_columns_in_the_fixed_order_stand_against_the_standard_block(spec: CompareSpec) -> None:
    assume(fits(spec))
    columns = compare(spec)
    assert [column.kind for column in columns] == ["standard", "extreme", "separable"]
    for column in columns:
        assert column.spec == _block(spec, column.kind)
        assert column.cost == block_cost(column.spec, spec.size, spec.size, spec.batch_size)
        assert column.ratios.keys() == set(MEASURES)
        for measure in MEASURES:
            mine, theirs = getattr(column.cost, measure), getattr(columns[0].cost, measure)
            times = column.ratios[measure].times
            undone = {"same": 1, "more": 1 / times, "fewer": times}[column.ratios[measure].direction]
            assert mine * undone == pytest.approx(theirs)


@examples(120)
@given(spec=compare_specs())
def test_what_one_output_value_costs(spec: CompareSpec) -> None:
    assume(fits(spec))
    standard, _, separable = compare(spec)
    k, ins, outs, m = spec.kernel_size, spec.in_channels, spec.out_channels, spec.depth_multiplier
    assert standard.macs_per_value == k * k * ins
    # paper, section 1.2: a spatial look at each channel, then a 1x1 over all of them
    assert separable.macs_per_value == pytest.approx(k * k * m * ins / outs + m * ins)


@examples(100)
@given(spec=compare_specs())
def test_the_spectrum_runs_from_a_regular_convolution_to_one_a_channel(spec: CompareSpec) -> None:
    assume(fits(spec))
    points = spectrum(spec)
    assert [point.segments for point in points] == tried_divisors(spec.out_channels)
    assert all(point.segments * point.channels_per_segment == spec.out_channels for point in points)
    ends = [_block(spec, "extreme", segments=1), _block(spec, "extreme", segments=None)]
    costs = [block_cost(block, spec.size, spec.size, spec.batch_size) for block in ends]
    assert points[0].cost.macs == costs[0].macs
    assert points[0].cost.params == costs[0].params
    assert points[-1].cost == costs[1]
    macs = [point.cost.macs for point in points]
    assert macs == sorted(set(macs), reverse=True), "more segments cost less"
    # one segment: the spatial step is a regular convolution from C_out to C_out
    _, _, height, width = points[0].cost.out_shape
    regular = spec.batch_size * height * width * spec.kernel_size**2 * spec.out_channels**2
    assert max(layer.macs for layer in points[0].cost.layers if layer.op != "pointwise") == regular


@examples(100)
@given(spec=compare_specs(), field=st.sampled_from(tuple(SWEEP_VALUES)))
def test_a_sweep_keeps_every_value_that_the_blocks_can_take(spec: CompareSpec, field: SweepField) -> None:
    assume(fits(spec))
    found = sweep(spec, field)
    assert (found.field, found.current) == (field, getattr(spec, field))
    possible: list[int] = []
    for value in sorted({*SWEEP_VALUES[field], found.current}):
        divides = field != "out_channels" or spec.segments is None or value % spec.segments == 0
        odd = field != "kernel_size" or spec.padding != "same" or value % 2 == 1
        if divides and odd and fits(replace(spec, **{field: value})):
            possible.append(value)
    assert list(found.values) == possible
    assert found.current in found.values
    assert set(found.costs) == set(KINDS)
    for kind in KINDS:
        assert len(found.costs[kind]) == len(found.values)
        for value, cost in zip(found.values, found.costs[kind], strict=True):
            there = replace(spec, **{field: value})
            assert cost == block_cost(_block(there, kind), there.size, there.size, there.batch_size)


@pytest.mark.parametrize("order", ["pointwise-first", "depthwise-first"])
@pytest.mark.parametrize("between", ACTIVATIONS)
def test_the_walk_changes_one_thing_a_step(order: str, between: Activation) -> None:
    spec = CompareSpec(segments=4, depth_multiplier=2, intermediate="elu", batch_norm="every")
    steps = two_differences(spec, order, between)
    expected = [("extreme", "relu")]
    expected += [("extreme", between)] if between != "relu" else []
    expected += [("separable", between)] if order == "depthwise-first" else []
    assert [(step.kind, step.spec.between) for step in steps] == expected
    assert all((step.spec.segments, step.spec.depth_multiplier) == (None, 1) for step in steps)
    for before, step in zip((steps[0], *steps), steps, strict=False):
        for measure in MEASURES:
            assert step.ratios[measure] == ratio(getattr(step.cost, measure), getattr(before.cost, measure))


@examples(100)
@given(spec=compare_specs())
def test_the_relu_costs_bytes_but_no_macs(spec: CompareSpec) -> None:
    assume(fits(spec))
    with_relu, without = two_differences(spec, "pointwise-first", "none")
    assert with_relu.cost.macs == without.cost.macs
    # an activation reads and writes what the 1x1 left: float32 values of every channel of the whole picture
    stored = 4 * spec.batch_size * spec.out_channels * spec.size**2
    assert with_relu.cost.moved_bytes - without.cost.moved_bytes == 2 * stored


@examples(100)
@given(spec=compare_specs())
def test_what_the_order_costs(spec: CompareSpec) -> None:
    assume(fits(spec))
    _, first, then = two_differences(spec, "depthwise-first", "none")
    batch, ins, outs, area = spec.batch_size, spec.in_channels, spec.out_channels, spec.size**2
    _, _, height, width = then.cost.out_shape
    spatial = spec.kernel_size**2 * height * width * batch
    # the 1x1 sees the picture before or after the stride; the depthwise step has the input's channels or the output's
    assert first.cost.macs == batch * ins * outs * area + spatial * outs
    assert then.cost.macs == batch * ins * outs * height * width + spatial * ins


@examples(100)
@given(spec=compare_specs(), channels=st.integers(1, 8))
def test_at_stride_1_and_equal_channels_the_order_costs_nothing(spec: CompareSpec, channels: int) -> None:
    spec = replace(spec, kernel_size=spec.kernel_size | 1, stride=1, padding="same", segments=None)
    spec = replace(spec, in_channels=channels, out_channels=channels)
    _, first, then = two_differences(spec, "depthwise-first", "none")
    assert all(getattr(first.cost, measure) == getattr(then.cost, measure) for measure in MEASURES)
    assert {then.ratios[measure].direction for measure in MEASURES} == {"same"}


@pytest.mark.parametrize("channels", [8, 64])
def test_at_stride_2_depthwise_first_costs_less(channels: int) -> None:
    spec = CompareSpec(in_channels=channels, out_channels=channels, stride=2)
    _, first, then = two_differences(spec, "depthwise-first", "none")
    assert then.cost.macs < first.cost.macs
    assert then.ratios["macs"].direction == "fewer"
    assert then.ratios["params"].direction == "same"


@examples(100)
@given(spec=compare_specs())
def test_the_layers_of_a_block_add_up_to_the_block(spec: CompareSpec) -> None:
    assume(fits(spec))
    columns = compare(spec)
    rows = block_layer_rows(columns)
    assert [row["kind"] for row in rows if row["layer"] == "block"] == list(KINDS)
    for column in columns:
        *layers, block = [row for row in rows if row["kind"] == column.kind]
        assert [row["layer"] for row in layers] == [layer.name for layer in column.cost.layers]
        # a layer in a chain reads what the one before it wrote
        for before, after in pairwise(layers):
            assert after["input_bytes"] == before["activation_bytes"]
        assert (block["layer"], block["operation"]) == ("block", column.kind)
        for field in SUMMED:
            assert sum(int(row[field]) for row in layers) == block[field] == getattr(column.cost, field)
        assert block["out_shape"] == "x".join(map(str, column.cost.out_shape)) == layers[-1]["out_shape"]
        for row in (*layers, block):
            assert (
                int(row["weight_bytes"]) + int(row["input_bytes"]) + int(row["activation_bytes"]) == row["moved_bytes"]
            )
            assert row["flops_per_byte"] == pytest.approx(int(row["flops"]) / int(row["moved_bytes"]), abs=5.01e-4)


@examples(50)
@given(spec=compare_specs())
def test_the_csv_holds_the_rows(spec: CompareSpec) -> None:
    assume(fits(spec))
    columns = compare(spec)
    read = list(csv.DictReader(io.StringIO(block_layer_csv(columns, spec.size), newline="")))
    rows = block_layer_rows(columns)
    assert [{name: row[name] for name in rows[0]} for row in read] == [
        {name: str(value) for name, value in row.items()} for row in rows
    ]
    # and what the block was asked to be, so that a file can be told from another
    for row in read:
        block = spec.block(row["kind"])  # type: ignore[arg-type]
        assert row["size"] == str(spec.size)
        for field in fields(block):
            value = getattr(block, field.name)
            assert row[field.name] == ("" if value is None else str(value))


def test_a_sweep_of_a_field_keeps_the_values_that_build() -> None:
    spec = CompareSpec(out_channels=12, segments=4)
    assert sweep_field(spec, "out_channels", (16, 10, 8), lambda at: at.out_channels) == {8: 8, 12: 12, 16: 16}
    with pytest.raises(TypeError):
        sweep_field(spec, "size", (7,), lambda at: len(at.size))  # type: ignore[arg-type]

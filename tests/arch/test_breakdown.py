"""Xception taken apart, against modules that are hooked, counted by torch and by the paper's own figures."""

import csv
from collections import Counter
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, least_size, xception_specs
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from xception_lab import XceptionSpec, build_xception, network_cost
from xception_lab.arch.breakdown import (
    AREA_MEASURES,
    CHANGE_MEASURES,
    NetworkSpec,
    break_down,
    cost_changes,
    cost_shares,
    cost_tree,
    network_layer_csv,
    possible_segments,
    standard_twin,
)

PAPER = break_down(XceptionSpec(), 299)


def _hooked(spec: XceptionSpec, size: int) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
    """(input shape, output shape) of every leaf module and of every stage, by name; padded to four numbers."""
    with torch.device("meta"):
        network = build_xception(spec).eval()
    seen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}

    def note(name: str, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen[name] = tuple((*t.shape, 1, 1)[:4] for t in (inputs[0], output))  # type: ignore[assignment]

    for name, module in network.named_modules():
        module.register_forward_hook(lambda _m, inputs, output, name=name: note(name, inputs, output))
    network(torch.empty(1, spec.in_channels, size, size, device="meta"))
    return seen


@examples(60)
@given(data=st.data(), spec=xception_specs())
def test_every_layer_has_the_shapes_that_the_built_module_has(data: st.DataObject, spec: XceptionSpec) -> None:
    size = data.draw(st.integers(least_size(spec), 40))
    apart = break_down(spec, size)
    seen = _hooked(spec, size)
    named = [layer for layer in apart.layers if layer.cost.op != "add"]
    for layer in named:
        assert (layer.in_shape, layer.cost.out_shape) == seen[layer.cost.name], layer.cost.name
    leaves = {name for name in seen if name and not any(other.startswith(f"{name}.") for other in seen)}
    assert {layer.cost.name for layer in named} | {"dropout"} == leaves
    for stage in apart.stages:
        if stage.name in seen:
            assert (stage.in_shape, stage.out_shape) == seen[stage.name]
    assert apart.stages[-1].out_shape == seen[""][1]


@examples(40)
@given(data=st.data(), spec=xception_specs())
def test_the_parts_make_the_whole(data: st.DataObject, spec: XceptionSpec) -> None:
    size = data.draw(st.integers(least_size(spec), 40))
    apart = break_down(spec, size)
    assert tuple(layer.cost for layer in apart.layers) == network_cost(spec, size, size).layers
    for weighed in AREA_MEASURES:
        whole = getattr(apart.cost, weighed)
        assert sum(stage.totals[weighed] for stage in apart.stages) == whole
        for grouping in ("flow", "block", "kind"):
            parts = cost_shares(apart, grouping)
            assert sum(part.totals[weighed] for part in parts) == whole
            assert sum(part.shares[weighed] for part in parts) == pytest.approx(1)
        nodes = cost_tree(apart, weighed)
        for depth in (1, 2, 3):
            assert sum(node.amount for node in nodes if len(node.path) == depth) == whole
        assert len({node.path for node in nodes}) == len(nodes)


def test_the_papers_network_is_where_the_paper_says() -> None:
    # Figure 5: what flows from one flow to the next
    shapes = [(stage.name, stage.out_shape[1:]) for stage in PAPER.stages]
    assert dict(shapes) | {"block4": (728, 19, 19)} == dict(shapes)
    assert [shape for name, shape in shapes if name in ("stem", "block1", "block2", "block3")] == [
        (64, 147, 147),
        (128, 74, 74),
        (256, 37, 37),
        (728, 19, 19),
    ]
    assert (shapes[-2], shapes[-1]) == (("block12", (1024, 10, 10)), ("head", (1000, 1, 1)))
    assert Counter(stage.stage.flow for stage in PAPER.stages) == {"entry": 4, "middle": 8, "exit": 2}


def test_nearly_everything_is_pointwise() -> None:
    kinds = {share.name: share for share in cost_shares(PAPER, "kind")}
    ones = kinds["pointwise"].totals["macs"] + kinds["shortcut"].totals["macs"]
    assert (ones, kinds["depthwise"].totals["macs"]) == (7_805_686_400, 132_190_344)
    assert round(100 * ones / 8_357_403_496, 1) == 93.4
    assert round(100 * kinds["depthwise"].shares["macs"], 1) == 1.6


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"convolution": "standard"},
        {"segments": 4, "order": "pointwise-first", "intermediate": "relu"},
        {"residual": False, "middle_blocks": 3},
        {"width_percent": 25, "size": 64},
        {"size": 32, "small_stem": True, "num_classes": 10, "width_percent": 50},
    ],
)
def test_a_change_costs_what_torch_counts(change: dict[str, Any]) -> None:
    spec = NetworkSpec(**change)
    with torch.device("meta"):
        network = build_xception(spec.xception).eval()
        with FlopCounterMode(display=False) as counter:
            network(torch.empty(1, 3, spec.size, spec.size))
    found = {each.measure: each for each in cost_changes(break_down(spec.xception, spec.size), PAPER)}
    assert tuple(found) == CHANGE_MEASURES
    assert 2 * found["macs"].value == counter.get_total_flops()
    assert found["params"].value == sum(parameter.numel() for parameter in network.parameters())
    assert found["weight_bytes"].value == 4 * found["params"].value
    assert (found["params"].reference, found["macs"].reference) == (22_855_952, 8_357_403_496)
    for each in found.values():
        assert each.value == each.reference + each.delta
        times = each.ratio.times if each.ratio.direction == "more" else 1 / each.ratio.times
        assert each.value == pytest.approx(each.reference * times)


def test_the_standard_twin_has_one_regular_convolution_for_each_separable_one() -> None:
    with torch.device("meta"):
        twin = build_xception(standard_twin(XceptionSpec(order="pointwise-first", segments=2, intermediate="elu")))
    kernels = Counter(m.kernel_size for m in twin.modules() if isinstance(m, nn.Conv2d))
    assert kernels == {(3, 3): 36, (1, 1): 4}
    assert all(m.groups == 1 for m in twin.modules() if isinstance(m, nn.Conv2d))
    with torch.device("meta"):
        paper = build_xception(XceptionSpec())
    # 3x3 for 3x3 and 1x1: the difference of the weights by hand
    more = sum(9 * i * o - (9 * i + i * o) for i, o in XceptionSpec().separable_channels)
    count = [sum(p.numel() for p in module.parameters()) for module in (twin, paper)]
    assert count[0] - count[1] == more


@pytest.mark.parametrize("field", [("order", "pointwise-first"), ("intermediate", "relu"), ("segments", 2)])
def test_a_regular_convolution_has_no_halves(field: tuple[str, Any]) -> None:
    name, value = field
    with pytest.raises(ValueError, match=f"{name}={value!r}: must be .* when convolution='standard'"):
        XceptionSpec(**{name: value, "convolution": "standard"})
    with pytest.raises(ValueError, match="convolution='grouped'"):
        XceptionSpec(convolution="grouped")  # type: ignore[arg-type]


@pytest.mark.parametrize("percent", [25, 50, 75, 100, 125, 150, 200])
@pytest.mark.parametrize("order", ["depthwise-first", "pointwise-first"])
def test_possible_segments_are_all_that_a_network_takes(percent: int, order: Any) -> None:
    found = possible_segments(percent, order)
    spec = NetworkSpec(width_percent=percent, order=order)
    for segments in range(1, 33):
        if segments in found:
            assert replace(spec, segments=segments).xception.segments == segments
        else:
            with pytest.raises(ValueError, match=f"segments={segments}: must divide"):
                replace(spec, segments=segments)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("size", 6, "at least 7"),
        ("size", 0, "at least 7"),
        ("size", "299", "whole number"),
        ("size", True, "whole"),
        ("width_percent", 33, "must leave whole channels"),
        ("width_percent", 0, "whole channels"),
        ("width_percent", -100, "whole channels"),
        ("width_percent", "x", "whole channels"),
        ("middle_blocks", -1, "at least 0"),
        ("num_classes", 0, "at least 1"),
    ],
)
def test_an_impossible_network_is_named(field: str, value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=f"{field}={value!r}: .*{rule}"):
        NetworkSpec(**{field: value})


def test_the_table_holds_every_layer() -> None:
    rows = list(csv.DictReader(StringIO(network_layer_csv(PAPER))))
    assert len(rows) == len(PAPER.cost.layers)
    assert sum(int(row["params"]) for row in rows) == 22_855_952
    assert sum(int(row["macs"]) for row in rows) == 8_357_403_496
    assert sum(int(row["flops"]) for row in rows) == 16_714_806_992
    assert rows[0]["in_shape"] == "1x3x299x299"
    assert {row["flow"] for row in rows} == {"entry", "middle", "exit"}

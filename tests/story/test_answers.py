"""The story's answers against other authorities: torch's modules and counter, numpy, the stored files themselves."""

import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from paths import ROOT
from scipy import stats
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from xception_lab import BlockSpec, XceptionSpec, build_block, build_xception
from xception_lab.features.recoverability import recoverability
from xception_lab.story import answers


def _macs(spec: BlockSpec, size: int) -> int:
    """Half of what torch itself counts in a forward pass."""
    counter = FlopCounterMode(display=False)
    with torch.device("meta"), counter:
        build_block(spec).eval()(torch.empty(1, spec.in_channels, size, size))
    return counter.get_total_flops() // 2


def test_the_multiplications_of_one_output_value_are_torchs() -> None:
    value = answers.output_value()
    outputs = 128 * 56 * 56
    assert value.standard == _macs(BlockSpec("standard", 64, 128), 56) / outputs == 576
    assert value.split == _macs(BlockSpec("separable", 64, 128), 56) / outputs == 68.5


@pytest.mark.parametrize(("kernel_size", "times"), [(3, 8.9), (5, 24.2)])
def test_the_weights_are_those_of_torchs_layers(kernel_size: int, times: float) -> None:
    weights = answers.weights(kernel_size)
    with torch.device("meta"):
        standard = nn.Conv2d(728, 728, kernel_size, bias=False).weight.numel()
        depthwise = nn.Conv2d(728, 728, kernel_size, groups=728, bias=False).weight.numel()
        pointwise = nn.Conv2d(728, 728, 1, bias=False).weight.numel()
    assert (weights.standard, weights.depthwise, weights.pointwise) == (standard, depthwise, pointwise)
    assert weights.times == standard / (depthwise + pointwise)
    assert round(weights.times, 1) == times


def test_figures_2_and_3_agree_and_would_not_with_other_weights() -> None:
    assert answers.tower_equivalence() <= 1e-6


def test_the_segments_cost_what_torch_counts() -> None:
    costs = {segments: answers.segment_cost(segments).macs for segments in (1, 4, 128)}
    for segments in costs:
        assert costs[segments] == _macs(BlockSpec("extreme", 64, 128, segments=segments), 56)
    assert round(costs[4] / costs[128], 1) == 4.8


@pytest.mark.parametrize(("stride", "times"), [(1, 1.07), (2, 3.87)])
def test_the_orders_cost_what_torch_counts(stride: int, times: float) -> None:
    extreme, separable = (_macs(BlockSpec(kind, 64, 128, stride=stride), 56) for kind in ("extreme", "separable"))
    assert answers.order_cost(stride) == extreme / separable
    assert round(answers.order_cost(stride), 2) == times


def test_what_survives_the_relu_is_what_a_reader_recovers() -> None:
    survival = answers.relu_survival()
    assert (survival.leaves == np.maximum(survival.enters, 0)).all()
    assert survival.explained == recoverability(survival.picture, survival.leaves)
    # the reader sees the picture again, but for what it cannot explain
    error = np.square(survival.recovered - survival.picture).sum()
    assert 0 < error < np.square(survival.picture - survival.picture.mean(axis=(1, 2), keepdims=True)).sum()


def test_the_loss_is_a_value_between_its_ends() -> None:
    loss = answers.relu_loss()
    assert loss.low <= loss.picture <= loss.high
    assert loss.pictures == 9


def test_the_effect_is_the_stored_runs_with_scipys_intervals() -> None:
    values = json.loads((ROOT / "assets" / "results" / "figure-10.json").read_text(encoding="utf-8"))
    last: dict[str, dict[int, float]] = {}
    for run in values["runs"]:
        between = run["spec"]["xception"]["intermediate"]
        last.setdefault(between, {})[run["spec"]["seed"]] = run["records"][-1]["test_accuracy"]
    differences = [100 * (last["relu"][seed] - last["none"][seed]) for seed in sorted(last["none"])]
    effect = answers.relu_effect()
    assert effect.differences == pytest.approx(differences)
    for seeds, interval in answers.relu_intervals().items():
        oracle = stats.ttest_1samp(differences[:seeds], 0).confidence_interval(effect.confidence)
        assert interval == pytest.approx((oracle.low, oracle.high))
    widths = [high - low for low, high in answers.relu_intervals().values()]
    assert all(wide > narrow for wide, narrow in pairwise(widths)), "more seeds, a narrower interval"


def test_the_speed_is_the_stored_medians() -> None:
    values = json.loads((ROOT / "assets" / "results" / "timing-cpu.json").read_text(encoding="utf-8"))
    medians: dict[str, float] = {}
    for timing in values["timings"]:
        settings = timing["settings"]
        subject = settings["subject"]
        usual = {"dtype": "float32", "mode": "eager", "backward": False, "memory_format": "contiguous", "batch_size": 1}
        if {name: settings.get(name) for name in usual} != usual or settings["height"] != 19:
            continue
        if (subject.get("in_channels"), subject.get("out_channels")) == (728, 728):
            medians[subject["kind"]] = float(np.median(timing["times_s"]))
    speed = answers.speed(answers.MIDDLE)
    assert speed.speed_times == pytest.approx(medians["standard"] / medians["separable"])
    assert [seconds for _name, seconds in speed.layers_s] == sorted((s for _n, s in speed.layers_s), reverse=True)


def test_the_shares_are_those_of_the_built_network() -> None:
    with torch.device("meta"):
        network = build_xception(XceptionSpec())
    whole = sum(parameter.numel() for parameter in network.parameters())
    shares = answers.parameter_shares()
    depthwise = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d) and m.groups > 1)
    linear = sum(p.numel() for m in network.modules() if isinstance(m, nn.Linear) for p in m.parameters())
    assert (shares["depthwise"], shares["linear"]) == (depthwise / whole, linear / whole)
    assert sum(shares.values()) == pytest.approx(1)

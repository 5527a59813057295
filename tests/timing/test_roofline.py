"""Predictions: against torch's own counts, numpy's brute force, the sources' figures, and real runs."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import ROOT
from strategies import block_specs

from xception_lab import BlockSpec, XceptionSpec, build_xception, network_cost
from xception_lab.arch.plan import Conv
from xception_lab.common.citations import constant
from xception_lab.measurement.device import make_clock
from xception_lab.measurement.measure import measure
from xception_lab.measurement.peaks import measure_peaks
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.timing.analysis import (
    LayerLoss,
    SweepLine,
    align_names,
    crossings,
    estimate_s,
    fold_operations,
    layer_times_and_estimates,
    longest_operations,
    loop_shares,
    machine_roofline,
    overtakes_from,
    prediction_errors,
    roofline_points,
    roofline_rows,
    roofs,
    separable_share,
    smallest_block,
    speed_verdict,
    sweep_lines,
    time_shares,
    timing_bar,
)
from xception_lab.timing.jobs import sweep_settings, three_blocks
from xception_lab.timing.published_devices import (
    DEVICES,
    EXAMPLE_DEVICES,
    predict_devices,
    predict_networks,
    tensor_core_example,
)
from xception_lab.timing.results import MAX_BUSY_SHARE, DeviceProperties, Machine, Operation, Peaks, Results, Timing
from xception_lab.timing.results_file import results_from_json
from xception_lab.timing.roofline import (
    _convs,
    _taps,
    estimates,
    in_place_layers,
    matrix_layers,
    roofline,
    total_s,
    transfer_s,
)
from xception_lab.timing.settings import Settings

PEAKS = Peaks("float32", 1e11, ((1 << 20, 1e11), (1 << 24, 4e10), (1 << 28, 1e10)))
MACHINE = Machine("cpu", "A processor", 2, 1 << 33, None, "", "Linux", "3.11", "2.13")
SPEC = CompareSpec()


def test_tensor_cores_speed_up_products_of_matrices_and_no_depthwise_convolution() -> None:
    slow_vector = Peaks("float16", 1e12, ((1 << 30, 1e15),), vector_flops_per_s=1e10)
    for wanted in three_blocks(SPEC, dtype="float16"):
        peaks = {"depthwise": 1e10, "conv": 1e12, "pointwise": 1e12}
        for layers in (estimates(wanted, slow_vector), roofline(wanted, 1e12, 1e15, 1e10)):
            for layer in (layer for layer in layers if layer.flops):
                assert 0.9 < layer.compute_s * peaks[layer.name] / layer.flops <= 1.0  # the rest lies on the padding
    network = Settings(XceptionSpec(), 299, 299, dtype="float16")
    assert "fc" in matrix_layers(network)
    depthwise = {layer.name for layer in network.cost().layers if layer.op == "depthwise"}
    assert len(depthwise) == 34
    assert not depthwise & matrix_layers(network)
    # two channels a group are a product of matrices, if a small one; one channel is none
    assert matrix_layers(Settings(BlockSpec("extreme", 8, 8, segments=4), 9, 9)) >= {"spatial"}
    (h100,) = [device for device in DEVICES if device.name == "H100 SXM"]
    half = h100.predict(three_blocks(SPEC, dtype="float16")[2])
    assert half
    assert h100.half
    by_name = {layer.name: layer for layer in half}
    assert by_name["depthwise"].compute_s == pytest.approx(by_name["depthwise"].flops / h100.float32)
    assert by_name["pointwise"].compute_s == pytest.approx(by_name["pointwise"].flops / h100.half)


def test_the_textbook_is_flops_over_peak_or_bytes_over_bandwidth_whichever_is_more() -> None:
    wanted = Settings(BlockSpec("separable", 64, 128), 56, 56)
    depthwise, pointwise, norm, relu = roofline(wanted, 1e12, 1e11)
    # 9 products for each of 64 x 56 x 56 values, read, written, and the weights
    assert depthwise.seconds == pytest.approx(4 * (2 * 64 * 56 * 56 + 64 * 9) / 1e11)
    assert depthwise.limit == "memory"
    assert pointwise.seconds == pytest.approx(2 * 64 * 128 * 56 * 56 / 1e12)
    assert pointwise.limit == "compute"
    assert (norm.flops, relu.flops) == (0, 0)
    assert norm.seconds > relu.seconds  # its weights


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation"),
    [
        values
        for values in itertools.product((1, 2, 5, 9), (1, 2, 3, 5), (1, 2, 3), (0, 1, 2), (1, 2))
        if values[0] + 2 * values[3] >= values[4] * (values[1] - 1) + 1
    ],
)
def test_taps_on_the_padding_are_counted_by_torch(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    # a row of ones under a kernel of ones counts the taps inside; its gradient says which inputs are read
    row = torch.ones(1, 1, size, requires_grad=True)
    found = F.conv1d(row, torch.ones(1, 1, kernel), stride=stride, padding=padding, dilation=dilation)
    inside, pairs = _taps(Conv("c", "standard", 1, 1, kernel, stride, padding, dilation), size)
    assert len(inside) == int(found.sum())
    assert pairs == found.numel() * kernel
    (gradient,) = torch.autograd.grad(found.sum(), row)
    assert len(set(inside)) == int((gradient > 0).sum())


@given(block_specs(), st.integers(9, 40), st.booleans(), st.sampled_from(["eager", "folded", "compiled"]))
@settings(max_examples=60, deadline=None)
def test_the_estimate_is_never_above_the_textbook_at_the_slowest_rate(
    spec: BlockSpec, size: int, backward: bool, mode: str
) -> None:
    try:
        wanted = Settings(spec, size, size, mode=mode, backward=backward and mode != "folded")  # type: ignore[arg-type]
    except ValueError:
        return  # the kernel does not fit
    slowest = PEAKS.rates[-1][1]
    for low, high in zip(estimates(wanted, PEAKS), roofline(wanted, PEAKS.flops_per_s, slowest), strict=True):
        assert 0 < low.seconds <= high.seconds * (1 + 1e-9)
        assert low.name == high.name
        fast = {layer.name: layer for layer in estimates(wanted, PEAKS, fast_algorithms=True)}[low.name]
        assert fast.seconds <= low.seconds


def test_a_dense_convolution_may_be_done_with_fewer_products_a_grouped_one_may_not() -> None:
    dense, grouped = Settings(BlockSpec("standard", 64, 64), 50, 50), Settings(BlockSpec("separable", 64, 64), 50, 50)
    direct, fast = estimates(dense, PEAKS)[0], estimates(dense, PEAKS, fast_algorithms=True)[0]
    assert fast.compute_s == pytest.approx(64 / 324 * direct.flops / 1e11)  # the paper's F(6x6, 3x3)
    assert direct.compute_s == pytest.approx(direct.flops / 1e11 * (148 / 150) ** 2)  # the padding's taps are free
    assert estimates(grouped, PEAKS) == estimates(grouped, PEAKS, fast_algorithms=True)


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_winograds_way_needs_no_fewer_products_than_its_tile_has_values(kernel_size: int) -> None:
    """A tile of n outputs by k taps reads n + k - 1 values a side, and each is multiplied once: no fewer are exact."""
    values = np.random.default_rng(0).normal(size=(6, kernel_size))
    # outputs and taps give a polynomial of this many coefficients, which as many products determine
    coefficients = len(np.convolve(values[:, 0], values[0]))
    wide = Settings(BlockSpec("standard", 256, 256, kernel_size=kernel_size, padding=0), 56, 56)
    direct, fast = estimates(wide, PEAKS)[0], estimates(wide, PEAKS, fast_algorithms=True)[0]
    assert fast.compute_s / direct.compute_s == pytest.approx((coefficients / 6 / kernel_size) ** 2)


def test_layers_that_folding_and_compiling_remove_are_not_charged() -> None:
    wanted = {mode: Settings(BlockSpec("extreme"), 28, 28, mode=mode) for mode in ("eager", "folded", "compiled")}
    names = {mode: [layer.name for layer in estimates(one, PEAKS)] for mode, one in wanted.items()}
    assert names["eager"] == ["pointwise", "intermediate", "depthwise", "bn", "activation"]
    assert names["folded"] == ["pointwise", "intermediate", "depthwise", "activation"]
    assert names["compiled"] == ["pointwise", "depthwise"]


def test_backward_is_two_more_products_or_one_where_the_input_is_a_picture() -> None:
    forward = total_s(estimates(Settings(BlockSpec("standard", 256, 256), 14, 14), PEAKS)[:1])
    both = total_s(estimates(Settings(BlockSpec("standard", 256, 256), 14, 14, backward=True), PEAKS)[:1])
    assert both == pytest.approx(3 * forward)
    network = [estimates(Settings(XceptionSpec(), 299, 299, backward=way), PEAKS) for way in (False, True)]
    assert network[1][0].flops == 2 * network[0][0].flops
    assert network[1][5].flops == 3 * network[0][5].flops


def test_moving_data_is_charged_level_by_level() -> None:
    rates = ((1000, 100.0), (10_000, 10.0))
    assert transfer_s(500, rates) == pytest.approx(5)
    assert transfer_s(1000, rates) == pytest.approx(10)
    assert transfer_s(3000, rates) == pytest.approx(10 + 200)
    assert transfer_s(20_000, rates) == pytest.approx(10 + 1900)
    three = ((1000, 100.0), (3000, 20.0), (10_000, 10.0))
    assert transfer_s(5000, three) == pytest.approx(10 + 100 + 200)
    # a larger set that was seen to go faster shows that the smaller could too
    assert transfer_s(500, ((1000, 1.0), (10_000, 10.0))) == pytest.approx(50)
    values = [transfer_s(moved, PEAKS.rates) for moved in range(0, 1 << 25, 1 << 18)]
    assert values == sorted(values)


def test_a_kernel_smaller_than_its_stride_leaves_input_unread() -> None:
    dense = Settings(
        BlockSpec("standard", 64, 8, kernel_size=1, stride=1, batch_norm="none", activation="none"), 64, 64
    )
    strided = Settings(
        BlockSpec("standard", 64, 8, kernel_size=1, stride=2, batch_norm="none", activation="none"), 64, 64
    )
    slow = Peaks("float32", 1e15, ((1 << 30, 1e9),))
    one, other = estimates(dense, slow)[0], estimates(strided, slow)[0]
    inputs, outputs, weights = 4 * 64 * 64 * 64, 4 * 8 * 64 * 64, 4 * 64 * 8
    assert one.memory_s == pytest.approx((inputs + outputs + weights) / 1e9)
    assert other.memory_s == pytest.approx((inputs / 4 + outputs / 4 + weights) / 1e9)


def test_every_convolution_of_a_network_reads_what_it_reads_in_torch() -> None:
    with torch.device("meta"):
        model = build_xception(XceptionSpec()).eval()
        seen: dict[str, tuple[int, int]] = {}
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Conv2d):
                module.register_forward_hook(lambda _m, given, _out, name=name: seen.update({name: given[0].shape[2:]}))
        model(torch.empty(1, 3, 299, 200))
    found = _convs(Settings(XceptionSpec(), 299, 200))
    assert {op.name: (height, width) for op, _layer, height, width in found} == seen


def test_backward_skips_unread_input_and_passes_an_additions_gradient_on() -> None:
    chosen = {"kernel_size": 1, "stride": 2, "batch_norm": "none", "activation": "none"}
    slow = Peaks("float32", 1e18, ((1 << 40, 1e9),))
    both = estimates(Settings(BlockSpec("standard", 64, 8, **chosen), 64, 64, backward=True), slow)[0]
    inputs, outputs, weights = 4 * 64 * 64 * 64, 4 * 8 * 32 * 32, 4 * 64 * 8
    assert both.memory_s == pytest.approx(2 * (inputs / 4 + outputs + weights) / 1e9)
    ways = [
        {layer.name: layer for layer in roofline(Settings(XceptionSpec(), 299, 299, backward=way), 1e12, 1e11)}
        for way in (False, True)
    ]
    for name, layer in ways[0].items():
        assert ways[1][name].moved_bytes == (1 if layer.op == "add" else 2) * layer.moved_bytes
    assert "add" in {layer.op for layer in ways[0].values()}


@pytest.fixture(scope="module")
def peaks() -> Peaks:
    """Of this machine, from short probes."""
    device = torch.device("cpu")
    return measure_peaks(device, "float32", make_clock(device), 0.002, (1 << 18, 1 << 22))


@pytest.mark.parametrize(
    "wanted",
    [
        *three_blocks(CompareSpec(in_channels=16, out_channels=24, size=20, batch_size=2)),
        three_blocks(CompareSpec(in_channels=8, out_channels=16, size=20), backward=True)[2],
    ],
    ids=lambda s: f"{s.subject.kind}-{s.height}-{s.backward}",
)
def test_a_real_run_is_not_far_below_its_estimate(wanted: Settings, peaks: Peaks) -> None:
    (timing,) = measure((wanted,), torch.device("cpu"), limit_s=0.1)
    # however busy the machine: what disturbs makes a run longer; a peak may have been disturbed as well, so tolerantly
    assert total_s(estimates(wanted, peaks)) < 3 * timing.median_s


def test_published_peaks_have_sources_and_grow_with_lower_precision() -> None:
    by_name = {device.name: device for device in DEVICES}
    wanted = ("T4", "V100 SXM2", "A100 SXM 40 GB", "H100 SXM", "L4", "RTX 3060 12 GB", "RTX 4090")
    assert set(wanted) < set(by_name)
    assert all(device.source for device in DEVICES)
    for device in DEVICES:
        peaks = [peak for peak in (device.float32, device.tf32, device.half) if peak]
        assert peaks == sorted(peaks)
        assert 1e11 < device.bytes_per_s < 4e12
    # from the architecture, not the sheet: an Ada SM and cycle make 256 FLOPs in float32 and 1,024 dense ones in half
    # precision; a sheet that states sparse figures has twice as many (the L4 is held by its power a little lower)
    for name in ("L4", "RTX 4090"):
        half = by_name[name].half
        assert half
        assert half / by_name[name].float32 < 4.1
    # bfloat16 came with Ampere
    assert by_name["T4"].flops_per_s("bfloat16") is None
    assert by_name["T4"].flops_per_s("tf32") is None
    assert by_name["A100 SXM 40 GB"].flops_per_s("bfloat16") == by_name["A100 SXM 40 GB"].flops_per_s("float16")
    assert by_name["RTX 3060 12 GB"].predict(Settings(BlockSpec("standard"), 9, 9, dtype="float16")) is None


def _timed(seconds: tuple[float, ...], spread: float = 0.01, **chosen: object) -> Results:
    timings = tuple(
        Timing(
            one,
            "cpu",
            tuple(median * (1 + spread * step) for step in range(-10, 11)),
            layers=tuple((layer.name, layer.macs + 1.0) for layer in one.cost().layers),
        )
        for one, median in zip(three_blocks(SPEC, **chosen), seconds, strict=True)
    )
    return Results(MACHINE, (PEAKS,), timings)


def test_the_verdict_is_computed_from_the_medians_and_their_intervals() -> None:
    group = three_blocks(SPEC)
    found = speed_verdict(group, _timed((0.004, 0.002, 0.001)))
    assert found
    assert (found.outcome, found.times.times, found.times.direction) == ("faster", pytest.approx(4), "fewer")
    assert found.flops.times == pytest.approx(group[0].cost().macs / group[2].cost().macs)
    assert found.slowest == "pointwise"
    assert found.share == pytest.approx(64 * 128 / (64 * 128 + 64 * 9), rel=0.01)
    slower = speed_verdict(group, _timed((0.001, 0.002, 0.004)))
    assert slower
    assert slower.outcome == "slower"
    # two ways of timing one block agree within 5 %, however narrow their intervals are
    for separable_s, outcome in ((0.00104, "no difference seen"), (0.00106, "slower"), (0.00094, "faster")):
        near = speed_verdict(group, _timed((0.001, 0.002, separable_s), spread=0.001))
        assert near
        assert near.outcome == outcome
    same = speed_verdict(group, _timed((0.001, 0.002, 0.00101), spread=0.05))
    assert same
    assert same.outcome == "no difference seen"
    assert speed_verdict(group, Results(MACHINE)) is None


def test_the_verdict_names_the_layers_that_lose_most_against_their_estimates() -> None:
    group = three_blocks(SPEC)
    estimated = {layer.name: layer.seconds for layer in estimates(group[2], PEAKS)}

    def losses(**lost: float) -> tuple[LayerLoss, ...]:
        results = _timed((0.004, 0.002, 0.001))
        layers = tuple((name, seconds + lost.get(name, 0.0)) for name, seconds in estimated.items())
        timings = tuple(replace(one, layers=layers if one.settings == group[2] else ()) for one in results.timings)
        found = speed_verdict(group, replace(results, timings=timings))
        assert found
        return found.losses

    total = sum(estimated.values())
    found = losses(pointwise=total, depthwise=0.6 * total, bn=0.4 * total)
    # the two largest, the one with fewer MACs first
    assert [one.name for one in found] == ["depthwise", "pointwise"]
    depthwise = found[0]
    assert depthwise.bound_s == pytest.approx(estimated["depthwise"])
    assert depthwise.lost_s == pytest.approx(0.6 * total)
    # of the block as a whole, which was timed apart
    assert depthwise.time_share == pytest.approx((estimated["depthwise"] + 0.6 * total) / 0.001)
    assert depthwise.mac_share == pytest.approx(9 / (9 + 128))
    alone = losses(pointwise=total, depthwise=0.4 * total)
    assert [one.name for one in alone] == ["pointwise"]
    assert losses(pointwise=0.05 * total) == losses() == ()


def test_times_measured_beside_other_work_have_no_part_in_a_comparison() -> None:
    group = three_blocks(SPEC)
    alone = _timed((0.004, 0.002, 0.001))
    assert separable_share(group, alone)
    beside = replace(alone, machine=replace(alone.machine, busy_share=MAX_BUSY_SHARE + 0.01))
    verdict = speed_verdict(group, beside)
    assert verdict
    assert verdict.disturbed
    assert separable_share(group, beside) is None
    assert time_shares(group, Results(MACHINE)) == ()
    assert [round(share.time, 6) for share in time_shares(group, _timed((0.004, 0.002, 0.001)))] == [1, 0.5, 0.25]


def _on_a_gpu(work: tuple[float, ...], in_a_row: tuple[float, ...]) -> Results:
    """Samples that say nothing, as those of small blocks on a device may: they hold launches it waited for."""
    timings = tuple(
        Timing(one, "cuda", (9.0, 1.0, 5.0), device_s=device_s, loop_s=loop_s)
        for one, device_s, loop_s in zip(three_blocks(SPEC), work, in_a_row, strict=True)
    )
    return Results(replace(MACHINE, kind="cuda"), (PEAKS,), timings)


def test_on_an_accelerator_its_own_time_is_compared_and_calls_in_a_row_beside_it() -> None:
    group = three_blocks(SPEC)
    found = speed_verdict(group, _on_a_gpu((0.004, 0.003, 0.002), (0.005, 0.008, 0.010)))
    assert found
    assert (found.outcome, found.times.times) == ("faster", pytest.approx(2))
    assert found.launches
    assert (found.launches.outcome, found.launches.times.times) == ("slower", pytest.approx(2))
    # two measurements of the same GPU differ by up to a tenth
    close = speed_verdict(group, _on_a_gpu((0.0109, 0.01, 0.01), (0.01, 0.01, 0.0126)))
    assert close
    assert close.launches
    assert (close.outcome, close.launches.outcome) == ("no difference seen", "slower")
    unsteady = speed_verdict(group, _on_a_gpu((0.0112, 0.01, 0.01), (0.01, 0.01, 0.0124)))
    assert unsteady
    assert unsteady.launches
    assert (unsteady.outcome, unsteady.launches.outcome) == ("faster", "no difference seen")
    on_device = _on_a_gpu((0.004, 0.003, 0.002), (0.005, 0.008, 0.010))
    assert [share.time for share in time_shares(group, on_device)] == pytest.approx([1, 0.75, 0.5])
    assert [share.time for share in loop_shares(group, on_device)] == pytest.approx([1, 1.6, 2])
    assert loop_shares(group, _timed((0.004, 0.002, 0.001))) == ()
    groups = sweep_settings(SPEC, "out_channels")
    at = list(groups).index(128)
    work, in_a_row = sweep_lines(groups, on_device), sweep_lines(groups, on_device, in_a_row=True)
    assert [line.medians_s[at] for line in work] == [line.p75_s[at] for line in work] == [0.004, 0.003, 0.002]
    assert [line.medians_s[at] for line in in_a_row] == [0.005, 0.008, 0.010]


def test_a_block_overtakes_where_it_stays_ahead_by_more_than_two_measurements_differ() -> None:
    def line(*medians: float) -> SweepLine:
        return SweepLine("standard", medians, medians, medians, medians)

    nan = math.nan
    assert overtakes_from((1, 2, 4, 8), line(1, 2, 2, 2), line(2, 1, 1, 1)) == 2
    assert overtakes_from((1, 2, 4, 8), line(1, 2, 2, 2), line(2, 1, 2, 1)) == 8
    assert overtakes_from((1, 2, 4, 8), line(1, 2, nan, 2), line(2, 1, nan, 1)) == 2
    assert overtakes_from((1, 2), line(1.24, 1.24), line(1, 1)) is None
    assert overtakes_from((1, 2), line(nan, nan), line(1, 1)) is None


def test_a_prediction_is_worth_what_measured_layers_say() -> None:
    results = _timed((0.004, 0.002, 0.001))
    found = {error.op: error for error in prediction_errors(results)}
    layers = [pair for one in three_blocks(SPEC) for pair in layer_times_and_estimates(one, results)]
    for op, error in found.items():
        ratios = [seconds / layer.seconds for layer, seconds in layers if layer.op == op and seconds]
        assert error.count == len(ratios)
        assert error.median == pytest.approx(float(np.median(ratios)))
        assert error.worst == pytest.approx(max(ratios, key=lambda one: max(one, 1 / one)))
    assert set(found) >= {"depthwise", "pointwise", "standard"}
    assert prediction_errors(Results(MACHINE)) == ()


def test_a_layer_far_above_its_estimate_is_bound_by_neither_peak() -> None:
    group = three_blocks(SPEC)
    known = _timed((0.004, 0.002, 0.001))
    found = speed_verdict(group, known)
    assert found
    assert found.excess
    ((layer, seconds),) = [pair for pair in layer_times_and_estimates(group[2], known) if pair[0].name == found.slowest]
    assert seconds
    assert found.excess == pytest.approx(seconds / layer.seconds)


def test_points_have_estimate_and_measured_time_and_rows_their_limit() -> None:
    results = _timed((0.004, 0.002, 0.001))
    found = roofline_points(three_blocks(SPEC), results)
    assert [point.kind for point in found[:3]] == ["standard"] * 3
    conv = found[0]
    assert conv.measured_s
    assert conv.flops_per_s == conv.estimate.flops / conv.measured_s
    assert {row["limit"] for row in roofline_rows(found)} == {"compute", "memory"}
    assert roofline_points(three_blocks(SPEC), Results(MACHINE)) == ()
    assert timing_bar(three_blocks(SPEC)[0], Results(MACHINE)).estimate_s is None
    for intensities, rates in roofs(PEAKS).values():
        assert np.all(np.diff(rates) >= 0)
        assert rates[1] == rates[2] == PEAKS.flops_per_s
        assert intensities[0] < intensities[1]


def test_fewer_products_are_charged_only_where_a_library_may_have_fast_algorithms() -> None:
    (standard, *_), compute = three_blocks(SPEC), Peaks("float32", 1e9, ((1 << 40, 1e15),))
    here, there = (Results(replace(MACHINE, kind=kind), (compute,)) for kind in ("cpu", "cuda"))
    assert estimate_s(standard, here) == pytest.approx(total_s(estimates(standard, compute)))
    assert estimate_s(standard, there) == pytest.approx(total_s(estimates(standard, compute, fast_algorithms=True)))
    assert estimate_s(standard, there) < 0.3 * estimate_s(standard, here)
    # Winograd's way takes neighbouring outputs from neighbouring inputs
    for far in (replace(SPEC, stride=2), replace(SPEC, dilation=2)):
        assert estimate_s(three_blocks(far)[0], there) == estimate_s(three_blocks(far)[0], here)


def test_a_machines_roofline_has_its_own_roofs() -> None:
    found = machine_roofline("here", three_blocks(SPEC), _timed((0.004, 0.002, 0.001)))
    assert found
    assert (found.machine, found.peaks.flops_per_s) == ("here", 1e11)
    # the memory's roof is that of the largest set, the cache's of the fastest
    assert (found.peaks.memory_bytes_per_s, found.peaks.cache_bytes_per_s) == (1e10, 1e11)
    assert found.roofs["memory_roof"][0][1] == pytest.approx(1e11 / 1e10)
    assert found.roofs["cache_roof"][0][1] == pytest.approx(1e11 / 1e11)
    assert found.points == roofline_points(three_blocks(SPEC), _timed((0.004, 0.002, 0.001)))
    # an estimate lies on a roof: no higher than the peak, no lower than what memory alone would give
    for point in found.points:
        if point.estimate.flops:
            slowest = min(1e11, point.estimate.intensity * 1e10)
            assert slowest * 0.999 <= point.estimated_flops_per_s <= 1e11 * 1.3  # taps on the padding are free
    assert machine_roofline("here", three_blocks(SPEC, dtype="float16"), Results(MACHINE, (PEAKS,))) is None


def test_layers_that_took_no_time_have_no_share() -> None:
    results = _timed((0.004, 0.002, 0.001))
    still = tuple(replace(timing, layers=(("conv", 0.0),)) for timing in results.timings)
    found = speed_verdict(three_blocks(SPEC), replace(results, timings=still))
    assert found
    assert (found.slowest, found.limit, found.outcome) == (None, None, "faster")


def test_a_folded_profile_loses_no_time_and_keeps_positions() -> None:
    one = three_blocks(SPEC)[0]
    seconds = {"mm": 5.0, "conv": 9.0, "relu": 1.0, "view": 2.0, "other": 0.5}
    profile = tuple(Operation(one, name, spent) for name, spent in seconds.items())
    assert longest_operations([profile], 5) == ("conv", "mm", "view", "relu", "other")
    names = longest_operations([profile, profile], 3)
    assert names == ("conv", "mm", "other")
    short = fold_operations(profile, names)
    assert {operation.name: operation.seconds for operation in short} == {"conv": 9.0, "mm": 5.0, "other": 3.5}
    # conv and other keep their places, sgemm takes that of mm, what is more comes behind
    assert align_names(names, ("sgemm", "conv", "other", "bn")) == ("conv", "sgemm", "other", "bn")
    assert align_names(names, ("conv",)) == ("conv", "", "")


def test_lines_cross_where_they_do() -> None:
    def line(kind: str, *medians: float) -> SweepLine:
        return SweepLine(kind, medians, medians, medians, medians)  # type: ignore[arg-type]

    # x and 16 / x meet at 4
    found = crossings((1, 2, 8, 16), (line("standard", 1, 2, 8, 16), line("separable", 16, 8, 2, 1)))
    assert [(one.first, one.second, one.at, one.seconds) for one in found] == [
        ("standard", "separable", pytest.approx(4), pytest.approx(4))
    ]
    # x and 4 meet at 4, a quarter of the way from 2 to 32
    (off,) = crossings((2, 32), (line("standard", 2, 32), line("separable", 4, 4)))
    assert (off.at, off.seconds) == (pytest.approx(4), pytest.approx(4))
    assert crossings((1, 2), (line("standard", 1, 1), line("separable", 2, 2))) == ()
    # the lines touch within what two measurements differ: 2 and 2.2 are the same, and then it falls back
    lines = (line("standard", 1, 2, 4, 4), line("separable", 2, 2.2, 3.8, 6))
    assert len(crossings((1, 2, 4, 8), lines)) == 2
    assert crossings((1, 2, 4, 8), lines, 0.25) == ()
    # apart by more on both sides, and the other way round
    lines = (line("standard", 1, 2, 4, 8), line("separable", 2, 2.1, 3.8, 4))
    assert [one.at for one in crossings((1, 2, 4, 8), lines, 0.25)] == [
        one.at for one in crossings((1, 2, 4, 8), lines)
    ]
    assert len(crossings((1, 2, 4, 8), lines, 0.25)) == 1
    assert crossings((1, 2), (line("standard", 1, math.nan), line("separable", 2, 0.5))) == ()
    groups = sweep_settings(SPEC, "out_channels")
    drawn = sweep_lines(groups, _timed((0.004, 0.002, 0.001)))
    assert [line.kind for line in drawn] == list(KINDS)
    at = list(groups).index(128)
    assert drawn[0].medians_s[at] == 0.004
    assert math.isnan(drawn[0].medians_s[at - 1])
    assert not math.isnan(drawn[0].estimates_s[at - 1])


def test_predictions_are_the_textbooks_on_every_published_device() -> None:
    found = {one.name: one for one in predict_devices(three_blocks(SPEC))}
    t4 = found["T4"].seconds
    assert t4
    layers = roofline(three_blocks(SPEC)[0], 8.1e12, 320e9)
    assert t4["standard"] == pytest.approx(sum(max(la.flops / 8.1e12, la.moved_bytes / 320e9) for la in layers))
    assert next(iter(predict_devices(three_blocks(SPEC, dtype="tf32")))).seconds is None
    # what binds a block is what binds its longest layer
    limits = found["T4"].limits
    assert limits
    textbook = [roofline(settings, 8.1e12, 320e9) for settings in three_blocks(SPEC)]
    for kind, layers in zip(KINDS, textbook, strict=True):
        assert limits[kind] == sorted(layers, key=lambda layer: layer.seconds)[-1].limit
    assert len({layer.limit for layers in textbook for layer in layers}) == 2


def test_a_network_is_predicted_against_another_on_published_devices() -> None:
    paper = XceptionSpec()
    for prediction in predict_networks(paper, 299, paper, 299):
        assert (prediction.delta_s, prediction.ratio.direction) == (0.0, "same")
    small = predict_networks(paper, 150, paper, 299)
    # a device with TF32 is predicted with both of its peaks
    assert EXAMPLE_DEVICES == ("T4", "A100 SXM 40 GB")
    assert [prediction.device for prediction in small] == ["T4", "A100 SXM 40 GB", "A100 SXM 40 GB, TF32"]
    assert small[2].seconds < small[1].seconds
    for prediction in small:
        name, _, precision = prediction.device.partition(", ")
        device = next(device for device in DEVICES if device.name == name)
        peak = device.tf32 if precision else device.float32
        assert peak
        # no layer is predicted quicker than its multiplications alone, nor the sum slower than both limits together
        cost = network_cost(paper, 150, 150)
        compute_s, memory_s = cost.flops / peak, cost.moved_bytes / device.bytes_per_s
        assert max(compute_s, memory_s) * (1 - 1e-9) <= prediction.seconds <= compute_s + memory_s
        assert prediction.delta_s < 0
        assert prediction.ratio.times == pytest.approx(prediction.reference_s / prediction.seconds)


def test_float32_is_predicted_with_and_without_tf32_where_a_peak_of_it_is_published() -> None:
    found = {one.name: one for one in predict_devices(three_blocks(SPEC))}
    for device in DEVICES:
        assert device.name in found
        assert (f"{device.name}, TF32" in found) == (device.tf32 is not None)
    exact, rounded = found["A100 SXM 40 GB"], found["A100 SXM 40 GB, TF32"]
    assert (exact.dtype, rounded.dtype) == ("float32", "tf32")
    assert exact.seconds
    assert rounded.seconds
    layers = roofline(three_blocks(SPEC)[0], 156e12, 1555e9)
    assert rounded.seconds["standard"] == pytest.approx(total_s(layers))
    # the standard block is bound by products with the one peak, by data with the other
    assert exact.seconds["standard"] > 3 * rounded.seconds["standard"]
    # a dtype that is asked for by its name has one row a device
    for dtype in ("tf32", "float16"):
        names = [one.name for one in predict_devices(three_blocks(SPEC, dtype=dtype))]
        assert len(names) == len(DEVICES)


def test_a_layer_in_place_is_charged_one_pass_over_its_tensor() -> None:
    network = Settings(XceptionSpec(), 299, 299)
    by_definition = {layer.name: layer for layer in network.cost().layers}
    slow = Peaks("float32", 1e30, ((1 << 40, 1e9),))
    charged = {layer.name: layer for layer in estimates(network, slow)}
    first, second = "block2.rep.0", "block2.rep.3"  # the shortcut reads the input of the first ReLU
    values = by_definition[second].activation_bytes
    assert by_definition[second].moved_bytes == charged[second].moved_bytes == 2 * values  # the definition stays
    assert charged[second].memory_s == pytest.approx(values / 1e9)
    assert charged[first].memory_s == pytest.approx(by_definition[first].moved_bytes / 1e9)
    added = by_definition["block2.add"]
    assert charged["block2.add"].memory_s == pytest.approx(2 * added.activation_bytes / 1e9)
    # the backward pass of a ReLU reads and writes tensors of its own
    both = {layer.name: layer for layer in estimates(replace(network, backward=True), slow)}
    assert both[second].memory_s == pytest.approx(3 * values / 1e9)
    # in a block nothing is in place, and the textbook sends all through memory
    assert in_place_layers(BlockSpec("separable")) == frozenset()
    textbook = {layer.name: layer for layer in roofline(network, 1e30, 1e9)}
    assert textbook[second].memory_s == pytest.approx(2 * values / 1e9)


@pytest.mark.parametrize(
    "spec",
    [
        XceptionSpec(),
        XceptionSpec(residual=False),
        XceptionSpec(order="pointwise-first", intermediate="elu", middle_blocks=2),
        XceptionSpec(intermediate="relu", small_stem=True, middle_blocks=1),
    ],
)
def test_what_is_in_place_is_in_place_in_torch(spec: XceptionSpec) -> None:
    with torch.device("meta"):
        model = build_xception(spec)
    found = {name for name, module in model.named_modules() if getattr(module, "inplace", False)}
    expected = in_place_layers(spec)
    assert {name for name in expected if not name.endswith(".add")} == found
    additions = {layer.name for layer in network_cost(spec, 64, 64).layers if layer.op == "add"}
    assert {name for name in expected if name.endswith(".add")} == additions


def test_an_addition_of_torchs_blocks_writes_over_what_it_adds_to() -> None:
    spec = XceptionSpec(
        stem_channels=(4, 4), entry_channels=(4, 4, 4), middle_blocks=1, middle_channels=4, exit_channels=(4, 4, 4)
    )
    block = build_xception(spec).eval().get_submodule("block4")
    written: list[int] = []
    block.get_submodule("rep").register_forward_hook(lambda _m, _given, out: written.append(out.data_ptr()))
    with torch.inference_mode():
        assert block(torch.randn(1, 4, 8, 8)).data_ptr() == written[0]


def test_every_stored_layer_time_is_at_or_above_its_estimate_or_is_one_that_the_page_flags() -> None:
    stored = results_from_json((ROOT / "assets" / "results" / "timing-cpu.json").read_bytes())
    num_layers, beaten = 0, []
    for timing in stored.timings:
        assert stored.timing(timing.settings) == timing  # none is hidden behind a later one
        median_estimate_s = estimate_s(timing.settings, stored)
        assert median_estimate_s
        assert timing.median_s >= median_estimate_s
        for layer, seconds in layer_times_and_estimates(timing.settings, stored):
            if seconds is None:
                continue
            num_layers += 1
            if seconds < layer.seconds:
                beaten.append((timing.settings, layer, seconds))
    assert num_layers == 582
    # one dense convolution, less than 1% ahead of a peak whose own probes differ by 5%
    ((settings, layer, seconds),) = beaten
    group = three_blocks(CompareSpec(in_channels=64, out_channels=128, size=147), mode="folded")
    assert settings == replace(group[0], memory_format="channels_last")
    assert (layer.name, layer.limit) == ("conv", "compute")
    low, high = stored.peak_range("float32") or (0.0, 0.0)
    assert 1 < layer.seconds / seconds < 1.01 < high / low
    flagged = [
        point
        for timing in stored.timings
        if isinstance(timing.settings.subject, BlockSpec) and timing.settings.subject.kind == "standard"
        for point in roofline_points(_group_of(timing.settings), stored)
        if point.beats_estimate
    ]
    assert [(point.kind, point.estimate, point.measured_s) for point in flagged] == [("standard", layer, seconds)]


def _group_of(settings: Settings) -> tuple[Settings, ...]:
    """The three blocks of a setting of one of them, as the page shows them."""
    spec = settings.subject
    assert isinstance(spec, BlockSpec)
    return tuple(replace(settings, subject=replace(spec, kind=kind)) for kind in KINDS)


def test_what_is_faster_than_its_estimate_is_flagged() -> None:
    group = three_blocks(SPEC)
    quick = _timed((1e-9, 0.002, 0.001))
    bars = [timing_bar(settings, quick) for settings in group]
    assert [bar.beats_estimate for bar in bars] == [True, False, False]
    assert not timing_bar(group[0], Results(MACHINE)).beats_estimate
    first = replace(quick.timings[0], layers=(("conv", 1e-9), ("bn", 0.0), ("activation", 1.0)))
    points = roofline_points(group, replace(quick, timings=(first, *quick.timings[1:])))
    # a layer whose time the clock could not tell from nothing is no layer that was faster
    assert [point.beats_estimate for point in points[:3]] == [True, False, False]
    assert [row["below_estimate"] for row in roofline_rows(points[:3])] == [True, None, False]
    line = SweepLine("standard", (1.0, math.nan, 3.0), (), (), (2.0, 1.0, 2.0))
    assert line.beaten == (0,)


def test_peaks_say_how_much_they_differ_and_how_far_beyond_the_caches_they_reach() -> None:
    probes = tuple(replace(PEAKS, flops_per_s=flops) for flops in (2e11, 1e11, 3e11))
    results = Results(MACHINE, (*probes, replace(PEAKS, dtype="bfloat16", flops_per_s=9e11)))
    assert results.peak_range("float32") == (1e11, 3e11)
    assert results.peak_range("float16") is None
    assert results.cache_multiple("float32") is None
    known = replace(results, properties=DeviceProperties(1 << 25))
    assert known.cache_multiple("float32") == 8
    assert known.cache_multiple("float16") is None
    assert replace(results, properties=DeviceProperties()).cache_multiple("float32") is None
    drawn = machine_roofline("here", three_blocks(SPEC), known)
    assert drawn
    assert (drawn.peak_range, drawn.cache_multiple) == ((1e11, 3e11), 8)


def test_the_smallest_block_shows_what_a_start_costs() -> None:
    sizes = {size: group[2] for size, group in sweep_settings(SPEC, "size").items()}
    timings = tuple(Timing(settings, "cpu", (0.001,)) for settings in sizes.values())
    found = smallest_block(Results(MACHINE, (PEAKS,), timings))
    assert found
    assert found.settings == sizes[min(sizes)]
    assert smallest_block(Results(MACHINE, (), timings)) is None
    assert smallest_block(Results(MACHINE, (PEAKS,))) is None


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_text_names_the_tables_peaks(language: str) -> None:
    float32, tf32, times = tensor_core_example()
    assert (float32, tf32, times) == (19.5, 156.0, pytest.approx(8.0)), "NVIDIA's data sheet of the A100"
    text = (ROOT / "assets" / "text" / language / "devices.md").read_text(encoding="utf-8")
    assert all(name in text for name in ("{float32}", "{tf32}", "{tf32_times}"))
    assert constant("winograd_times").value == 324 // 64

"""Measuring: what is timed is what was asked for; no speed is asserted, for a busy machine has none."""

import dataclasses
import itertools
import json
import threading
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fake_device import FakeTorch, HostsClock
from hypothesis import given
from hypothesis import strategies as st
from weights import randomised

from xception_lab import BlockSpec, XceptionSpec, build_block, build_xception, for_inference, time_block
from xception_lab.measurement import machine, runner
from xception_lab.measurement import measure as engine
from xception_lab.measurement import profiler as operations
from xception_lab.measurement.device import EventClock
from xception_lab.measurement.measure import (
    InsufficientMemoryError,
    build_model,
    check_free_memory,
    measure,
    needed_bytes,
)
from xception_lab.measurement.peaks import measure_peaks
from xception_lab.measurement.profiler import profile_operations
from xception_lab.measurement.runner import run_job, run_job_parts
from xception_lab.measurement.sampling import MOST_SAMPLES
from xception_lab.spec import KINDS, CompareSpec
from xception_lab.timing.jobs import TimingJob, full_job, job_from_dict, sweep_settings, three_blocks
from xception_lab.timing.results import Peaks, Timing, median_interval, quantile
from xception_lab.timing.settings import Settings

CPU = torch.device("cpu")
TINY = CompareSpec(in_channels=4, out_channels=8, size=6)
SMALL = XceptionSpec(
    num_classes=5,
    stem_channels=(4, 8),
    entry_channels=(8, 8),
    middle_blocks=1,
    middle_channels=8,
    exit_channels=(8, 8, 8),
)


class FixedClock(HostsClock):
    """A clock on which every call takes the next of its times."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = itertools.cycle(seconds)
        self.now = 0

    def samples(self, call: object, _least_s: float) -> tuple[list[float], int]:
        call()  # type: ignore[operator]
        return [next(self.seconds) for _ in range(4)], 1

    def mark(self) -> float:
        self.now += 1
        return float(self.now)

    def between(self, marks: list[float]) -> list[float]:
        return [b - a for a, b in itertools.pairwise(marks)]


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=60), st.floats(0, 1))
def test_quantiles_are_numpys(values: list[float], share: float) -> None:
    assert quantile(tuple(values), share) == pytest.approx(float(np.quantile(values, share)))


def test_the_interval_covers_the_median_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    for count in (15, 40, 200):
        hits = 0
        for _ in range(1000):
            low, high = median_interval(tuple(generator.exponential(size=count)))
            hits += low <= np.log(2) <= high
        assert 930 <= hits <= 990  # of 1,000; the order statistics are discrete


def test_a_block_is_timed_with_its_layers_and_its_settings() -> None:
    spec = BlockSpec("extreme", 4, 8)
    timing = time_block(spec, 6, 5, 2, "cpu", memory_format="channels_last")
    assert timing.settings == Settings(spec, 6, 5, 2, memory_format="channels_last")
    assert timing.device == "cpu"
    assert timing.p25_s <= timing.median_s <= timing.p75_s
    assert min(timing.times_s) > 0
    assert timing.first_call_s > 0
    assert [name for name, _ in timing.layers] == [layer.name for layer in timing.settings.cost().layers]


@pytest.mark.parametrize("subject", [BlockSpec("separable", 4, 8, batch_norm="every"), SMALL], ids=["block", "network"])
def test_forward_and_backward_are_both_run(subject: BlockSpec | XceptionSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    forward, gradients = Counter[str](), Counter[str]()

    def build_watched(settings: Settings, device: torch.device) -> tuple[torch.nn.Module, torch.Tensor]:
        model, inputs = build_model(settings, device)
        model.register_forward_hook(lambda *_: forward.update(["forward"]))
        leaves = [*model.named_parameters(), *([("input", inputs)] if inputs.requires_grad else [])]
        for name, leaf in leaves:
            leaf.register_hook(lambda _gradient, name=name: gradients.update([name]))
        return model, inputs

    class CountingClock(FixedClock):
        def samples(self, call: object, least_s: float) -> tuple[list[float], int]:
            forward.clear()
            gradients.clear()
            samples = super().samples(call, least_s)
            counts.append((dict(forward), dict(gradients)))
            return samples

    counts: list[tuple[dict[str, int], dict[str, int]]] = []
    monkeypatch.setattr(engine, "build_model", build_watched)
    (timing,) = measure((Settings(subject, 40, 40, backward=True),), CPU, CountingClock(0.1), limit_s=0.5)
    assert timing.settings.backward
    assert timing.layers == ()
    # within a block of a network the input's gradient is handed on; a picture needs none
    model = build_block(subject) if isinstance(subject, BlockSpec) else build_xception(subject)
    wanted = [name for name, _ in model.named_parameters()] + ["input"] * isinstance(subject, BlockSpec)
    assert len(wanted) > 3
    assert counts == [({"forward": 1}, dict.fromkeys(wanted, 1))] * len(counts)
    assert len(counts) > 1


@pytest.mark.parametrize(
    "settings",
    [
        *three_blocks(TINY, dtype="bfloat16"),
        *three_blocks(TINY, mode="folded", memory_format="channels_last"),
        Settings(SMALL, 40, 40),
        Settings(SMALL, 40, 40, mode="folded"),
        Settings(SMALL, 40, 40, 2, backward=True),
    ],
    ids=lambda s: f"{getattr(s.subject, 'kind', 'network')}-{s.dtype}-{s.mode}-{s.backward}",
)
def test_every_way_of_running_is_built_as_asked(settings: Settings) -> None:
    model, inputs = build_model(settings, CPU)
    assert inputs.dtype == getattr(torch, settings.dtype)
    assert {p.dtype for p in model.parameters()} == {inputs.dtype}
    assert model.training == (settings.backward and settings.mode == "eager")
    channels_last = inputs.is_contiguous(memory_format=torch.channels_last)
    assert channels_last == (settings.memory_format == "channels_last")
    assert model(inputs).shape[0] == settings.batch_size
    (timing,) = measure((settings,), CPU, FixedClock(0.001), limit_s=0.5)
    assert timing.median_s == 0.001
    folded = settings.mode == "folded"
    if not settings.backward:
        spared = ("batch_norm",) if folded else ()
        expected = {la.name for la in settings.cost().layers if la.op not in (*spared, "add")}
        assert {name for name, _ in timing.layers} == expected


# at least twelve samples, and at least 0.5 s of them: rounds of four at 3 ms reach that with the 42nd
@pytest.mark.parametrize(("seconds", "samples"), [(0.05, 12), (0.003, 168)])
def test_settings_are_timed_interleaved_until_each_median_is_precise(seconds: float, samples: int) -> None:
    order: list[int] = []

    class Clock(FixedClock):
        def samples(self, call: object, least_s: float) -> tuple[list[float], int]:
            order.append(id(call))
            return super().samples(call, least_s)

    timings = measure(three_blocks(TINY), CPU, Clock(seconds), limit_s=60)
    assert all(timing.reached for timing in timings)
    rounds = order[-9:]
    assert rounds[:3] == rounds[3:6] == rounds[6:]
    assert len(set(rounds)) == 3
    assert all(len(timing.times_s) == samples for timing in timings)  # the warm-up's are not among them


def test_a_median_that_stays_imprecise_ends_with_the_time_and_says_so() -> None:
    (timing,) = measure((three_blocks(TINY)[0],), CPU, FixedClock(0.001, 0.01, 0.05, 0.002), limit_s=0.05)
    assert not timing.reached


def test_too_large_settings_are_refused_before_anything_is_allocated(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(BlockSpec("standard", 2048, 2048), 512, 512, 256)
    monkeypatch.setattr(engine, "build_model", lambda *_: pytest.fail("allocated"))
    with pytest.raises(
        InsufficientMemoryError, match=r"batch_size=256 at 512x512: needs about [\d.]+ GB, must be at most the"
    ):
        measure((settings,), CPU)


@pytest.mark.parametrize("backward", [False, True])
def test_the_estimate_is_above_what_the_tensors_take(backward: bool) -> None:
    settings = Settings(BlockSpec("extreme", 8, 16, batch_norm="every"), 20, 20, 4, backward=backward)
    model, inputs = build_model(settings, CPU)
    kept = [inputs]
    for module in model.children():
        module.register_forward_hook(lambda _m, _i, out: kept.append(out))
    model(inputs)
    alive = kept if backward else kept[-2:]
    least = sum(t.numel() * t.element_size() for t in (*alive, *model.parameters()))
    assert needed_bytes(settings) > least * (2 if backward else 1)
    check_free_memory(settings, needed_bytes(settings))
    with pytest.raises(InsufficientMemoryError):
        check_free_memory(settings, needed_bytes(settings) - 1)


def test_a_devices_failure_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: Exception) -> None:
        monkeypatch.setattr(engine, "build_model", lambda *_: (_ for _ in ()).throw(error))

    group = three_blocks(TINY)
    fail(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    with pytest.raises(InsufficientMemoryError, match="the device ran out of memory"):
        measure(group, CPU)
    fail(RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"))
    with pytest.raises(InsufficientMemoryError, match="the machine ran out of memory"):
        measure(group, CPU)
    fail(MemoryError())
    with pytest.raises(InsufficientMemoryError, match="the machine ran out of memory"):
        measure(group, CPU)
    fail(RuntimeError("no kernel for Half\nstack"))
    with pytest.raises(RuntimeError, match="dtype='float32' mode='eager': the device or library refused: no kernel"):
        measure(group, CPU)


def test_a_cpu_refuses_what_needs_an_accelerator() -> None:
    with pytest.raises(ValueError, match="dtype='tf32': needs an NVIDIA GPU"):
        measure(three_blocks(TINY, dtype="tf32"), CPU)
    with pytest.raises(ValueError, match="mode='graph': needs an accelerator"):
        measure(three_blocks(TINY, mode="graph"), CPU)


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ValueError, match="mode='compiled': needs a C"):
        measure(three_blocks(TINY, mode="compiled"), CPU)


def test_float32_is_multiplied_in_full_and_tf32_is_not_and_the_setting_comes_back() -> None:
    places = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)
    before = [place.fp32_precision for place in places]
    for dtype, wanted in (("float32", "ieee"), ("tf32", "tf32"), ("bfloat16", "ieee")):
        with engine.matmul_precision(dtype):  # type: ignore[arg-type]
            assert [place.fp32_precision for place in places] == [wanted] * 2
    assert [place.fp32_precision for place in places] == before


def test_measuring_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    measure(three_blocks(TINY)[:1], CPU, FixedClock(0.001))
    assert torch.equal(torch.rand(4), expected)


def test_an_accelerator_is_timed_through_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    # the tensors live on the CPU, the clock is a device's: every call must lie between its two events
    fake = FakeTorch()
    clock = EventClock(torch.device("cuda"), fake)
    forward = engine._call

    def queued(settings: Settings, model: object, inputs: torch.Tensor) -> object:
        call, gradient = forward(settings, model, inputs)  # type: ignore[arg-type]
        return lambda: (fake.work(0.012), call())[1], gradient

    monkeypatch.setattr(engine, "_call", queued)
    (timing,) = measure(three_blocks(TINY)[:1], CPU, clock)
    # a block of 12 µs reaches its precision, and is not sampled until its samples alone make half a second
    assert set(timing.times_s) == {0.000012}
    assert timing.reached
    assert len(timing.times_s) == MOST_SAMPLES
    assert timing.device_s == pytest.approx(0.000012)


def test_the_profile_is_of_torchs_operations_the_longest_first() -> None:
    operations = profile_operations(three_blocks(TINY)[2], CPU, runs=2)
    assert any("convolution" in operation.name for operation in operations)
    shown = [operation.seconds for operation in operations if operation.name != "other"]
    assert shown == sorted(shown, reverse=True)


class Profiler:
    """A profiler that says what the test lets it: microseconds by operation, its own and with what it called."""

    def __init__(self, *_: object, **__: object) -> None:
        self.said = [
            SimpleNamespace(
                key=f"aten::op{number}",
                self_cpu_time_total=100.0 * number,
                cpu_time_total=9e9,
                self_device_time_total=7.0 * number,
                device_time_total=9e9,
            )
            for number in range(1, 13)
        ]

    def __enter__(self) -> "Profiler":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def key_averages(self) -> list[SimpleNamespace]:
        return self.said


@pytest.mark.parametrize(("device", "unit_us"), [("cpu", 100.0), ("cuda", 7.0)])
def test_a_profile_has_the_own_time_of_one_pass_and_leaves_nothing_out(
    device: str, unit_us: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # on an accelerator the host's time is that of queueing: the kernels' own is taken
    monkeypatch.setattr(operations, "profile", Profiler)
    monkeypatch.setattr(operations, "build_model", lambda settings, _device: build_model(settings, CPU))
    monkeypatch.setattr(operations, "synchronize", lambda _device: None)
    monkeypatch.setattr(operations, "free_bytes", lambda _device: 1 << 40)
    found = profile_operations(three_blocks(TINY)[2], torch.device(device), runs=5)
    assert [one.name for one in found] == [*(f"op{number}" for number in range(12, 4, -1)), "other"]
    assert found[0].seconds == pytest.approx(12 * unit_us / 1e6 / 5)
    assert sum(one.seconds for one in found) == pytest.approx(78 * unit_us / 1e6 / 5)
    monkeypatch.setattr(operations, "free_bytes", lambda _device: 10)
    with pytest.raises(InsufficientMemoryError):
        profile_operations(three_blocks(TINY)[2], torch.device(device))


def test_peaks_are_the_best_of_all_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    # the same time for every call: the best rate is that of the largest product, and the faster clock
    monkeypatch.setattr("xception_lab.measurement.peaks.MATRIX_SIDES", (4, 8))
    monkeypatch.setattr("xception_lab.measurement.peaks.CONV_BATCHES", (1,))
    monkeypatch.setattr("xception_lab.measurement.peaks.CONV_CHANNELS", 2)
    monkeypatch.setattr("xception_lab.measurement.peaks.CONV_SIZE", 3)
    peaks = measure_peaks(CPU, "float32", FixedClock(0.01, 0.005), working_sets=(1 << 10, 1 << 12))
    assert peaks.flops_per_s == pytest.approx(2 * 8**3 / 0.005)
    assert peaks.rates == ((1 << 10, (1 << 10) / 0.005), (1 << 12, (1 << 12) / 0.005))


@pytest.mark.parametrize(
    "spec",
    [
        SMALL,
        dataclasses.replace(SMALL, order="pointwise-first", intermediate="relu"),
        dataclasses.replace(SMALL, residual=False),
        XceptionSpec(),
    ],
)
def test_the_inference_option_gives_the_same_outputs(spec: XceptionSpec) -> None:
    model = randomised(build_xception(spec), 1).float()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    folded = for_inference(model)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    pictures = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected, given = model(pictures), folded(pictures)
    assert torch.allclose(given, expected, atol=1e-4 * float(expected.abs().max()), rtol=1e-4)
    # the model itself is left as it was
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch_norm", ["none", "last", "every"])
def test_a_folded_block_gives_the_same_outputs(kind: str, batch_norm: str) -> None:
    block = randomised(build_block(BlockSpec(kind, 3, 6, bias=True, batch_norm=batch_norm)), 2)  # type: ignore[arg-type]
    pictures = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    assert torch.allclose(for_inference(block)(pictures), block(pictures))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"dtype": "float64"}, "dtype='float64': must be one of"),
        ({"mode": "fast"}, "mode='fast': must be one of"),
        ({"memory_format": 3}, "memory_format=3"),
        ({"backward": 1}, "backward=1"),
        ({"height": 0}, "height=0"),
        ({"batch_size": True}, "batch_size=True"),
        ({"subject": "xception"}, "subject='xception'"),
        ({"mode": "folded", "backward": True}, "backward=True: needs mode='eager' or mode='compiled'"),
    ],
)
def test_invalid_settings_are_refused(change: dict[str, object], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        dataclasses.replace(three_blocks(TINY)[0], **change)  # type: ignore[arg-type]


def test_tf32_is_float32_in_memory() -> None:
    costs = [three_blocks(TINY, dtype=dtype)[0].cost().moved_bytes for dtype in ("float32", "tf32", "bfloat16")]
    assert costs[0] == costs[1] == 2 * costs[2]


def test_a_timing_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="times_s"):
        Timing(three_blocks(TINY)[0], "cpu", ())


def test_a_job_travels_as_json() -> None:
    for kind in ("cpu", "cuda", "mps", "xpu"):
        job = full_job(kind)
        assert job_from_dict(json.loads(json.dumps(job.to_dict()))) == job
        assert len(set(job.groups)) == len(job.groups)
        assert 0 < len(job.quick) < len(job.groups)
        settings = job.settings
        assert ("tf32" in {one.dtype for one in settings}) == (kind == "cuda")  # no other has it
        assert ({"graph", "compiled"} <= {one.mode for one in settings}) == (kind != "cpu")
        assert max(one.batch_size for one in settings) == (32 if kind == "cpu" else 256)
    assert TimingJob((three_blocks(TINY),)).dtypes == ("float32",)


def test_disturbed_groups_are_measured_again_and_the_less_disturbed_results_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    groups = three_blocks(TINY)[:1], three_blocks(TINY)[1:2], three_blocks(TINY)[2:]
    script = {groups[0]: [1.0], groups[1]: [1.5, 2.0, 1.0], groups[2]: [3.0, 1.4, 1.6]}

    def measured(group: tuple[Settings, ...], *_: object, **__: object) -> tuple[Timing, ...]:
        slowdown = script[group].pop(0)
        return tuple(Timing(one, "cpu", (slowdown,), slowdown=slowdown) for one in group)

    monkeypatch.setattr(runner, "measure", measured)
    monkeypatch.setattr(
        "xception_lab.measurement.runner.measure_peaks", lambda *_, **__: Peaks("float32", 1.0, ((1, 1.0),))
    )
    results = run_job(TimingJob(groups, device="cpu", retries=2))
    assert script == {group: [] for group in groups}
    assert [timing.slowdown for timing in results.latest] == [1.0, 1.0, 1.4]
    assert results.slowdown == 1.4
    assert len(results.timings) == 5  # the one that came out worse was not kept
    script |= {groups[0]: [1.0], groups[1]: [1.5], groups[2]: [3.0]}
    monkeypatch.setattr(runner, "RETRY_S", -1.0)
    assert run_job(TimingJob(groups, device="cpu", retries=2)).slowdown == 3.0  # the time for that is over
    script |= {groups[1]: [1.5]}
    assert run_job(TimingJob(groups[1:2], device="cpu")).slowdown == 1.5


def test_what_others_use_of_the_processor_is_without_our_own_use(monkeypatch: pytest.MonkeyPatch) -> None:
    # seconds so far: of all cores, idle among them, stolen by the host, and this process's own
    seen = iter(
        [(100.0, 80.0, 0.0, 10.0), (120.0, 90.0, 2.0, 15.0), (120.0, 90.0, 2.0, 15.0), (130.0, 92.0, 2.0, 23.5)]
    )

    class Times(SimpleNamespace):
        def _asdict(self) -> dict[str, float]:
            return self.__dict__

    def processor() -> Times:
        whole, idle, stolen, own = next(seen)
        # our own is what this process, its ended children and one that runs have used
        ours = SimpleNamespace(cpu_times=lambda: (own - 3, 1.0, 0.5, 0.5, 99.0))
        child = SimpleNamespace(cpu_times=lambda: (0.75, 0.25, 0.0, 0.0, 99.0))
        ours.children = lambda recursive: [child] * recursive
        monkeypatch.setattr(machine.psutil, "Process", lambda: ours)
        return Times(user=whole - idle - stolen, idle=idle - 5, iowait=5.0, steal=stolen, guest=7.0)

    monkeypatch.setattr(machine.psutil, "cpu_times", processor)
    others = machine.OtherProcesses()
    assert others.share() == pytest.approx((10 - 5) / 20)
    assert others.share() == 0.0
    assert others.share() == 0.0  # rounding may make our own more than all


def test_a_busy_machine_is_reported_with_its_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    shares = iter([0.9, 0.1, 0.9, 0.6, 0.9, 0.2])  # what was before a group counts for none
    monkeypatch.setattr(machine.OtherProcesses, "share", lambda _others: next(shares))
    monkeypatch.setattr(runner, "busy_share", lambda: 0.3)
    monkeypatch.setattr(runner, "measure", lambda group, *_, **__: tuple(Timing(one, "cpu", (1.0,)) for one in group))
    monkeypatch.setattr(
        "xception_lab.measurement.runner.measure_peaks", lambda *_, **__: Peaks("float32", 1.0, ((1, 1.0),))
    )
    groups = tuple((one,) for one in three_blocks(TINY))
    parts = [part.machine.busy_share for share, part in run_job_parts(TimingJob(groups, device="cpu"))]
    assert parts == [0.3, 0.3, 0.3, 0.6, 0.6, 0.6]


def test_a_sweep_leaves_out_invalid_values() -> None:
    groups = sweep_settings(CompareSpec(size=9, padding="valid", kernel_size=9), "size")
    assert min(groups) == 9
    assert set(sweep_settings(CompareSpec(out_channels=48), "out_channels")) == {16, 32, 48, 64, 128, 256, 512}


def test_no_thread_is_left() -> None:
    assert all("timing" not in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize(("dtype", "wanted"), [("float32", "ieee"), ("tf32", "tf32")])
def test_a_peak_is_probed_in_the_precision_that_it_is_named_after(
    dtype: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xception_lab.measurement.peaks.MATRIX_SIDES", (4,))
    monkeypatch.setattr("xception_lab.measurement.peaks.CONV_BATCHES", (1,))
    seen: set[str] = set()

    class Looking(FixedClock):
        def fastest_s(self, call: object, least_s: float) -> float:
            seen.add(torch.backends.cudnn.conv.fp32_precision)
            return super().fastest_s(call, least_s)

    measure_peaks(CPU, dtype, Looking(0.01), working_sets=(1 << 10,))  # type: ignore[arg-type]
    assert seen == {wanted}


def test_compiled_means_every_operation_and_these_shapes_whatever_was_compiled_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: list[object] = []

    def compiled(model: torch.nn.Module, **options: bool) -> torch.nn.Module:
        log.append(options)
        return model

    monkeypatch.setattr(engine, "has_compiler", lambda: True)
    monkeypatch.setattr(torch.compiler, "reset", lambda: log.append("reset"))
    monkeypatch.setattr(torch, "compile", compiled)
    measure(three_blocks(TINY, mode="compiled"), CPU, FixedClock(0.05), limit_s=0.01)
    assert log == ["reset", *[{"fullgraph": True, "dynamic": False}] * 3]
    measure(three_blocks(TINY), CPU, FixedClock(0.05), limit_s=0.01)
    assert log.count("reset") == 1

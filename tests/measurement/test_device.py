"""The device path against a fake device: nothing is read before the device was waited for, nothing is timed warm."""

import sys
from types import SimpleNamespace

import pytest
import torch
from fake_device import FakeTorch

from xception_lab.measurement.device import (
    EVENT_RUNS,
    FLUSH_BYTES,
    EventClock,
    HostClock,
    capture_graph,
    energy_j,
    free_bytes,
    make_clock,
    peak_bytes,
    select_device,
    synchronize,
)

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


def test_the_fake_refuses_what_a_device_gets_wrong_silently() -> None:
    fake = FakeTorch()
    clock = EventClock(CUDA, fake)
    start = clock.mark()
    fake.work(3.0)
    with pytest.raises(AssertionError, match="before the device"):
        start.elapsed_time(clock.mark())


def test_each_run_flushes_and_records_and_no_event_is_read_before_the_wait() -> None:
    fake = FakeTorch()
    clock = EventClock(CUDA, fake)
    assert fake.log == [f"room {FLUSH_BYTES}"]
    fake.log.clear()
    times, calls = clock.samples(lambda: fake.work(2.0), 0.0001)
    assert times == [0.002] * EVENT_RUNS
    assert calls == 1
    once = ["flush", "record", "call", "record"]
    assert fake.log == [*once * EVENT_RUNS, "synchronize", *["read"] * EVENT_RUNS]


def test_sampling_lasts_as_long_on_the_device_as_asked() -> None:
    fake = FakeTorch()
    times, _ = EventClock(CUDA, fake).samples(lambda: fake.work(2.0), 0.1)
    assert len(times) == 5 * EVENT_RUNS  # 20 ms of calls a batch


def test_a_call_that_takes_no_device_time_ends_too() -> None:
    fake = FakeTorch()
    times, _ = EventClock(CUDA, fake).samples(lambda: None, 0.1)
    assert set(times) == {0.0}


def test_marks_are_read_after_synchronising() -> None:
    fake = FakeTorch()
    clock = EventClock(CUDA, fake)
    marks = []
    for milliseconds in (1.0, 2.0, 4.0):
        marks.append(clock.mark())
        fake.work(milliseconds)
    marks.append(clock.mark())
    assert clock.between(marks) == [0.001, 0.002, 0.004]


def test_a_graph_is_warmed_up_waited_for_captured_on_its_stream_and_replayed() -> None:
    fake = FakeTorch()
    replay = capture_graph(CUDA, lambda: fake.work(1.0), fake)
    warm = ["stream begins", "call", "call", "call", "stream ends", "synchronize"]
    capture = ["stream begins", "graph begins", "call", "graph ends", "stream ends", "synchronize"]
    assert fake.log == [*warm, *capture]
    replay()
    assert fake.log[-1] == "replay"
    with pytest.raises(ValueError, match=r"mode='graph'.*accelerator"):
        capture_graph(CPU, lambda: None)


def test_present_devices_are_selected_and_others_refused() -> None:
    fake = FakeTorch()
    assert select_device("auto", fake) == CUDA
    assert select_device("cpu", fake) == CPU
    with pytest.raises(ValueError, match="device='xpu': must be one of 'auto', 'cpu', 'cuda'"):
        select_device("xpu", fake)
    fake.accelerator.is_available = lambda: False
    assert select_device("auto", fake) == CPU
    assert isinstance(make_clock(CUDA, fake), EventClock)
    assert isinstance(make_clock(CPU), HostClock)
    # events are said to hang there
    assert isinstance(make_clock(torch.device("mps"), fake), HostClock)


def test_memory_is_the_devices_or_the_hosts_where_the_device_does_not_report_it() -> None:
    fake = FakeTorch(free=123)
    assert free_bytes(CUDA, fake) == 123

    def silent(_device: object) -> None:
        raise RuntimeError("not implemented")

    fake.accelerator.get_memory_info = silent
    assert free_bytes(CUDA, fake) > 1 << 20
    fake.peak = 77
    assert peak_bytes(CUDA, lambda: fake.work(1.0), fake) == 77
    assert fake.log[-3:] == ["reset", "call", "synchronize"]
    fake.accelerator.reset_peak_memory_stats = silent
    assert peak_bytes(CUDA, lambda: None, fake) is None
    assert peak_bytes(CPU, lambda: None) is None


def test_synchronize_waits_for_a_device_and_not_for_the_cpu() -> None:
    fake = FakeTorch()
    synchronize(CPU, fake)
    assert fake.log == []
    synchronize(CUDA, fake)
    assert fake.log == ["synchronize"]


def _count_energy(monkeypatch: pytest.MonkeyPatch, *millijoules: int) -> None:
    """An NVML whose energy counter stands at these values, one after another."""
    counter = iter(millijoules)
    nvml = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetTotalEnergyConsumption=lambda _: next(counter),
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # type: ignore[arg-type]


def test_energy_is_the_counters_difference_over_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTorch()
    clock = EventClock(CUDA, fake)
    _count_energy(monkeypatch, 1000, 3000)
    # 2,000 mJ over 10 calls
    assert energy_j(CUDA, clock, lambda: fake.work(2.0), 0.0001) == pytest.approx(0.2)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]
    assert energy_j(CUDA, clock, lambda: None, 0.0001) is None
    assert energy_j(CPU, HostClock(CPU), lambda: None, 0.0001) is None


def test_a_call_too_short_for_the_clock_has_the_energy_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    _count_energy(monkeypatch, 1000, 3000)
    clock = SimpleNamespace(samples=lambda _call, _least_s: ([0.1, 0.1], 4))
    assert energy_j(CUDA, clock, lambda: None, 0.1) == pytest.approx(2 / 8)  # type: ignore[arg-type]


def test_the_flush_is_larger_than_any_cache() -> None:
    assert FLUSH_BYTES >= 2 * (128 << 20)  # twice a Blackwell's 126 MB of L2, the largest so far


def test_the_host_clock_waits_for_an_accelerator_that_has_no_events(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[str] = []
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda: waited.append("synchronize"))
    HostClock(torch.device("mps")).mark()
    assert waited == ["synchronize"]
    HostClock(CPU).mark()
    assert waited == ["synchronize"]


def test_the_timer_runs_on_as_many_threads_as_torch_does() -> None:
    before = torch.get_num_threads()
    seen: set[int] = set()
    try:
        torch.set_num_threads(3)
        HostClock(CPU).samples(lambda: seen.add(torch.get_num_threads()), 0.001)
    finally:
        torch.set_num_threads(before)
    assert seen == {3}


def test_the_host_clock_is_the_timers() -> None:
    calls: list[int] = []
    times, number = HostClock(CPU).samples(lambda: calls.append(1), 0.001)
    assert all(seconds > 0 for seconds in times)
    assert len(calls) >= len(times) * number
    clock = HostClock(CPU)
    assert len(clock.between([clock.mark(), clock.mark(), clock.mark()])) == 2

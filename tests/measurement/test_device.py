"""The device path against a fake device: nothing is read before the device was waited for, nothing is timed warm."""

import sys

import pytest
import torch
from fake_device import FakeTorch

from xception_lab.measurement import device
from xception_lab.measurement.device import (
    EVENT_RUNS,
    FLUSH_BYTES,
    MOST_RUNS,
    EventClock,
    HostClock,
    allocated_bytes,
    capture_graph,
    energy_j,
    free_bytes,
    launch_s,
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
    assert times == [0.002] * EVENT_RUNS  # 70 ms with their flushes are more than was asked for
    assert calls == 1
    once = ["flush", "record", "call", "record"]
    assert fake.log == [*once * EVENT_RUNS, "synchronize", *["read"] * (EVENT_RUNS + 1)]


def test_sampling_lasts_as_long_on_the_device_as_asked() -> None:
    fake = FakeTorch()
    times, _ = EventClock(CUDA, fake).samples(lambda: fake.work(2.0), 0.1)
    assert len(times) == 2 * EVENT_RUNS  # 70 ms a batch, the flushes among them


def test_a_block_of_12_us_is_sampled_no_more_than_a_few_times_in_one_go() -> None:
    fake = FakeTorch()
    times, _ = EventClock(CUDA, fake).samples(lambda: fake.work(0.012), 10.0)
    assert times == [0.000012] * MOST_RUNS
    assert fake.queued_ms < 10_000 / 10


def test_one_batch_is_sampled_even_if_no_time_is_asked_for() -> None:
    fake = FakeTorch()
    assert EventClock(CUDA, fake).samples(lambda: fake.work(2.0), 0.0)[0] == [0.002] * EVENT_RUNS
    assert EventClock(CUDA, fake).fastest_s(lambda: fake.work(2.0), 0.0) == pytest.approx(0.002)


def test_the_best_rate_is_of_calls_in_a_row_behind_a_filled_queue_without_flushes_between() -> None:
    fake = FakeTorch()
    clock = EventClock(CUDA, fake)
    clock.fill_queue(0.0)
    fake.log.clear()
    assert clock.fastest_s(lambda: fake.work(0.012), 0.001) == pytest.approx(0.000012)
    rows = " ".join(fake.log).split("record")[1::2]
    assert [row.split() for row in rows] == [["call"] * count for count in (1, 2, 4, 8, 16, 32, 64)][: len(rows)]
    assert len(rows) > 5
    begins = [place for place, entry in enumerate(fake.log) if entry == "record"][::2]
    assert {fake.log[place - 1] for place in begins} == {"flush"}


class Launching:
    """A call that the host takes a while to queue, so that a device with nothing before it waits for the launches."""

    def __init__(self, fake: FakeTorch, launches: int, host_ms: float, device_ms: float) -> None:
        self.fake, self.launches, self.host_ms, self.device_ms = fake, launches, host_ms, device_ms

    def __call__(self) -> None:
        for _ in range(self.launches):
            self.fake.launch(self.host_ms, self.device_ms)


def test_the_devices_own_time_holds_no_launches_and_the_time_in_a_loop_does(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTorch()
    monkeypatch.setattr(device.time, "perf_counter", fake.host_clock_s)
    clock = EventClock(CUDA, fake)
    call = Launching(fake, 5, host_ms=2.0, device_ms=0.5)
    assert clock.device_s(call) == pytest.approx(0.0025)
    assert clock.loop_s(call) == pytest.approx(0.010, rel=0.02)
    # a device that is slower than the host is waited for, and launches cost nothing
    slow = Launching(fake, 5, host_ms=0.5, device_ms=2.0)
    assert (clock.device_s(slow), clock.loop_s(slow)) == pytest.approx((0.010, 0.010), rel=0.02)
    assert HostClock(CPU).device_s(lambda: None) is HostClock(CPU).loop_s(lambda: None) is None


def test_a_launch_is_what_an_operation_on_one_number_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTorch()
    monkeypatch.setattr(device.time, "perf_counter", fake.host_clock_s)
    fake.add_host_ms = 0.004
    assert launch_s(CUDA, fake) == pytest.approx(4e-6, rel=0.02)
    assert launch_s(CPU, fake) is None


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
    assert capture_graph(CUDA, lambda: "the tensor it writes to", fake)() == "the tensor it writes to"
    assert capture_graph(torch.device("xpu"), lambda: "and there", fake)() == "and there"
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
    # 1,000 bytes are there before the call, 30 of them its own weights and input: the rest is the clock's
    fake.allocated, fake.peak = 1000, 1077
    assert peak_bytes(CUDA, lambda: fake.work(1.0), 30, fake) == 77 + 30
    assert fake.log[-4:] == ["synchronize", "reset", "call", "synchronize"]
    assert allocated_bytes(CUDA, fake) == 1000
    assert allocated_bytes(CPU, fake) == 0
    fake.accelerator.reset_peak_memory_stats = silent
    assert peak_bytes(CUDA, lambda: None, 30, fake) is None
    assert peak_bytes(CPU, lambda: None, 30) is None


def test_synchronize_waits_for_a_device_and_not_for_the_cpu() -> None:
    fake = FakeTorch()
    synchronize(CPU, fake)
    assert fake.log == []
    synchronize(CUDA, fake)
    assert fake.log == ["synchronize"]


class Meter:
    """An NVML whose energy counter moves in steps of 100 ms, at 300 W while the device works and 100 W otherwise."""

    def __init__(self, fake: FakeTorch, stands: bool = False) -> None:
        self.fake, self.stands = fake, stands
        self.asked: list[str] = []

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's name
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:  # noqa: N802
        self.asked.append(uuid)
        return uuid

    def nvmlDeviceGetTotalEnergyConsumption(self, _handle: str) -> int:  # noqa: N802
        if self.stands:
            return 7
        worked_s = min(self.fake.queued_ms, self.fake.now_ms) / 1000
        return int(round(self.fake.now_ms / 1000, 9) * 10) * 30_000 if worked_s else 0


def test_energy_is_read_from_step_to_step_over_a_second_of_calls_and_by_the_devices_identity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeTorch()
    meter = Meter(fake)
    monkeypatch.setattr(device.time, "perf_counter", fake.host_clock_s)
    monkeypatch.setitem(sys.modules, "pynvml", meter)  # type: ignore[arg-type]
    # 2 ms at 300 W; a step is found within the 20 ms between two looks
    assert energy_j(CUDA, lambda: fake.launch(0.001, 2.0), 1.0, fake) == pytest.approx(0.6, rel=0.03)
    assert meter.asked == [f"GPU-{fake.uuid}"]
    assert fake.now_ms > 1000
    assert "flush" not in fake.log
    monkeypatch.setitem(sys.modules, "pynvml", Meter(fake, stands=True))  # type: ignore[arg-type]
    assert energy_j(CUDA, lambda: fake.launch(0.001, 2.0), 1.0, fake) is None
    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]
    assert energy_j(CUDA, lambda: None, 0.0001, fake) is None
    assert energy_j(CPU, lambda: None, 0.0001) is None


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

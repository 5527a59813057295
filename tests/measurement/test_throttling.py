"""The speed monitor: what it reports, how long it waits, and what is stored."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fake_device import FakeTorch, HostsClock

from xception_lab.measurement import sampling, throttling
from xception_lab.measurement.device import EventClock, HostClock
from xception_lab.measurement.measure import measure, prepare
from xception_lab.measurement.throttling import FILE, SpeedMonitor, load_best_s, save_best_s
from xception_lab.spec import CompareSpec
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results import Machine

CPU = torch.device("cpu")
MACHINE = Machine("cpu", "A processor", 2, 1 << 30, None, "", "Linux", "3.11", "2.13")
BLOCKS = three_blocks(CompareSpec(in_channels=4, out_channels=8, size=6))


class Scripted(HostsClock):
    """A clock on which the fixed work takes what the test says, the last for ever, and all else a millisecond."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)
        self.work: object = None

    def samples(self, call: object, _least_s: float) -> tuple[list[float], int]:
        self.work = self.work or call  # the first call is the monitor's own
        if call != self.work:
            return [0.001] * 4, 1
        now = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return [0.9 * now, now, 3 * now], 1

    def mark(self) -> float:
        return 0.0

    def between(self, marks: list[float]) -> list[float]:
        return [0.0] * (len(marks) - 1)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses so far; the wall clock advances by nothing else."""
    seconds: list[float] = []
    monkeypatch.setattr(throttling.time, "perf_counter", lambda: sum(seconds))
    monkeypatch.setattr(throttling.time, "sleep", seconds.append)
    return seconds


def test_the_slowdown_is_relative_to_the_least_time_so_far() -> None:
    monitor = SpeedMonitor(CPU, Scripted(9.0, 2.0, 3.0, 1.0, 3.0))
    assert [monitor.slowdown() for _ in range(4)] == [1.0, 1.5, 1.0, 3.0]
    assert monitor.best_s == 1.0
    assert SpeedMonitor(CPU, Scripted(4.0), best_s=2.0).slowdown() == 2.0


def test_waiting_ends_when_the_machine_has_settled_or_the_time_is_up(pauses: list[float]) -> None:
    assert SpeedMonitor(CPU, Scripted(1.0, 1.0, 2.0, 2.0, 1.1), best_s=1.0).wait_until_settled(0.0) == 1.0
    assert pauses == []
    assert SpeedMonitor(CPU, Scripted(1.0, 2.0, 2.0, 1.1), best_s=1.0).wait_until_settled(9.0) == pytest.approx(1.1)
    assert len(pauses) == 2
    assert SpeedMonitor(CPU, Scripted(2.0), best_s=1.0).wait_until_settled(1.0) == 2.0
    assert sum(pauses) == pytest.approx(1.0 + 2 * throttling.PAUSE_S)


def test_the_work_itself_runs_without_gradients() -> None:
    monitor = SpeedMonitor(CPU, HostClock(CPU))
    assert 0 < monitor.slowdown() < math.inf
    assert monitor._work().shape == (1, 128, 56, 56)
    # on an accelerator so much that the device, not the host, is what is slow
    assert SpeedMonitor(torch.device("meta"), Scripted(1.0))._work().shape[0] >= 32
    assert not monitor._work().requires_grad


def test_an_accelerators_speed_is_read_from_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTorch()
    monkeypatch.setattr(SpeedMonitor, "_work", lambda _monitor: fake.work(2.0))
    monitor = SpeedMonitor(CPU, EventClock(torch.device("cuda"), fake), best_s=0.001)
    assert monitor.slowdown() == pytest.approx(2.0)  # 2 ms, read after they were waited for


@pytest.mark.parametrize(
    ("readings", "disturbed"),
    [
        ((1.0,), False),
        ((1.1,), False),
        ((2.0,), True),
    ],
)
def test_a_timing_says_how_slow_the_machine_was(
    readings: tuple[float, ...], disturbed: bool, pauses: list[float]
) -> None:
    clock = Scripted(1.0, *readings)
    timings = measure(
        BLOCKS, CPU, clock, precision=0.05, limit_s=1.0, speed_monitor=SpeedMonitor(CPU, clock, best_s=1.0)
    )
    assert [timing.disturbed for timing in timings] == [disturbed] * 3
    assert all(timing.slowdown == pytest.approx(2.0 if disturbed else readings[0]) for timing in timings)
    # a limit of one second a block: three seconds of waiting at most, and samples all the same
    assert sum(pauses) <= 3 + throttling.PAUSE_S
    assert all(set(timing.times_s) == {0.001} for timing in timings)
    assert all(timing.reached for timing in timings)  # waiting takes nothing from the time for samples


@pytest.mark.parametrize(
    ("readings", "slowdown"),
    [
        ((1.0, 1.0, 1.0, 1.0, 9.0), 1.0),
        ((1.0, 1.0, 2.0, 2.0, 2.0), 2.0),
        ((1.0, 9.0, 1.0, 9.0), 9.0),
    ],
)
def test_one_bad_moment_is_no_disturbed_measurement_but_a_half_is(
    readings: tuple[float, ...], slowdown: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Scripted(1.0)
    monitor = SpeedMonitor(CPU, clock)
    slowdowns = itertools.cycle(readings)
    monkeypatch.setattr(monitor, "wait_until_settled", lambda _max_wait_s: next(slowdowns))
    cases = [prepare(BLOCKS[0], CPU)]
    monkeypatch.setattr(
        sampling.BenchmarkCase, "reached", lambda case, _precision: len(case.times) == 4 * len(readings)
    )
    assert sampling.sample_interleaved(cases, clock, 0.05, 9.0, speed_monitor=monitor) == slowdown


def test_without_a_speed_monitor_the_slowdown_is_unknown() -> None:
    (timing,) = measure(BLOCKS[:1], CPU, Scripted(1.0), limit_s=0.01)
    assert timing.slowdown is None
    assert not timing.disturbed
    assert replace(timing, slowdown=1.2).disturbed


def test_no_sample_is_taken_while_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    clock = Scripted(1.0)
    monitor = SpeedMonitor(CPU, clock, best_s=1.0)
    monkeypatch.setattr(monitor, "wait_until_settled", lambda _max_wait_s: (log.append("wait"), 1.0)[1])
    sample = sampling.BenchmarkCase.sample

    def noted(case: sampling.BenchmarkCase, *given: object) -> list[float]:
        log.append("sample")
        return sample(case, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(sampling.BenchmarkCase, "sample", noted)
    measure(BLOCKS[:2], CPU, clock, precision=0.05, limit_s=9.0, speed_monitor=monitor)
    begin = log.index("wait")
    assert log[begin:] == ["wait", "sample", "sample"] * (len(log[begin:]) // 3)
    assert len(log[begin:]) > 3


def test_the_best_time_is_stored_for_this_machine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path / "home"))
    other = replace(MACHINE, threads=1)
    assert load_best_s(MACHINE) == math.inf
    save_best_s(MACHINE, 2.0)
    save_best_s(MACHINE, 3.0)
    save_best_s(other, 5.0)
    assert (load_best_s(MACHINE), load_best_s(other)) == (2.0, 5.0)
    save_best_s(MACHINE, 1.0)
    assert (load_best_s(MACHINE), load_best_s(other)) == (1.0, 5.0)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 99_999, '"x"', "\x00"])
def test_a_broken_file_counts_as_none_and_is_replaced(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    (tmp_path / FILE).write_text(text)
    assert load_best_s(MACHINE) == math.inf
    save_best_s(MACHINE, 2.0)
    assert load_best_s(MACHINE) == 2.0


@pytest.mark.parametrize("value", ["-1.0", "0.0", '"fast"', "null", "NaN"])
def test_a_value_that_is_no_time_counts_as_none(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    (tmp_path / FILE).write_text(f'{{"{MACHINE.label}": {value}}}')
    assert load_best_s(MACHINE) == math.inf


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path / "file" / "home"))
    save_best_s(MACHINE, 2.0)
    assert load_best_s(MACHINE) == math.inf

"""The machine's pace: what is told of it, how long it is waited for, and what is remembered."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fake_device import FakeTorch

from xception_lab.measurement import sampling
from xception_lab.measurement import throttling as engine
from xception_lab.measurement.device import EventClock, HostClock
from xception_lab.measurement.measure import measure, prepare
from xception_lab.measurement.throttling import FILE, SpeedMonitor, load_best_s, save_best_s
from xception_lab.spec import CompareSpec
from xception_lab.timing.jobs import three_blocks
from xception_lab.timing.results import Machine

CPU = torch.device("cpu")
MACHINE = Machine("cpu", "A processor", 2, 1 << 30, None, "", "Linux", "3.11", "2.13")
BLOCKS = three_blocks(CompareSpec(in_channels=4, out_channels=8, size=6))


class Scripted:
    """A clock on which the fixed work takes what the test says, the last for ever, and all else a millisecond."""

    def __init__(self, *seconds: float) -> None:
        self.seconds = list(seconds)
        self.work: object = None

    def samples(self, call: object, _least_s: float) -> tuple[list[float], int]:
        self.work = self.work or call  # the first that is asked for is Pace's own
        if call != self.work:
            return [0.001] * 4, 1
        now = self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]
        return [0.9 * now, now, 3 * now], 1

    def mark(self) -> float:
        return 0.0

    def between(self, marks: list[float]) -> list[float]:
        return [0.0] * (len(marks) - 1)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock on the wall that moves by what is slept alone."""
    pauses: list[float] = []
    monkeypatch.setattr(engine.time, "perf_counter", lambda: sum(pauses))
    monkeypatch.setattr(engine.time, "sleep", pauses.append)
    return pauses


def test_the_slowdown_is_against_the_least_time_seen_so_far() -> None:
    pace = SpeedMonitor(CPU, Scripted(9.0, 2.0, 3.0, 1.0, 3.0))
    assert [pace.slowdown() for _ in range(4)] == [1.0, 1.5, 1.0, 3.0]
    assert pace.best_s == 1.0
    assert SpeedMonitor(CPU, Scripted(4.0), best_s=2.0).slowdown() == 2.0


def test_a_disturbance_is_waited_for_no_longer_than_patience_lasts(slept: list[float]) -> None:
    assert SpeedMonitor(CPU, Scripted(1.0, 1.0, 2.0, 2.0, 1.1), best_s=1.0).settled(0.0) == 1.0
    assert slept == []
    assert SpeedMonitor(CPU, Scripted(1.0, 2.0, 2.0, 1.1), best_s=1.0).settled(9.0) == pytest.approx(1.1)
    assert len(slept) == 2
    assert SpeedMonitor(CPU, Scripted(2.0), best_s=1.0).settled(1.0) == 2.0
    assert sum(slept) == pytest.approx(1.0 + 2 * engine.PAUSE_S)


def test_the_work_itself_runs_and_knows_no_gradient() -> None:
    pace = SpeedMonitor(CPU, HostClock(CPU))
    assert 0 < pace.slowdown() < math.inf
    assert pace._work().shape == (1, 128, 56, 56)
    assert not pace._work().requires_grad


def test_an_accelerators_pace_is_read_from_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTorch()
    monkeypatch.setattr(SpeedMonitor, "_work", lambda _pace: fake.work(2.0))
    pace = SpeedMonitor(CPU, EventClock(torch.device("cuda"), fake), best_s=0.001)
    assert pace.slowdown() == pytest.approx(2.0)  # 2 ms, read after they were waited for


@pytest.mark.parametrize(
    ("readings", "disturbed"),
    [
        ((1.0,), False),
        ((1.1,), False),
        ((2.0,), True),
    ],
)
def test_a_timing_says_how_slow_the_machine_was(
    readings: tuple[float, ...], disturbed: bool, slept: list[float]
) -> None:
    clock = Scripted(1.0, *readings)
    timings = measure(BLOCKS, CPU, clock, precision=0.05, limit_s=1.0, pace=SpeedMonitor(CPU, clock, best_s=1.0))
    assert [timing.disturbed for timing in timings] == [disturbed] * 3
    assert all(timing.slowdown == pytest.approx(2.0 if disturbed else readings[0]) for timing in timings)
    # a limit of one second a block: three seconds of patience at most, and samples all the same
    assert sum(slept) <= 3 + engine.PAUSE_S
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
    pace = SpeedMonitor(CPU, clock)
    given = itertools.cycle(readings)
    monkeypatch.setattr(pace, "settled", lambda _patience: next(given))
    cases = [prepare(BLOCKS[0], CPU)]
    monkeypatch.setattr(
        sampling.BenchmarkCase, "reached", lambda case, _precision: len(case.times) == 4 * len(readings)
    )
    assert sampling.sample_interleaved(cases, clock, 0.05, 9.0, pace=pace) == slowdown


def test_without_a_pace_nobody_says_that_the_machine_was_calm() -> None:
    (timing,) = measure(BLOCKS[:1], CPU, Scripted(1.0), limit_s=0.01)
    assert timing.slowdown is None
    assert not timing.disturbed
    assert replace(timing, slowdown=1.2).disturbed


def test_no_sample_is_taken_while_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    clock = Scripted(1.0)
    pace = SpeedMonitor(CPU, clock, best_s=1.0)
    monkeypatch.setattr(pace, "settled", lambda _patience: (log.append("settled"), 1.0)[1])
    sample = sampling.BenchmarkCase.sample

    def noted(case: sampling.BenchmarkCase, *given: object) -> list[float]:
        log.append("sample")
        return sample(case, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(sampling.BenchmarkCase, "sample", noted)
    measure(BLOCKS[:2], CPU, clock, precision=0.05, limit_s=9.0, pace=pace)
    begin = log.index("settled")
    assert log[begin:] == ["settled", "sample", "sample"] * (len(log[begin:]) // 3)
    assert len(log[begin:]) > 3


def test_the_best_is_remembered_for_this_machine_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_broken_file_is_none_and_is_replaced(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    (tmp_path / FILE).write_text(text)
    assert load_best_s(MACHINE) == math.inf
    save_best_s(MACHINE, 2.0)
    assert load_best_s(MACHINE) == 2.0


@pytest.mark.parametrize("value", ["-1.0", "0.0", '"fast"', "null", "NaN"])
def test_a_value_that_is_no_time_is_none(value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    (tmp_path / FILE).write_text(f'{{"{MACHINE.label}": {value}}}')
    assert load_best_s(MACHINE) == math.inf


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path / "file" / "home"))
    save_best_s(MACHINE, 2.0)
    assert load_best_s(MACHINE) == math.inf

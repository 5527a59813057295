"""One measurement at a time: places, stopping, failing, and the real measuring process."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from xception_lab.cli.main import main
from xception_lab.measurement.queue import MOST_WAITING, TimingQueue, TooManyJobsError
from xception_lab.measurement.worker import MeasuringProcess, WorkerMessage
from xception_lab.spec import CompareSpec
from xception_lab.timing.jobs import TimingJob, three_blocks
from xception_lab.timing.results import Machine, Results, Timing
from xception_lab.timing.results_file import results_from_json

BLOCKS = three_blocks(CompareSpec(in_channels=2, out_channels=2, size=4))
JOB = TimingJob((BLOCKS,), precision=0.5, limit_s=0.05)
MACHINE = Machine("cpu", "x", 1, 1, None, "", "Linux", "3.11", "2.13")
RESULTS = Results(MACHINE, (), (Timing(BLOCKS[0], "cpu", (0.001,)),))
PATIENCE_S = 120.0


class Scripted:
    """A worker that says what the test lets it say; None ends it."""

    alive = 0
    most_alive = 0

    def __init__(self, _job: TimingJob) -> None:
        Scripted.alive += 1
        Scripted.most_alive = max(Scripted.alive, Scripted.most_alive)
        self.said: queue.Queue[WorkerMessage | None] = queue.Queue()
        self.stopped = threading.Event()
        workers.append(self)

    def messages(self) -> Iterator[WorkerMessage]:
        while message := self.said.get(timeout=PATIENCE_S):
            yield message
        Scripted.alive -= 1

    def stop(self) -> None:
        self.stopped.set()
        self.said.put(None)


workers: list[Scripted] = []


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))  # a loaded machine's pace is not to be remembered
    workers.clear()
    Scripted.alive = Scripted.most_alive = 0


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; no test hangs."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.002)


def test_two_sessions_are_served_one_after_the_other_with_the_place_shown() -> None:
    desk = TimingQueue(Scripted)
    first, second, third = (desk.submit(JOB) for _ in range(3))
    until(lambda: desk.status(first).state == "running" and workers)
    assert [desk.status(key).place for key in (first, second, third)] == [0, 1, 2]
    workers[0].said.put(WorkerMessage(0.5, RESULTS))
    until(lambda: desk.status(first).share == 0.5)
    assert desk.status(first).results == RESULTS
    assert len(workers) == 1
    workers[0].said.put(None)
    until(lambda: desk.status(second).state == "running" and len(workers) == 2)
    assert desk.status(first).state == "done"
    assert desk.status(third).place == 1
    desk.stop(third)
    workers[1].said.put(None)
    until(lambda: desk.status(second).finished)
    assert desk.status(third).state == "cancelled"
    assert Scripted.most_alive == 1
    assert len({first, second, third}) == 3
    assert min(map(len, (first, second, third))) >= 16  # nobody guesses another's


def test_a_stop_ends_the_worker_and_keeps_what_was_measured() -> None:
    desk = TimingQueue(Scripted)
    key = desk.submit(JOB)
    until(lambda: workers)
    workers[0].said.put(WorkerMessage(0.5, RESULTS))
    until(lambda: desk.status(key).results)
    desk.stop(key)
    assert desk.status(key).state == "cancelled"
    assert workers[0].stopped.is_set()
    assert desk.status(key).results == RESULTS
    desk.stop(key)  # twice does no harm


def test_a_stop_between_a_turn_and_its_start_ends_the_worker_at_once() -> None:
    keys: list[str] = []

    def slow(job: TimingJob) -> Scripted:
        until(lambda: keys)
        desk.stop(keys[0])
        return Scripted(job)

    desk = TimingQueue(slow)
    keys.append(desk.submit(JOB))
    until(lambda: workers and workers[0].stopped.is_set())
    until(lambda: desk._thread is None)
    assert desk.status(keys[0]).state == "cancelled"


def test_what_was_finished_last_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xception_lab.measurement.queue.KEPT_JOBS", 2)
    desk = TimingQueue(Scripted)
    keys = [desk.submit(JOB) for _ in range(5)]
    for key in reversed(keys):
        desk.stop(key)
    until(lambda: desk._thread is None)
    last = desk.submit(JOB)
    assert [desk.status(key).state for key in keys[3:]] == ["cancelled"] * 2
    for key in keys[:3]:
        with pytest.raises(KeyError):
            desk.status(key)
    desk.stop(last)
    until(lambda: desk._thread is None)


def test_a_process_that_dies_of_itself_or_by_the_system_is_said() -> None:
    for command, status in (("import os; os._exit(1)", "status 1"), ("import os; os.abort()", "status -6")):
        worker = MeasuringProcess.__new__(MeasuringProcess)
        worker._process = subprocess.Popen(
            [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        (message,) = worker.messages()
        assert status in str(message.error)


def test_a_library_that_prints_and_one_that_fails_do_not_speak_into_the_results(tmp_path: Path) -> None:
    # found by the worker because its PYTHONPATH goes on to it
    (tmp_path / "psutil.py").write_text("print('hello'); raise RuntimeError('psutil: broken')")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        (message,) = MeasuringProcess(JOB).messages()
    assert str(message.error) == "psutil: broken"


def test_a_failure_is_a_sentence_and_the_next_ones_turn_comes() -> None:
    def broken(job: TimingJob) -> Scripted:
        if not workers:
            workers.append(None)  # type: ignore[arg-type]
            raise OSError("no more processes")
        return Scripted(job)

    desk = TimingQueue(broken)
    first, second = desk.submit(JOB), desk.submit(JOB)
    until(lambda: len(workers) == 2)
    assert desk.status(first).state == "failed"
    assert "no more processes" in desk.status(first).reason
    workers[1].said.put(WorkerMessage(1.0, error="batch_size=9: too large"))
    workers[1].said.put(None)
    until(lambda: desk.status(second).finished)
    assert (desk.status(second).state, desk.status(second).reason) == ("failed", "batch_size=9: too large")


def test_a_queue_has_an_end_and_forgets_what_is_long_over(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = TimingQueue(Scripted)
    keys = [desk.submit(JOB) for _ in range(MOST_WAITING)]
    with pytest.raises(TooManyJobsError, match=str(MOST_WAITING)):
        desk.submit(JOB)
    monkeypatch.setattr("xception_lab.measurement.queue.KEPT_JOBS", 3)
    for key in reversed(keys):
        desk.stop(key)
    until(lambda: desk._thread is None)
    last = desk.submit(JOB)
    with pytest.raises(KeyError):
        desk.status(keys[0])
    with pytest.raises(KeyError):
        desk.status(None)
    desk.stop(last)
    until(lambda: desk._thread is None)


def test_the_real_process_measures_and_is_killed_within_a_second() -> None:
    desk = TimingQueue()
    key = desk.submit(JOB)
    again = desk.submit(TimingJob((BLOCKS,), precision=1e-9, limit_s=600))  # would go on for half an hour
    until(lambda: desk.status(key).finished)
    done = desk.status(key)
    assert (done.state, done.reason, done.share) == ("done", "", 1.0)
    assert done.results
    assert all(done.results.timing(settings) for settings in BLOCKS)
    assert done.results.peak("float32")
    until(lambda: desk.status(again).results)  # the machine comes first
    worker = desk._worker
    assert isinstance(worker, MeasuringProcess)
    desk.stop(again)
    assert worker._process.wait(PATIENCE_S) != 0  # killed: it had half an hour to go
    assert desk.status(again).state == "cancelled"
    until(lambda: desk._thread is None)


def test_the_process_leaves_with_its_parent() -> None:
    worker = MeasuringProcess(TimingJob((BLOCKS,), precision=1e-9, limit_s=600))
    assert worker._process.stdout
    assert worker._process.stdout.readline()
    assert worker._process.stdin
    worker._process.stdin.close()  # as the system does when the parent dies
    assert worker._process.wait(PATIENCE_S) == 0
    worker._process.stdout.close()


def test_what_cannot_be_measured_comes_back_as_a_sentence() -> None:
    job = TimingJob((three_blocks(CompareSpec(), mode="graph"),), device="cpu", precision=0.5, limit_s=0.05)
    *_, last = MeasuringProcess(job).messages()
    assert last.error == "mode='graph': needs an accelerator, the CPU has no device graphs"


def test_the_terminal_writes_a_file_that_the_page_reads(tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    command = [
        sys.executable,
        "-m",
        "xception_lab",
        "time",
        "--size",
        "4",
        "--in-channels",
        "2",
        "--out-channels",
        "2",
        "--precision",
        "0.5",
        "--limit-s",
        "0.05",
        "--threads",
        "1",
        "--device",
        "cpu",
        "--out",
        str(out),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    results = results_from_json(out.read_bytes())
    assert [timing.settings for timing in results.timings] == list(BLOCKS)
    assert results.machine.threads == 1
    lines = run.stdout.splitlines()
    assert results.machine.label in lines[0]
    assert [line.split()[0] for line in lines[-3:]] == ["standard", "extreme", "separable"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--device", "cuda:9"], "device='cuda:9'"),
        (["--threads", "0"], "threads=0"),
        (["--size", "0"], "size=0"),
        (["--dtype", "tf32", "--limit-s", "0.01"], "dtype='tf32': needs an NVIDIA GPU"),
    ],
)
def test_the_terminal_says_what_it_cannot_do(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["time", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_terminal_marks_what_was_measured_on_a_disturbed_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, calm = Timing(BLOCKS[0], "cpu", (0.001,), slowdown=2.5), Timing(BLOCKS[1], "cpu", (0.001,), slowdown=1.0)
    monkeypatch.setattr(
        "xception_lab.measurement.runner.run_job", lambda _job, _report: Results(MACHINE, (), (slow, calm))
    )
    assert main(["time", "--device", "cpu"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1].startswith(
        "warning: this machine was up to 2.50 times slower than at its best: do not trust the 1 of 2"
    )
    assert ["ms!" in line for line in said[-2:]] == [True, False]


def test_the_terminal_prints_json_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xception_lab.measurement.runner.run_job", lambda _job, _report: RESULTS)
    assert main(["time", "--json", "--device", "cpu"]) == 0
    assert results_from_json(json.dumps(json.loads(capsys.readouterr().out))) == RESULTS
    assert main(["time", "--out", "/nowhere/at/all.json", "--device", "cpu"]) == 1
    assert "cannot be written" in capsys.readouterr().err

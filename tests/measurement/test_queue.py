"""One measurement at a time: places, stopping, failing, and the real measuring process."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from waiting import PATIENCE_S, until

from xception_lab.cli.main import main
from xception_lab.common.settings import MeasuringBounds, Settings
from xception_lab.measurement.queue import TimingQueue, TooManyJobsError
from xception_lab.measurement.worker import NICENESS, MeasuringProcess, WorkerMessage
from xception_lab.spec import CompareSpec
from xception_lab.timing.jobs import TimingJob, three_blocks
from xception_lab.timing.results import DeviceProperties, Machine, Peaks, Results, Timing
from xception_lab.timing.results_file import results_from_json

BLOCKS = three_blocks(CompareSpec(in_channels=2, out_channels=2, size=4))
JOB = TimingJob((BLOCKS,), precision=0.5, limit_s=0.05)
MACHINE = Machine("cpu", "x", 1, 1, None, "", "Linux", "3.11", "2.13")
RESULTS = Results(MACHINE, (), (Timing(BLOCKS[0], "cpu", (0.001,)),))


class ScriptedProcess:
    """A measuring process that sends what the test puts in its outbox; None ends it."""

    alive = 0
    max_alive = 0

    def __init__(self, _job: TimingJob) -> None:
        ScriptedProcess.alive += 1
        ScriptedProcess.max_alive = max(ScriptedProcess.alive, ScriptedProcess.max_alive)
        self.outbox: queue.Queue[WorkerMessage | None] = queue.Queue()
        self.stopped = threading.Event()
        processes.append(self)

    def messages(self) -> Iterator[WorkerMessage]:
        while message := self.outbox.get(timeout=PATIENCE_S):
            yield message
        ScriptedProcess.alive -= 1

    def stop(self) -> None:
        self.stopped.set()
        self.outbox.put(None)


processes: list[ScriptedProcess] = []


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))  # a loaded machine's best time is not to be stored
    processes.clear()
    ScriptedProcess.alive = ScriptedProcess.max_alive = 0


def test_one_job_is_measured_at_a_time_and_the_others_have_a_place() -> None:
    timing_queue = TimingQueue(ScriptedProcess)
    first, second, third = (timing_queue.submit(JOB) for _ in range(3))
    until(lambda: timing_queue.status(first).state == "running" and processes)
    assert [timing_queue.status(key).place for key in (first, second, third)] == [0, 1, 2]
    processes[0].outbox.put(WorkerMessage(0.5, RESULTS))
    until(lambda: timing_queue.status(first).share == 0.5)
    assert timing_queue.status(first).results == RESULTS
    assert len(processes) == 1
    processes[0].outbox.put(None)
    until(lambda: timing_queue.status(second).state == "running" and len(processes) == 2)
    assert timing_queue.status(first).state == "done"
    assert timing_queue.status(third).place == 1
    timing_queue.stop(third)
    processes[1].outbox.put(None)
    until(lambda: timing_queue.status(second).finished)
    assert timing_queue.status(third).state == "cancelled"
    assert ScriptedProcess.max_alive == 1
    assert len({first, second, third}) == 3
    assert min(map(len, (first, second, third))) >= 16  # nobody guesses another's


def test_people_take_turns_and_a_person_has_a_bound_of_their_own() -> None:
    timing_queue = TimingQueue(ScriptedProcess)
    ada = [timing_queue.submit(JOB, "ada")]
    until(lambda: processes)
    ada += [timing_queue.submit(JOB, "ada") for _ in range(2)]
    bob = timing_queue.submit(replace(JOB, limit_s=0.04), "bob")
    with pytest.raises(TooManyJobsError, match="at most 3 measurements of one person"):
        timing_queue.submit(JOB, "ada")
    # bob came last, and is next
    assert [timing_queue.status(key).place for key in (ada[0], bob, *ada[1:])] == [0, 1, 2, 3]
    processes[0].outbox.put(None)
    until(lambda: timing_queue.status(bob).state == "running" and len(processes) == 2)
    assert timing_queue.status(bob).owner == "bob"
    for key in ada[1:]:
        timing_queue.stop(key)
    processes[1].outbox.put(None)
    until(lambda: timing_queue.status(bob).finished)


def test_who_asks_for_the_same_measurement_joins_the_one_under_way() -> None:
    timing_queue = TimingQueue(ScriptedProcess)
    key = timing_queue.submit(JOB, "ada")
    until(lambda: processes)
    # more people than may wait, and one of them twice
    assert {timing_queue.submit(JOB, f"student {number % 25}") for number in range(26)} == {key}
    assert timing_queue.status(key).joined == tuple(f"student {number}" for number in range(25))
    again = timing_queue.submit(JOB, "ada")
    assert again != key, "a person may ask for the same once more"
    other = timing_queue.submit(replace(JOB, limit_s=0.04), "bob")
    assert other != key
    processes[0].outbox.put(None)
    until(lambda: timing_queue.status(key).finished)
    timing_queue.stop(again)
    late = timing_queue.submit(JOB, "cleo")
    assert late not in (key, again), "what is finished is not measured for somebody who comes later"
    for each in (again, other, late):
        timing_queue.stop(each)
    until(lambda: all(process.stopped.is_set() for process in processes[1:]))


def test_measuring_can_be_switched_off() -> None:
    off = Settings(measuring=MeasuringBounds(enabled=False))
    with pytest.raises(TooManyJobsError, match="measuring is switched off on this server"):
        TimingQueue(ScriptedProcess, lambda: off).submit(JOB)


def test_a_stop_ends_the_process_and_keeps_the_results_so_far() -> None:
    timing_queue = TimingQueue(ScriptedProcess)
    key = timing_queue.submit(JOB)
    until(lambda: processes)
    processes[0].outbox.put(WorkerMessage(0.5, RESULTS))
    until(lambda: timing_queue.status(key).results)
    timing_queue.stop(key)
    assert timing_queue.status(key).state == "cancelled"
    assert processes[0].stopped.is_set()
    assert timing_queue.status(key).results == RESULTS
    timing_queue.stop(key)  # twice does no harm


def test_a_stop_while_the_process_is_being_started_ends_it_at_once() -> None:
    keys: list[str] = []

    def slow(job: TimingJob) -> ScriptedProcess:
        until(lambda: keys)
        timing_queue.stop(keys[0])
        return ScriptedProcess(job)

    timing_queue = TimingQueue(slow)
    keys.append(timing_queue.submit(JOB))
    until(lambda: processes and processes[0].stopped.is_set())
    until(lambda: timing_queue._thread is None)
    assert timing_queue.status(keys[0]).state == "cancelled"


def test_the_jobs_finished_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xception_lab.measurement.queue.KEPT_JOBS", 2)
    timing_queue = TimingQueue(ScriptedProcess)
    keys = [timing_queue.submit(JOB) for _ in range(5)]
    for key in reversed(keys):
        timing_queue.stop(key)
    until(lambda: timing_queue._thread is None)
    last = timing_queue.submit(JOB)
    assert [timing_queue.status(key).state for key in keys[3:]] == ["cancelled"] * 2
    for key in keys[:3]:
        with pytest.raises(KeyError):
            timing_queue.status(key)
    timing_queue.stop(last)
    until(lambda: timing_queue._thread is None)


def test_a_process_that_dies_is_reported_with_its_status() -> None:
    for command, status in (("import os; os._exit(1)", "status 1"), ("import os; os.abort()", "status -6")):
        process = MeasuringProcess.__new__(MeasuringProcess)
        process._process = subprocess.Popen(
            [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        (message,) = process.messages()
        assert status in str(message.error)


def test_what_a_library_prints_or_raises_stays_out_of_the_messages(tmp_path: Path) -> None:
    # the child finds this first, for it inherits PYTHONPATH
    (tmp_path / "psutil.py").write_text("print('hello'); raise RuntimeError('psutil: broken')")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        (message,) = MeasuringProcess(JOB).messages()
    assert str(message.error) == "psutil: broken"


def test_a_failure_is_a_sentence_and_the_next_job_starts() -> None:
    def broken(job: TimingJob) -> ScriptedProcess:
        if not processes:
            processes.append(None)  # type: ignore[arg-type]
            raise OSError("no more processes")
        return ScriptedProcess(job)

    timing_queue = TimingQueue(broken)
    first, second = timing_queue.submit(JOB), timing_queue.submit(JOB)
    until(lambda: len(processes) == 2)
    assert timing_queue.status(first).state == "failed"
    assert "no more processes" in timing_queue.status(first).reason
    processes[1].outbox.put(WorkerMessage(1.0, error="batch_size=9: too large"))
    processes[1].outbox.put(None)
    until(lambda: timing_queue.status(second).finished)
    assert (timing_queue.status(second).state, timing_queue.status(second).reason) == (
        "failed",
        "batch_size=9: too large",
    )


def test_a_full_queue_refuses_and_old_jobs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    timing_queue = TimingQueue(ScriptedProcess)
    keys = [timing_queue.submit(JOB) for _ in range(MeasuringBounds().most_waiting)]
    with pytest.raises(TooManyJobsError, match=str(MeasuringBounds().most_waiting)):
        timing_queue.submit(JOB)
    monkeypatch.setattr("xception_lab.measurement.queue.KEPT_JOBS", 3)
    for key in reversed(keys):
        timing_queue.stop(key)
    until(lambda: timing_queue._thread is None)
    last = timing_queue.submit(JOB)
    with pytest.raises(KeyError):
        timing_queue.status(keys[0])
    with pytest.raises(KeyError):
        timing_queue.status(None)
    timing_queue.stop(last)
    until(lambda: timing_queue._thread is None)


def test_the_real_process_measures_and_is_killed_within_a_second() -> None:
    timing_queue = TimingQueue()
    key = timing_queue.submit(JOB)
    again = timing_queue.submit(TimingJob((BLOCKS,), precision=1e-9, limit_s=600))  # would go on for half an hour
    until(lambda: timing_queue.status(key).finished)
    done = timing_queue.status(key)
    assert (done.state, done.reason, done.share) == ("done", "", 1.0)
    assert done.results
    assert all(done.results.timing(settings) for settings in BLOCKS)
    assert done.results.peak("float32")
    until(lambda: timing_queue.status(again).results)  # the machine comes first
    process = timing_queue._process
    assert isinstance(process, MeasuringProcess)
    timing_queue.stop(again)
    assert process._process.wait(PATIENCE_S) != 0  # killed: it had half an hour to go
    assert timing_queue.status(again).state == "cancelled"
    until(lambda: timing_queue._thread is None)


def test_the_process_gives_way_to_the_server_and_leaves_with_it() -> None:
    process = MeasuringProcess(TimingJob((BLOCKS,), precision=1e-9, limit_s=600))
    assert process._process.stdout
    assert process._process.stdout.readline()
    assert psutil.Process(process._process.pid).nice() == min(psutil.Process().nice() + NICENESS, 19)
    assert process._process.stdin
    process._process.stdin.close()  # as the system does when the parent dies
    assert process._process.wait(PATIENCE_S) == 0
    process._process.stdout.close()


def test_a_job_that_cannot_be_measured_ends_with_a_sentence() -> None:
    job = TimingJob((three_blocks(CompareSpec(), mode="graph"),), device="cpu", precision=0.5, limit_s=0.05)
    *_, last = MeasuringProcess(job).messages()
    assert last.error == "mode='graph': needs an accelerator, the CPU has no device graphs"


def test_the_terminal_writes_a_file_that_the_page_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    out = tmp_path / "results.json"
    block = ["--size", "4", "--in-channels", "2", "--out-channels", "2"]
    settings = ["--precision", "0.5", "--limit-s", "0.05", "--threads", "1", "--device", "cpu"]
    threads = torch.get_num_threads()
    try:
        assert main(["time", *block, *settings, "--out", str(out)]) == 0
    finally:
        torch.set_num_threads(threads)
    results = results_from_json(out.read_bytes())
    assert [timing.settings for timing in results.timings] == list(BLOCKS)
    assert results.machine.threads == 1
    lines = capsys.readouterr().out.splitlines()
    assert results.machine.label in lines[0]
    assert [line.split()[0] for line in lines[-3:]] == ["standard", "extreme", "separable"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "cuda:9"], "device='cuda:9'"),
        (["--threads", "0"], "threads=0"),
        (["--size", "0"], "size=0"),
        (["--dtype", "tf32", "--limit-s", "0.01"], "dtype='tf32': needs an NVIDIA GPU"),
    ],
)
def test_the_terminal_says_what_it_cannot_do(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["time", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_terminal_marks_what_was_measured_on_a_disturbed_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, calm = Timing(BLOCKS[0], "cpu", (0.001,), slowdown=2.5), Timing(BLOCKS[1], "cpu", (0.001,), slowdown=1.0)
    monkeypatch.setattr("xception_lab.measurement.runner.run_job", lambda *_: Results(MACHINE, (), (slow, calm)))
    assert main(["time", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith(
        "warning: this machine was up to 2.50 times slower than at its best: do not trust the 1 of 2"
    )
    assert ["ms!" in line for line in lines[-2:]] == [True, False]


def test_the_terminal_marks_what_is_below_its_estimate_and_names_cache_and_precision(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = Peaks("float32", 1e12, ((800 << 20, 1e11),))
    timings = Timing(BLOCKS[0], "cuda", (1e-12,)), Timing(BLOCKS[1], "cuda", (0.001,))
    properties = DeviceProperties(200 << 20, "ieee", "tf32")
    shown = Results(MACHINE, (peaks,), timings, properties=properties)
    monkeypatch.setattr("xception_lab.measurement.runner.run_job", lambda *_: shown)
    assert main(["time", "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["ms<" in line for line in lines[-3:-1]] == [True, False]
    assert lines[-1].startswith("< marks a median below its estimate, which is no bound")
    assert "memory probed with 839 MB, last cache 210 MB" in lines
    assert any("matrices in ieee, convolutions in tf32" in line for line in lines)
    # a processor has no TF32 to speak of, and nothing is below an estimate that there is not
    shown = Results(MACHINE, (), timings, properties=DeviceProperties(200 << 20))
    assert main(["time", "--device", "cpu"]) == 0
    assert not {"tf32", "<"} & set(capsys.readouterr().out.replace("\n", " ").split(" "))


def test_the_terminal_prints_json_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xception_lab.measurement.runner.run_job", lambda *_: RESULTS)
    assert main(["time", "--json", "--device", "cpu"]) == 0
    assert results_from_json(json.dumps(json.loads(capsys.readouterr().out))) == RESULTS
    assert main(["time", "--out", "/nowhere/at/all.json", "--device", "cpu"]) == 1
    assert "cannot be written" in capsys.readouterr().err

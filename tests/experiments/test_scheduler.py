"""Experiments on real dask workers, and all that may go wrong with them: nothing lost, nothing hung, no orphan."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import prompt_cluster
import psutil
import pytest
from tiny_data import PRELOAD, TINY, environment, tiny_dataset
from waiting import PATIENCE_S, until

from xception_lab import train
from xception_lab.common.messages import Message
from xception_lab.common.work_state import WorkState
from xception_lab.data.custom import save_dataset
from xception_lab.experiments import lease as lease_module
from xception_lab.experiments import scheduler as scheduler_module
from xception_lab.experiments import store as store_module
from xception_lab.experiments.fair_queue import QueuedRun, fair_order
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.scheduler import LeaseHeldError, Scheduler, TooManyRunsError
from xception_lab.experiments.spec import MAX_UNFINISHED, ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.experiments.worker import EpochResult
from xception_lab.training.checkpoint import checkpoint_from_bytes

pytestmark = pytest.mark.usefixtures("tiny")

NINE = ExperimentSpec("figure-9", 1, TINY)  # two runs
LONG = ExperimentSpec("figure-9", 1, replace(TINY, dataset="long"))  # an epoch of it takes many seconds
STEADY = ExperimentSpec("figure-9", 1, replace(TINY, epochs=8))


def ended(scheduler: Scheduler, key: str) -> Progress:
    """The experiment once nothing more will come."""

    def look() -> Progress | None:
        progress = scheduler.progress(key)
        return progress if progress.finished else None

    return until(look, "the experiment ended")


def begun(scheduler: Scheduler, key: str, epochs: int = 1) -> Progress:
    """The experiment once any of its runs has so many epochs."""

    def look() -> Progress | None:
        progress = scheduler.progress(key)
        return progress if any(len(run.records) >= epochs for run in progress.runs) else None

    return until(look, f"a run had {epochs} epochs")


def accuracies(progress: Progress) -> list[list[float | None]]:
    """What must not depend on how a run came to its end."""
    return [[record.test_loss for record in run.records] for run in progress.runs]


@cache
def expected(spec: ExperimentSpec) -> list[list[float | None]]:
    """The same, trained right here without any interruption."""
    return [[record.test_loss for record in train(run)] for run in spec.variants()]


def idle(scheduler: Scheduler) -> bool:
    """Whether no worker executes anything."""
    if scheduler._client is None:
        return True
    busy = scheduler._client.run(lambda dask_worker: dask_worker.state.executing_count)
    return not any(busy.values())


def processes_of(scheduler: Scheduler) -> list[psutil.Process]:
    """The embedded cluster's process and all below it."""
    assert scheduler._cluster
    parent = psutil.Process(scheduler._cluster._process.pid)
    return [parent, *parent.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them still runs."""
    return not psutil.wait_procs(processes, timeout=PATIENCE_S)[1]


@pytest.fixture(scope="module")
def _preloaded() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in PRELOAD.items():
            patch.setenv(name, value)
        patch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
        patch.setattr(scheduler_module, "RETRY_S", 0.2)
        prompt_cluster.use(patch)
        yield


@pytest.fixture(scope="module")
def _shared(_preloaded: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    shared = Scheduler(Store(tmp_path_factory.mktemp("home")), workers=2)
    shared.prepare()
    yield shared
    below = processes_of(shared)
    shared.close()
    assert gone(below)


@pytest.fixture
def scheduler(_shared: Scheduler) -> Iterator[Scheduler]:
    """One embedded cluster for the tests that leave it whole; what a failing one left at work would stop the next."""
    yield _shared
    for experiment in {run.experiment for run in list(_shared._queue.values())}:
        _shared.cancel(experiment)
    # until the scheduler has looked, what is cancelled stands in the next test's line
    until(lambda: not _shared._queue, "the queue was empty")


def test_workers_that_are_prepared_wait_for_the_first_experiment(scheduler: Scheduler) -> None:
    # nothing is queued, so that nothing but prepare() will start them
    assert not scheduler._queue
    until(lambda: scheduler._client, "the workers were there")
    assert len(processes_of(scheduler)) > 2


def test_an_experiment_gives_what_its_runs_give_and_ends_with_its_effects(scheduler: Scheduler) -> None:
    spec = ExperimentSpec("two-differences", 2, TINY)
    progress = ended(scheduler, scheduler.submit(spec, "ada"))
    assert (progress.state, progress.share, progress.time_left_s, progress.reason) == ("done", 1.0, 0.0, "")
    assert accuracies(progress) == expected(spec)
    effects = progress.effects()
    assert effects.seeds == (0, 1)
    assert {e.kind for e in effects.effects} == {"main", "simple", "interaction", "diagonal"}


def test_more_seeds_reuse_what_is_done(scheduler: Scheduler) -> None:
    key = scheduler.submit(NINE, "ada")
    before = ended(scheduler, key)
    scheduler.extend(key, 2)
    after = ended(scheduler, key)
    assert after.runs[:2] == before.runs
    assert after.effects().seeds == (0, 1)
    with pytest.raises(ValueError, match="seeds=2: must be more than the 2"):
        scheduler.extend(key, 2)


def test_more_seeds_go_on_from_the_first_and_keep_what_was_chosen_for_a_variant(scheduler: Scheduler) -> None:
    rates = (((("residual", False),), (("learning_rate", 0.003),)),)
    spec = replace(NINE, seeds=1, first_seed=100, overrides=rates)
    key = scheduler.submit(spec, "ada")
    scheduler.extend(key, 2)
    after = scheduler.progress(key)
    assert after.spec == replace(spec, seeds=2)
    found = [(run.spec.seed, run.spec.xception.residual, run.spec.learning_rate) for run in after.runs]
    usual = NINE.base.learning_rate
    assert found == [(100, True, usual), (100, False, 0.003), (101, True, usual), (101, False, 0.003)]


def test_a_running_experiment_is_cancelled_within_two_seconds_and_a_waiting_one_at_once(scheduler: Scheduler) -> None:
    running, waiting = scheduler.submit(LONG, "ada"), scheduler.submit(NINE, "ada")
    # two runs before it on two workers, whether or not they have got them yet: one must end an epoch
    progress = scheduler.progress(waiting)
    assert (progress.state, progress.place) == ("queued", 1)
    until(lambda: not idle(scheduler), "a worker had begun")
    progress = scheduler.progress(waiting)
    assert (progress.state, progress.place) == ("queued", 1)
    scheduler.cancel(waiting)
    assert scheduler.progress(waiting).state == "cancelled"
    assert scheduler.progress(running).state == "running"
    begin = time.monotonic()
    scheduler.cancel(running)
    assert scheduler.progress(running).state == "cancelled"
    until(lambda: idle(scheduler), "the workers were idle")
    assert time.monotonic() - begin < 2
    assert not any(run.records for run in scheduler.progress(running).runs)


def test_a_cancelled_experiment_can_be_resumed(scheduler: Scheduler) -> None:
    key = scheduler.submit(STEADY, "ada")
    begun(scheduler, key)
    scheduler.cancel(key)
    assert scheduler.progress(key).state == "cancelled"
    scheduler.resume(key)
    progress = ended(scheduler, key)
    assert progress.state == "done"
    assert accuracies(progress) == expected(STEADY)


def test_a_run_that_is_resumed_while_its_cancellation_is_noticed_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scheduler, "_start_threads", lambda _: None)
    scheduler = Scheduler(Store(tmp_path), workers=1)
    key = scheduler.submit(NINE, "ada")
    queued = dict(scheduler._queue)
    scheduler.cancel(key)
    resuming = threading.Thread(target=scheduler.resume, args=(key,))
    look = scheduler._store.states

    def look_and_be_slow(runs: Iterable[int]) -> dict[int, WorkState]:
        states = look(runs)
        resuming.start()
        resuming.join(0.5)  # as long as it takes where nothing keeps it from going on
        return states

    monkeypatch.setattr(scheduler._store, "states", look_and_be_slow)
    scheduler._drop_ended(list(queued.values()))
    resuming.join(PATIENCE_S)
    assert scheduler._queue.keys() == queued.keys()
    assert not scheduler.progress(key).interrupted
    scheduler.close()


def test_a_run_that_is_resumed_at_its_last_epoch_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scheduler, "_start_threads", lambda _: None)
    scheduler = Scheduler(Store(tmp_path), workers=1)
    key = scheduler.submit(NINE, "ada")
    run = min(scheduler._queue)
    records = tuple(train(scheduler._queue[run].spec))
    scheduler._queue[run].result = EpochResult(records, b"", 1)
    scheduler.cancel(key)
    store = scheduler._store.record

    def store_and_be_resumed(*args: Any, **keywords: Any) -> bool:
        is_stored = store(*args, **keywords)
        scheduler.resume(key)
        return is_stored

    monkeypatch.setattr(scheduler._store, "record", store_and_be_resumed)
    scheduler._store_results()
    assert run in scheduler._queue
    scheduler.close()


def test_a_run_that_fails_says_why_and_the_others_go_on(scheduler: Scheduler) -> None:
    spec = ExperimentSpec("own", 1, TINY, (("learning_rate", (0.003, 1e30)),))
    progress = ended(scheduler, scheduler.submit(spec, "ada"))
    assert [run.state for run in progress.runs] == ["done", "failed"]
    assert progress.state == "failed"
    assert progress.reason == "epoch 1: the loss is not a number, learning_rate=1e+30 may be too high"
    assert isinstance(progress.reason, Message)  # from a worker, through the store: a page reads it in any language
    unknown = ExperimentSpec("figure-9", 1, replace(TINY, dataset="nothing"))
    assert ended(scheduler, scheduler.submit(unknown, "ada")).reason.startswith("dataset='nothing': must be")


def test_twenty_experiments_of_four_people_all_end(scheduler: Scheduler) -> None:
    short = replace(NINE, base=replace(TINY, epochs=1))
    keys = [scheduler.submit(short, f"person {n % 4}") for n in range(20)]
    places = [scheduler.progress(key).place for key in keys]
    assert max(places) > 10
    results = [ended(scheduler, key) for key in keys]
    assert {progress.state for progress in results} == {"done"}
    assert len({str(accuracies(progress)) for progress in results}) == 1


def test_a_full_disk_is_said_and_the_work_goes_on_by_itself(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "write_atomically", full)
        patch.setattr(store_module, "write_experiment_file", lambda *_: None)
        key = scheduler.submit(NINE, "ada")
        until(lambda: "No space left on device" in scheduler.progress(key).reason, "the reason was said")
        progress = scheduler.progress(key)
        assert progress.reason.startswith("waiting, and going on by itself once this is over")
        assert isinstance(progress.reason, Message)
        assert not progress.finished
        assert not any(run.records for run in progress.runs)
    progress = ended(scheduler, key)
    assert (progress.state, progress.reason) == ("done", "")
    assert accuracies(progress) == expected(NINE)


def test_one_owner_cannot_fill_the_queue(scheduler: Scheduler) -> None:
    big = ExperimentSpec("figure-9", MAX_UNFINISHED // 2, STEADY.base)
    key = scheduler.submit(big, "greedy")
    with pytest.raises(TooManyRunsError, match=f"at most {MAX_UNFINISHED} runs"):
        scheduler.submit(NINE, "greedy")
    assert ended(scheduler, scheduler.submit(NINE, "modest")).state == "done"
    scheduler.cancel(key)
    until(lambda: idle(scheduler), "the workers were idle")


def test_another_process_may_look_and_cancel_but_not_take(scheduler: Scheduler) -> None:
    other = Scheduler(Store(scheduler._store.folder), workers=1)
    key = scheduler.submit(LONG, "ada")
    until(lambda: other.progress(key).state == "running", "the other saw it run")
    assert not other.progress(key).interrupted
    with pytest.raises(LeaseHeldError, match="another process is at work on it"):
        other.resume(key)
    other.cancel(key)
    until(lambda: not scheduler._queue and idle(scheduler), "the keeper let go")
    other.close()


def test_a_keeper_that_comes_too_late_leaves_its_runs_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scheduler, "_connect", lambda _: False)
    scheduler = Scheduler(Store(tmp_path), workers=1)
    key, other = scheduler.submit(NINE, "ada"), scheduler.submit(NINE, "ada")
    under_way = min(scheduler._queue)
    cancelled: list[int] = []
    scheduler._queue[under_way].future = SimpleNamespace(cancel=lambda: cancelled.append(under_way))  # type: ignore[assignment]
    now_s = lease_module.boot_time_s()
    monkeypatch.setattr(lease_module, "boot_time_s", lambda: now_s + lease_module.LEASE_S + 1)
    assert Store(tmp_path).claim(key, "another keeper")
    scheduler._renew_leases()
    assert {run.experiment for run in scheduler._queue.values()} == {other}
    assert cancelled == [under_way]
    scheduler.close()
    assert not scheduler.progress(key).interrupted
    assert scheduler.progress(other).interrupted


def test_a_killed_worker_costs_at_most_its_epoch(scheduler: Scheduler) -> None:
    key = scheduler.submit(STEADY, "ada")
    begun(scheduler, key, 2)
    assert scheduler._client
    victim = min(scheduler._client.run(os.getpid).values())
    os.kill(victim, signal.SIGKILL)
    progress = ended(scheduler, key)
    assert progress.state == "done"
    assert accuracies(progress) == expected(STEADY)


def test_a_killed_cluster_is_started_again(scheduler: Scheduler) -> None:
    key = scheduler.submit(STEADY, "ada")
    begun(scheduler, key)
    before = processes_of(scheduler)
    before[0].kill()
    progress = ended(scheduler, key)
    assert progress.state == "done"
    assert accuracies(progress) == expected(STEADY)
    assert gone(before)


SERVER = """
import sys, time
import prompt_cluster, pytest
prompt_cluster.use(pytest.MonkeyPatch())
from tiny_data import TINY
from dataclasses import replace
from xception_lab.experiments.spec import MAX_UNFINISHED, ExperimentSpec
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.store import Store
scheduler = Scheduler(Store(), workers=1)
key = scheduler.submit(ExperimentSpec("figure-9", 1, replace(TINY, epochs=8)), "ada")
while not any(run.records for run in scheduler.progress(key).runs):
    time.sleep(0.01)
print(key, flush=True)
if sys.argv[1] == "killed":
    time.sleep(600)
"""


@pytest.mark.parametrize("end", ["killed", "in order"])
def test_a_server_that_ends_leaves_no_orphan_and_its_work_is_resumed(
    end: str, scheduler: Scheduler, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, end], stdout=subprocess.PIPE, env=environment(tmp_path)
    ) as server:
        below = until(lambda: psutil.Process(server.pid).children(recursive=True), "it had children")
        assert server.stdout
        key = server.stdout.readline().decode().strip()
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(server.pid).children(recursive=True) or below
        if end == "killed":
            server.kill()
        server.wait(PATIENCE_S)
    assert gone(below)
    until(lambda: scheduler._cluster and scheduler._cluster.address, "there were workers to resume it")
    assert scheduler._cluster
    again = Scheduler(Store(tmp_path), scheduler._cluster.address)
    # at once, as its process is known to be gone
    assert again.progress(key).interrupted
    again.resume(key)
    assert not again.progress(key).interrupted
    progress = ended(again, key)
    again.close()
    assert progress.state == "done"
    assert accuracies(progress) == expected(STEADY)
    checkpoint = again._store.checkpoint_path(progress.runs[0].id).read_bytes()
    assert checkpoint_from_bytes(checkpoint).records == progress.runs[0].records


class Outside:
    """A real `dask scheduler` on loopback, with the workers that a test asks for; their home is `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        file = folder / "scheduler.json"
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        self._scheduler = self._start("scheduler", *options)
        until(lambda: file.exists() and file.stat().st_size, "the dask scheduler had started")
        self.address: str = json.loads(file.read_text())["address"]

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        command = [sys.executable, "-m", "dask", *arguments]
        return subprocess.Popen(command, env=environment(self.folder), cwd=self.folder, stdout=quiet, stderr=quiet)

    def add_worker(self) -> None:
        """Start another `dask worker`; it joins when it can."""
        options = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
        self.workers.append(self._start("worker", self.address, *options))

    def kill_worker(self) -> None:
        """Kill the worker that was started last."""
        _kill(self.workers.pop())

    def close(self) -> None:
        """Kill them all."""
        for process in (*self.workers, self._scheduler):
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def outside(_preloaded: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """One for all tests; each sees to it that there is a worker."""
    outside = Outside(tmp_path_factory.mktemp("outside"))
    yield outside
    outside.close()


def test_an_outside_scheduler_does_the_same_and_outlives_a_killed_worker(
    outside: Outside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", outside.address)
    scheduler = Scheduler(Store(tmp_path))
    if not outside.workers:
        outside.add_worker()
    key = scheduler.submit(STEADY, "ada")
    begun(scheduler, key, 2)
    assert scheduler._cluster is None
    outside.kill_worker()
    outside.add_worker()
    progress = ended(scheduler, key)
    scheduler.close()
    assert progress.state == "done"
    assert accuracies(progress) == expected(STEADY)


def test_ones_own_data_reach_every_worker(scheduler: Scheduler, outside: Outside, tmp_path: Path) -> None:
    own = tiny_dataset("tiny")
    name = save_dataset(own, scheduler._store.folder)
    spec = ExperimentSpec("figure-9", 1, replace(TINY, dataset=name))
    assert accuracies(ended(scheduler, scheduler.submit(spec, "ada"))) == expected(NINE)
    # the outside workers have another disk
    store = Store(tmp_path)
    elsewhere = Scheduler(store, outside.address)
    if not outside.workers:
        outside.add_worker()
    missing = elsewhere.submit(spec, "ada")
    assert f"dataset='{name}': must be kept on this machine" in ended(elsewhere, missing).reason
    save_dataset(own, store.folder)
    elsewhere.resume(missing)
    assert accuracies(ended(elsewhere, missing)) == expected(NINE)
    elsewhere.close()
    assert not (outside.folder / "data").samefile(store.folder / "data")


def test_an_outside_scheduler_that_does_not_answer_is_named_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "CONNECT_S", 1.0)
    scheduler = Scheduler(Store(tmp_path), "tcp://127.0.0.1:9", workers=1)
    key = scheduler.submit(NINE, "ada")
    until(lambda: scheduler.progress(key).reason, "the trouble was known")
    assert "tcp://127.0.0.1:9" in scheduler.progress(key).reason
    assert scheduler.progress(key).state == "queued"
    scheduler.close()
    assert scheduler.progress(key).interrupted


def _queue_of(*owners: str) -> list[QueuedRun]:
    return [QueuedRun(run, owner, owner, TINY, 0) for run, owner in enumerate(owners)]


def test_the_queue_alternates_between_owners_and_begun_runs_come_first() -> None:
    queue = _queue_of("ada", "ada", "ada", "bob", "bob", "eve")
    assert [run.owner for run in fair_order(queue, {})] == ["ada", "bob", "eve", "ada", "bob", "ada"]
    queue[2].epochs_done = 1
    assert fair_order(queue, {})[0] is queue[2]
    # who was served last waits for the others
    assert [run.owner for run in fair_order(queue, {"ada": 2.0, "bob": 1.0})][:3] == ["eve", "bob", "ada"]


def test_who_has_workers_already_waits_for_who_has_none() -> None:
    queue = _queue_of("ada", "ada", "bob")
    queue[0].future = object()  # pyright: ignore[reportAttributeAccessIssue]
    assert [run.owner for run in fair_order(queue, {})] == ["bob", "ada"]


def test_the_steps_of_the_first_epoch_are_seen_before_it_ends(scheduler: Scheduler) -> None:
    spec = ExperimentSpec("own", 1, replace(TINY, dataset="long", epochs=2), (("dropout", (0.0,)),))
    key = scheduler.submit(spec, "ada")

    def look() -> Progress | None:
        progress = scheduler.progress(key)
        return progress if any(run.step for run in progress.runs) or progress.finished else None

    progress = until(look, "a step was taken")
    (run,) = progress.runs
    assert run.step
    assert (run.records, run.step.epoch) == ((), 1)
    assert 1 <= run.step.step <= run.step.steps
    assert 0 < progress.share < 0.5
    assert 0 <= run.step.accuracy <= 1
    assert 0 < run.step.loss < 10
    assert progress.time_left_s is not None
    scheduler.cancel(key)

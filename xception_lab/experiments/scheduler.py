"""The scheduler: takes experiments from the store, and has their runs trained epoch by epoch on dask workers.

One thread does all of that, again and again: it drops the runs that were cancelled, connects to the workers, stores the
results of the epochs that have ended, and gives the free workers new ones. A second thread renews the leases, so that a
slow connection costs none. What they rely on is explained where it is at home: the lease of an experiment in store.py,
the task that a worker gets in worker.py, the order of the queue in fair_queue.py.
"""

import atexit
import gc
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from dask import config
from distributed import Client

from xception_lab.common.home import StoreError
from xception_lab.common.messages import Message, message_of, reason_of, say
from xception_lab.common.settings import Settings
from xception_lab.common.work_state import UNFINISHED
from xception_lab.data.custom import is_custom, load_content
from xception_lab.experiments.bounds import BoundError, check_training, keep_upload
from xception_lab.experiments.cluster import START_S, Cluster
from xception_lab.experiments.fair_queue import QueuedRun, fair_order
from xception_lab.experiments.lease import LEASE_S
from xception_lab.experiments.ownership import TERMINAL
from xception_lab.experiments.placement import cpu_workers
from xception_lab.experiments.progress import Progress, QueueSnapshot, make_progress
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.experiments.worker import CustomDataPlugin, epoch_task, failure_reason
from xception_lab.training.checkpoint_file import read_header
from xception_lab.training.records import EpochRecord, StepReport, train_spec_to_json

TICK_S = 0.2  # between two looks at the states in the store
RETRY_S = 2.0
CONNECT_S = 10.0
ASK_S = 10.0  # between two questions to the workers, which a dead connection leaves without an answer
ANSWER_S = 20.0
SLOW_S = 20.0  # after which a start that takes long is said
CANCELLED = say("cancelled")
CANCELLED_BY_ANOTHER = say("stopped by another person, whom the owner had given control")
CANCELLED_BY_TEACHER = say("stopped by the teacher of the class in which it was started")


class TooManyRunsError(RuntimeError):
    """The owner would have too many unfinished runs; the message says how many are allowed."""


class LeaseHeldError(RuntimeError):
    """Another process has the lease of the experiment: it works on it, or may have been killed a moment ago.

    may_be_gone: whether it may have been killed: then the lease is free after LEASE_S at the latest.
    """

    def __init__(self, message: str, *, may_be_gone: bool) -> None:
        super().__init__(message)
        self.may_be_gone = may_be_gone


class Scheduler:
    """Trains the experiments of a store on an embedded cluster, or on the workers of an outside dask scheduler.

    address: of the outside scheduler; where not given, that in DASK_SCHEDULER_ADDRESS, and without it the cluster is
        embedded: it starts with the first experiment and ends with this process.
    workers: of the embedded cluster, by default as many as placement.py gives this machine.
    settings: gives the bounds that hold now.
    Methods may be called from any thread.
    """

    def __init__(
        self,
        store: Store,
        address: str | None = None,
        workers: int | None = None,
        settings: Callable[[], Settings] = Settings,
    ) -> None:
        self._store = store
        self._settings = settings
        self._address = address or os.environ.get("DASK_SCHEDULER_ADDRESS")
        self._workers = workers
        self._keeper = secrets.token_urlsafe(12)
        self._topic = f"steps-{secrets.token_hex(8)}"
        self._is_wanted = False
        self._lock = threading.RLock()
        self._queue: dict[int, QueuedRun] = {}  # by the run's id
        self._last_served: dict[str, float] = {}
        self._unstored_failures: dict[int, str] = {}
        self._sent_data: set[str] = set()
        self._trouble = ""
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._cluster: Cluster | None = None
        self._client: Client | None = None
        self._asked_s = self._answered_s = 0.0

    # ---- what a page or a terminal asks for ----

    def submit(self, spec: ExperimentSpec, owner: str) -> str:
        """Queue an experiment. Returns its unguessable id. Raises TooManyRunsError, BoundError, StoreError.

        owner: who submits it; the workers are shared out among owners.
        """
        settings = self._settings()
        check_training(self._store, settings, owner)
        if is_custom(spec.base.dataset) and owner != TERMINAL:
            keep_upload(self._store, spec.base.dataset, owner)
        most = settings.training.most_waiting_per_person
        key = self._store.add(spec, owner, most or sys.maxsize)
        if key is None:
            sentence = say("at most {most} runs may wait at once: let some end, or cancel some", most=most)
            raise TooManyRunsError(sentence)
        self._enqueue(key)
        return key

    def prepare(self) -> None:
        """Start the workers, as an experiment is likely to be submitted soon: they take some seconds."""
        self._is_wanted = True
        with self._lock:
            self._start_threads()
        self._wake.set()

    @property
    def is_ready(self) -> bool:
        """Whether the workers run."""
        client = self._client
        return client is not None and client.status == "running"

    def resume(self, experiment: str) -> None:
        """Queue again what is not done, cancelled and failed runs included.

        Raises KeyError when there is no such experiment, LeaseHeldError, BoundError, StoreError.
        """
        stored = self._store.experiment(experiment)
        if stored.owner != TERMINAL and not self._settings().training.enabled:
            raise BoundError(say("training is switched off on this server"))
        runs = stored.runs
        # under the lock, as the scheduler must not drop a run between its new state and its place in the queue
        with self._lock:
            self._claim(experiment)
            for run in runs:
                self._unstored_failures.pop(run.id, None)
            self._store.move([run.id for run in runs], "queued", of=("cancelled", "failed", "running"))
            self._enqueue(experiment)

    def extend(self, experiment: str, seeds: int) -> None:
        """Queue more seeds of an experiment; what it has stays.

        seeds: in all. Raises as resume does, and ValueError when that is not more than it has.
        """
        spec = self._store.experiment(experiment).spec
        if seeds <= spec.seeds:
            raise ValueError(f"seeds={seeds}: must be more than the {spec.seeds} that the experiment has")
        with self._lock:  # as the end of its last run would release the lease between the two
            self._claim(experiment)
            self._store.extend(experiment, replace(spec, seeds=seeds))
            self._enqueue(experiment)

    def cancel(self, experiment: str, reason: Message = CANCELLED) -> None:
        """Cancel the runs that are not done, in whichever process they are. Raises KeyError, StoreError.

        reason: what a reader of the experiment is told.
        """
        runs = self._store.experiment(experiment).runs
        self._store.move([run.id for run in runs], "cancelled", reason)
        self._wake.set()

    def delete(self, experiment: str) -> int:
        """Delete an experiment that nobody trains, with its checkpoints. Returns the bytes that this frees.

        Raises KeyError, LeaseHeldError where it is being trained, here too, and StoreError.
        """
        stored = self._store.experiment(experiment)
        with self._lock:
            ours = any(run.experiment == experiment for run in self._queue.values())
            if ours and any(run.state in UNFINISHED for run in stored.runs):
                raise LeaseHeldError(say("it is being trained: stop it first"), may_be_gone=False)
            try:
                self._claim(experiment)
            except LeaseHeldError as error:
                sentence = say("{reason}: stop it first", reason=message_of(error))
                raise LeaseHeldError(sentence, may_be_gone=error.may_be_gone) from error
            # what was stopped a moment ago may still be in the queue
            self._drop_experiment(experiment)
            return self._store.delete(experiment)

    def progress(self, experiment: str) -> Progress:
        """An experiment's progress. Raises KeyError, StoreError."""
        stored = self._store.experiment(experiment)
        with self._lock:
            waiting = fair_order(self._queue.values(), self._last_served)
            snapshot = QueueSnapshot(
                dict(self._queue), waiting, self._worker_count(), dict(self._unstored_failures), self._trouble
            )
            return make_progress(stored, snapshot)

    def checkpoint(self, run: int) -> bytes:
        """The checkpoint of a run's last epoch, a safetensors file.

        Raises StoreError when it cannot be read, is damaged or is another run's.
        """
        try:
            content = self._store.checkpoint_path(run).read_bytes()
            if read_header(content).spec != self._store.train_spec(run):
                raise ValueError(say("it is the checkpoint of another run"))
        except (OSError, ValueError) as error:
            raise StoreError(say("its checkpoint cannot be read: {error}", error=message_of(error))) from error
        return content

    def close(self) -> None:
        """Stop working and end the leases; unfinished experiments stay in the store, to be resumed."""
        atexit.unregister(self.close)
        self._closed.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._disconnect()
        for experiment in {run.experiment for run in self._queue.values()}:
            with suppress(StoreError):
                self._store.release(experiment, self._keeper)
        self._queue.clear()

    # ---- the queue ----

    def _claim(self, experiment: str) -> None:
        if self._store.claim(experiment, self._keeper):
            return
        if self._store.lease_state(experiment) == "held":
            raise LeaseHeldError(say("another process is at work on it"), may_be_gone=False)
        sentence = say("another process is at work on it, or was less than {lease:.0f} s ago", lease=LEASE_S)
        raise LeaseHeldError(sentence, may_be_gone=True)

    def _enqueue(self, experiment: str) -> None:
        """Take the lease and queue what is unfinished."""
        # under the lock, as the end of another run must not release the lease that was just taken
        with self._lock:
            self._claim(experiment)
            stored = self._store.experiment(experiment)
            for run in stored.runs:
                if run.state in UNFINISHED and run.id not in self._queue:
                    self._queue[run.id] = QueuedRun(run.id, experiment, stored.owner, run.spec, len(run.records))
            self._start_threads()
        self._wake.set()

    def _start_threads(self) -> None:
        if not self._threads:
            atexit.register(self.close)
            self._threads = [threading.Thread(target=work, daemon=True) for work in (self._work, self._keep_leases)]
            for thread in self._threads:
                thread.start()

    def _dequeue(self, run: QueuedRun) -> None:
        """Drop a run that has ended, and with an experiment's last one the lease."""
        with self._lock:
            self._queue.pop(run.id, None)
            if all(other.experiment != run.experiment for other in self._queue.values()):
                self._store.release(run.experiment, self._keeper)

    def _fail(self, run: QueuedRun, reason: str) -> None:
        try:
            self._store.move([run.id], "failed", reason)
        except StoreError:
            # a full disk takes not even this: the reason is remembered in memory, while the store still says unfinished
            with self._lock:
                self._unstored_failures[run.id] = reason
        with suppress(StoreError):
            self._dequeue(run)

    def _keep_leases(self) -> None:
        while not self._closed.wait(LEASE_S / 4):
            self._renew_leases()

    def _renew_leases(self) -> None:
        """Renew the lease of every experiment in the queue, and drop the runs of one that another process has taken."""
        with self._lock:
            experiments = {run.experiment for run in self._queue.values()}
        for experiment in experiments:
            with suppress(StoreError):
                if not self._store.claim(experiment, self._keeper):
                    self._drop_experiment(experiment)

    def _drop_experiment(self, experiment: str) -> None:
        with self._lock:
            runs = [run for run in self._queue.values() if run.experiment == experiment]
            for run in runs:
                del self._queue[run.id]
        for run in runs:
            if run.future is not None:
                run.future.cancel()

    def _work(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(TICK_S if self._queue or self._is_wanted else None)
            self._wake.clear()
            if self._closed.is_set() or not (self._queue or self._is_wanted):
                continue
            try:
                self._drop_ended(list(self._queue.values()))
                if self._connect():
                    self._is_wanted = False
                    self._collect()
                    self._store_results()
                    self._dispatch()
                    self._trouble = self._missing_workers_text()
            except Exception as error:  # nothing may end this thread: no experiment would go on
                self._trouble = _waiting_text(error)
                self._closed.wait(RETRY_S)

    def _drop_ended(self, runs: Sequence[QueuedRun]) -> None:
        """Drop those of the runs that are done, or were cancelled in this process or in another."""
        with self._lock:  # one that is resumed between the two would be lost: neither in the queue nor at its end
            states = self._store.states([run.id for run in runs])
            ended = [run for run in runs if states[run.id] not in UNFINISHED]
            for run in ended:
                self._dequeue(run)
        for run in ended:
            if run.future is not None:
                run.future.cancel()

    def _collect(self) -> None:
        """Store the results of the epochs that have ended."""
        for run in list(self._queue.values()):
            future = run.future
            if future is None or not future.done():
                continue
            with self._lock:
                run.future = None
            if future.status == "finished":
                run.result = future.result()  # None where it was cancelled: the next look at the states says so
            elif future.status == "error":
                self._fail(run, failure_reason(future))
            # else it was lost with its scheduler: the run waits again, from its last checkpoint

    def _store_results(self) -> None:
        """Store what the workers gave; what the store cannot take now is kept, and tried again. Raises StoreError."""
        for run in list(self._queue.values()):
            result = run.result
            if result is None:
                continue
            last = len(result.records) == run.spec.epochs
            is_stored = self._store.record(
                run.id, result.records, result.checkpoint, result.test_pictures, last=last, keeper=self._keeper
            )
            with self._lock:
                run.result = None
            if not is_stored:
                self._drop_experiment(run.experiment)
                continue
            run.epochs_done = len(result.records)
            if last:
                self._drop_ended([run])

    def _dispatch(self) -> None:
        """Give every free worker an epoch."""
        assert self._client
        with self._lock:
            free = self._worker_count() - sum(run.future is not None for run in self._queue.values())
            chosen = fair_order(self._queue.values(), self._last_served)[: max(free, 0)]
        for run in chosen:
            checkpoint = self._usable_checkpoint(run)
            try:
                self._send_data(run.spec.dataset)
            except (StoreError, ValueError) as error:
                self._fail(run, message_of(error))
                continue
            self._store.move([run.id], "running", of=("queued",))
            key = f"run-{run.id}-epoch-{run.epochs_done + 1}-{secrets.token_hex(4)}"
            with self._lock:
                run.step, run.since = None, time.monotonic()
            spec = train_spec_to_json(run.spec)
            future = self._client.submit(epoch_task, spec, checkpoint, self._topic, run.id, key=key, pure=False)
            future.add_done_callback(self._wake_up)
            with self._lock:
                run.future = future
                self._last_served[run.owner] = run.since

    def _usable_checkpoint(self, run: QueuedRun) -> bytes | None:
        """What the run goes on from; None for its beginning, also where its checkpoint is missing or cannot be trusted.

        The run keeps a note of that. Raises StoreError.
        """
        if not run.epochs_done:
            return None
        try:
            content = self._store.checkpoint_path(run.id).read_bytes()
            header = read_header(content)
            if header.spec != run.spec:
                raise ValueError(say("it is the checkpoint of another run"))
            if not header.has_checksum:
                self._check_records(run, header.records)
                note = say(
                    "run {number} went on from a checkpoint of an earlier version, which has no checksum: a changed "
                    "bit would not have been noticed",
                    number=run.id,
                )
                self._store.note(run.id, note)
            return content
        except (FileNotFoundError, IsADirectoryError):
            reason = say("there is none")
        except ValueError as error:
            reason = message_of(error)
        except OSError as error:
            raise StoreError(say("its checkpoint cannot be read: {error}", error=str(error))) from error
        note = say(
            "the checkpoint of run {number} could not be used ({reason}), so the run started anew from its beginning",
            number=run.id,
            reason=reason,
        )
        self._store.start_anew(run.id, note)
        run.epochs_done = 0
        return None

    def _check_records(self, run: QueuedRun, records: Sequence[EpochRecord]) -> None:
        """Raise ValueError where a checkpoint without a checksum has other records than the store."""
        stored = next(each for each in self._store.experiment(run.experiment).runs if each.id == run.id)
        if any(ours != theirs for ours, theirs in zip(stored.records, records, strict=False)):
            raise ValueError(say("its records are not those of the run"))

    # ---- the workers ----

    def _send_data(self, dataset: str) -> None:
        """Send a person's own data to the workers of an outside scheduler; those of the embedded one read our disk."""
        assert self._client
        if self._address and is_custom(dataset) and dataset not in self._sent_data:
            self._client.register_plugin(CustomDataPlugin(dataset, load_content(dataset, self._store.folder)))
            self._sent_data.add(dataset)

    def _wake_up(self, _: object) -> None:
        self._wake.set()

    def _take_step(self, event: tuple[float, dict[str, Any]]) -> None:
        """Note how far an epoch is; called by the client's own thread, which must not wait for the lock."""
        run = self._queue.get(event[1]["run"])
        report = StepReport(**event[1]["step"])
        # an event that comes after its epoch's end says nothing about the next one
        if run is not None and report.epoch == run.epochs_done + 1:
            run.step = report

    def _worker_count(self) -> int:
        if self._address is None:
            # until the cluster knows how many the accelerators take, as many as there would be without one
            return self._workers or (self._cluster.workers if self._cluster else 0) or cpu_workers()
        if self._client is None or self._client.status != "running":
            return 0
        info = self._client.scheduler_info(n_workers=-1)
        return sum(worker["nthreads"] for worker in info["workers"].values())

    def _connect(self) -> bool:
        """Connect to the workers, and start them where they are embedded, unless both is done; False when it fails."""
        if self._client and self._client.status == "running" and (self._cluster is None or self._cluster.alive):
            if self._workers_answer():
                return True
            self._trouble = _waiting_text(RuntimeError(say("the training workers do not answer")))
        # one that ended before it ran is asked for its reason below
        if self._client or (self._cluster and self._cluster.address and not self._cluster.alive):
            self._disconnect()
        try:
            if self._address is None and self._cluster is None:
                self._cluster = Cluster(self._workers, self._store.folder)
            if self._cluster:
                age_s = self._cluster.wait(TICK_S)
                if not self._cluster.address:
                    if age_s > SLOW_S:
                        slow = say("the training workers have been starting for {seconds:.0f} s", seconds=age_s)
                        self._trouble = _waiting_text(RuntimeError(slow))
                    return False
            address = self._address or (self._cluster.address if self._cluster else None)
            with config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}):
                self._client = Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, RuntimeError, ValueError) as error:
            self._trouble = _waiting_text(error)
        else:
            self._client.subscribe_topic(self._topic, self._take_step)
            self._asked_s = self._answered_s = time.monotonic()
            return True
        # a Client that could not connect closes itself when Python finds it, under a lock of distributed's that the
        # start of the next Client holds too: found there, it would wait for itself for ever
        gc.collect()
        self._disconnect()
        self._closed.wait(RETRY_S)
        return False

    def _missing_workers_text(self) -> str:
        """That the workers are gone, once they have been for a while; else ""."""
        is_slow = time.monotonic() - self._answered_s > SLOW_S + ASK_S
        return _waiting_text(RuntimeError(say("no training worker is running"))) if is_slow else ""

    def _workers_answer(self) -> bool:
        """Whether the connection works and there are workers; asked now and then, as a dead connection says nothing."""
        assert self._client
        assert self._client.scheduler
        now_s = time.monotonic()
        if now_s - self._asked_s < ASK_S:
            return True
        self._asked_s = now_s
        try:
            cores = self._client.sync(self._client.scheduler.ncores, workers=None, callback_timeout=ANSWER_S)
        except (OSError, RuntimeError):
            return False
        if cores or self._address:  # the workers of an outside scheduler may come whenever they like
            self._answered_s = now_s
        return now_s - self._answered_s < START_S

    def _disconnect(self) -> None:
        self._sent_data.clear()
        with self._lock:
            for run in self._queue.values():
                run.future = None
        if self._client:
            self._client.close(timeout=2)
            self._client = None
        if self._cluster:
            self._cluster.close()
            self._cluster = None


def _waiting_text(error: Exception) -> Message:
    """Why nothing goes on at the moment, in a sentence."""
    return say("waiting, and going on by itself once this is over: {reason}", reason=reason_of(error))

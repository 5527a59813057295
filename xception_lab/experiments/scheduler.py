"""Experiments at work: every epoch is one dask task, from the stored checkpoint to the next.

This process alone touches the store; a worker gets bytes and gives bytes back, so it may be on any machine, and what
dask loses with it is at most one epoch, which dask itself repeats elsewhere. An epoch's end is also when the queue is
shared out again. Epochs last seconds, so neither messages from within a task nor a second channel are needed.
"""

import atexit
import os
import secrets
import threading
import time
from contextlib import suppress

from dask import config
from distributed import Client

from xception_lab.common.home import StoreError
from xception_lab.common.messages import message_of, reason_of, say
from xception_lab.common.work_state import UNFINISHED
from xception_lab.data.custom import is_custom, load_content
from xception_lab.experiments.cluster import Cluster, default_workers
from xception_lab.experiments.fair_queue import QueuedRun, fair_order
from xception_lab.experiments.progress import Progress, QueueSnapshot, make_progress
from xception_lab.experiments.spec import MOST_UNFINISHED, ExperimentSpec
from xception_lab.experiments.store import LEASE_S, Store
from xception_lab.experiments.worker import CustomDataPlugin, EpochResult, epoch_task, failure_reason
from xception_lab.training.records import train_spec_to_json

TICK_S = 0.2
RETRY_S = 2.0
CONNECT_S = 10.0


class TooManyRunsError(RuntimeError):
    """The owner has too many unfinished runs; the message says how many are allowed."""


class LeaseHeldError(RuntimeError):
    """Another process is at work on the experiment, or was until a moment ago."""


class Scheduler:
    """Runs experiments from a store on the embedded cluster, or on the dask scheduler at `address`.

    address: DASK_SCHEDULER_ADDRESS where not given. workers: of the embedded cluster, by default one a core; it starts
    with the first experiment and ends with this process. Methods may be called from any thread.
    """

    def __init__(self, store: Store, address: str | None = None, workers: int | None = None) -> None:
        self._store = store
        self._address = address or os.environ.get("DASK_SCHEDULER_ADDRESS")
        self._workers = workers or default_workers()
        self._keeper = secrets.token_urlsafe(12)
        self._lock = threading.RLock()
        self._jobs: dict[int, QueuedRun] = {}
        self._served: dict[str, float] = {}
        self._broken: dict[int, str] = {}
        self._sent: set[str] = set()
        self._trouble = ""
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._cluster: Cluster | None = None
        self._client: Client | None = None

    # ---- what a page or a terminal asks for ----

    def submit(self, spec: ExperimentSpec, owner: str) -> str:
        """Queue an experiment; its unguessable id. Raises QueueFullError, StoreError."""
        key = self._store.add(spec, owner, MOST_UNFINISHED)
        if key is None:
            sentence = say("at most {most} runs may wait at once: let some end, or cancel some", most=MOST_UNFINISHED)
            raise TooManyRunsError(sentence)
        self._adopt(key)
        return key

    def resume(self, experiment: str) -> None:
        """Go on with what is not done, cancelled and failed runs included. Raises KeyError, HeldError, StoreError."""
        runs = self._store.experiment(experiment).runs
        self._claim(experiment)
        with self._lock:
            for run in runs:
                self._broken.pop(run.id, None)
        self._store.move([run.id for run in runs], "queued", of=("cancelled", "failed", "running"))
        self._adopt(experiment)

    def extend(self, experiment: str, seeds: int) -> None:
        """More seeds for an experiment; what it has stays. Raises as resume does, ValueError for fewer seeds."""
        spec = self._store.experiment(experiment).spec
        if seeds <= spec.seeds:
            raise ValueError(f"seeds={seeds}: must be more than the {spec.seeds} that the experiment has")
        self._claim(experiment)
        self._store.extend(experiment, ExperimentSpec(spec.preset, seeds, spec.base, spec.grid))
        self._adopt(experiment)

    def cancel(self, experiment: str) -> None:
        """End what is not done, in whichever process it runs. Raises KeyError, StoreError."""
        runs = self._store.experiment(experiment).runs
        self._store.move([run.id for run in runs], "cancelled", say("cancelled"))
        self._wake.set()

    def progress(self, experiment: str) -> Progress:
        """How it stands. Raises KeyError, StoreError."""
        stored = self._store.experiment(experiment)
        with self._lock:
            waiting = fair_order(self._jobs.values(), self._served)
            desk = QueueSnapshot(dict(self._jobs), waiting, self._slots(), dict(self._broken), self._trouble)
            return make_progress(stored, desk)

    def checkpoint(self, run: int) -> bytes:
        """What a run's last epoch left. Raises StoreError when there is nothing to read."""
        try:
            return self._store.checkpoint_path(run).read_bytes()
        except OSError as error:
            raise StoreError(say("its checkpoint cannot be read: {error}", error=str(error))) from error

    def close(self) -> None:
        """Stop working; unfinished experiments stay in the store, to be resumed."""
        atexit.unregister(self.close)
        self._closed.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._disconnect()
        for experiment in {job.experiment for job in self._jobs.values()}:
            with suppress(StoreError):
                self._store.release(experiment, self._keeper)
        self._jobs.clear()

    # ---- the queue ----

    def _claim(self, experiment: str) -> None:
        if not self._store.claim(experiment, self._keeper):
            raise LeaseHeldError(
                say("another process is at work on it, or was less than {lease:.0f} s ago", lease=LEASE_S)
            )

    def _adopt(self, experiment: str) -> None:
        # the lock: another run's end must not release the lease just taken
        with self._lock:
            self._claim(experiment)
            stored = self._store.experiment(experiment)
            for run in stored.runs:
                if run.state in UNFINISHED and run.id not in self._jobs:
                    self._jobs[run.id] = QueuedRun(run.id, experiment, stored.owner, run.spec, len(run.records))
            if not self._threads:
                atexit.register(self.close)
                self._threads = [threading.Thread(target=work, daemon=True) for work in (self._work, self._hold)]
                for thread in self._threads:
                    thread.start()
        self._wake.set()

    def _drop(self, job: QueuedRun) -> None:
        with self._lock:
            self._jobs.pop(job.run, None)
            if all(other.experiment != job.experiment for other in self._jobs.values()):
                self._store.release(job.experiment, self._keeper)

    def _fail(self, job: QueuedRun, reason: str) -> None:
        try:
            self._store.move([job.run], "failed", reason)
        except StoreError:
            # a full disk takes not even this: remembered here, and the store still says unfinished
            with self._lock:
                self._broken[job.run] = reason
        with suppress(StoreError):
            self._drop(job)

    def _hold(self) -> None:
        """Renew the leases, in a thread of its own: a slow connection must not cost one."""
        while not self._closed.wait(LEASE_S / 4):
            with self._lock:
                held = {job.experiment for job in self._jobs.values()}
            for experiment in held:
                with suppress(StoreError):
                    self._store.claim(experiment, self._keeper)

    def _work(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(TICK_S if self._jobs else None)
            self._wake.clear()
            if self._closed.is_set() or not self._jobs:
                continue
            try:
                self._watch()
                if self._connected():
                    self._collect()
                    self._dispatch()
            except Exception as error:  # nothing may end this thread: every experiment would stand still
                self._trouble = reason_of(error)
                self._closed.wait(RETRY_S)

    def _watch(self) -> None:
        """Let go of what was cancelled, here or in another process."""
        jobs = list(self._jobs.values())
        states = self._store.states([job.run for job in jobs])
        for job in jobs:
            if states[job.run] not in UNFINISHED:
                if job.future is not None:
                    job.future.cancel()
                self._drop(job)

    def _collect(self) -> None:
        for job in list(self._jobs.values()):
            future = job.future
            if future is None or not future.done():
                continue
            with self._lock:
                job.future = None
            if future.status == "finished":
                self._take(job, future.result())
            elif future.status == "error":
                self._fail(job, failure_reason(future))
            # else it was lost with its scheduler: the job waits again, from its last checkpoint

    def _take(self, job: QueuedRun, result: EpochResult | None) -> None:
        if result is None:
            return  # cancelled: the next look at the states says so
        last = len(result.records) == job.spec.epochs
        try:
            self._store.record(job.run, result.records, result.checkpoint, result.test_pictures, last=last)
        except StoreError as error:
            self._fail(job, message_of(error))
            return
        job.epochs_done = len(result.records)
        if last:
            self._drop(job)

    def _dispatch(self) -> None:
        assert self._client
        with self._lock:
            free = self._slots() - sum(job.future is not None for job in self._jobs.values())
            chosen = fair_order(self._jobs.values(), self._served)[: max(free, 0)]
        for job in chosen:
            try:
                checkpoint = self.checkpoint(job.run) if job.epochs_done else None
                self._send_data(job.spec.dataset)
            except (StoreError, ValueError) as error:
                self._fail(job, message_of(error))
                continue
            self._store.move([job.run], "running", of=("queued",))
            key = f"run-{job.run}-epoch-{job.epochs_done + 1}-{secrets.token_hex(4)}"
            future = self._client.submit(epoch_task, train_spec_to_json(job.spec), checkpoint, key=key, pure=False)
            future.add_done_callback(self._woken)
            with self._lock:
                job.future, job.since = future, time.monotonic()
                self._served[job.owner] = job.since

    # ---- the workers ----

    def _send_data(self, dataset: str) -> None:
        """The user's own data to the workers of an outside scheduler; those of the embedded one read the same disk."""
        assert self._client
        if self._address and is_custom(dataset) and dataset not in self._sent:
            self._client.register_plugin(CustomDataPlugin(dataset, load_content(dataset, self._store.folder)))
            self._sent.add(dataset)

    def _woken(self, _: object) -> None:
        self._wake.set()

    def _slots(self) -> int:
        if self._address is None:
            return self._workers
        if self._client is None or self._client.status != "running":
            return 0
        info = self._client.scheduler_info(n_workers=-1)
        return sum(worker["nthreads"] for worker in info["workers"].values())

    def _connected(self) -> bool:
        """Whether there are workers to talk to, after trying to get some."""
        if self._client and self._client.status == "running" and (self._cluster is None or self._cluster.alive):
            return True
        self._disconnect()
        try:
            if self._address is None:
                self._cluster = Cluster(self._workers, self._store.folder)
            address = self._address or (self._cluster.address if self._cluster else None)
            with config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}):
                self._client = Client(address, timeout=CONNECT_S, set_as_default=False)
            self._trouble = ""
        except (OSError, RuntimeError, ValueError) as error:
            self._trouble = reason_of(error)
            self._closed.wait(RETRY_S)
            return False
        return True

    def _disconnect(self) -> None:
        self._sent.clear()
        with self._lock:
            for job in self._jobs.values():
                job.future = None
        if self._client:
            self._client.close(timeout=2)
            self._client = None
        if self._cluster:
            self._cluster.close()
            self._cluster = None

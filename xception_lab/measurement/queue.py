"""The queue of a server: one measurement at a time, so that two people never disturb each other's timings."""

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from xception_lab.common.messages import reason_of, say
from xception_lab.common.work_state import UNFINISHED, WorkState
from xception_lab.measurement.worker import MeasuringProcess, WorkerMessage
from xception_lab.timing.jobs import TimingJob
from xception_lab.timing.results import Results, merge_results

MOST_WAITING = 20
KEPT_JOBS = 50


class TooManyJobsError(RuntimeError):
    """Too many wait already; the message says how many may."""


class JobProcess(Protocol):
    """What the queue needs of a worker."""

    def messages(self) -> Iterable[WorkerMessage]:
        """See Worker."""
        ...

    def stop(self) -> None:
        """See Worker."""
        ...


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job at one moment. place: measurements before it, 0 when it runs. spent_s: since it began."""

    id: str
    job: TimingJob
    state: WorkState
    place: int = 0
    share: float = 0.0
    spent_s: float = 0.0
    reason: str = ""
    results: Results | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in UNFINISHED


class TimingQueue:
    """Jobs in the order they came. Methods may be called from any thread. start: makes a worker of a job."""

    def __init__(self, start: Callable[[TimingJob], JobProcess] = MeasuringProcess) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._jobs: dict[str, JobStatus] = {}
        self._began: dict[str, float] = {}
        self._worker: JobProcess | None = None
        self._thread: threading.Thread | None = None

    def submit(self, job: TimingJob) -> str:
        """Queue a job; its unguessable id. Raises QueueFullError."""
        with self._lock:
            if sum(not status.finished for status in self._jobs.values()) >= MOST_WAITING:
                raise TooManyJobsError(
                    say("at most {most} measurements may wait at once: let some end", most=MOST_WAITING)
                )
            key = secrets.token_urlsafe(12)
            self._jobs[key] = JobStatus(key, job, "queued")
            finished = [old for old, status in self._jobs.items() if status.finished]
            for old in finished[:-KEPT_JOBS]:
                del self._jobs[old]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="timing queue", daemon=True)
                self._thread.start()
        return key

    def status(self, key: str | None) -> JobStatus:
        """How a job stands. Raises KeyError."""
        if key is None:
            raise KeyError(key)
        with self._lock:
            status = self._jobs[key]
            if status.state == "running":
                return replace(status, spent_s=time.monotonic() - self._began[key])
            if status.state == "queued":
                before = [old for old, other in self._jobs.items() if not other.finished]
                return replace(status, place=before.index(key))
            return status

    def stop(self, key: str) -> None:
        """End a job, waiting or under way; what it has measured stays. Raises KeyError."""
        with self._lock:
            status = self._jobs[key]
            if status.finished:
                return
            self._jobs[key] = replace(status, state="cancelled")
            if status.state == "running" and self._worker:
                self._worker.stop()

    def _next(self) -> JobStatus | None:
        with self._lock:
            status = next((status for status in self._jobs.values() if status.state == "queued"), None)
            if status is None:
                self._thread = None
                return None
            self._jobs[status.id] = replace(status, state="running")
            self._began[status.id] = time.monotonic()
            return status

    def _work(self) -> None:
        while status := self._next():
            try:
                self._measure(status)
            except Exception as error:  # whatever it was, the next one's turn must come
                reason = say("the measuring process failed: {error}", error=reason_of(error))
                self._change(status.id, state="failed", reason=reason)

    def _measure(self, status: JobStatus) -> None:
        worker = self._start(status.job)
        with self._lock:
            self._worker = worker
            stopped = self._jobs[status.id].finished
        if stopped:  # between its turn and its start
            worker.stop()
        for message in worker.messages():
            if message.error:
                self._change(status.id, state="failed", reason=message.error)
            else:
                self._add(status.id, message)
        with self._lock:
            self._worker = None
        self._change(status.id, state="done", share=1.0)

    def _add(self, key: str, message: WorkerMessage) -> None:
        with self._lock:
            results = merge_results(self._jobs[key].results, message.results)
            self._jobs[key] = replace(self._jobs[key], share=message.share, results=results)

    def _change(self, key: str, **values: object) -> None:
        with self._lock:
            if not self._jobs[key].finished:
                self._jobs[key] = replace(self._jobs[key], **values)  # pyright: ignore[reportArgumentType]

"""The queue of a server's measurements.

Two measurements at once would slow each other down, and neither would know. So a server has one queue, and measures
one job at a time:

1. submit() adds a job and returns its id. The id cannot be guessed: whoever has it, such as from a link, may watch the
   job. No more jobs may be unfinished at once than the server's settings allow, of one person and in all.
   Whoever asks for what another person's unfinished job measures gets that job: a class that presses one button makes
   one measurement. People take turns: the next job is the oldest of the person who was served longest ago, so that
   who asks for ten measurements does not keep nine others waiting.
2. A thread, which exists only while there is something to do, starts a measuring process for the first queued job
   (worker.py says what the two tell each other), and adds each message's results to the job's status as it comes.
3. A job is "done" when its process ends, and "failed" when the process reports an error, cannot be started or dies.
   Either way the next job starts.
4. stop() marks the job as "cancelled": a queued one is never started, the process of a running one is killed. What was
   measured until then stays in the status.
5. Everything is kept in memory alone: the last KEPT_JOBS finished jobs, with their results. To keep them
   longer, a person downloads them as a results file.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from xception_lab.common.messages import reason_of, say
from xception_lab.common.settings import Settings, is_over
from xception_lab.common.work_state import UNFINISHED, WorkState
from xception_lab.measurement.worker import MeasuringProcess, WorkerMessage
from xception_lab.timing.jobs import TimingJob
from xception_lab.timing.results import Results, merge_results

KEPT_JOBS = 50


class TooManyJobsError(RuntimeError):
    """Too many jobs are unfinished, or none may be begun; the message says how many may be."""


class JobProcess(Protocol):
    """What the queue needs of a MeasuringProcess."""

    def messages(self) -> Iterable[WorkerMessage]:
        """See MeasuringProcess."""
        ...

    def stop(self) -> None:
        """See MeasuringProcess."""
        ...


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job at one moment.

    owner: who asked for it first. joined: who asked for the same since. place: unfinished jobs before it, 0 when it
    runs. share: of the job done, 0 to 1. spent_s: seconds since it started.
    reason: why it failed. results: what has been measured so far.
    """

    id: str
    job: TimingJob
    state: WorkState
    place: int = 0
    share: float = 0.0
    spent_s: float = 0.0
    reason: str = ""
    results: Results | None = None
    owner: str = ""
    joined: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether the job has ended, in whatever way."""
        return self.state not in UNFINISHED


class TimingQueue:
    """Jobs whose owners take turns. Methods may be called from any thread.

    start_process: starts the process that measures a job. settings: gives the bounds that hold now.
    """

    def __init__(
        self,
        start_process: Callable[[TimingJob], JobProcess] = MeasuringProcess,
        settings: Callable[[], Settings] = Settings,
    ) -> None:
        self._start_process = start_process
        self._settings = settings
        self._last_served: dict[str, float] = {}
        self._lock = threading.Lock()
        self._jobs: dict[str, JobStatus] = {}
        self._start_times: dict[str, float] = {}
        self._process: JobProcess | None = None
        self._thread: threading.Thread | None = None

    def submit(self, job: TimingJob, owner: str = "") -> str:
        """Queue a job; returns its id. owner: who asks for it. Raises TooManyJobsError."""
        bounds = self._settings().measuring
        with self._lock:
            waiting = Counter(status.owner for status in self._jobs.values() if not status.finished)
            if not bounds.enabled:
                raise TooManyJobsError(say("measuring is switched off on this server"))
            if same := self._join(job, owner):
                return same
            if is_over(waiting.total(), bounds.most_waiting):
                most = bounds.most_waiting
                raise TooManyJobsError(say("at most {most} measurements may wait at once: let some end", most=most))
            if owner and is_over(waiting[owner], bounds.most_waiting_per_person):
                most = bounds.most_waiting_per_person
                raise TooManyJobsError(
                    say("at most {most} measurements of one person may wait at once: let some end", most=most)
                )
            key = secrets.token_urlsafe(12)
            self._jobs[key] = JobStatus(key, job, "queued", owner=owner)
            finished = [old for old, status in self._jobs.items() if status.finished]
            for old in finished[:-KEPT_JOBS]:
                del self._jobs[old]
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="timing queue", daemon=True)
                self._thread.start()
        return key

    def _join(self, job: TimingJob, owner: str) -> str | None:
        """Let somebody share another person's equal job that is not finished; its id, None where there is none."""
        same = next((each for each in self._jobs.values() if each.job == job and not each.finished), None)
        if same is None or not owner or same.owner == owner:
            return None
        if owner not in same.joined:
            self._jobs[same.id] = replace(same, joined=(*same.joined, owner))
        return same.id

    def status(self, key: str | None) -> JobStatus:
        """The status of a job. Raises KeyError for a job that is not or no longer known."""
        if key is None:
            raise KeyError(key)
        with self._lock:
            status = self._jobs[key]
            if status.state == "running":
                return replace(status, spent_s=time.monotonic() - self._start_times[key])
            if status.state == "queued":
                running = sum(other.state == "running" for other in self._jobs.values())
                return replace(status, place=running + self._order().index(key))
            return status

    def stop(self, key: str) -> None:
        """Stop a queued or running job; what it has measured stays. Raises KeyError."""
        with self._lock:
            status = self._jobs[key]
            if status.finished:
                return
            self._jobs[key] = replace(status, state="cancelled")
            if status.state == "running" and self._process:
                self._process.stop()

    def _order(self) -> list[str]:
        """The queued jobs in the order in which they are measured; the lock is held."""
        waiting: dict[str, list[str]] = {}
        for key, status in self._jobs.items():
            if status.state == "queued":
                waiting.setdefault(status.owner, []).append(key)
        ages = {key: age for age, key in enumerate(self._jobs)}
        served = dict(self._last_served)
        order: list[str] = []
        while waiting:
            owner = min(waiting, key=lambda name: (served.get(name, 0.0), ages[waiting[name][0]]))
            order.append(waiting[owner].pop(0))
            served[owner] = time.monotonic() + len(order)  # after everybody who was served before
            if not waiting[owner]:
                del waiting[owner]
        return order

    def _next(self) -> JobStatus | None:
        with self._lock:
            order = self._order()
            if not order:
                self._thread = None
                # who was served when matters only while somebody waits
                self._last_served.clear()
                return None
            status = self._jobs[order[0]]
            self._jobs[status.id] = replace(status, state="running")
            self._start_times[status.id] = self._last_served[status.owner] = time.monotonic()
            return status

    def _work(self) -> None:
        while status := self._next():
            try:
                self._measure(status)
            except Exception as error:  # whatever it was, the next job must start
                reason = say("the measuring process failed: {error}", error=reason_of(error))
                self._change(status.id, state="failed", reason=reason)

    def _measure(self, status: JobStatus) -> None:
        process = self._start_process(status.job)
        with self._lock:
            self._process = process
            stopped = self._jobs[status.id].finished
        if stopped:  # while its process was being started
            process.stop()
        for message in process.messages():
            if message.error:
                self._change(status.id, state="failed", reason=message.error)
            else:
                self._add(status.id, message)
        with self._lock:
            self._process = None
        self._change(status.id, state="done", share=1.0)

    def _add(self, key: str, message: WorkerMessage) -> None:
        with self._lock:
            results = merge_results(self._jobs[key].results, message.results)
            self._jobs[key] = replace(self._jobs[key], share=message.share, results=results)

    def _change(self, key: str, **values: object) -> None:
        with self._lock:
            if not self._jobs[key].finished:
                self._jobs[key] = replace(self._jobs[key], **values)  # pyright: ignore[reportArgumentType]

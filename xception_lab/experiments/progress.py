"""How an experiment stands, as one frozen picture of it: what a page or a terminal shows."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from xception_lab.common.work_state import UNFINISHED, WorkState
from xception_lab.experiments.effects import Effects, RunOutcome, paired_effects
from xception_lab.experiments.fair_queue import QueuedRun
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import StoredExperiment, StoredRun
from xception_lab.spec import TrainSpec
from xception_lab.training.records import EpochRecord


@dataclass(frozen=True, slots=True)
class RunProgress:
    """One run. time_left_s: of its own work, None before any epoch was timed."""

    id: int
    spec: TrainSpec
    state: WorkState
    reason: str
    records: tuple[EpochRecord, ...]
    test_pictures: int
    time_left_s: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """An experiment at one moment.

    interrupted: unfinished, and no process works on it: resume it. place: runs that must give up their worker, an epoch
    each, before its next one gets one; 0 once one of its own is at work. share: of all its epochs, those done, 0 to 1.
    time_left_s: until the last run ends, None before any epoch was timed. reason: what holds it up or ended it.
    """

    id: str
    owner: str
    spec: ExperimentSpec
    state: WorkState
    reason: str
    interrupted: bool
    place: int
    share: float
    time_left_s: float | None
    runs: tuple[RunProgress, ...]

    @property
    def finished(self) -> bool:
        """Whether nothing more will come by itself."""
        return self.state not in UNFINISHED or self.interrupted

    def effects(self) -> Effects:
        """The statistics over the runs that are done."""
        done = [run for run in self.runs if run.state == "done"]
        outcomes = [RunOutcome(run.spec, run.records[-1].test_accuracy) for run in done]
        return paired_effects(self.spec, outcomes, max((run.test_pictures for run in done), default=0))


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """What the scheduler knows beyond the store: its queue in order, and what went wrong outside of any run."""

    jobs: Mapping[int, QueuedRun]
    waiting: Sequence[QueuedRun]
    workers: int
    broken: Mapping[int, str]
    trouble: str


IDLE_QUEUE = QueueSnapshot({}, (), 1, {}, "")  # nothing is at work in this process


def make_progress(experiment: StoredExperiment, desk: QueueSnapshot) -> Progress:
    """The picture of one stored experiment."""
    times = [run.records[-1].elapsed_s / len(run.records) for run in experiment.runs if run.records]
    runs = tuple(_run(run, desk, fmean(times) if times else None) for run in experiment.runs)
    state = _state([run.state for run in runs])
    unfinished = state in UNFINISHED
    reasons = [run.reason for run in runs if run.reason and run.state in ("failed", "cancelled")]
    lefts = [run.time_left_s for run in runs if run.state in UNFINISHED]
    known = [left for left in lefts if left is not None]
    return Progress(
        experiment.id,
        experiment.owner,
        experiment.spec,
        state,
        desk.trouble if unfinished else next(iter(reasons), ""),
        unfinished and not experiment.kept,
        _place(experiment.id, desk) if unfinished else 0,
        sum(len(run.records) for run in runs) / sum(run.spec.epochs for run in runs),
        max(sum(known) / _slots(experiment, desk), *known, 0.0) if len(known) == len(lefts) else None,
        runs,
    )


def _run(run: StoredRun, desk: QueueSnapshot, typical_s: float | None) -> RunProgress:
    state, reason = run.state, run.reason
    if run.id in desk.broken:
        state, reason = "failed", desk.broken[run.id]
    left = None
    epoch_s = run.records[-1].elapsed_s / len(run.records) if run.records else typical_s
    if epoch_s is not None:
        job = desk.jobs.get(run.id)
        under_way = min(time.monotonic() - job.since, epoch_s) if job and job.future else 0.0
        left = (run.spec.epochs - len(run.records)) * epoch_s - under_way
    return RunProgress(run.id, run.spec, state, reason, run.records, run.test_pictures, left)


def _state(states: Sequence[WorkState]) -> WorkState:
    """Running once any run began, until none is left to do; then the worst of its runs' states."""
    if "running" in states or ("queued" in states and "done" in states):
        return "running"
    ranked: tuple[WorkState, ...] = ("queued", "failed", "cancelled", "done")
    return next(state for state in ranked if state in states)


def _place(experiment: str, desk: QueueSnapshot) -> int:
    if any(job.experiment == experiment and job.future for job in desk.jobs.values()):
        return 0
    mine = next((place for place, job in enumerate(desk.waiting) if job.experiment == experiment), 0)
    busy = sum(job.future is not None for job in desk.jobs.values())
    # the same number whether the ones before are still waiting for a free worker or have just got it
    return max(0, busy + mine + 1 - desk.workers)


def _slots(experiment: StoredExperiment, desk: QueueSnapshot) -> float:
    """Workers that the experiment may count on, the other owners having their share."""
    owners = {job.owner for job in desk.jobs.values()} | {experiment.owner}
    return max(desk.workers / len(owners), 0.1)

"""The state of an experiment at one moment, as a frozen object: what a page or a terminal shows."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from xception_lab.common.work_state import UNFINISHED, WorkState, overall_state
from xception_lab.data.catalogue import chance_accuracy
from xception_lab.experiments.effects import Effects, Measure, RunOutcome, paired_effects
from xception_lab.experiments.fair_queue import QueuedRun
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import StoredExperiment, StoredRun
from xception_lab.spec import TrainSpec
from xception_lab.training.records import EpochRecord, StepReport, validation_area


@dataclass(frozen=True, slots=True)
class RunProgress:
    """One run.

    time_left_s: of its own work, without waiting; None before any epoch of the experiment has begun.
    note: as in StoredRun. step: how far its epoch under way is, None where none is or no worker has said so yet.
    """

    id: int
    spec: TrainSpec
    state: WorkState
    reason: str
    records: tuple[EpochRecord, ...]
    test_pictures: int
    time_left_s: float | None
    note: str = ""
    step: StepReport | None = None

    @property
    def epochs_done(self) -> float:
        """How many epochs it has done, with the part of the one under way."""
        return len(self.records) + (self.step.step / self.step.steps if self.step else 0.0)


@dataclass(frozen=True, slots=True)
class Progress:
    """An experiment at one moment.

    reason: why it waits, or why it ended before it was done, else "".
    interrupted: unfinished, and no process works on it, so it waits to be resumed.
    place: how many epochs of other runs have to end before one of its own begins; 0 once one of its own is under way.
    share: of all its epochs, those that are done, 0 to 1.
    time_left_s: until its last run ends, None before any epoch has begun.
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
        """Whether nothing changes any more unless somebody acts."""
        return self.state not in UNFINISHED or self.interrupted

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its runs should know, each sentence once."""
        return tuple(dict.fromkeys(run.note for run in self.runs if run.note))

    def effects(self, measure: Measure = "accuracy") -> Effects:
        """The effects of its factors, from the runs that are done. measure: as in paired_effects."""
        return effects_of_runs(self.spec, self.runs, measure)


def effects_of_runs(spec: ExperimentSpec, runs: Iterable[RunProgress], measure: Measure = "accuracy") -> Effects:
    """The effects of an experiment's factors from those of its runs that are done. measure: as in paired_effects."""
    done = [run for run in runs if run.state == "done"]
    outcomes = [
        RunOutcome(run.spec, accuracy, validation_area(run.records))
        for run in done
        if (accuracy := run.records[-1].test_accuracy) is not None
    ]
    pictures = max((run.test_pictures for run in done), default=0)
    return paired_effects(spec, outcomes, pictures, measure, chance_accuracy(spec.base.dataset))


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """What a Scheduler knows beyond the store.

    runs: the runs in its hands, by id. waiting: those that wait for a worker, the next one first. workers: how many.
    unstored_failures: why a run failed, by id, where not even the store could be told. trouble: why nothing goes on,
    else "".
    """

    runs: Mapping[int, QueuedRun]
    waiting: Sequence[QueuedRun]
    workers: int
    unstored_failures: Mapping[int, str]
    trouble: str


IDLE_QUEUE = QueueSnapshot({}, (), 1, {}, "")  # that of a process which trains nothing


def make_progress(experiment: StoredExperiment, queue: QueueSnapshot) -> Progress:
    """The progress of an experiment, from the store and, where this process works on it, its queue."""
    epoch_times = [seconds for run in experiment.runs if (seconds := _epoch_s(run, queue)) is not None]
    typical_s = fmean(epoch_times) if epoch_times else None
    runs = tuple(_run(run, queue, typical_s) for run in experiment.runs)
    state = overall_state(run.state for run in runs)
    unfinished = state in UNFINISHED
    # a store that takes nothing for a while lets the lease run out, and the work goes on afterwards
    is_ours = any(run.experiment == experiment.id for run in queue.runs.values())
    reasons = [run.reason for run in runs if run.reason and run.state in ("failed", "cancelled")]
    times_left = [run.time_left_s for run in runs if run.state in UNFINISHED]
    known = [left for left in times_left if left is not None]
    return Progress(
        experiment.id,
        experiment.owner,
        experiment.spec,
        state,
        queue.trouble if unfinished else next(iter(reasons), ""),
        unfinished and not experiment.is_leased and not is_ours,
        _place(experiment.id, queue) if unfinished else 0,
        sum(run.epochs_done for run in runs) / sum(run.spec.epochs for run in runs),
        max(sum(known) / _worker_share(experiment, queue), *known, 0.0) if len(known) == len(times_left) else None,
        runs,
    )


def _run(run: StoredRun, queue: QueueSnapshot, typical_s: float | None) -> RunProgress:
    state, reason = run.state, run.reason
    if run.id in queue.unstored_failures:
        state, reason = "failed", queue.unstored_failures[run.id]
    left = None
    epoch_s = _epoch_s(run, queue)
    if epoch_s is None:
        epoch_s = typical_s
    queued = queue.runs.get(run.id)
    if epoch_s is not None:
        spent_s = min(time.monotonic() - queued.since, epoch_s) if queued and queued.future else 0.0
        left = (run.spec.epochs - len(run.records)) * epoch_s - spent_s
    step = queued.step if queued and queued.step and queued.step.epoch == len(run.records) + 1 else None
    return RunProgress(run.id, run.spec, state, reason, run.records, run.test_pictures, left, run.note, step)


def _epoch_s(run: StoredRun, queue: QueueSnapshot) -> float | None:
    """How long an epoch of the run takes: as those that it has done, or as the steps of its first one; else None."""
    if run.records:
        return run.records[-1].elapsed_s / len(run.records)
    queued = queue.runs.get(run.id)
    if queued is None or queued.step is None:
        return None
    return queued.step.elapsed_s * queued.step.steps / queued.step.step


def _place(experiment: str, queue: QueueSnapshot) -> int:
    if any(run.experiment == experiment and run.future for run in queue.runs.values()):
        return 0
    before = next((place for place, run in enumerate(queue.waiting) if run.experiment == experiment), 0)
    busy = sum(run.future is not None for run in queue.runs.values())
    # the same number whether those before it still wait for a worker or have just got one
    return max(0, busy + before + 1 - queue.workers)


def _worker_share(experiment: StoredExperiment, queue: QueueSnapshot) -> float:
    """How many workers the experiment may count on, when the other owners have their share."""
    owners = {run.owner for run in queue.runs.values()} | {experiment.owner}
    return max(queue.workers / len(owners), 0.1)

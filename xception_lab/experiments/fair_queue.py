"""How the queue is shared out: which run gets the next free worker.

Each epoch of a run is a task of its own. When it ends, its worker is free again, and the run's next epoch waits in line
with all others. So the queue is shared out anew every few seconds, and nobody waits until another person's whole
experiment is done.

A free worker goes to the owner with the fewest epochs under way; of several such owners, to the one who was served
longest ago; of several who were never served, to the one whose next run is the oldest. An owner is a visitor of the
page, or the terminal. Of an owner's own runs, those that have begun come before new ones and older ones before younger
ones: so results arrive one after another, and not all at the end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from distributed import Future

from xception_lab.experiments.worker import EpochResult
from xception_lab.spec import TrainSpec
from xception_lab.training.records import StepReport


@dataclass(slots=True, eq=False)
class QueuedRun:
    """An unfinished run in the hands of this process.

    id: the store's. future: its epoch under way, None while it waits. since: when that epoch began, by time.monotonic.
    result: what the store could not take yet. step: how far the epoch under way is, None before its first step.
    """

    id: int
    experiment: str
    owner: str
    spec: TrainSpec
    epochs_done: int
    future: Future[EpochResult | None] | None = None
    since: float = 0.0
    result: EpochResult | None = None
    step: StepReport | None = None


def fair_order(queue: Iterable[QueuedRun], last_served: Mapping[str, float]) -> list[QueuedRun]:
    """The waiting runs in the order in which free workers take them.

    queue: waiting runs and those under way. last_served: when each owner last got a worker, by time.monotonic.
    """
    busy: Counter[str] = Counter()
    waiting: dict[str, list[QueuedRun]] = {}
    for run in queue:
        if run.future is not None or run.result is not None:
            busy[run.owner] += 1
        else:
            waiting.setdefault(run.owner, []).append(run)
    for runs in waiting.values():
        runs.sort(key=lambda run: (not run.epochs_done, run.id), reverse=True)  # the next one is the last
    order: list[QueuedRun] = []
    while waiting:
        owner = min(waiting, key=lambda name: (busy[name], last_served.get(name, 0.0), waiting[name][-1].id))
        order.append(waiting[owner].pop())
        busy[owner] += 1
        if not waiting[owner]:
            del waiting[owner]
    return order

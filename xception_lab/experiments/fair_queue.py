"""Who is next: the queue is shared out again at every epoch, so no owner waits for another's whole experiment."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from distributed import Future

from xception_lab.experiments.worker import EpochResult
from xception_lab.spec import TrainSpec


@dataclass(slots=True, eq=False)
class QueuedRun:
    """A run in this process's hands. future: its epoch under way; since: when that began (monotonic)."""

    run: int
    experiment: str
    owner: str
    spec: TrainSpec
    epochs_done: int
    future: Future[EpochResult | None] | None = None
    since: float = 0.0


def fair_order(jobs: Iterable[QueuedRun], last_served: Mapping[str, float]) -> list[QueuedRun]:
    """The waiting jobs in the order in which free workers take them.

    Each goes to the owner with the fewest at work, of those to the one served longest ago; an owner's begun runs come
    before the fresh ones, so that results arrive one after another and not all at the end.
    """
    busy: Counter[str] = Counter()
    waiting: dict[str, list[QueuedRun]] = {}
    for job in jobs:
        if job.future is not None:
            busy[job.owner] += 1
        else:
            waiting.setdefault(job.owner, []).append(job)
    for queue in waiting.values():
        queue.sort(key=lambda job: (not job.epochs_done, job.run), reverse=True)
    order: list[QueuedRun] = []
    while waiting:
        owner = min(waiting, key=lambda name: (busy[name], last_served.get(name, 0.0), waiting[name][-1].run))
        order.append(waiting[owner].pop())
        busy[owner] += 1
        if not waiting[owner]:
            del waiting[owner]
    return order

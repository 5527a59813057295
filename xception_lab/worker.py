"""One epoch on a dask worker: bytes in, bytes out, so a worker needs neither our disk nor our store."""

# dask leaves parts of its interface untyped
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Callable
from dataclasses import dataclass

from distributed import Future, KilledWorker, Worker, WorkerPlugin, get_worker

from xception_lab.records import EpochRecord, train_spec_from_json
from xception_lab.sentence import reason_of, said, sentence_of


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one epoch gives back: all records so far, the checkpoint, and how many pictures it was tested on."""

    records: tuple[EpochRecord, ...]
    checkpoint: bytes
    test_pictures: int


class RunFailedError(Exception):
    """The run cannot go on, for the reason in the message; picklable, whatever raised it was not."""


class OwnData(WorkerPlugin):
    """The user's own data for workers of another machine: every one that there is, and every one that comes."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self._content = content

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - dask's interface
        """Keep the data where load_dataset looks for it."""
        from xception_lab.own_data import keep_content

        keep_content(self.name, self._content)


def epoch_task(spec: str, checkpoint: bytes | None) -> EpochResult | None:
    """One epoch from a checkpoint (None is the beginning); None when the task was cancelled meanwhile."""
    from xception_lab.checkpoint import from_bytes, to_bytes
    from xception_lab.learner import prepare_process
    from xception_lab.training import TrainingError, next_epoch

    prepare_process()
    try:
        last = from_bytes(checkpoint) if checkpoint else None
        whole = train_spec_from_json(spec)
        # a kill between checkpoint and record leaves the checkpoint one epoch ahead, perhaps the last one
        ended = last is not None and len(last.records) == whole.epochs
        after = last if ended else next_epoch(whole, last, _cancelled())
    except (TrainingError, ValueError) as error:
        raise RunFailedError(sentence_of(error)) from None
    if after is None:
        return None
    return EpochResult(after.records, to_bytes(after), len(after.predictions))


def _cancelled() -> Callable[[], bool]:
    """Whether the scheduler has taken this task back: cancelled by its client, or the client is gone.

    dask cannot interrupt a running task, but its worker keeps the task's state where the task can look.
    """
    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    return lambda: task.state == "cancelled"


def failure(future: Future[EpochResult | None]) -> str:
    """Why a task failed, in a sentence."""
    error = future.exception()
    if isinstance(error, RunFailedError):
        return sentence_of(error)
    if isinstance(error, KilledWorker):
        return said("its worker process died again and again: it may need more memory than there is")
    assert isinstance(error, BaseException)  # what dask gives of a task that failed
    return reason_of(error)

"""One epoch on a dask worker: bytes in, bytes out, so a worker needs neither our disk nor our store."""

from collections.abc import Callable
from dataclasses import dataclass

from distributed import Future, KilledWorker, Worker, WorkerPlugin, get_worker

from xception_lab.common.messages import message_of, reason_of, say
from xception_lab.training.records import EpochRecord, train_spec_from_json


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What one epoch gives back: all records so far, the checkpoint, and how many pictures it was tested on."""

    records: tuple[EpochRecord, ...]
    checkpoint: bytes
    test_pictures: int


class RunFailedError(Exception):
    """The run cannot go on, for the reason in the message; picklable, whatever raised it was not."""


class CustomDataPlugin(WorkerPlugin):
    """The user's own data for workers of another machine: every one that there is, and every one that comes."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self._content = content

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - dask's interface
        """Keep the data where load_dataset looks for it."""
        from xception_lab.data.custom import save_content

        save_content(self.name, self._content)


def epoch_task(spec: str, checkpoint: bytes | None) -> EpochResult | None:
    """One epoch from a checkpoint (None is the beginning); None when the task was cancelled meanwhile."""
    from xception_lab.training.checkpoint import checkpoint_from_bytes, checkpoint_to_bytes
    from xception_lab.training.loop import TrainingError, next_epoch
    from xception_lab.training.state import prepare_process

    prepare_process()
    try:
        last = checkpoint_from_bytes(checkpoint) if checkpoint else None
        whole = train_spec_from_json(spec)
        # a kill between checkpoint and record leaves the checkpoint one epoch ahead, perhaps the last one
        ended = last is not None and len(last.records) == whole.epochs
        after = last if ended else next_epoch(whole, last, _cancelled())
    except (TrainingError, ValueError) as error:
        raise RunFailedError(message_of(error)) from None
    if after is None:
        return None
    return EpochResult(after.records, checkpoint_to_bytes(after), len(after.predictions))


def _cancelled() -> Callable[[], bool]:
    """Whether the scheduler has taken this task back: cancelled by its client, or the client is gone.

    dask cannot interrupt a running task, but its worker keeps the task's state where the task can look.
    """
    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    return lambda: task.state == "cancelled"


def failure_reason(future: Future[EpochResult | None]) -> str:
    """Why a task failed, in a sentence."""
    error = future.exception()
    if isinstance(error, RunFailedError):
        return message_of(error)
    if isinstance(error, KilledWorker):
        return say("its worker process died again and again: it may need more memory than there is")
    assert isinstance(error, BaseException)  # what dask gives of a task that failed
    return reason_of(error)

"""One epoch on a dask worker: bytes in, bytes out.

A run is no task of its own but a chain of tasks, one per epoch. A task gets the run's spec as JSON and its checkpoint
as the bytes of a safetensors file, None for the first epoch. It returns an EpochResult: the next checkpoint, again as
bytes, and what the store keeps beside it. Nothing of an epoch stays in the worker, so the next epoch of the run may go
to any other, also on another machine: a worker needs neither the store nor a common disk.

From within an epoch it says once a second how far it is: as an event of dask's, on the connection that is there. An
event may get lost; only a progress bar is late then.

- A worker that dies takes its epoch with it. dask repeats the task on another worker from the same bytes, which on the
  same kind of device gives the same bits. After some such deaths it gives up with KilledWorker.
- A run that cannot go on, say because its loss is not a number, ends its task with RunFailedError. That holds the
  sentence alone: whatever a task raises is pickled on its way back, and not every exception survives that.
- dask cannot interrupt a task. A cancelled one asks before each batch whether it still is wanted, and returns None.
- The embedded cluster's workers find a person's own data set in the home folder. For the workers of an outside
  scheduler it is sent ahead of the first task on it, by CustomDataPlugin.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from distributed import Future, KilledWorker, Worker, WorkerPlugin, get_worker

from xception_lab.common.messages import message_of, reason_of, say
from xception_lab.training.records import EpochRecord, StepReport, train_spec_from_json


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What a task returns: all records of the run so far, its checkpoint, and how many test pictures there are."""

    records: tuple[EpochRecord, ...]
    checkpoint: bytes
    test_pictures: int


class RunFailedError(Exception):
    """The run cannot go on, for the reason in the message; picklable, also where its cause is not."""


class CustomDataPlugin(WorkerPlugin):
    """A person's own data set for the workers of another machine: those that there are, and those that join later."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self._content = content

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - dask's interface
        """Store the data where load_dataset looks for it on this machine."""
        from xception_lab.data.custom import save_content

        save_content(self.name, self._content)


def epoch_task(spec: str, checkpoint: bytes | None, topic: str, run: int) -> EpochResult | None:
    """Train one epoch of a run; None when the task was cancelled meanwhile.

    spec: a TrainSpec as JSON. checkpoint: a safetensors file, None for the run's beginning. topic: of the events that
    say how far it is, each {"run": run, "step": a StepReport's fields}.
    Raises RunFailedError when the run cannot go on.
    """
    from xception_lab.training.checkpoint import checkpoint_from_bytes, checkpoint_to_bytes
    from xception_lab.training.loop import TrainingError, next_epoch
    from xception_lab.training.state import prepare_process

    prepare_process()
    try:
        last = checkpoint_from_bytes(checkpoint) if checkpoint else None
        train_spec = train_spec_from_json(spec)
        if last is not None and last.spec != train_spec:
            raise ValueError(say("it is the checkpoint of another run"))
        # a kill between checkpoint and records leaves the checkpoint one epoch ahead, perhaps at the last one
        is_done = last is not None and len(last.records) == train_spec.epochs
        after = last if is_done else next_epoch(train_spec, last, _cancel_check(), _step_watcher(topic, run))
    except (TrainingError, ValueError) as error:
        raise RunFailedError(message_of(error)) from None
    if after is None:
        return None
    return EpochResult(after.records, checkpoint_to_bytes(after), len(after.predictions))


def _step_watcher(topic: str, run: int) -> Callable[[StepReport], None]:
    worker = get_worker()
    return lambda report: worker.log_event(topic, {"run": run, "step": asdict(report)})


def _cancel_check() -> Callable[[], bool]:
    """What tells whether this task was cancelled, by its client or because the client is gone.

    The worker that runs a task also holds the task's state, where the task can read it.
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

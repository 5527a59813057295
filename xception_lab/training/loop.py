"""One run: train(spec) yields one record per epoch, and the same spec on the same device gives the same bits.

An epoch is a function from one checkpoint to the next (next_epoch), and a run is a chain of epochs. So a run that was
killed and resumed goes through the same checkpoints as one that was not. "The same device" means the kind of device
and, on a CPU, the number of threads and whether it multiplies in bfloat16.
"""

import math
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, thread_time

import torch
import torch.nn.functional as F
from torch import Tensor

from xception_lab.common.files import set_aside, write_atomically
from xception_lab.common.messages import message_of, say
from xception_lab.nn.allocator import is_out_of_memory
from xception_lab.nn.fusion import for_inference
from xception_lab.nn.init import derive_seed
from xception_lab.spec import TrainSpec
from xception_lab.training.checkpoint import Checkpoint, checkpoint_from_bytes, checkpoint_to_bytes
from xception_lab.training.recipe import learning_rate
from xception_lab.training.records import EpochRecord
from xception_lab.training.state import TrainState, autocast, make_train_state, training_device
from xception_lab.training.tensors import PictureTensors, load_pictures

EVALUATION_BATCH = 250
ESTIMATE_STEPS = 6

StopCheck = Callable[[], bool]


class TrainingError(RuntimeError):
    """A run that cannot go on; the message says why."""


def train(
    spec: TrainSpec,
    *,
    checkpoint_path: Path | str | None = None,
    should_stop: StopCheck | None = None,
    tell: Callable[[str], None] = warnings.warn,
) -> Iterator[EpochRecord]:
    """Train a network and yield one record per epoch.

    checkpoint_path: written after every epoch. Where the file exists already, its records come first and the run is
        resumed from it. A damaged one is set aside, and the run starts from its beginning.
    should_stop: called before every batch; True ends the iteration. The epoch under way is lost, the checkpoint stays.
    tell: called with a sentence when the checkpoint is damaged.
    Raises TrainingError when the loss is not a number or memory runs out, ValueError when the data do not fit the spec
    or the checkpoint is another run's.
    """
    path = Path(checkpoint_path) if checkpoint_path else None
    checkpoint = _resume(spec, path, tell)
    yield from checkpoint.records if checkpoint else ()
    while not checkpoint or len(checkpoint.records) < spec.epochs:
        checkpoint = next_epoch(spec, checkpoint, should_stop)
        if checkpoint is None:
            return
        if path:
            write_atomically(path, checkpoint_to_bytes(checkpoint))
        yield checkpoint.records[-1]


def _resume(spec: TrainSpec, path: Path | None, tell: Callable[[str], None]) -> Checkpoint | None:
    if path is None or not path.exists():
        return None
    try:
        checkpoint = checkpoint_from_bytes(path.read_bytes())
    except ValueError as error:
        sentence = say(
            "{path} cannot be used ({reason}): it is set aside as {name}, and the run starts from its beginning",
            path=str(path),
            reason=message_of(error),
            name=set_aside(path).name,
        )
        tell(sentence)
        return None
    if checkpoint.spec != spec:
        raise ValueError(f"checkpoint_path={str(path)!r}: holds another run, {checkpoint.spec}")
    return checkpoint


def next_epoch(spec: TrainSpec, previous: Checkpoint | None, should_stop: StopCheck | None = None) -> Checkpoint | None:
    """The run's next checkpoint, or None when should_stop returned True.

    previous: the checkpoint to start from, which is not changed; None is the run's beginning. Raises as train does.
    """
    try:
        # the caller's random state stays as it was
        with torch.random.fork_rng(), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            return _epoch(spec, previous, should_stop or (lambda: False))
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            sentence = say(
                "out of memory: a smaller batch_size than {batch_size} or a narrower network may fit",
                batch_size=spec.batch_size,
            )
            raise TrainingError(sentence) from error
        raise


@dataclass(frozen=True, slots=True)
class _Scores:
    """A network on a part of the data: mean loss, share that is right, predicted class of each picture, (N,)."""

    loss: float | None
    accuracy: float | None
    predictions: Tensor


_NOT_EVALUATED = _Scores(None, None, torch.zeros(0, dtype=torch.int64))


def _epoch(spec: TrainSpec, previous: Checkpoint | None, should_stop: StopCheck) -> Checkpoint | None:
    begin = perf_counter()
    before = previous.records if previous else ()
    epoch = len(before) + 1
    pictures = load_pictures(spec.dataset, spec.train_size, training_device())
    state = make_train_state(spec, pictures, previous)
    torch.manual_seed(derive_seed("dropout", spec.seed, epoch))  # dropout draws from the global generator
    fit = _fit(spec, state, pictures, epoch, should_stop)
    if fit is None:
        return None
    if not math.isfinite(fit.loss):
        sentence = say(
            "epoch {epoch}: the loss is not a number, learning_rate={rate} may be too high",
            epoch=epoch,
            rate=spec.learning_rate,
        )
        raise TrainingError(sentence)
    validation = test = _NOT_EVALUATED
    if len(pictures.validation_labels):
        validation = _evaluate(state, pictures, pictures.validation, pictures.validation_labels, should_stop)
    if spec.use_test and (epoch == spec.epochs or not len(pictures.validation_labels)):
        test = _evaluate(state, pictures, pictures.test, pictures.test_labels, should_stop)
    if validation is None or test is None:
        return None
    record = EpochRecord(
        epoch,
        fit.loss,
        fit.accuracy,
        test.loss,
        test.accuracy,
        fit.rate,
        fit.images_per_s,
        (before[-1].elapsed_s if before else 0.0) + perf_counter() - begin,
        validation.loss,
        validation.accuracy,
    )
    return Checkpoint(spec, (*before, record), state.network.state_dict(), state.moments(), test.predictions.cpu())


@dataclass(frozen=True, slots=True)
class _Fit:
    """One pass over the training pictures: mean loss and accuracy along the way, the last learning rate, the speed."""

    loss: float
    accuracy: float
    rate: float
    images_per_s: float


def _fit(
    spec: TrainSpec, state: TrainState, pictures: PictureTensors, epoch: int, should_stop: StopCheck
) -> _Fit | None:
    begin = perf_counter()
    steps = len(pictures.train_labels) // spec.batch_size
    loss_sum = torch.zeros((), dtype=torch.float64)
    right = torch.zeros((), dtype=torch.int64)
    rate = 0.0
    state.network.train()
    for step, (batch, labels) in enumerate(pictures.batches(spec, epoch), (epoch - 1) * steps):
        if should_stop():
            return None
        rate = learning_rate(spec, step, steps * spec.epochs)
        state.optimiser.param_groups[0]["lr"] = rate
        loss, logits = _step(state, pictures.normalised(batch), labels)
        loss_sum += loss.to(loss_sum)
        right += (logits.argmax(1) == labels).sum().to(right)
    count = steps * spec.batch_size
    return _Fit(loss_sum.item() / steps, right.item() / count, rate, count / (perf_counter() - begin))


def _step(state: TrainState, batch: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the optimiser; the loss, (), and the logits, (N, classes)."""
    state.optimiser.zero_grad()
    with autocast(batch.device, state.autocast):
        logits = state.network(batch)
        loss = F.cross_entropy(logits, labels)
    loss.backward()
    state.optimiser.step()
    return loss.detach(), logits.detach()


@torch.inference_mode()
def _evaluate(
    state: TrainState, pictures: PictureTensors, part: Tensor, labels: Tensor, should_stop: StopCheck
) -> _Scores | None:
    """The scores on one part of the data, or None when should_stop returned True."""
    network = for_inference(state.network, channels_last=False)
    loss_sum, predictions = 0.0, list[Tensor]()
    for batch, truth in zip(part.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH), strict=True):
        if should_stop():
            return None
        with autocast(batch.device, state.autocast):
            logits = network(pictures.normalised(batch)).float()
        loss_sum += F.cross_entropy(logits, truth, reduction="sum").item()
        predictions.append(logits.argmax(1))
    predicted = torch.cat(predictions)
    return _Scores(loss_sum / len(labels), (predicted == labels).double().mean().item(), predicted)


def estimate_run_s(spec: TrainSpec) -> float:
    """How long the run takes on one thread of an idle machine, in seconds: an estimate from a few timed steps.

    The fastest step counts, on a CPU in processor time, as other work on the machine can only make it longer.
    """
    pictures = load_pictures(spec.dataset, spec.train_size, training_device())
    state = make_train_state(spec, pictures, None)
    few, few_labels = pictures.test[:EVALUATION_BATCH], pictures.test_labels[:EVALUATION_BATCH]
    batches = pictures.batches(spec, 1)

    def step() -> None:
        batch, labels = next(batches)
        _step(state, pictures.normalised(batch), labels)[0].item()

    def evaluation() -> None:
        _evaluate(state, pictures, few, few_labels, lambda: False)

    steps = len(pictures.train) // spec.batch_size
    state.network.train()
    with _one_thread():
        step_s = min(_seconds(step, pictures.train.device) for _ in range(min(ESTIMATE_STEPS, steps)))
        evaluation_s = min(_seconds(evaluation, pictures.train.device) for _ in range(2))
    evaluated = spec.epochs * (len(pictures.validation) or len(pictures.test))
    if len(pictures.validation) and spec.use_test:
        evaluated += len(pictures.test)
    return spec.epochs * step_s * steps + evaluation_s * evaluated / len(few)


@contextmanager
def _one_thread() -> Generator[None]:
    """One thread, as a worker has: in a busy process, several would wait for each other while they are timed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _seconds(work: Callable[[], None], device: torch.device) -> float:
    clock = thread_time if device.type == "cpu" else perf_counter
    begin = clock()
    work()
    return clock() - begin

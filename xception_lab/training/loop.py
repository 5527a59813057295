"""One run: train(spec) yields one record per epoch, and the same spec on the same device gives the same bits.

An epoch is a function from one checkpoint to the next (next_epoch), and a run is a chain of epochs. So a run that was
killed and resumed goes through the same checkpoints as one that was not. "The same device" means:

- on a CPU, its instructions, the number of threads and whether it multiplies in bfloat16;
- on CUDA, the model of the device and the versions of torch and its libraries. cuDNN is held to deterministic kernels,
  cuBLAS to one workspace and torch's own kernels to their deterministic versions; an operation that has none would be
  warned of by torch. benchmarks/packing.py compares two epochs bit by bit;
- on MPS nothing: Apple's kernels promise no order in which they add.

The host queues a step's work and does not wait for it: what a record says is read from the device once an epoch.
"""

import math
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter, thread_time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xception_lab.common.files import set_aside, write_atomically
from xception_lab.common.messages import message_of, say
from xception_lab.nn.allocator import is_out_of_memory
from xception_lab.nn.fusion import for_inference
from xception_lab.nn.init import derive_seed
from xception_lab.spec import TrainSpec
from xception_lab.training.checkpoint import Checkpoint, checkpoint_from_bytes, checkpoint_to_bytes
from xception_lab.training.recipe import check_batch, learning_rate
from xception_lab.training.records import EpochRecord, StepReport
from xception_lab.training.state import (
    TrainState,
    autocast,
    make_train_state,
    reproducible,
    seed_dropout,
    training_device,
)
from xception_lab.training.tensors import PictureTensors, load_pictures

EVALUATION_BATCH = 250
ESTIMATE_STEPS = 6

REPORT_S = 1.0  # between two reports from within an epoch: on an accelerator each waits for the device

StopCheck = Callable[[], bool]
StepWatcher = Callable[[StepReport], None]


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


def next_epoch(
    spec: TrainSpec,
    previous: Checkpoint | None,
    should_stop: StopCheck | None = None,
    on_step: StepWatcher | None = None,
) -> Checkpoint | None:
    """The run's next checkpoint, or None when should_stop returned True.

    previous: the checkpoint to start from, which is not changed; None is the run's beginning. on_step: called after
    the epoch's first step, and then once a second. Raises as train does.
    """
    try:
        with reproducible(training_device()):
            return _epoch(spec, previous, should_stop or (lambda: False), on_step)
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


def _epoch(
    spec: TrainSpec, previous: Checkpoint | None, should_stop: StopCheck, on_step: StepWatcher | None
) -> Checkpoint | None:
    begin = perf_counter()
    before = previous.records if previous else ()
    epoch = len(before) + 1
    pictures = load_pictures(spec.dataset, spec.train_size, training_device())
    check_batch(spec, len(pictures.train))
    state = make_train_state(spec, pictures, previous)
    seed_dropout(pictures.train.device, derive_seed("dropout", spec.seed, epoch))
    fit = _fit(spec, state, pictures, epoch, should_stop, on_step)
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
    return Checkpoint(spec, (*before, record), state.network.state_dict(), state.moments, test.predictions.cpu())


@dataclass(frozen=True, slots=True)
class _Fit:
    """One pass over the training pictures: mean loss and accuracy along the way, the last learning rate, the speed."""

    loss: float
    accuracy: float
    rate: float
    images_per_s: float


def _fit(
    spec: TrainSpec,
    state: TrainState,
    pictures: PictureTensors,
    epoch: int,
    should_stop: StopCheck,
    on_step: StepWatcher | None,
) -> _Fit | None:
    begin = perf_counter()
    reported = -math.inf
    steps = len(pictures.train_labels) // spec.batch_size
    losses = list[Tensor]()
    right = torch.zeros((), dtype=torch.int64, device=pictures.train.device)
    rate = 0.0
    state.network.train()
    for step, (batch, labels) in enumerate(pictures.batches(spec, epoch), (epoch - 1) * steps):
        if should_stop():
            return None
        rate = learning_rate(spec, step, steps * spec.epochs)
        loss, logits = _step(state, pictures.normalised(batch), labels, rate)
        losses.append(loss)
        right += (logits.argmax(1) == labels).sum()
        if on_step and (now := perf_counter()) - reported >= REPORT_S:
            done = len(losses)
            on_step(StepReport(epoch, done, steps, loss.item(), right.item() / (done * spec.batch_size), now - begin))
            reported = now
    count = steps * spec.batch_size
    # these two wait for the device, so the speed is taken after them
    loss_mean, accuracy = _total(losses) / steps, right.item() / count
    return _Fit(loss_mean, accuracy, rate, count / (perf_counter() - begin))


def _total(losses: list[Tensor]) -> float:
    """The sum of losses, each (), in double precision: on the host, as not every device has that."""
    total = 0.0
    for loss in torch.stack(losses).tolist():
        total += loss  # in order, without the compensation of sum(): the same bits in every version of Python
    return total


def _step(state: TrainState, batch: Tensor, labels: Tensor, rate: float) -> tuple[Tensor, Tensor]:
    """One step of the optimiser; the loss, (), and the logits, (N, classes)."""
    state.network.zero_grad()
    with autocast(batch.device, state.autocast):
        logits = state.network(batch)
        loss = F.cross_entropy(logits, labels)
    loss.backward()
    state.step(rate)
    return loss.detach(), logits.detach()


@torch.inference_mode()
def _evaluate(
    state: TrainState, pictures: PictureTensors, part: Tensor, labels: Tensor, should_stop: StopCheck
) -> _Scores | None:
    """The scores on one part of the data, or None when should_stop returned True."""
    network = for_inference(state.network, channels_last=False)
    return _score(network, state.autocast, pictures, part, labels, should_stop)


@torch.inference_mode()
def _score(
    network: nn.Module,
    bfloat16: bool,
    pictures: PictureTensors,
    part: Tensor,
    labels: Tensor,
    should_stop: StopCheck,
) -> _Scores | None:
    """The scores of a network for inference; bfloat16: as TrainSpec.autocast."""
    losses, predictions = list[Tensor](), list[Tensor]()
    for batch, truth in zip(part.split(EVALUATION_BATCH), labels.split(EVALUATION_BATCH), strict=True):
        if should_stop():
            return None
        with autocast(batch.device, bfloat16):
            logits = network(pictures.normalised(batch)).float()
        losses.append(F.cross_entropy(logits, truth, reduction="sum"))
        predictions.append(logits.argmax(1))
    predicted = torch.cat(predictions)
    right = (predicted == labels).sum().item()
    return _Scores(_total(losses) / len(labels), right / len(labels), predicted)


def estimate_run_s(spec: TrainSpec) -> float:
    """How long the run takes alone on an idle machine, on one thread or the accelerator: an estimate from a few steps.

    In seconds. Raises ValueError as train does. On a CPU the fastest step counts, in processor time, as other work on
    the machine can only make it longer.
    """
    device = training_device()
    with reproducible(device), _one_thread():
        pictures = load_pictures(spec.dataset, spec.train_size, device)
        check_batch(spec, len(pictures.train))
        state = make_train_state(spec, pictures, None)
        few, few_labels = pictures.test[:EVALUATION_BATCH], pictures.test_labels[:EVALUATION_BATCH]
        batches = (batch for epoch in count(1) for batch in pictures.batches(spec, epoch))

        def step() -> None:
            batch, labels = next(batches)
            _step(state, pictures.normalised(batch), labels, spec.learning_rate)

        def folding() -> None:
            for_inference(state.network, channels_last=False)

        def evaluation() -> None:
            _score(network, state.autocast, pictures, few, few_labels, lambda: False)

        state.network.train()
        step_s = _seconds(step, ESTIMATE_STEPS, device)
        folding_s = _seconds(folding, 2, device)
        network = for_inference(state.network, channels_last=False)
        evaluation_s = _seconds(evaluation, 2, device)
    parts = [len(pictures.validation) or len(pictures.test)] * spec.epochs
    if len(pictures.validation) and spec.use_test:
        parts.append(len(pictures.test))
    steps = len(pictures.train) // spec.batch_size
    return spec.epochs * step_s * steps + len(parts) * folding_s + evaluation_s * sum(parts) / len(few)


@contextmanager
def _one_thread() -> Generator[None]:
    """One thread, as a worker has: in a busy process, several would wait for each other while they are timed."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _seconds(work: Callable[[], None], times: int, device: torch.device) -> float:
    """Seconds of one piece of work: on a CPU of the fastest, on an accelerator the mean of all but the first.

    An accelerator is waited for once, after the last piece: in a run the host does not wait for each step either.
    """
    if device.type == "cpu":
        return min(_processor_s(work) for _ in range(times))
    work()  # loads and chooses kernels
    torch.accelerator.synchronize(device)
    begin = perf_counter()
    for _ in range(times):
        work()
    torch.accelerator.synchronize(device)
    return (perf_counter() - begin) / times


def _processor_s(work: Callable[[], None]) -> float:
    begin = thread_time()
    work()
    return thread_time() - begin

"""How much faster is the preset two-differences than a plain training loop, at equal epochs and equal accuracy?

Plain: NCHW, float32, batches of 128 from a DataLoader, one process with torch's default threads, run after run. Both do
the same variants by the same recipe, pictures moved alike, alternating, and are timed as a whole, evaluation included;
ours with its workers already started.
Prints one table, the difference in accuracy with its sampling error, and this machine's measured roof; what keeps a
step from the roof is in benchmarks/training_step.py. Six minutes a round on two cores.
Run: python -m benchmarks.training [--rounds 3] [--train-size 10000] [--epochs 4] [--seeds 1]
"""

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

import psutil
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from xception_lab import TrainSpec, build_xception, network_cost
from xception_lab.data.catalogue import load_dataset
from xception_lab.experiments.inference import equivalence_p
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.nn.init import make_generator
from xception_lab.training.recipe import SHIFT, learning_rate
from xception_lab.training.state import has_bfloat16

PLAIN_BATCH = 128
MARGIN = 1.0  # percentage points within which the two accuracies count as equal


@dataclass(frozen=True)
class Outcome:
    """One whole experiment: wall and processor seconds, and the last test accuracy of each run."""

    seconds: float
    cpu_seconds: float
    accuracies: tuple[float, ...]


def ours(experiment: ExperimentSpec, scheduler: Scheduler) -> Outcome:
    """Through the scheduler, as the page and the terminal run it."""
    begin, cpu = time.perf_counter(), _cpu_seconds()
    key = scheduler.submit(experiment, "benchmark")
    while not (progress := scheduler.progress(key)).finished:
        time.sleep(0.1)
    seconds, cpu = time.perf_counter() - begin, _cpu_seconds() - cpu
    if progress.state != "done":
        raise RuntimeError(progress.reason)
    return Outcome(seconds, cpu, tuple(run.records[-1].test_accuracy or 0.0 for run in progress.runs))


def plain(experiment: ExperimentSpec) -> Outcome:
    """A plain training loop, as in an introductory tutorial."""
    begin, cpu = time.perf_counter(), _cpu_seconds()
    accuracies = tuple(_plain_run(spec) for spec in experiment.variants())
    return Outcome(time.perf_counter() - begin, _cpu_seconds() - cpu, accuracies)


def _cpu_seconds() -> float:
    """Processor time of this process and the workers, which a busy machine distorts less than wall time."""
    me = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (me, *me.children(recursive=True)))


class Moved(TensorDataset):
    """Each picture moved by up to SHIFT pixels, its border repeated: a window into the picture padded beforehand."""

    def __init__(self, pictures: torch.Tensor, labels: torch.Tensor) -> None:
        super().__init__(F.pad(pictures, (SHIFT,) * 4, mode="replicate"), labels)
        self.height, self.width = pictures.shape[2:]

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        wide, label = super().__getitem__(index)
        down, right = random.randint(0, 2 * SHIFT), random.randint(0, 2 * SHIFT)
        return wide[:, down : down + self.height, right : right + self.width], label


def _plain_run(spec: TrainSpec) -> float:
    torch.manual_seed(spec.seed)
    random.seed(spec.seed)
    data = load_dataset(spec.dataset)
    chosen = torch.randperm(len(data.train_labels), generator=make_generator("train_size"))[: spec.train_size]
    mean, std = data.train_images.mean(), data.train_images.std()
    train, validation, test = (
        (torch.tensor(images).permute(0, 3, 1, 2).contiguous().float() - mean) / std
        for images in (data.train_images, data.validation_images, data.test_images)
    )
    labels = torch.tensor(data.train_labels)
    training = DataLoader(Moved(train[chosen], labels[chosen]), PLAIN_BATCH, shuffle=True)
    validating = DataLoader(TensorDataset(validation, torch.tensor(data.validation_labels)), PLAIN_BATCH)
    testing = DataLoader(TensorDataset(test, torch.tensor(data.test_labels)), PLAIN_BATCH)
    network = build_xception(replace(spec.xception, in_channels=train.shape[1], num_classes=len(data.classes)))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.1
    optimiser = torch.optim.AdamW(network.parameters(), spec.learning_rate, weight_decay=spec.weight_decay)
    steps = spec.epochs * len(training)
    network.train()
    for step, (batch, target) in enumerate(item for _ in range(spec.epochs) for item in training):
        if step and step % len(training) == 0:
            _plain_accuracy(network, validating)
        optimiser.param_groups[0]["lr"] = learning_rate(spec, step, steps)
        optimiser.zero_grad()
        F.cross_entropy(network(batch), target).backward()
        optimiser.step()
    _plain_accuracy(network, validating)
    return _plain_accuracy(network, testing)


def _plain_accuracy(network: torch.nn.Module, testing: DataLoader[tuple[torch.Tensor, ...]]) -> float:
    network.eval()
    with torch.no_grad():
        right = sum(int((network(batch).argmax(1) == target).sum()) for batch, target in testing)
    network.train()
    return right / len(testing.dataset)  # type: ignore[arg-type]


def roof() -> tuple[float, float, float]:
    """GFLOP/s of a float32 and of a bfloat16 product, GB/s of a copy, read and write counted: the best of ten."""
    side = 1024
    products = []
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
        products.append(2 * side**3 / min(_timed(lambda a=a, b=b: torch.mm(a, b)) for _ in range(10)) / 1e9)
    source = torch.randn(32 << 20)
    target = torch.zeros_like(source)
    copy = min(_timed(lambda: target.copy_(source)) for _ in range(10))
    return products[0], products[1], 2 * source.nbytes / copy / 1e9


def _timed(work: object) -> float:
    begin = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - begin


def _flops(experiment: ExperimentSpec, train_size: int) -> float:
    """FLOPs of the whole experiment: a backward pass counts as two forward ones."""
    data = load_dataset(experiment.base.dataset)
    seen = experiment.base.epochs * (3 * train_size + len(data.validation_labels)) + len(data.test_labels)
    return sum(network_cost(spec.xception, 28, 28).flops * seen for spec in experiment.variants())


def _accuracies(results: dict[str, list[Outcome]], tests: int) -> str:
    """The mean difference, run by run, whether it is within MARGIN, and the sampling error of one accuracy."""
    pairs = [
        (ours - plain) * 100
        for slow, fast in zip(results["plain"], results["ours"], strict=True)
        for plain, ours in zip(slow.accuracies, fast.accuracies, strict=True)
    ]
    typical = fmean(accuracy for outcome in results["ours"] for accuracy in outcome.accuracies)
    sampling = 196 * (typical * (1 - typical) / tests) ** 0.5
    return (
        f"\nAccuracy, ours minus plain: {fmean(pairs):+.2f} points on average, {min(pairs):+.2f} to {max(pairs):+.2f} "
        f"run by run; two one-sided tests at ±{MARGIN}: p = {equivalence_p(pairs, MARGIN):.2g}. "
        f"Sampling error of one accuracy on {tests:,} test pictures: {sampling:.2f} points (95 %)."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("--rounds", 3), ("--train-size", 10_000), ("--epochs", 4), ("--seeds", 1)):
        parser.add_argument(name, type=int, default=value)
    options = parser.parse_args()
    base = TrainSpec(epochs=options.epochs, train_size=options.train_size)
    experiment = ExperimentSpec("two-differences", options.seeds, base)
    runs = len(experiment.variants())
    pictures = runs * options.epochs * options.train_size
    results: dict[str, list[Outcome]] = {"plain": [], "ours": []}
    roofs = [roof()]
    with tempfile.TemporaryDirectory() as folder:
        scheduler = Scheduler(Store(Path(folder)))
        ours(ExperimentSpec("figure-9", 1, replace(base, epochs=1, train_size=base.batch_size)), scheduler)
        for number in range(options.rounds):
            for name, outcomes in results.items():
                outcomes.append(plain(experiment) if name == "plain" else ours(experiment, scheduler))
                print(f"round {number + 1}: {name} {outcomes[-1].seconds:.1f} s", file=sys.stderr)
            roofs.append(roof())
        scheduler.close()
    tests = len(load_dataset(base.dataset).test_labels)
    flops = _flops(experiment, options.train_size)
    single, half, copy = map(max, zip(*roofs, strict=True))
    gemm = half if has_bfloat16(torch.device("cpu")) else single
    slow = median(outcome.seconds for outcome in results["plain"])
    print(f"{runs} runs, {options.epochs} epochs of {options.train_size} pictures, {torch.get_num_threads()} threads")
    heads = ("loop", "s", "processor s", "training pictures/s", "times plain", "GFLOP/s", "of GEMM roof", "accuracy")
    print(f"\n| {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|---|---|")
    for name, outcomes in results.items():
        seconds = median(outcome.seconds for outcome in outcomes)
        cpu = median(outcome.cpu_seconds for outcome in outcomes)
        rate, accuracy = flops / seconds / 1e9, fmean(a for outcome in outcomes for a in outcome.accuracies)
        print(
            f"| {name} | {seconds:.1f} | {cpu:.1f} | {pictures / seconds:,.0f} | {slow / seconds:.2f} | {rate:.0f} "
            f"| {rate / (single if name == 'plain' else gemm):.0%} | {accuracy:.4f} |"
        )
    print(_accuracies(results, tests))
    print(
        f"\nRoof: a product of side 1024 {single:.0f} GFLOP/s in float32, {half:.0f} in bfloat16; copy {copy:.0f} GB/s."
    )
    print(f"The plain loop stands under the first of these, ours under the {'second' if gemm == half else 'first'}.")


if __name__ == "__main__":
    main()

"""Taking samples: warm, interleaved, while the machine is settled, until a median is precise; and times of layers."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from xception_lab.measurement.device import Clock
from xception_lab.measurement.throttling import SpeedMonitor
from xception_lab.timing.results import OutputCheck, median_interval, quantile
from xception_lab.timing.settings import Dtype, Settings

ROUND_S = 0.05
LEAST_SAMPLES = 12
# enough for a median within 1 % where single runs vary by 15 %, and a file of a hundred timings stays small
MOST_SAMPLES = 1000
LEAST_S = 0.5  # samples taken close together agree with each other, not with those taken later
STABLE = 0.05
WARM_UP_S = 0.5
LAYER_RUNS = 15


@contextmanager
def matmul_precision(dtype: Dtype) -> Generator[None]:
    """float32 products in full precision, or on tensor cores for "tf32"; torch's own default differs by operation."""
    backends = (torch.backends.cuda.matmul, torch.backends.cudnn.conv)  # pyright: ignore[reportAttributeAccessIssue]
    before = [backend.fp32_precision for backend in backends]
    for backend in backends:
        backend.fp32_precision = "tf32" if dtype == "tf32" else "ieee"
    try:
        yield
    finally:
        for backend, value in zip(backends, before, strict=True):
            backend.fp32_precision = value


@dataclass
class BenchmarkCase:
    """Settings ready to be timed: the module, a call that runs it once, and the samples so far.

    own_bytes: of the module and its input on the device. output: whether the call's output is right.
    calls: how many calls each sample is the mean of. times: the samples, seconds per call. sampled_s: their total
    time.
    """

    settings: Settings
    model: nn.Module
    call: Callable[[], Any]
    inputs: Tensor
    first_call_s: float = 0.0
    own_bytes: int = 0
    output: OutputCheck | None = None
    calls: int = 1
    times: list[float] = field(default_factory=list[float])
    sampled_s: float = 0.0

    def sample(self, clock: Clock, least_s: float) -> list[float]:
        """Take samples for about least_s seconds; returns the new ones."""
        with matmul_precision(self.settings.dtype):
            times, self.calls = clock.samples(self.call, least_s)
        self.times += times
        self.sampled_s += sum(times) * self.calls
        return times

    @property
    def full(self) -> bool:
        """Whether it has as many samples as are kept: a device flushes its cache before each, so they lie far apart."""
        return len(self.times) >= MOST_SAMPLES

    def reached(self, precision: float) -> bool:
        """Whether the median's 95 % interval is within `precision` of it."""
        if len(self.times) < LEAST_SAMPLES or (self.sampled_s < LEAST_S and not self.full):
            return False
        low, high = median_interval(tuple(self.times))
        return high - low <= 2 * precision * median(self.times)


def sample_interleaved(
    cases: Sequence[BenchmarkCase],
    clock: Clock,
    precision: float,
    limit_s: float,
    report: Callable[[float], None] = lambda _: None,
    speed_monitor: SpeedMonitor | None = None,
) -> float | None:
    """Warm the cases up, then sample them interleaved until each has its precision, or for limit_s seconds per case.

    Each round samples every case once, so that whatever slows the machine meets all cases alike. speed_monitor: each
    round waits until the machine has settled, all rounds together at most limit_s seconds per case.
    Returns the upper quartile of the slowdown over the rounds, None without a speed monitor.
    """
    for case in cases:
        _warm_up(case, clock)
    spent_s, total_s = 0.0, limit_s * len(cases)
    max_wait_s, slowdowns = total_s, list[float]()
    unfinished = cases
    while unfinished and spent_s < total_s:
        begin = time.perf_counter()
        if speed_monitor:
            slowdowns.append(speed_monitor.wait_until_settled(max_wait_s))
        settled = time.perf_counter()
        max_wait_s -= settled - begin
        for case in unfinished:
            case.sample(clock, ROUND_S)
        spent_s += time.perf_counter() - settled
        report(min(spent_s / total_s, 1.0))
        unfinished = [case for case in cases if not (case.full or case.reached(precision))]
    return quantile(tuple(slowdowns), 0.75) if slowdowns else None


def _warm_up(case: BenchmarkCase, clock: Clock) -> None:
    """Run until two rounds agree; their times do not count as samples."""
    begin, before = time.perf_counter(), 0.0
    while time.perf_counter() - begin < WARM_UP_S:
        now = median(case.sample(clock, ROUND_S / 2))
        if abs(now - before) <= STABLE * now:
            break
        before = now
    case.times.clear()
    case.sampled_s = 0.0


def layer_times(case: BenchmarkCase, clock: Clock) -> tuple[tuple[str, float], ...]:
    """(name, median seconds) of each layer within the forward pass, its input as warm as the layer before leaves it.

    A device's queue is filled before each pass, so that no layer's time holds a launch that the device waited for.
    """
    marks: list[Any] = []
    names: list[str] = []

    def enter(*_: Any) -> None:
        marks.append(clock.mark())

    def leave(module: nn.Module, *_: Any) -> None:
        marks.append(clock.mark())
        names.append(layers[module])

    layers = {
        module: name
        for name, module in case.model.named_modules()
        if not list(module.children()) and not isinstance(module, nn.Identity | nn.Dropout)
    }
    handles = [module.register_forward_pre_hook(enter) for module in layers]
    handles += [module.register_forward_hook(leave) for module in layers]
    seconds: dict[str, list[float]] = {}
    try:
        begin = time.perf_counter()
        case.call()
        host_s = time.perf_counter() - begin
        for _ in range(LAYER_RUNS):
            marks.clear()
            names.clear()
            clock.fill_queue(2 * host_s)
            case.call()
            # a pair of marks per layer: the time between pairs belongs to no layer
            for name, spent in zip(names, clock.between(marks)[::2], strict=True):
                seconds.setdefault(name, []).append(spent)
    finally:
        for handle in handles:
            handle.remove()
    return tuple((name, median(times)) for name, times in seconds.items())

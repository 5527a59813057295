"""Everything that asks a device directly: clocks that never read an unsynchronised time, memory, graphs, energy.

Each function calls the device through its `torch` argument, so that a test can pass a fake that records the calls.
"""

import time
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from typing import Any, Protocol

import torch
from torch.utils.benchmark import Timer

from xception_lab.common.messages import say

# larger than any L2 cache: writing so many bytes replaces all that the cache holds
FLUSH_BYTES = 256 << 20
EVENT_RUNS = 10
GRAPH_WARM_UP = 3
# devices whose events have times: MPS has them too, but they were reported to hang (pytorch PR 196395)
EVENT_DEVICES = ("cuda", "xpu")

Call = Callable[[], Any]


class Clock(Protocol):
    """How a device is timed."""

    def samples(self, call: Call, least_s: float) -> tuple[list[float], int]:
        """(samples, calls): seconds per call, taken for about least_s seconds; each a mean of so many calls."""
        ...

    def mark(self) -> Any:
        """A point in the device's work."""
        ...

    def between(self, marks: list[Any]) -> list[float]:
        """Seconds from each mark to the next."""
        ...


class HostClock:
    """torch.utils.benchmark's Timer: a wall clock that synchronises any accelerator; for the CPU and MPS."""

    def __init__(self, device: torch.device) -> None:
        self._accelerated = device.type != "cpu"

    def samples(self, call: Call, least_s: float) -> tuple[list[float], int]:
        """See Clock."""
        # the Timer's own default is one thread
        timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
        measured = timer.blocked_autorange(min_run_time=least_s)
        return list(measured.times), measured.number_per_run

    def mark(self) -> float:
        """See Clock."""
        if self._accelerated:
            torch.accelerator.synchronize()
        return time.perf_counter()

    def between(self, marks: list[float]) -> list[float]:
        """See Clock."""
        return [end - start for start, end in pairwise(marks)]


class EventClock:
    """Device events on the current stream, the cache flushed before each run; for CUDA and XPU."""

    def __init__(self, device: torch.device, torch: Any = torch) -> None:
        self._device = device
        self._torch = torch
        self._flush = torch.empty(FLUSH_BYTES, dtype=torch.int8, device=device)

    def samples(self, call: Call, least_s: float) -> tuple[list[float], int]:
        """See Clock. The runs are queued without a pause, so that the device does not wait for the host."""
        spent_s, times = 0.0, list[float]()
        while spent_s < least_s:
            pairs = [self._run(call) for _ in range(EVENT_RUNS)]
            self._torch.accelerator.synchronize(self._device)
            batch = [start.elapsed_time(end) / 1000 for start, end in pairs]
            times += batch
            # a clock that does not advance must not make this an endless loop
            spent_s += max(sum(batch), least_s / 100)
        return times, 1

    def _run(self, call: Call) -> tuple[Any, Any]:
        self._flush.zero_()
        start = self.mark()
        call()
        return start, self.mark()

    def mark(self) -> Any:
        """See Clock."""
        event = self._torch.Event(self._device, enable_timing=True)
        event.record(self._torch.accelerator.current_stream(self._device))
        return event

    def between(self, marks: list[Any]) -> list[float]:
        """See Clock."""
        self._torch.accelerator.synchronize(self._device)
        return [start.elapsed_time(end) / 1000 for start, end in pairwise(marks)]


def select_device(name: str = "auto", torch: Any = torch) -> torch.device:
    """The device of a name: "cpu", the accelerator's type, or "auto": the accelerator, or the CPU if there is none.

    Raises ValueError for a device that this machine does not have.
    """
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return accelerator or torch.device("cpu")
    names = ("auto", "cpu", *((accelerator.type,) if accelerator else ()))
    if name not in names:
        allowed = ", ".join(map(repr, names))
        raise ValueError(say("device={name}: must be one of {here}, no other is here", name=repr(name), here=allowed))
    return torch.device(name)


def make_clock(device: torch.device, torch: Any = torch) -> Clock:
    """The clock for a device: events where it has them, else the host's."""
    return EventClock(device, torch) if device.type in EVENT_DEVICES else HostClock(device)


def synchronize(device: torch.device, torch: Any = torch) -> None:
    """Wait until the device has finished the work queued on it; the CPU queues none."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def free_bytes(device: torch.device, torch: Any = torch) -> int:
    """Free memory of the device now."""
    if device.type == "cpu":
        import psutil

        return psutil.virtual_memory().available
    try:
        return int(torch.accelerator.get_memory_info(device)[0])
    except (RuntimeError, NotImplementedError):  # MPS shares the host's memory and does not report it
        return free_bytes(torch.device("cpu"), torch)


def peak_bytes(device: torch.device, call: Call, torch: Any = torch) -> int | None:
    """The most memory that tensors took during a call; None on the CPU, whose allocator does not report it."""
    if device.type == "cpu":
        return None
    try:
        torch.accelerator.reset_peak_memory_stats(device)
        call()
        torch.accelerator.synchronize(device)
        return int(torch.accelerator.max_memory_allocated(device))
    except (RuntimeError, NotImplementedError):
        return None


def capture_graph(device: torch.device, call: Call, torch: Any = torch) -> Call:
    """The call as a device graph: captured once on its own stream, then replayed. Raises ValueError on the CPU."""
    if device.type == "cpu":
        raise ValueError(say("mode='graph': needs an accelerator, the CPU has no device graphs"))
    stream = torch.Stream(device)
    with stream:
        for _ in range(GRAPH_WARM_UP):
            call()
    # capture may not overlap with unfinished work
    torch.accelerator.synchronize(device)
    graph = torch.accelerator.Graph()
    with stream, graph:
        call()
    torch.accelerator.synchronize(device)
    return graph.replay


def energy_j(device: torch.device, clock: Clock, call: Call, least_s: float) -> float | None:
    """Energy of one call by NVML's counter, which moves about every 0.1 s; None where there is no such counter."""
    if device.type != "cuda":
        return None
    try:
        nvml = import_module("pynvml")
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByIndex(device.index or 0)
        before = nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        times, calls = clock.samples(call, least_s)
        spent_mj = nvml.nvmlDeviceGetTotalEnergyConsumption(handle) - before
    except Exception:  # no pynvml, no driver, a card without the counter: each raises a class of its own
        return None
    return spent_mj / 1000 / (len(times) * calls)

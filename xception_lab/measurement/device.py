"""Everything that asks a device directly: clocks that never read an unsynchronised time, memory, graphs, energy.

Each function calls the device through its `torch` argument, so that a test can pass a fake that records the calls.
"""

import math
import time
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from statistics import median
from typing import Any, Protocol

import torch
from torch.utils.benchmark import Timer

from xception_lab.common.messages import say

# larger than any L2 cache: writing so many bytes replaces all that the cache holds
FLUSH_BYTES = 256 << 20
EVENT_RUNS = 10
# in one go: a short block runs thousands of times while its samples are spread over half a second
MOST_RUNS = 50
QUEUED_RUNS = 15
LOOP_CALLS = 20  # in a row: waiting for the device at their end is short against them
BACK_TO_BACK_S = 5e-4  # of calls in one sample of the best rate: the events' own time is small against it
MOST_BACK_TO_BACK = 256
GRAPH_WARM_UP = 3
LAUNCHES = 1000
TICK_S = 1.0  # NVML's energy counter moves about every 0.1 s; one that stands for so long has no use
READ_S = 0.02  # between two looks at it: the device idles meanwhile
# devices whose events have times: MPS has them too, but they were reported to hang (pytorch PR 196395)
EVENT_DEVICES = ("cuda", "xpu")

Call = Callable[[], Any]


class Clock(Protocol):
    """How a device is timed."""

    def samples(self, call: Call, least_s: float) -> tuple[list[float], int]:
        """(samples, calls): seconds per call, taken for about least_s seconds; each a mean of so many calls."""
        ...

    def fastest_s(self, call: Call, least_s: float) -> float:
        """The least seconds per call when calls follow each other and find their data where the last one left it."""
        ...

    def device_s(self, call: Call) -> float | None:
        """Median seconds that a call takes once the host is ahead of the device, so that it waits for no launch.

        None for the host itself.
        """
        ...

    def loop_s(self, call: Call) -> float | None:
        """Median seconds per call of calls in a row by the host's clock, as a program waits for them.

        It is the longer of two times: what the device takes, and what the host takes to launch it. None for the host.
        """
        ...

    def fill_queue(self, host_s: float) -> None:
        """Queue work for so many seconds: what the host queues meanwhile runs without a pause."""
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

    def fastest_s(self, call: Call, least_s: float) -> float:
        """See Clock."""
        return min(self.samples(call, least_s)[0])

    def device_s(self, call: Call) -> None:
        """See Clock."""

    def loop_s(self, call: Call) -> None:
        """See Clock."""

    def fill_queue(self, host_s: float) -> None:
        """See Clock. Nothing is queued on the host itself."""

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
        self._flush_s = 0.0

    def samples(self, call: Call, least_s: float) -> tuple[list[float], int]:
        """See Clock. The runs are queued without a pause, so that the device does not wait for the host.

        At most MOST_RUNS: least_s counts the flushes too, which take longer than a short block.
        """
        spent_s, times = 0.0, list[float]()
        while not times or (spent_s < least_s and len(times) < MOST_RUNS):
            pairs = [self._run(call) for _ in range(EVENT_RUNS)]
            self._wait()
            # to the nanosecond: the events are no finer, and a file of thousands of samples is half as long
            times += [round(_between_s(*pair), 9) for pair in pairs]
            # a clock that does not advance must not make this an endless loop
            spent_s += max(_between_s(pairs[0][0], pairs[-1][1]), least_s / 100)
        return times, 1

    def _run(self, call: Call) -> tuple[Any, Any]:
        self._flush.zero_()
        start = self.mark()
        call()
        return start, self.mark()

    def fastest_s(self, call: Call, least_s: float) -> float:
        """See Clock. Several short calls make one sample, as events cannot tell one from their own time."""
        spent_s, best_s, count = 0.0, math.inf, 1
        host_s = self._host_s(call)
        while math.isinf(best_s) or spent_s < least_s:
            self.fill_queue(count * host_s)
            start = self.mark()
            for _ in range(count):
                call()
            end = self.mark()
            self._wait()
            took_s = _between_s(start, end)
            best_s = min(best_s, took_s / count)
            spent_s += max(took_s, least_s / 100)
            if took_s < BACK_TO_BACK_S:
                count = min(2 * count, MOST_BACK_TO_BACK)
        return best_s

    def device_s(self, call: Call) -> float:
        """See Clock. The cache is flushed before each run, as it is for the samples."""
        host_s = self._host_s(call)
        pairs: list[tuple[Any, Any]] = []
        for _ in range(QUEUED_RUNS):
            self.fill_queue(2 * host_s)
            pairs.append(self._run(call))
            self._wait()
        return median(_between_s(*pair) for pair in pairs)

    def loop_s(self, call: Call) -> float:
        """See Clock."""
        spent_s: list[float] = []
        for _ in range(QUEUED_RUNS):
            self._wait()
            begin = time.perf_counter()
            for _ in range(LOOP_CALLS):
                call()
            self._wait()
            spent_s.append((time.perf_counter() - begin) / LOOP_CALLS)
        return median(spent_s)

    def fill_queue(self, host_s: float) -> None:
        """See Clock. The work is flushes of the cache, whose time is measured once."""
        if not self._flush_s:
            start = self.mark()
            for _ in range(EVENT_RUNS):
                self._flush.zero_()
            end = self.mark()
            self._wait()
            self._flush_s = max(_between_s(start, end) / EVENT_RUNS, 1e-6)
        for _ in range(1 + math.ceil(host_s / self._flush_s)):
            self._flush.zero_()

    def _host_s(self, call: Call) -> float:
        """Seconds that the host takes to queue a call; the less of two, as the first may have to wait."""
        spent_s: list[float] = []
        for _ in range(2):
            self._wait()
            begin = time.perf_counter()
            call()
            spent_s.append(time.perf_counter() - begin)
        self._wait()
        return min(spent_s)

    def _wait(self) -> None:
        self._torch.accelerator.synchronize(self._device)

    def mark(self) -> Any:
        """See Clock."""
        event = self._torch.Event(self._device, enable_timing=True)
        event.record(self._torch.accelerator.current_stream(self._device))
        return event

    def between(self, marks: list[Any]) -> list[float]:
        """See Clock."""
        self._wait()
        return [_between_s(start, end) for start, end in pairwise(marks)]


def _between_s(start: Any, end: Any) -> float:
    return start.elapsed_time(end) / 1000


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


def allocated_bytes(device: torch.device, torch: Any = torch) -> int:
    """What tensors take on the device now; 0 where its allocator does not report it."""
    try:
        return int(torch.accelerator.memory_allocated(device)) if device.type != "cpu" else 0
    except (RuntimeError, NotImplementedError):
        return 0


def peak_bytes(device: torch.device, call: Call, own_bytes: int, torch: Any = torch) -> int | None:
    """The most memory that a call's tensors took; None on the CPU, whose allocator does not report it.

    own_bytes: of what the call works with and that is there before it, such as weights and input. Whatever else is on
    the device, such as a clock's buffer and other networks, is not counted.
    """
    if device.type == "cpu":
        return None
    try:
        torch.accelerator.synchronize(device)
        torch.accelerator.reset_peak_memory_stats(device)
        others = int(torch.accelerator.memory_allocated(device)) - own_bytes
        call()
        torch.accelerator.synchronize(device)
        return int(torch.accelerator.max_memory_allocated(device)) - others
    except (RuntimeError, NotImplementedError):
        return None


def capture_graph(device: torch.device, call: Call, torch: Any = torch) -> Call:
    """The call as a device graph: captured once on its own stream, then replayed; returns the tensor it wrote to.

    Raises ValueError on the CPU.
    """
    if device.type == "cpu":
        raise ValueError(say("mode='graph': needs an accelerator, the CPU has no device graphs"))
    stream = torch.Stream(device)
    with stream:
        for _ in range(GRAPH_WARM_UP):
            call()
    # capture may not overlap with unfinished work
    torch.accelerator.synchronize(device)
    # torch.accelerator's own graphs came with 2.12
    graph = torch.cuda.CUDAGraph() if device.type == "cuda" else torch.accelerator.Graph()
    capture = torch.cuda.graph(graph, stream=stream) if device.type == "cuda" else graph
    with stream, capture:
        output = call()
    torch.accelerator.synchronize(device)

    def replay() -> Any:
        graph.replay()
        return output

    return replay


def launch_s(device: torch.device, torch: Any = torch) -> float | None:
    """Seconds from one operation of torch to the next where the device has next to nothing to do: eager mode's floor.

    None on the CPU, which launches nothing.
    """
    if device.type == "cpu":
        return None
    one = torch.zeros(1, device=device)
    for _ in range(LAUNCHES // 10):
        one.add_(1)
    torch.accelerator.synchronize(device)
    begin = time.perf_counter()
    for _ in range(LAUNCHES):
        one.add_(1)
    torch.accelerator.synchronize(device)
    return (time.perf_counter() - begin) / LAUNCHES


def nvml_handle(index: int, torch: Any = torch) -> tuple[Any, Any]:
    """(NVML, its handle of a CUDA device); raises whatever NVML raises where there is none.

    index: torch's, which counts the devices that CUDA_VISIBLE_DEVICES leaves; NVML counts all, so the device is found
    by its identity.
    """
    nvml = import_module("pynvml")
    nvml.nvmlInit()
    return nvml, nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(index).uuid}")


def energy_j(device: torch.device, call: Call, least_s: float, torch: Any = torch) -> float | None:
    """Energy of one call while calls follow each other for at least so long, idle power included.

    Read from NVML's counter from one of its steps to another, at which it is exact. None where there is no such
    counter.
    """
    if device.type != "cuda":
        return None
    try:
        nvml, handle = nvml_handle(device.index or 0, torch)
        begin = time.perf_counter()
        for _ in range(EVENT_RUNS):
            call()
        torch.accelerator.synchronize(device)
        chunk = EVENT_RUNS * math.ceil(READ_S / max(time.perf_counter() - begin, 1e-5))

        def until_step(limit_s: float, least_s: float = 0.0) -> tuple[float, int]:
            """(the counter in joules after a step, calls until then)."""
            first, calls, begin = nvml.nvmlDeviceGetTotalEnergyConsumption(handle), 0, time.perf_counter()
            while (spent_s := time.perf_counter() - begin) < limit_s:
                for _ in range(chunk):
                    call()
                torch.accelerator.synchronize(device)
                calls += chunk
                now = nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
                if spent_s < least_s:
                    first = now
                elif now != first:
                    return now / 1000, calls
            raise RuntimeError("the counter stands still")

        before, _ = until_step(TICK_S)
        after, calls = until_step(least_s + TICK_S, least_s)
    except Exception:  # no pynvml, no driver, a card without the counter: each raises a class of its own
        return None
    return (after - before) / calls

"""An accelerator that writes down what it is asked for, and refuses to be read before it was waited for."""

from types import SimpleNamespace
from typing import Any

import torch


class HostsClock:
    """What a clock of the host has, where a test says what it samples."""

    def samples(self, call: object, least_s: float) -> tuple[list[float], int]:
        raise NotImplementedError

    def fastest_s(self, call: object, least_s: float) -> float:
        return min(self.samples(call, least_s)[0])

    def device_s(self, _call: object) -> None:
        pass

    def loop_s(self, _call: object) -> None:
        pass

    def fill_queue(self, _host_s: float) -> None:
        pass


class FakeEvent:
    def __init__(self, owner: "FakeTorch", device: Any, enable_timing: bool) -> None:
        assert enable_timing, "an event without timing cannot be read"
        self.owner, self.device, self.at = owner, device, None

    def record(self, stream: Any) -> None:
        assert stream is self.owner.stream, "recorded on another stream than the one that works"
        self.owner.log.append("record")
        self.at = self.owner.queued_ms

    def elapsed_time(self, end: "FakeEvent") -> float:
        assert self.at is not None
        assert end.at is not None
        assert end.at <= self.owner.done_ms, "read before the device had got there"
        self.owner.log.append("read")
        return end.at - self.at


class FakeTorch:
    """Passed as `torch` to measurement/device.py: work is queued, and done only when synchronised.

    now_ms: the host's clock, which queueing advances only for what has a launch time, and waiting up to what is queued.
    queued_ms: when the device will have done all that is queued.
    """

    OutOfMemoryError = torch.OutOfMemoryError
    int8 = torch.int8
    device = torch.device

    uuid = "0b7f-second"  # of device 1 of 2 in the machine, the only one that CUDA_VISIBLE_DEVICES leaves

    def __init__(self, free: int = 1 << 30, tf32: bool = False, l2_bytes: int | None = None) -> None:
        """free: memory. tf32: whether the device knows TF32. l2_bytes: of its cache; None as from an older torch."""
        self.log: list[str] = []
        self.queued_ms = self.done_ms = self.now_ms = 0.0
        self.add_host_ms = 0.0
        self.free = free
        self.allocated = self.peak = 0
        self.stream = object()
        properties = SimpleNamespace(uuid=self.uuid)
        if l2_bytes is not None:
            properties.L2_cache_size = l2_bytes
        self.cuda = SimpleNamespace(
            get_device_properties=lambda _index: properties,
            is_tf32_supported=lambda: tf32,
            CUDAGraph=self._graph,
            graph=lambda graph, stream: graph,  # noqa: ARG005 - torch's name
        )
        # as torch has them unless somebody sets them: "none" leaves it to the setting above
        self.backends = SimpleNamespace(
            fp32_precision="none",
            cuda=SimpleNamespace(matmul=SimpleNamespace(fp32_precision="none")),
            cudnn=SimpleNamespace(conv=SimpleNamespace(fp32_precision="tf32")),
        )
        self.accelerator = SimpleNamespace(
            synchronize=self._synchronize,
            current_stream=lambda _device: self.stream,
            is_available=lambda: True,
            current_accelerator=lambda: torch.device("cuda"),
            get_memory_info=lambda _device: (self.free, 2 * self.free),
            reset_peak_memory_stats=lambda _device: self.log.append("reset"),
            max_memory_allocated=lambda _device: self.peak,
            memory_allocated=lambda _device: self.allocated,
            Graph=self._graph,
        )

    def empty(self, size: int, dtype: torch.dtype, device: Any) -> Any:
        assert (dtype, str(device)) == (torch.int8, "cuda")
        self.log.append(f"room {size}")
        return SimpleNamespace(zero_=lambda: self.work(5.0, "flush"))

    def zeros(self, _size: int, device: Any) -> Any:  # noqa: ARG002 - torch's name
        return SimpleNamespace(add_=lambda _one: self.launch(self.add_host_ms, 0.002, "add"))

    def work(self, milliseconds: float, name: str = "call") -> None:
        """Queue work on the device."""
        self.log.append(name)
        self.queued_ms += milliseconds

    def launch(self, host_ms: float, device_ms: float, name: str = "call") -> None:
        """Queue work that the host takes a while to launch; a device with nothing to do waits for it."""
        self.now_ms += host_ms
        self.queued_ms = max(self.queued_ms, self.now_ms)
        self.work(device_ms, name)

    def host_clock_s(self) -> float:
        """The host's clock, for time.perf_counter."""
        return self.now_ms / 1000

    def Event(self, device: Any, enable_timing: bool = False) -> FakeEvent:  # noqa: N802
        return FakeEvent(self, device, enable_timing)

    def Stream(self, _device: Any) -> Any:  # noqa: N802
        return _Logged(self.log, "stream")

    def _graph(self) -> Any:
        graph = _Logged(self.log, "graph")
        graph.replay = lambda: self.work(1.0, "replay")
        return graph

    def _synchronize(self, _device: Any = None) -> None:
        self.log.append("synchronize")
        self.done_ms = self.queued_ms
        self.now_ms = max(self.now_ms, self.queued_ms)


class _Logged:
    replay: Any = None

    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def __enter__(self) -> None:
        self.log.append(f"{self.name} begins")

    def __exit__(self, *_: object) -> None:
        self.log.append(f"{self.name} ends")

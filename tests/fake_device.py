"""An accelerator that writes down what it is asked for, and refuses to be read before it was waited for."""

from types import SimpleNamespace
from typing import Any

import torch


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
    """Passed as `torch` to measurement/device.py: work is queued, and done only when synchronised."""

    OutOfMemoryError = torch.OutOfMemoryError
    int8 = torch.int8
    device = torch.device

    def __init__(self, free: int = 1 << 30, tf32: bool = False, l2_bytes: int | None = None) -> None:
        """free: memory. tf32: whether the device knows TF32. l2_bytes: of its cache; None as from an older torch."""
        self.log: list[str] = []
        self.queued_ms = self.done_ms = 0.0
        self.free = free
        self.peak = 0
        self.stream = object()
        properties = SimpleNamespace() if l2_bytes is None else SimpleNamespace(L2_cache_size=l2_bytes)
        self.cuda = SimpleNamespace(get_device_properties=lambda _index: properties, is_tf32_supported=lambda: tf32)
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
            Graph=self._graph,
        )

    def empty(self, size: int, dtype: torch.dtype, device: Any) -> Any:
        assert (dtype, str(device)) == (torch.int8, "cuda")
        self.log.append(f"room {size}")
        return SimpleNamespace(zero_=lambda: self.work(5.0, "flush"))

    def work(self, milliseconds: float, name: str = "call") -> None:
        """Queue work on the device."""
        self.log.append(name)
        self.queued_ms += milliseconds

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


class _Logged:
    replay: Any = None

    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def __enter__(self) -> None:
        self.log.append(f"{self.name} begins")

    def __exit__(self, *_: object) -> None:
        self.log.append(f"{self.name} ends")

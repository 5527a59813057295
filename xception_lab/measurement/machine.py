"""This machine: processor or accelerator, clocks, driver, versions, and how much other processes use of it."""

import os
import platform
import shutil
import subprocess
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from xception_lab.timing.results import DeviceProperties, Machine


@cache
def cpu_name() -> str:
    """The processor's model name, read without torch."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        name = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if name:
            return name
    return platform.processor() or platform.machine()


def has_compiler() -> bool:
    """Whether the C++ compiler exists that torch.compile calls on a processor: g++, or what CXX names."""
    return shutil.which(os.environ.get("CXX", "g++")) is not None


class OtherProcesses:
    """How much of the processor other processes than this one use."""

    def __init__(self) -> None:
        self._before = _processor_s()

    def share(self) -> float:
        """The fraction that others used since the last call, or since this object was made, 0 to 1."""
        now = _processor_s()
        total, busy, own = (after - before for after, before in zip(now, self._before, strict=True))
        self._before = now
        return min(max(busy - own, 0.0) / total, 1.0) if total > 0 else 0.0


def _processor_s() -> tuple[float, float, float]:
    """(total, busy, own): seconds of all cores so far, of these the busy ones, of these this process's own."""
    seconds = psutil.cpu_times()._asdict()
    # a guest's time is counted in the user's too; time that the host took away (steal) counts as others' work
    total = sum(spent for name, spent in seconds.items() if not name.startswith("guest"))
    process = psutil.Process()
    own_s = sum(process.cpu_times()[:4])  # with the children that have ended
    for child in process.children(recursive=True):  # torch.compile has some
        with suppress(psutil.Error):
            own_s += sum(child.cpu_times()[:4])
    return total, total - seconds["idle"] - seconds.get("iowait", 0.0), own_s


def busy_share(seconds: float = 0.3) -> float:
    """The fraction of the processor that other processes use over the next seconds, 0 to 1."""
    others = OtherProcesses()
    time.sleep(seconds)
    return others.share()


def describe_machine(kind: str, index: int = 0, busy: float = 0.0) -> Machine:
    """This machine and its device. kind, index: the device's type and number. busy: for Machine.busy_share.

    Imports torch.
    """
    import torch

    name, clock, driver = cpu_name(), _cpu_clock(), ""
    memory = int(psutil.virtual_memory().total)
    if kind == "cuda":
        properties = torch.cuda.get_device_properties(index)
        name, memory = properties.name, int(properties.total_memory)
        torch.zeros(1 << 28, device=kind).cos_().sum()  # an idle device's clock is that of its rest
        clock, driver = _nvml(index)
        driver = f"{driver}, CUDA {torch.version.cuda}" if driver else f"CUDA {torch.version.cuda}"
    elif kind != "cpu":
        clock = None
        if kind == "xpu":
            name = str(torch.xpu.get_device_name(index))
    return Machine(
        kind,
        name,
        torch.get_num_threads(),
        memory,
        clock,
        driver,
        f"{platform.system()} {platform.release()}",
        platform.python_version(),
        str(torch.__version__),
        round(busy, 3),
    )


def machine_text(kind: str) -> str:
    """The machine in one line: its accelerator, or the processor with the instructions that torch uses on it.

    Other ones give other bits. kind: the device's type. Imports torch.
    """
    import torch

    version = torch.__version__.split("+")[0]
    if kind == "cpu":
        instructions = torch.backends.cpu.get_cpu_capability()
        return f"{os.cpu_count()} cores of an {cpu_name()} (CPU only, {instructions}), torch {version}"
    machine = describe_machine(kind)
    return f"{machine.device} ({machine.driver or kind}), torch {version}"


def device_properties(kind: str, index: int = 0, torch: Any = None) -> DeviceProperties:
    """The size of a device's last-level cache, and torch's own float32 precision where the device has TF32.

    kind, index: the device's type and number. torch: the module, or a fake of it; imported where it is needed.
    """
    if kind == "cpu":
        return DeviceProperties(last_cache_bytes())
    if kind != "cuda":
        return DeviceProperties()
    if torch is None:
        import torch
    cache_bytes = int(getattr(torch.cuda.get_device_properties(index), "L2_cache_size", 0)) or None
    if not torch.cuda.is_tf32_supported():
        return DeviceProperties(cache_bytes)
    backends = torch.backends
    matmul, conv = (_float32_precision(backends, one) for one in (backends.cuda.matmul, backends.cudnn.conv))
    return DeviceProperties(cache_bytes, matmul, conv)


def _float32_precision(backends: Any, operation: Any) -> str:
    """The precision that an operation's setting comes to: "none" leaves it to the one above, and that to IEEE's."""
    for value in (operation.fp32_precision, backends.fp32_precision):
        if value != "none":
            return "tf32" if value == "tf32" else "ieee"
    return "ieee"


@cache
def last_cache_bytes(folder: Path = Path("/sys/devices/system/cpu")) -> int | None:
    """All that the last-level caches of the cores this process may use hold together; None if the system hides it.

    folder: where Linux describes its processors. A virtual machine shows the cache that its host lets it see.
    """
    if platform.system() == "Darwin":
        return _darwin_cache_bytes()
    try:
        cores = os.sched_getaffinity(0)
    except AttributeError:  # Windows has no such call, and no such folder
        return None
    caches: dict[tuple[int, str], int] = {}
    for core in cores:
        for entry in (folder / f"cpu{core}" / "cache").glob("index*"):
            try:
                level, size, kind, sharers = (
                    (entry / name).read_text(encoding="utf-8").strip()
                    for name in ("level", "size", "type", "shared_cpu_list")
                )
                if kind != "Instruction":
                    caches[int(level), sharers] = _sysfs_bytes(size)
            except (OSError, ValueError):
                continue
    last = max((level for level, _ in caches), default=0)
    return sum(size for (level, _), size in caches.items() if level == last) or None


def _sysfs_bytes(size: str) -> int:
    """A size as the kernel writes it, "32768K"."""
    return int(size.rstrip("KMG")) << {"K": 10, "M": 20, "G": 30}.get(size[-1:], 0)


def _darwin_cache_bytes() -> int | None:
    # Apple's processors name no third level: their second one is shared by a cluster of cores
    for name in ("hw.l3cachesize", "hw.perflevel0.l2cachesize", "hw.l2cachesize"):
        command = ["sysctl", "-n", name]
        size = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if size.isdigit() and int(size):
            return int(size)
    return None


def _cpu_clock() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (OSError, RuntimeError):
        return None
    return float(frequency.current) if frequency else None


def _nvml(index: int) -> tuple[float | None, str]:
    """(clock of the multiprocessors in MHz, version of the driver), from NVML."""
    from xception_lab.measurement.device import nvml_handle

    try:
        nvml, handle = nvml_handle(index)
        driver = nvml.nvmlSystemGetDriverVersion()
        clock = float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))
    except Exception:  # as in device.energy_j
        return None, ""
    return clock, driver.decode() if isinstance(driver, bytes) else str(driver)

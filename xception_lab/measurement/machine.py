"""This machine: processor or accelerator, clocks, driver, versions, and how much other processes use of it."""

import os
import platform
import shutil
import subprocess
import time
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import psutil

from xception_lab.timing.results import Machine


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


@cache
def accelerator_likely() -> bool:
    """Whether torch would find an accelerator, judged without importing it: by its build and the system's devices."""
    if platform.system() == "Darwin":
        return platform.machine() == "arm64"
    module = find_spec("torch")
    if module is None or not module.origin:
        return False
    version = (Path(module.origin).parent / "version.py").read_text(encoding="utf-8")
    built_for = {name: f"{name}: Optional[str] = None" not in version for name in ("cuda", "hip", "xpu")}
    return (
        (built_for["cuda"] and (Path("/dev/nvidiactl").exists() or platform.system() == "Windows"))
        or (built_for["hip"] and Path("/dev/kfd").exists())
        or (built_for["xpu"] and Path("/dev/dri").exists())
    )


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
    own = psutil.Process().cpu_times()
    return total, total - seconds["idle"] - seconds.get("iowait", 0.0), own.user + own.system


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


def _cpu_clock() -> float | None:
    try:
        frequency = psutil.cpu_freq()
    except (OSError, RuntimeError):
        return None
    return float(frequency.current) if frequency else None


def _nvml(index: int) -> tuple[float | None, str]:
    """(clock of the multiprocessors in MHz, version of the driver), from NVML."""
    try:
        nvml = import_module("pynvml")
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        driver = nvml.nvmlSystemGetDriverVersion()
        clock = float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM))
    except Exception:  # as in device.energy_j
        return None, ""
    return clock, driver.decode() if isinstance(driver, bytes) else str(driver)

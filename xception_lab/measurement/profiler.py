"""Where the time goes inside torch: each operation's own time, from torch.profiler."""

from collections import defaultdict

import torch
from torch.profiler import ProfilerActivity, profile

from xception_lab.measurement.device import free_bytes, synchronize
from xception_lab.measurement.measure import build_model, check_free_memory, explain_failures
from xception_lab.measurement.sampling import matmul_precision
from xception_lab.timing.results import OTHER_OPERATIONS, Operation
from xception_lab.timing.settings import Settings

RUNS = 10
MAX_NAMED = 8  # operations; the rest is added up
ACTIVITIES = {"cuda": ProfilerActivity.CUDA, "xpu": ProfilerActivity.XPU}


def profile_operations(settings: Settings, device: torch.device, runs: int = RUNS) -> tuple[Operation, ...]:
    """Own seconds of each operation in one forward pass, a mean of `runs`: the longest first, the short ones added up.

    torch's profiler is not safe in several threads at once: call this in a process of its own. Raises as time_block.
    """
    check_free_memory(settings, free_bytes(device))
    with torch.random.fork_rng(devices=[]), explain_failures((settings,)), matmul_precision(settings.dtype):
        model, inputs = build_model(settings, device)
        with torch.inference_mode():
            for _ in range(2):
                model(inputs)
            synchronize(device)
            # the device's time is that of its kernels, not of the host's calls that queue them
            on_device = ACTIVITIES.get(device.type)
            with profile(activities=[on_device or ProfilerActivity.CPU]) as profiler:
                for _ in range(runs):
                    model(inputs)
                synchronize(device)
    own: dict[str, float] = defaultdict(float)
    for average in profiler.key_averages():
        spent_us = average.self_device_time_total if on_device else average.self_cpu_time_total
        own[_kernel_name(average.key)] += spent_us / 1e6 / runs
    longest = sorted(own.items(), key=lambda item: -item[1])
    operations = [(name, seconds) for name, seconds in longest[:MAX_NAMED] if seconds > 0]
    if rest := sum(seconds for _, seconds in longest[MAX_NAMED:]):
        operations.append((OTHER_OPERATIONS, rest))
    return tuple(Operation(settings, name, seconds) for name, seconds in operations)


def _kernel_name(key: str) -> str:
    """The name of an operation or a kernel without its template arguments, short and printable."""
    name = key.removeprefix("void ").split("<")[0].split("(")[0].rsplit("::", 1)[-1]
    return "".join(c for c in name if c.isalnum() or c in "_- .")[:80] or "kernel"

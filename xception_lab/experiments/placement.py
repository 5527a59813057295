"""How many runs this machine trains at once, and on which of its devices each of them is.

A CPU takes one run a core. An accelerator takes several side by side: one small network leaves most of it idle, as the
host cannot ask for its short kernels fast enough. Each worker process sees one device alone.

Free memory of a device is known only to a process that uses it, and to use one costs a process half a gigabyte there.
So neither the server nor the cluster's process asks, but a process that ends with its answer, and only on a machine
that looks as if it had an accelerator.
"""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from dask.system import CPU_COUNT
from distributed.system import MEMORY_LIMIT

from xception_lab.common.accelerator import accelerator_likely
from xception_lab.common.child_process import start_child

WORKER_BYTES = 1 << 30  # that a worker may need: torch, a data set, a network in training
DEVICE_WORKER_BYTES = 2 << 30  # of the device: its context and libraries, a data set, a network in training
# how many runs a device takes side by side, and how fast they are together: 1.89, 3.64 and 5.03 times one run with 2, 4
# and 8 of them, measured by benchmarks/packing.py on an H100 with 16 cores
RUNS_PER_DEVICE = 8
PACKED_SPEED = 5.03  # times one run alone
ANSWER_S = 120.0


@dataclass(frozen=True, slots=True)
class Placement:
    """One worker for each of devices, the numbers of theirs as torch counts them; None is the CPU."""

    devices: tuple[int | None, ...]

    @property
    def speed(self) -> float:
        """How fast its workers are together, times one run alone."""
        each = {device: self.devices.count(device) for device in self.devices}
        gain = (PACKED_SPEED - 1) / (RUNS_PER_DEVICE - 1)
        return sum(
            float(count) if device is None else 1 + gain * (min(count, RUNS_PER_DEVICE) - 1)
            for device, count in each.items()
        )


def place_workers(workers: int | None = None) -> Placement:
    """The placement on this machine. workers: how many; None for as many as it takes. Needs seconds where it asks."""
    return place(workers, free_device_bytes(), CPU_COUNT, MEMORY_LIMIT)


def place(workers: int | None, free: Sequence[int], cores: int, memory: int) -> Placement:
    """The placement of so many workers, or of as many as fit: at most one a core, and fewer where memory is short.

    free: bytes that each accelerator has. memory: bytes of the machine.
    """
    most = workers or max(1, min(cores, memory // WORKER_BYTES))
    if not free:
        return Placement((None,) * most)
    if workers:
        return Placement(tuple(number % len(free) for number in range(workers)))
    rooms = [min(RUNS_PER_DEVICE, each // DEVICE_WORKER_BYTES) for each in free]
    # a second run on a device only once every device has its first
    devices = [device for turn in range(RUNS_PER_DEVICE) for device, room in enumerate(rooms) if turn < room]
    return Placement(tuple(devices[:most]) or (free.index(max(free)),))


def cpu_workers() -> int:
    """How many workers the processor and the memory allow, whatever accelerators there are; at once."""
    return len(place(None, (), CPU_COUNT, MEMORY_LIMIT).devices)


def environment_of(device: int | None) -> dict[str, str]:
    """What a worker's environment must hold, so that it sees this device alone; set before torch uses any."""
    if device is None:
        return {}
    # the number counts what this process may see
    names = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return {"CUDA_VISIBLE_DEVICES": names[device] if names else str(device)}


def free_device_bytes() -> tuple[int, ...]:
    """Free memory of each accelerator that training can use, in bytes; empty where there is none."""
    if not accelerator_likely():
        return ()
    try:
        with start_child("xception_lab.experiments.placement") as process:
            try:
                answer, _ = process.communicate(timeout=ANSWER_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return tuple(json.loads(answer))
    except (OSError, ValueError, subprocess.TimeoutExpired):  # torch cannot use it either
        return ()


def _ask_devices() -> list[int]:
    import torch

    from xception_lab.training.state import training_device

    match training_device().type:
        case "cuda":
            return [int(torch.cuda.mem_get_info(device)[0]) for device in range(torch.cuda.device_count())]
        case "mps":
            return [int(torch.mps.recommended_max_memory())]
        case _:
            return []


if __name__ == "__main__":
    print(json.dumps(_ask_devices()), flush=True)

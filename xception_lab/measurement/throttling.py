"""Whether the machine is slowed down: one fixed piece of work, timed again and again between the measurements.

A processor is slowed by what no load average shows: a neighbour on the same host, two virtual processors that were
placed far apart, heat. A block measured meanwhile looks slower than it is, so measuring waits for a while until the
machine has settled, and a result says how much slower than at its best the machine was.
"""

import json
import math
import time
from statistics import median
from typing import Any, cast

import torch
import torch.nn.functional as F

from xception_lab.common.files import write_atomically
from xception_lab.common.home import home_folder
from xception_lab.measurement.device import Clock
from xception_lab.timing.results import MAX_SLOWDOWN, Machine

READING_S = 0.002
PAUSE_S = 0.1
FILE = "pace.json"


class SpeedMonitor:
    """Times the same small piece of work on one device. best_s: its least time so far, in seconds."""

    def __init__(self, device: torch.device, clock: Clock, best_s: float = math.inf) -> None:
        self._clock = clock
        # on an accelerator enough of it that the device, and not the host that queues it, is what is timed
        batch_size = 1 if device.type == "cpu" else 64
        # a separable convolution: many short operations that share memory, which is what disturbance slows most
        self._picture = torch.ones(batch_size, 64, 56, 56, device=device)
        self._depthwise, self._pointwise = (torch.ones(s, device=device) for s in ((64, 1, 3, 3), (128, 64, 1, 1)))
        self.best_s = best_s
        clock.samples(self._work, READING_S)  # the first call chooses its algorithm

    def _work(self) -> torch.Tensor:
        with torch.inference_mode():
            return F.conv2d(F.conv2d(self._picture, self._depthwise, padding=1, groups=64), self._pointwise)

    def slowdown(self) -> float:
        """How many times longer than at its best the work takes now; 1 at its best."""
        # a median: the least of thousands of runs is luck, against which every machine seems slow
        now = median(self._clock.samples(self._work, READING_S)[0])
        self.best_s = min(self.best_s, now)
        return now / self.best_s

    def wait_until_settled(self, max_wait_s: float) -> float:
        """Wait until the slowdown is at most MAX_SLOWDOWN, or max_wait_s seconds have passed; the slowdown then."""
        end = time.perf_counter() + max_wait_s
        while (slowdown := self.slowdown()) > MAX_SLOWDOWN and time.perf_counter() < end:
            time.sleep(PAUSE_S)
        return slowdown


def load_best_s(machine: Machine) -> float:
    """The least time of the fixed work that is stored for this machine, its threads and its torch; inf without one."""
    best = _stored_times().get(machine.label)
    return best if isinstance(best, float) and best > 0 else math.inf


def save_best_s(machine: Machine, best_s: float) -> None:
    """Store a new least time for later measurements. A folder that cannot be written is no reason to stop."""
    if not best_s < load_best_s(machine):
        return
    try:
        home_folder().mkdir(parents=True, exist_ok=True)
        write_atomically(home_folder() / FILE, json.dumps({**_stored_times(), machine.label: best_s}).encode())
    except OSError:
        pass


def _stored_times() -> dict[str, Any]:
    try:
        values = json.loads((home_folder() / FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], values) if isinstance(values, dict) else {}

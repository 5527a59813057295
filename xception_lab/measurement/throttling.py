"""Whether the machine runs at its own pace: one fixed piece of work, timed again and again beside what is measured.

A processor is slowed by what no load average shows: a neighbour on the same host, two virtual processors that were put
far apart, heat. Blocks measured meanwhile are not the blocks' own times, so measuring waits a while for it to pass, and
a result says how much slower the machine was than at its best.
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
    """The fixed work on one device. best_s: its least time so far, this process's or one handed in."""

    def __init__(self, device: torch.device, clock: Clock, best_s: float = math.inf) -> None:
        self._clock = clock
        # a separable convolution: many short steps that meet in memory, which is what disturbance slows most
        self._picture = torch.ones(1, 64, 56, 56, device=device)
        self._depthwise, self._pointwise = (torch.ones(s, device=device) for s in ((64, 1, 3, 3), (128, 64, 1, 1)))
        self.best_s = best_s
        clock.samples(self._work, READING_S)  # the first call finds its algorithm

    def _work(self) -> torch.Tensor:
        with torch.inference_mode():
            return F.conv2d(F.conv2d(self._picture, self._depthwise, padding=1, groups=64), self._pointwise)

    def slowdown(self) -> float:
        """How many times longer than at its best the work takes now; 1 at its best."""
        # a median: the least of thousands of runs is luck, beside which every machine seems slow
        now = median(self._clock.samples(self._work, READING_S)[0])
        self.best_s = min(self.best_s, now)
        return now / self.best_s

    def settled(self, patience_s: float) -> float:
        """The slowdown once the machine is at its pace again, or after patience_s seconds of waiting for it."""
        ends = time.perf_counter() + patience_s
        while (found := self.slowdown()) > MAX_SLOWDOWN and time.perf_counter() < ends:
            time.sleep(PAUSE_S)
        return found


def load_best_s(machine: Machine) -> float:
    """The least time that this machine, with these threads and this torch, is known to have needed; inf at first."""
    best = _known().get(machine.label)
    return best if isinstance(best, float) and best > 0 else math.inf


def save_best_s(machine: Machine, best_s: float) -> None:
    """Keep a new least time for the next measurement. A folder that cannot be written is no reason to stop."""
    if not best_s < load_best_s(machine):
        return
    try:
        home_folder().mkdir(parents=True, exist_ok=True)
        write_atomically(home_folder() / FILE, json.dumps({**_known(), machine.label: best_s}).encode())
    except OSError:
        pass


def _known() -> dict[str, Any]:
    try:
        values = json.loads((home_folder() / FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], values) if isinstance(values, dict) else {}

"""What wrong and right ways of timing the page's default printed on a stored device (benchmarks/timing.py, clocks)."""

import json
from dataclasses import dataclass
from functools import cache

from xception_lab.common.files import asset_path
from xception_lab.spec import KINDS, Kind


@dataclass(frozen=True, slots=True)
class ClockReadings:
    """Seconds of one block. not_waited_s: the host's clock without waiting for the device. loop_s: of calls in a row.

    waited_s: waiting after every call. device_s: the device's own time.
    """

    not_waited_s: float
    waited_s: float
    loop_s: float
    device_s: float


@cache
def clock_readings(device: str) -> dict[Kind, ClockReadings]:
    """By block; empty for a device that stores none."""
    path = asset_path("results", f"accelerator-{device}.json")
    if not path.exists():
        return {}
    clocks = json.loads(path.read_text(encoding="utf-8"))["clocks"]
    return {
        kind: ClockReadings(*(clocks[kind][f"{name}_ms"] / 1000 for name in ("not_waited", "waited", "loop", "device")))
        for kind in KINDS
    }

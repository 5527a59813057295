"""Waiting for what another thread or process does: no test sleeps for a fixed time, and none hangs."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_S = 120.0

T = TypeVar("T")


def until(true: Callable[[], T], what: str = "that") -> T:
    """What `true` gives once it gives something. what: ends "waited in vain until"."""
    end = time.monotonic() + PATIENCE_S
    pause_s = 0.002
    while time.monotonic() < end:
        if value := true():
            return value
        time.sleep(pause_s)
        pause_s = min(1.2 * pause_s, 0.1)  # who asks all the time takes from the workers what they need
    raise AssertionError(f"waited {PATIENCE_S} s in vain until {what}")

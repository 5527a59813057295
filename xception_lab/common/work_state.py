"""The states of work that waits in a queue: of an experiment's runs and of a page's measurements alike.

Work is queued, then running, then in one of three final states: done, failed, or cancelled by a person. The words are
stored in the run store and in results files.
"""

from collections.abc import Iterable
from typing import Literal

WorkState = Literal["queued", "running", "done", "failed", "cancelled"]

UNFINISHED: tuple[WorkState, ...] = ("queued", "running")


def overall_state(states: Iterable[WorkState]) -> WorkState:
    """Running from the first run's begin until no run is left to do; then the worst of the runs' states."""
    found = set(states)
    if "running" in found or {"queued", "done"} <= found:
        return "running"
    ranked: tuple[WorkState, ...] = ("queued", "failed", "cancelled", "done")
    return next(state for state in ranked if state in found)

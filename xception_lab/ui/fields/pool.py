"""The pool page's state: it has no control, as the experiment was fixed when the pool was made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolState:
    """No controls."""

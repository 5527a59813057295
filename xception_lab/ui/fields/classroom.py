"""The Class page's state: it has no control, as the room's settings are in the store, for all who are in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClassState:
    """No controls."""

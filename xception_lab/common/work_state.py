"""The states of work that waits in a queue: of an experiment's runs and of a page's measurements alike.

Work is queued, then running, then in one of three final states: done, failed, or cancelled by a person. The words are
stored in the run store and in results files.
"""

from typing import Literal

WorkState = Literal["queued", "running", "done", "failed", "cancelled"]

UNFINISHED: tuple[WorkState, ...] = ("queued", "running")

"""The home folder: what of a person outlives the process.

It holds the run store (experiments/store.py: runs.sqlite and checkpoints/), uploaded data sets (data/custom.py: data/)
and how fast this machine was at its best (measurement/throttling.py).
"""

import os
from pathlib import Path


class StoreError(RuntimeError):
    """Something in the home folder cannot be read or written; the message says what, where and why."""


def home_folder() -> Path:
    """XCEPTION_LAB_HOME where it is set, else ~/.xception-lab; the folder may not exist yet."""
    return Path(os.environ.get("XCEPTION_LAB_HOME") or Path.home() / ".xception-lab")

"""The folder in which a person's runs, data and measurements are kept."""

import os
from pathlib import Path


class StoreError(RuntimeError):
    """The store cannot be read or written; the message says where and why."""


def home_folder() -> Path:
    """XCEPTION_LAB_HOME, or a folder of ours in the user's home."""
    return Path(os.environ.get("XCEPTION_LAB_HOME") or Path.home() / ".xception-lab")

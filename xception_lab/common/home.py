"""The folder of a person's runs, data and measurements."""

import os
from pathlib import Path


class StoreError(RuntimeError):
    """The store cannot be read or written; the message says where and why."""


def home_folder() -> Path:
    """The folder named by the environment variable XCEPTION_LAB_HOME, or ~/.xception-lab."""
    return Path(os.environ.get("XCEPTION_LAB_HOME") or Path.home() / ".xception-lab")

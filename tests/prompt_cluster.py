"""The embedded cluster at the tests' own priority: a niced one would get what a busy machine leaves, which is little.

tests/experiments/test_outside_cluster.py sees that the app's own is niced.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from xception_lab.common import child_process
from xception_lab.common.child_process import start_child
from xception_lab.experiments import cluster


def _start(
    _module: str, arguments: Sequence[str], errors: IO[bytes] | int, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    tests = Path(__file__).resolve().parent
    found = os.pathsep.join((str(tests), str(tests.parent)))
    return start_child("prompt_cluster", arguments, errors, {"PYTHONPATH": found, **environment})


def use(patch: pytest.MonkeyPatch) -> None:
    """Have every embedded cluster that this process starts be this one."""
    patch.setattr(cluster, "start_child", _start)


if __name__ == "__main__":
    child_process.NICENESS = 0
    cluster._serve(int(sys.argv[1]))

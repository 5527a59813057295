"""Child processes that run a module of this package and end when their parent does, however the parent ends.

The parent holds the writing end of the child's standard input. When the parent stops, crashes or is killed, the system
closes that end; a thread in the child reads its standard input to the end and then exits the process. This works on
every system and leaves no orphan. What a child and its parent exchange is up to them: the cluster prints its address,
a measuring process reads its job as a line of JSON and prints its results as lines.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, NoReturn

from xception_lab.common.files import package_folder

NICENESS = 15  # of a child that works while people press and wait


def start_child(
    module: str,
    arguments: Sequence[str] = (),
    errors: IO[bytes] | int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Run a module of this package as a child process with pipes for standard input and output. Raises OSError.

    errors: where its standard error goes. environment: variables to set in addition to this process's own.
    """
    # the child finds this package wherever the parent found it
    path = os.pathsep.join(filter(None, (str(package_folder().parent), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": path, **(environment or {})},
        start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends the child in order
    )


def give_way(niceness: int) -> None:
    """In the child: let the processes that answer people go first, where the system knows niceness."""
    if hasattr(os, "nice"):
        os.nice(niceness)


def wait_for_parent_end() -> NoReturn:
    """In the child: read standard input until the parent closes it or is gone, then exit at once."""
    # not through sys.stdin: a thread that holds the lock of its buffer aborts the interpreter when that shuts down
    while os.read(0, 4096):
        pass
    os._exit(0)


def leave_with_parent() -> None:
    """In the child: from now on exit with the parent, whatever this process is doing then."""
    threading.Thread(target=wait_for_parent_end, daemon=True).start()

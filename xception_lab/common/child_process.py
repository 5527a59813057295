"""A process of this package's own that ends when its parent does, in whatever way the parent ends.

The parent holds the other end of the child's standard input. When the parent is stopped, dies or is killed, the system
closes that end; the child, which waits for nothing else on it, sees the input end and leaves at once. That works on
every system and leaves no orphan. What the two say to each other is theirs: the cluster prints its address, a measuring
process reads its job as a line of JSON and prints its results as lines.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO, NoReturn

from xception_lab.common.files import package_folder


def start_child(
    module: str,
    arguments: Sequence[str] = (),
    errors: IO[bytes] | int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Run a module of this package as a child with pipes for standard input and output. Raises OSError.

    errors: where its standard error goes. environment: variables to set on top of this process's own.
    """
    # the child finds this package wherever the parent found it
    path = os.pathsep.join(filter(None, (str(package_folder().parent), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, "PYTHONPATH": path, **(environment or {})},
        start_new_session=True,  # Ctrl-C is for the parent, which then ends this in order
    )


def wait_for_parent_end() -> NoReturn:
    """In the child: wait until the parent closes its end or is gone, then leave at once."""
    # past Python's buffer: a thread that holds its lock aborts the process at its end
    while os.read(0, 4096):
        pass
    os._exit(0)


def leave_with_parent() -> None:
    """In the child: leave with the parent, whatever this process is at then."""
    threading.Thread(target=wait_for_parent_end, daemon=True).start()

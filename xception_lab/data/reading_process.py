"""The process that reads uploads: Pillow, HDF5 and archives at work where they can hold and fill no server.

Readers of pictures and of HDF5 are C libraries. What a hostile file costs them cannot be known before, and while they
work no other thread of the process does. So an upload is read by a child process whose processor time and memory the
system bounds, whatever the file. Its time grows with the file's size: an honest archive has work for every byte.

The messages between the two:

1. The server writes one line of JSON: the bounds, the names and sizes of the files, what they are, and for a picture
   the side wanted. Then it writes the files, one behind the other, and keeps the child's standard input open
   (common/child_process.py).
2. The child answers with one line of JSON. {"pixels": true} is followed by the bytes of the picture. {"arrays": true}
   is followed by a safetensors file of an HDF5 file's arrays, each with its place in the file before its name.
   {"names": {"own-...": "pets"}} says under which names the data sets are stored now, {"refused": "..."} why the files
   are not used.
3. A child that passed a bound was ended by the system and has said nothing: the server says it in its place.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from xception_lab.common.child_process import NICENESS, give_way, leave_with_parent, start_child
from xception_lab.common.messages import Message, message_from_text, message_of, message_to_text, quote_name, say

MIB = 2**20
PICTURE_SECONDS = 2.5  # of processor time; a picture of 25 million pixels takes 0.4 to 1.8
HDF5_SECONDS = 10.0  # the paper's network, 88 MiB, takes 1
DATA_SECONDS = 2.0
DATA_SECONDS_PER_MIB = 1.0  # 70,000 small pictures, 30 MiB, take 20 s
# of addresses, of which a child has 200 MiB at its start
PICTURE_MEMORY, HDF5_MEMORY, DATA_MEMORY = 1024 * MIB, 1536 * MIB, 3072 * MIB
LONGEST_WAIT = 60.0  # seconds for the child of another upload to end

# a server has as many children of a kind at once, whoever uploads
_PICTURE_SLOTS, _HDF5_SLOTS, _DATA_SLOTS = (threading.BoundedSemaphore(2) for _ in range(3))

Files = Sequence[tuple[str, bytes | memoryview]]


class ReadingError(ValueError):
    """Why the files are not used, in one sentence."""


def read_square_apart(content: bytes, side: int) -> NDArray[np.uint8]:
    """As data.images.read_square, in a child process: (side, side, 3). Raises ReadingError."""
    job = {"kind": "picture", "side": side, "seconds": PICTURE_SECONDS, "memory": PICTURE_MEMORY}
    answer, rest = _run(job, [("", content)], _PICTURE_SLOTS)
    if not answer.get("pixels") or len(rest) != 3 * side**2:
        raise _refusal(answer)
    return np.frombuffer(bytearray(rest), np.uint8).reshape(side, side, 3)


def read_hdf5_apart(content: bytes) -> bytes:
    """As data.hdf5_arrays.read_hdf5, in a child process: a safetensors file, its keys "<place> <path>".

    Raises ReadingError, whose message continues after the file's name.
    """
    job = {"kind": "hdf5", "side": 0, "seconds": HDF5_SECONDS, "memory": HDF5_MEMORY}
    answer, rest = _run(job, [("", content)], _HDF5_SLOTS)
    if not answer.get("arrays"):
        raise _refusal(answer)
    return rest


def save_uploads_apart(files: Files) -> dict[str, str]:
    """Read uploads as data.uploads.read_uploads does and store the data sets, in a child process.

    files: (name, content) each. Returns the names that catalogue.load_dataset takes, each with the set's own name.
    Raises ReadingError.
    """
    size = sum(len(content) for _, content in files)
    job = {
        "kind": "data",
        "side": 0,
        "seconds": DATA_SECONDS + DATA_SECONDS_PER_MIB * size / MIB,
        "memory": DATA_MEMORY,
    }
    answer, _ = _run(job, files, _DATA_SLOTS)
    if not answer.get("names"):
        raise _refusal(answer)
    return answer["names"]


def _refusal(answer: dict[str, Any]) -> ReadingError:
    return ReadingError(message_from_text(answer.get("refused", "")) or _unreadable())


def _unreadable() -> Message:
    return say("the file cannot be read: reading it ended without an answer")


def _run(job: dict[str, Any], files: Files, slots: threading.BoundedSemaphore) -> tuple[dict[str, Any], bytes]:
    """The child's answer, and the bytes behind it."""
    if not slots.acquire(timeout=LONGEST_WAIT):
        raise ReadingError(say("the server is reading other uploads: try again in a minute"))
    try:
        return _run_child(job, files)
    except OSError as error:
        raise ReadingError(say("the file cannot be read here: {error}", error=str(error))) from error
    finally:
        slots.release()


def _run_child(job: dict[str, Any], files: Files) -> tuple[dict[str, Any], bytes]:
    # one thread: each of a library's own takes addresses, of which the child has few
    child = start_child(__name__, environment={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
    assert child.stdin
    assert child.stdout
    # a child that is blocked uses no processor time
    timer = threading.Timer(10 + 4 * job["seconds"], child.kill)
    timer.daemon = True
    timer.start()
    try:
        with suppress(BrokenPipeError):  # it has ended, and is asked why below
            header = {**job, "files": [(name, len(content)) for name, content in files]}
            child.stdin.write(json.dumps(header).encode() + b"\n")
            for _, content in files:
                child.stdin.write(content)
            child.stdin.flush()
        line, rest = child.stdout.readline(), child.stdout.read()
    finally:
        timer.cancel()
        child.kill()
        with suppress(BrokenPipeError):
            child.stdin.close()
        child.stdout.close()
        child.wait()
    if not line and child.returncode in (-signal.SIGKILL, -getattr(signal, "SIGPROF", 0)):
        sentence = say(
            "{name}: must be read within {most:.3g} s of processor time, needs more",
            name=quote_name(files[0][0]) if files[0][0] else say("the picture") if job["side"] else say("the file"),
            most=job["seconds"],
        )
        return {"refused": message_to_text(sentence)}, b""
    return (json.loads(line) if line else {}), rest


def _bound(seconds: float, memory: int) -> None:
    """In the child: from now on the system ends this process past a bound."""
    try:
        import resource
    except ImportError:  # Windows has none: there the server's timer ends the child
        return
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    with suppress(ValueError, OSError):  # macOS refuses it
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _serve() -> NoReturn:
    # the answer goes to a copy of standard output; what libraries print to the original goes to standard error
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.buffer.readline())
    give_way(NICENESS)
    _bound(job["seconds"], job["memory"])
    answer, rest = {}, b""
    try:
        files = [(name, sys.stdin.buffer.read(size)) for name, size in job["files"]]
        leave_with_parent()
        answer, rest = _read(files, job)
    except (ValueError, RuntimeError) as error:
        answer = {"refused": message_to_text(message_of(error))}
    except MemoryError:
        sentence = say("the files must be read within {most:,} MiB of memory, need more", most=job["memory"] // MIB)
        answer = {"refused": message_to_text(sentence)}
    out.write(json.dumps(answer).encode() + b"\n" + rest)
    out.flush()
    os._exit(0)


def _read(files: list[tuple[str, bytes]], job: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    # not at the top: the server needs none of them
    if job["kind"] == "picture":
        from xception_lab.data.images import read_square

        return {"pixels": True}, read_square(files[0][1], job["side"]).tobytes()
    if job["kind"] == "hdf5":
        return {"arrays": True}, _hdf5_as_safetensors(files[0][1])
    from xception_lab.data.custom import save_dataset
    from xception_lab.data.uploads import read_uploads

    return {"names": {save_dataset(dataset): dataset.name for dataset in read_uploads(files)}}, b""


def _hdf5_as_safetensors(content: bytes) -> bytes:
    from safetensors.numpy import save

    from xception_lab.data.hdf5_arrays import read_hdf5

    try:
        arrays = read_hdf5(content)
    except (ValueError, MemoryError):
        raise
    except Exception as error:  # h5py raises many kinds on hostile bytes
        raise ValueError(say("must be a whole HDF5 file, is damaged")) from error
    if not arrays:
        raise ValueError(say("must hold tensors, holds none"))
    return save({f"{place:04d} {path}": array for place, (path, array) in enumerate(arrays.items())})


if __name__ == "__main__":
    _serve()

"""The process that measures: one job, then it ends. Apart from the server, whose own work would be timed with it.

A job comes as one line of JSON on standard input, results go as lines of JSON to standard output. When the input ends,
because whoever started this was stopped or died, this process ends at once. That works on every system.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xception_lab.measuring import Job, job_from_dict, run_parts
from xception_lab.sentence import as_text, from_text, said, sentence_of
from xception_lab.timings import Results
from xception_lab.timings_file import from_json, to_json


@dataclass(frozen=True, slots=True)
class Message:
    """share: of the job, 0 to 1. results: what is new. error: the sentence that ends a job that cannot be done."""

    share: float
    results: Results | None = None
    error: str = ""


class Worker:
    """A measuring process. Raises OSError when it cannot be started."""

    def __init__(self, job: Job) -> None:
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "xception_lab.timing_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the parent
        )
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job.to_dict()).encode() + b"\n")
        self._process.stdin.flush()

    def messages(self) -> Iterator[Message]:
        """What it says, until it ends or is stopped."""
        assert self._process.stdin
        assert self._process.stdout
        with self._process.stdout as lines, self._process.stdin:
            for line in lines:
                message: dict[str, Any] = json.loads(line)
                results = from_json(message["results"]) if message.get("results") else None
                yield Message(message["share"], results, from_text(message.get("error", "")))
            code = self._process.wait()
        if code:  # a signal's is negative: the system ended it, perhaps for want of memory
            yield Message(1.0, error=said("the measuring process ended with status {code}", code=code))

    def stop(self) -> None:
        """End it at once, whatever it is at."""
        self._process.kill()


def _serve() -> None:
    # a library that prints must not speak into the results
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = job_from_dict(json.loads(sys.stdin.readline()))
    threading.Thread(target=_leave_with_parent, daemon=True).start()

    def say(**values: Any) -> None:
        print(json.dumps(values), file=out, flush=True)

    try:
        for share, part in run_parts(job):
            say(share=share, results=to_json(part))
    except (ValueError, RuntimeError) as error:
        say(share=1.0, error=as_text(sentence_of(error)))


def _leave_with_parent() -> None:
    # past Python's buffer: a thread that holds its lock aborts the process at its end
    while os.read(0, 1):
        pass
    os._exit(0)


if __name__ == "__main__":
    _serve()

"""The process that measures: one job, then it ends. Apart from the server, whose own work would be timed with it.

A job comes as one line of JSON on standard input, results go as lines of JSON to standard output. When the input ends,
because whoever started this was stopped or died, this process ends at once. That works on every system.
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xception_lab.common.child_process import leave_with_parent, start_child
from xception_lab.common.messages import message_from_text, message_of, message_to_text, say
from xception_lab.timing.jobs import TimingJob, job_from_dict
from xception_lab.timing.results import Results
from xception_lab.timing.results_file import results_from_json, results_to_json


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """share: of the job, 0 to 1. results: what is new. error: the sentence that ends a job that cannot be done."""

    share: float
    results: Results | None = None
    error: str = ""


class MeasuringProcess:
    """A measuring process. Raises OSError when it cannot be started."""

    def __init__(self, job: TimingJob) -> None:
        self._process = start_child("xception_lab.measurement.worker")
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job.to_dict()).encode() + b"\n")
        self._process.stdin.flush()

    def messages(self) -> Iterator[WorkerMessage]:
        """What it says, until it ends or is stopped."""
        assert self._process.stdin
        assert self._process.stdout
        with self._process.stdout as lines, self._process.stdin:
            for line in lines:
                message: dict[str, Any] = json.loads(line)
                results = results_from_json(message["results"]) if message.get("results") else None
                yield WorkerMessage(message["share"], results, message_from_text(message.get("error", "")))
            code = self._process.wait()
        if code:  # a signal's is negative: the system ended it, perhaps for want of memory
            yield WorkerMessage(1.0, error=say("the measuring process ended with status {code}", code=code))

    def stop(self) -> None:
        """End it at once, whatever it is at."""
        self._process.kill()


def _serve() -> None:
    # a library that prints must not speak into the results
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = job_from_dict(json.loads(sys.stdin.readline()))
    leave_with_parent()

    def send(**values: Any) -> None:
        print(json.dumps(values), file=out, flush=True)

    try:
        # here alone: a page that starts this process stays free of torch, and a library that fails is told as an error
        from xception_lab.measurement.runner import run_job_parts

        for share, part in run_job_parts(job):
            send(share=share, results=results_to_json(part))
    except (ValueError, RuntimeError) as error:
        send(share=1.0, error=message_to_text(message_of(error)))


if __name__ == "__main__":
    _serve()

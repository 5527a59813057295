"""The process that measures: it runs one job and ends. MeasuringProcess is the server's side of it.

It is a process of its own because the server's other work would otherwise be timed along with the blocks, and because
a process can be stopped at any moment.

The messages between the two:

1. The server writes the job as one line of JSON (TimingJob.to_dict) to the child's standard input and keeps that open.
2. The child writes one line of JSON per message to its standard output. {"share": 0.25, "results": "..."} says how much
   of the job is done, 0 to 1, and carries what is new since the message before, as the text of a results file; the
   first one has the machine alone. {"share": 1.0, "error": "..."} says why the job cannot be done and is the last.
3. Nothing else can appear among these lines: whatever a library prints goes to standard error.
4. The child ends with status 0 after its last message. Any other status means that it was killed, by stop() or by the
   system, perhaps for want of memory: MeasuringProcess then adds an error message of its own.
5. When the child's standard input ends, because the server has closed it or is gone, the child ends at once
   (common/child_process.py).
"""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from xception_lab.common.child_process import give_way, leave_with_parent, start_child
from xception_lab.common.messages import message_from_text, message_of, message_to_text, say
from xception_lab.timing.jobs import TimingJob, job_from_dict
from xception_lab.timing.results import Results
from xception_lab.timing.results_file import results_from_json, results_to_json

# its threads would take every core from the server that answers a class; above the training and the reading of uploads,
# which would disturb it. Where nothing else runs, the times are the same.
NICENESS = 10


@dataclass(frozen=True, slots=True)
class WorkerMessage:
    """share: of the job done, 0 to 1. results: the new ones. error: why the job ended early, "" unless it did."""

    share: float
    results: Results | None = None
    error: str = ""


class MeasuringProcess:
    """A child process that measures one job, as the server sees it. Raises OSError when it cannot be started."""

    def __init__(self, job: TimingJob) -> None:
        self._process = start_child("xception_lab.measurement.worker")
        assert self._process.stdin
        self._process.stdin.write(json.dumps(job.to_dict()).encode() + b"\n")
        self._process.stdin.flush()

    def messages(self) -> Iterator[WorkerMessage]:
        """The child's messages as they come, until it ends."""
        assert self._process.stdin
        assert self._process.stdout
        with self._process.stdout as lines, self._process.stdin:
            for line in lines:
                message: dict[str, Any] = json.loads(line)
                results = results_from_json(message["results"]) if message.get("results") else None
                yield WorkerMessage(message["share"], results, message_from_text(message.get("error", "")))
            code = self._process.wait()
        if code:  # negative: the number of the signal that ended it
            yield WorkerMessage(1.0, error=say("the measuring process ended with status {code}", code=code))

    def stop(self) -> None:
        """Kill the child; messages() then ends."""
        self._process.kill()


def _serve() -> None:
    # messages go to a copy of standard output; what libraries print to the original goes to standard error
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = job_from_dict(json.loads(sys.stdin.readline()))
    leave_with_parent()
    give_way(NICENESS)

    def send(**values: Any) -> None:
        print(json.dumps(values), file=out, flush=True)

    try:
        # not at the top: a page that imports MeasuringProcess needs no torch, and a failing import becomes a message
        from xception_lab.measurement.runner import run_job_parts

        for share, part in run_job_parts(job):
            send(share=share, results=results_to_json(part))
    except (ValueError, RuntimeError) as error:
        send(share=1.0, error=message_to_text(message_of(error)))


if __name__ == "__main__":
    _serve()

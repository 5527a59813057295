"""The lease of an experiment: which process may train its runs, told by something that no clock moves.

Several processes of one machine may share a store: a server and a terminal, or a server and the one that is started
after it was killed. Only one of them at a time may train the runs of an experiment; two would train the same epochs
twice, and the slower one would replace newer checkpoints by older ones. So each experiment has a lease, in its row of
the database. It names its keeper, a random name that a Scheduler gives itself; the keeper's process; and the moment at
which it ends.

- The moment is one of the machine's time since its start (boot time), which goes on evenly while somebody sets the
  clock. It means nothing on another machine or after another start, so the boot's id stands beside it.
- Store.claim takes the lease. It succeeds when nobody has it, when it is over, when the keeper has it already or when
  the keeper's process is gone, and lets it last for LEASE_S from now. It is one transaction, so of two processes that
  claim at once one gets it.
- The keeper renews the lease every LEASE_S / 4, from a thread that does nothing else. A renewal that comes late, on a
  computer that was asleep for instance, may find that another process has taken the experiment; the keeper then drops
  its runs and leaves them to the other. Store.record refuses the results of a keeper that has lost its lease.
- Store.release ends the lease: after the experiment's last run, and when the process closes in order.
- A process that is killed releases nothing. Its runs still say "running", but any process that can see that it is gone
  may resume the experiment at once. None does so by itself.
- Whether a process is gone can be seen on the same start of the same machine, among processes that share their numbers
  (in one container, say). It is told by its number and the moment it started, as numbers are given again. Where that
  cannot be seen, as between two containers, the lease has to run out.
- A lease of an earlier start of this machine is over: no process outlives that.
- A lease of another machine counts until LEASE_S after this process first saw it, unless it is renewed meanwhile. That
  is for a folder that moves from one machine to another. Two machines at once must not share a store: SQLite's
  write-ahead log needs memory that all its processes share.
- Versions up to 0.1 kept the wall clock's end of a lease and nothing else. Theirs is taken at its word for at most
  LEASE_S, and ours has such an end too, so that they keep away.
"""

import json
import os
import platform
import time
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import psutil

LEASE_S = 15.0

LeaseState = Literal["free", "held", "perhaps"]


@dataclass(frozen=True, slots=True)
class Process:
    """A process, so that another one can see whether it is gone.

    host: its machine's name. boot: the id of the machine's start. namespace: which processes count their numbers with
    it. number: the system's. started: when, as the system writes it, in no unit of ours.
    """

    host: str
    boot: str
    namespace: str
    number: int
    started: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as stored. ends_s: seconds since the start of the machine that its process runs on."""

    keeper: str
    process: Process
    ends_s: float


def boot_time_s() -> float:
    """Seconds since this machine started, those in which it slept included where the system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@cache
def _boot_id() -> str:
    """A name for this start of the machine; empty where the system gives none."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


@cache
def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def this_process() -> Process:
    """The process that calls."""
    number = os.getpid()
    return Process(platform.node(), _boot_id(), _namespace(), number, _start(number) or "")


def _start(number: int) -> str | None:
    """When a process started, as its system tells it; None where it is gone."""
    try:
        if Path("/proc/self/stat").exists():  # in ticks since the machine's start: psutil's depends on the clock
            # the name of the program, which may hold anything, ends with the last bracket
            values = (
                Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            )
            return None if values[0] in "ZX" else values[19]  # one that waits to be reaped is gone
        return str(psutil.Process(number).create_time())
    except (OSError, IndexError, psutil.Error):
        return None


def make_lease(keeper: str) -> Lease:
    """A lease of this process that begins now."""
    return Lease(keeper, this_process(), boot_time_s() + LEASE_S)


def lease_to_text(lease: Lease) -> str:
    """One line of JSON."""
    return json.dumps(astuple(lease))


def lease_from_text(text: str) -> Lease | None:
    """The inverse of lease_to_text; None of any other text."""
    try:
        keeper, process, ends_s = json.loads(text)
        return Lease(str(keeper), Process(*process), float(ends_s))
    except (ValueError, TypeError):
        return None


class LeaseReader:
    """Tells whether a lease holds. It remembers when it first saw those of other machines."""

    def __init__(self) -> None:
        self._first_seen: dict[str, tuple[str, float]] = {}  # by keeper: the lease's text, and when

    def state(self, keeper: str, text: str, wall_end_s: float) -> LeaseState:
        """What a row of the database says of its lease: "perhaps" where its process may be gone already.

        keeper, text: of the row. wall_end_s: the end that version 0.1 writes, in seconds since 1970.
        """
        if not keeper:
            return "free"
        lease, here, now_s = lease_from_text(text), this_process(), boot_time_s()
        if lease is None or lease.keeper != keeper:  # version 0.1 leaves the text of an earlier keeper
            return "perhaps" if 0 < wall_end_s - time.time() <= LEASE_S else "free"
        if lease.process.host != here.host and (lease.process.boot != here.boot or not here.boot):
            last_text, first_s = self._first_seen.get(keeper, ("", 0.0))
            if last_text != text:
                self._first_seen[keeper], first_s = (text, now_s), now_s
            return "perhaps" if now_s - first_s <= LEASE_S else "free"
        # an end further away than a lease lasts is one of an earlier start, where starts have no id
        if lease.process.boot != here.boot or not 0 < lease.ends_s - now_s <= LEASE_S:
            return "free"
        if lease.process.namespace != here.namespace:
            return "perhaps"
        return "held" if _start(lease.process.number) == lease.process.started else "free"

"""Faults that strike processes from outside: what benchmarks/faults.py does not do within its own.

Each trial is a server process of its own with an embedded cluster and an experiment of two tiny runs; the fault strikes
at a moment of chance while it works. The experiment goes on by itself, or in a second server where the first is gone,
and must end with the bits of an undisturbed one. While the fault lasts, a sentence must say so within 60 s. Needs Linux
and root for what only root may do (a full and a read-only file system, a network without loopback).
Prints the same table as benchmarks/faults.py. Run: python -m benchmarks.process_faults [--trials 24] [--seed 0]
"""

import argparse
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import tiny_data

from benchmarks.faults import Verdict, bits, print_table
from xception_lab.common.home import StoreError
from xception_lab.experiments.scheduler import LeaseHeldError, Scheduler
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store

SPEC = ExperimentSpec("figure-9", 1, replace(tiny_data.TINY, epochs=12))
SAID_S = 60.0
END_S = 180.0
LOCK_S = 30.0


def _limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


class Server:
    """A process with a scheduler that works on one experiment; it reports state and reason as lines of JSON.

    said: what another one said that stood in its place meanwhile.
    """

    def __init__(self, folder: Path, key: str, before: Sequence[str] = (), limit_bytes: int | None = None) -> None:
        self.said: list[str] = []
        # appending: the server shares the place in the file, which each reading moves
        self._lines = (folder.parent / f"server-{random.randrange(10**9)}.log").open("a+", encoding="utf-8")
        command = [*before, sys.executable, "-m", "benchmarks.process_faults", "--serve", key]
        self.process = subprocess.Popen(
            command,
            stdout=self._lines,
            stderr=subprocess.DEVNULL,
            env=tiny_data.environment(folder),
            preexec_fn=partial(_limit, limit_bytes) if limit_bytes else None,
        )

    def reports(self) -> list[dict[str, object]]:
        """All that it has reported so far."""
        self._lines.seek(0)
        # the last line may be half written
        return [json.loads(line) for line in self._lines.read().splitlines(keepends=True) if line.endswith("\n")]

    def sentences(self) -> list[str]:
        """The reasons and notes that a person would have read."""
        return list(dict.fromkeys(str(report["said"]) for report in self.reports() if report["said"]))

    def await_report(self, true: Callable[[dict[str, object]], bool], most_s: float) -> bool:
        """Wait for a report; False where none came in time, or the process ended before."""
        end = monotonic() + most_s
        seen = 0
        while monotonic() < end:
            reports = self.reports()
            if any(true(report) for report in reports[seen:]):
                return True
            seen = len(reports)
            if self.process.poll() is not None:
                return any(true(report) for report in self.reports()[seen:])
            sleep(0.05)
        return False

    def below(self, module: str = "") -> list[psutil.Process]:
        """Its processes; module: those alone whose command names it."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in found if module in " ".join(process.cmdline())]

    def stop(self) -> None:
        """End it, however it is."""
        with suppress(psutil.NoSuchProcess):
            for process in self.below():
                process.kill()
        self.process.kill()
        self.process.wait()
        self._lines.close()


def serve(key: str) -> None:
    """Work on one experiment until it is done, and report; everything that goes wrong is said and tried again."""
    tiny_data.install()
    scheduler, last, is_first = None, "", True
    while True:
        try:
            scheduler = scheduler or Scheduler(Store(), workers=1)
            progress = scheduler.progress(key)
            # a person who comes back presses Go on where a run failed for a reason that is gone
            if progress.interrupted or (is_first and progress.state == "failed"):
                scheduler.resume(key)
            is_first = False
            said = " ".join(str(text) for text in (progress.reason, *(run.note for run in progress.runs)) if text)
            report = {"epochs": sum(len(run.records) for run in progress.runs), "state": progress.state, "said": said}
        except (StoreError, LeaseHeldError, OSError) as error:
            report = {"epochs": -1, "state": "trouble", "said": str(error)}
        line = json.dumps(report)
        if line != last:
            print(line, flush=True)
            last = line
        if report["state"] == "done" and scheduler:
            return scheduler.close()
        sleep(0.1)


# ---- the faults: each strikes a server at work and returns once it is over; it may need a new server then ----


def _kill_worker(server: Server, _folder: Path) -> bool:
    server.below("spawn_main")[-1].kill()
    return False


def _kill_cluster(server: Server, _folder: Path) -> bool:
    server.below("xception_lab.experiments.cluster")[0].kill()
    return False


def _kill_server(server: Server, _folder: Path) -> bool:
    server.process.kill()
    return True


def _end_server(server: Server, _folder: Path) -> bool:
    server.process.send_signal(signal.SIGTERM)
    return True


def _kill_all(server: Server, _folder: Path) -> bool:
    below = server.below()
    server.process.kill()
    server.process.wait()
    for process in below:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(below, timeout=20)
    return True


def _lock(server: Server, folder: Path) -> bool:
    with closing(sqlite3.connect(folder / "runs.sqlite", isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        _await_sentence(server, LOCK_S)
        db.execute("ROLLBACK")
    return False


def _fill_disk(server: Server, folder: Path) -> bool:
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    _await_sentence(server, SAID_S)
    filler.unlink()
    return False


def _make_read_only(server: Server, folder: Path) -> bool:
    # files that are open for writing forbid a remount, so the server meets the read-only file system from its start
    _kill_all(server, folder)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    blocked = Server(folder, _key(folder))
    _await_sentence(blocked, SAID_S)
    server.said += blocked.sentences()
    subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)
    blocked.stop()
    return True


def _limit_memory(server: Server, folder: Path) -> bool:
    return _block(server, folder, limit_bytes=900 << 20)


def _take_loopback(server: Server, folder: Path) -> bool:
    return _block(server, folder, before=("unshare", "--net"))


def _block(server: Server, folder: Path, before: Sequence[str] = (), limit_bytes: int | None = None) -> bool:
    """A server under which nothing can work, in the place of the first."""
    _kill_all(server, folder)
    blocked = Server(folder, _key(folder), before, limit_bytes)
    _await_sentence(blocked, SAID_S)
    server.said += blocked.sentences()
    blocked.stop()
    return True


def _await_sentence(server: Server, most_s: float) -> None:
    known = len(server.reports())
    end = monotonic() + most_s
    while monotonic() < end and not any(report["said"] for report in server.reports()[known:]):
        if server.process.poll() is not None:
            return
        sleep(0.1)


def _key(folder: Path) -> str:
    return (folder / "key").read_text(encoding="utf-8")


KINDS: dict[str, Callable[[Server, Path], bool]] = {
    "worker killed": _kill_worker,
    "cluster killed": _kill_cluster,
    "server killed": _kill_server,
    "server ended": _end_server,
    "all killed": _kill_all,
    "database locked for 30 s": _lock,
    "disk full": _fill_disk,
    "file system read-only": _make_read_only,
    "0.9 GB of memory": _limit_memory,
    "no loopback": _take_loopback,
}
# nothing is in the way of who goes on after these: there is nothing to say
SILENT = ("worker killed", "cluster killed", "server killed", "server ended", "all killed")


def run_trial(kind: str, seed: int, expected: list[object]) -> Verdict:
    """One trial, on a small file system of its own."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "home"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)
        try:
            return _run_trial(kind, dice, folder, expected)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _run_trial(kind: str, dice: random.Random, folder: Path, expected: list[object]) -> Verdict:
    key = Store(folder).add(SPEC, "ada", 100)
    assert key
    (folder / "key").write_text(key, encoding="utf-8")
    server = Server(folder, key)
    said: list[str] = []
    try:
        at = dice.randrange(1, 16)
        if not server.await_report(lambda report: int(str(report["epochs"])) >= at, END_S):
            return Verdict(False, " ".join(server.sentences()), True, False)
        sleep(dice.random() / 4)
        is_gone = KINDS[kind](server, folder)
        said += server.said + server.sentences()
        if is_gone:
            server.process.wait()
            server.stop()
            server = Server(folder, key)
        is_done = server.await_report(lambda report: report["state"] == "done", END_S)
        said += server.sentences()
        if not is_done:
            return Verdict(False, " ".join(said), True, False)
        server.process.wait(20)
        return Verdict(bits(folder, key) == expected, " ".join(said), False, False)
    except (KeyError, StoreError):
        return Verdict(False, " ".join(said), False, True)
    finally:
        server.stop()


def undisturbed() -> list[object]:
    """The bits of the experiment that nothing happens to, trained by a server of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "home"
        key = Store(folder).add(SPEC, "ada", 100)
        assert key
        server = Server(folder, key)
        try:
            assert server.await_report(lambda report: report["state"] == "done", END_S), server.sentences()[-3:]
            server.process.wait(20)
        finally:
            server.stop()
        return bits(folder, key)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Faults that strike processes from outside.")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", choices=tuple(KINDS), default=tuple(KINDS))
    parser.add_argument("--serve", metavar="KEY", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    if os.geteuid():
        raise SystemExit("only root may mount the file systems of these trials and take the loopback away")
    expected = undisturbed()
    found: dict[str, list[Verdict]] = defaultdict(list)
    for number in range(options.trials):
        kind = options.kinds[number % len(options.kinds)]
        verdict = run_trial(kind, options.seed + number, expected)
        found[kind].append(verdict)
        print(f"{kind}: {verdict}", file=sys.stderr, flush=True)
    print_table(found)
    return None


if __name__ == "__main__":
    main()

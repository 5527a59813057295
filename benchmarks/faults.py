"""Does any fault change a result, lose one, or leave work that nobody hears of?

Seeded trials, each on a store of its own with an experiment of two tiny runs: after one epoch a fault strikes, then
the experiment goes on, and its records and tensors are compared bit by bit with those of an undisturbed one. Epochs are
trained in this process, one after the other, through the store and its checks; faults that strike processes from
outside are in benchmarks/process_faults.py.
Prints one table: kind, trials, those that ended bit for bit alike, that said the fault in a sentence, that got stuck,
that lost an experiment, and those that are neither alike nor said.
Run: python -m benchmarks.faults [--trials 60] [--seed 0]
"""

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import tiny_data
from damage import flip_bit

from xception_lab.common.home import StoreError
from xception_lab.experiments import lease, store
from xception_lab.experiments.fair_queue import QueuedRun
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.training.checkpoint import checkpoint_from_bytes, checkpoint_to_bytes
from xception_lab.training.loop import next_epoch

SPEC = ExperimentSpec("figure-9", 1, tiny_data.TINY)
MOST_STEPS = 12  # epochs and refusals after which a trial counts as stuck
KEEPER = "a trial"
KILLED = """
import sys
from pathlib import Path
from xception_lab.experiments.store import Store
print(Store(Path(sys.argv[1])).claim(sys.argv[2], "killed"), flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Verdict:
    """How one trial ended."""

    is_same: bool
    said: str
    is_stuck: bool
    is_lost: bool


@dataclass
class Trial:
    """One experiment and its fault. said: the sentences so far."""

    folder: Path
    rng: random.Random
    key: str
    said: list[str]

    @property
    def database(self) -> Path:
        return self.folder / "runs.sqlite"

    def checkpoint(self) -> Path:
        """That of a run that has begun."""
        return self.rng.choice(sorted((self.folder / "checkpoints").glob("*.safetensors")))


def step(trial: Trial) -> bool:
    """Train the next epoch of the experiment as a scheduler does; False when nothing is left to do."""
    opened = Store(trial.folder)
    trial.said += [opened.notice] if opened.notice else []
    scheduler = Scheduler(opened, workers=1)
    stored = opened.experiment(trial.key)
    trial.said += [run.note for run in stored.runs if run.note]
    run = next((run for run in stored.runs if run.state in ("queued", "running")), None)
    if run is None:
        return False
    if not opened.claim(trial.key, KEEPER):
        raise StoreError("another process is at work on it")
    queued = QueuedRun(run.id, trial.key, stored.owner, run.spec, len(run.records))
    content = scheduler._usable_checkpoint(queued)
    last = checkpoint_from_bytes(content) if content else None
    is_whole = last is not None and len(last.records) == run.spec.epochs
    after = last if is_whole else next_epoch(run.spec, last)
    assert after
    is_last = len(after.records) == run.spec.epochs
    opened.record(
        run.id,
        after.records,
        checkpoint_to_bytes(after),
        len(after.predictions),
        last=is_last,
        keeper=KEEPER,
    )
    opened.release(trial.key, KEEPER)
    return True


def bits(folder: Path, key: str) -> list[object]:
    """What must not depend on what happened: records without the clock's, and every tensor.

    Raises StoreError where a checkpoint of a finished run cannot be trusted: its records stand, its tensors are lost.
    """
    opened, found = Store(folder), list[object]()
    scheduler = Scheduler(opened, workers=1)
    for run in opened.experiment(key).runs:
        found.append([replace(record, images_per_s=0, elapsed_s=0) for record in run.records])
        last = checkpoint_from_bytes(scheduler.checkpoint(run.id))
        tensors = {**last.network, **last.adam, "predictions": last.predictions}
        found.append({name: (tensor.dtype, tensor.numpy().tobytes()) for name, tensor in tensors.items()})
    return found


# ---- the faults: each is there for one step, or leaves something behind ----


@contextmanager
def flipped_checkpoint(trial: Trial) -> Iterator[None]:
    path = trial.checkpoint()
    path.write_bytes(flip_bit(path.read_bytes(), trial.rng.randrange(8 * path.stat().st_size)))
    yield


@contextmanager
def truncated_checkpoint(trial: Trial) -> Iterator[None]:
    path = trial.checkpoint()
    path.write_bytes(path.read_bytes()[: trial.rng.randrange(path.stat().st_size)])
    yield


@contextmanager
def missing_checkpoint(trial: Trial) -> Iterator[None]:
    trial.checkpoint().unlink()
    yield


@contextmanager
def foreign_checkpoint(trial: Trial) -> Iterator[None]:
    other = next_epoch(replace(tiny_data.TINY, seed=trial.rng.randrange(1, 1000)), None)
    assert other
    trial.checkpoint().write_bytes(checkpoint_to_bytes(other))
    yield


@contextmanager
def corrupt_store(trial: Trial) -> Iterator[None]:
    content = bytearray(trial.database.read_bytes())
    match trial.rng.randrange(5):
        case 0:
            content = content[: trial.rng.randrange(len(content))]
        case 1:
            content = bytearray(b"once upon a time")
        case 2:
            content = bytearray()
        case 3:
            start = trial.rng.randrange(len(content) // 2)
            content[start : start + 4096] = trial.rng.randbytes(4096)
        case _:
            content[:16] = trial.rng.randbytes(16)
    trial.database.write_bytes(content)
    yield


@contextmanager
def later_store(trial: Trial) -> Iterator[None]:
    def set_version(version: int) -> None:
        with closing(sqlite3.connect(trial.database)) as db:
            db.execute(f"PRAGMA user_version = {version}")

    set_version(store.SCHEMA_VERSION + 1)
    yield
    set_version(store.SCHEMA_VERSION)


@contextmanager
def full_disk(_trial: Trial) -> Iterator[None]:
    with mock.patch.object(store, "write_atomically", side_effect=OSError(28, "No space left on device")):
        yield


@contextmanager
def file_size_limit(_trial: Trial) -> Iterator[None]:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def locked_store(trial: Trial) -> Iterator[None]:
    with (
        mock.patch.object(store, "BUSY_S", 0.1),
        closing(sqlite3.connect(trial.database, isolation_level=None)) as db,
    ):
        db.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def killed_keeper(trial: Trial) -> Iterator[None]:
    """The process that holds the lease is killed, while the clock is a day ahead or behind."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(trial.folder), trial.key], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        assert child.stdout.readline() == b"True\n"
        child.kill()
    now_s = lease.time.time() + trial.rng.choice((-86_400, 86_400))
    with mock.patch.object(lease.time, "time", return_value=now_s):
        yield


@contextmanager
def two_servers(trial: Trial) -> Iterator[None]:
    other = Store(trial.folder)
    assert other.claim(trial.key, "another server")
    yield
    other.release(trial.key, "another server")


KINDS: dict[str, Callable[[Trial], object]] = {
    "checkpoint, a bit flipped": flipped_checkpoint,
    "checkpoint, truncated": truncated_checkpoint,
    "checkpoint, missing": missing_checkpoint,
    "checkpoint, another run's": foreign_checkpoint,
    "database, damaged": corrupt_store,
    "database, a later version's": later_store,
    "database, locked": locked_store,
    "disk full": full_disk,
    "file-size limit": file_size_limit,
    "keeper killed, clock moved": killed_keeper,
    "two servers": two_servers,
}


def run_trial(kind: str, seed: int, expected: list[object]) -> Verdict:
    """One trial, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "home"
        key = Store(folder).add(SPEC, "ada", 100)
        assert key
        trial = Trial(folder, random.Random(seed), key, [])
        for _ in range(trial.rng.choice((1, 3))):
            step(trial)
        try:
            with KINDS[kind](trial):  # type: ignore[attr-defined]
                attempt(trial)
            for _ in range(MOST_STEPS):
                if attempt(trial) is False:
                    same = is_same(trial, expected)
                    return Verdict(same, " ".join(trial.said), False, False)
        except KeyError:
            return Verdict(False, " ".join(trial.said), False, True)
        return Verdict(False, " ".join(trial.said), True, False)


def is_same(trial: Trial, expected: list[object]) -> bool:
    """Whether all bits are as expected; a finished run's checkpoint that is refused is said."""
    try:
        return bits(trial.folder, trial.key) == expected
    except StoreError as error:
        trial.said.append(str(error))
        return False


def attempt(trial: Trial) -> bool | None:
    """One step; None where it was refused in a sentence."""
    try:
        return step(trial)
    except (StoreError, OSError) as error:
        trial.said.append(str(error))
        return None


def undisturbed() -> tuple[list[object], str]:
    """The bits of the experiment that nothing happens to."""
    with tempfile.TemporaryDirectory() as name:
        key = Store(Path(name)).add(SPEC, "ada", 100)
        assert key
        trial = Trial(Path(name), random.Random(0), key, [])
        while step(trial):
            pass
        return bits(Path(name), key), key


def run_trials(trials: int, seed: int) -> dict[str, list[Verdict]]:
    """So many trials, the kinds in turn, by kind."""
    tiny_data.install()
    torch.set_num_threads(1)
    expected, _ = undisturbed()
    found: dict[str, list[Verdict]] = defaultdict(list)
    names = list(KINDS)
    for number in range(trials):
        kind = names[number % len(names)]
        found[kind].append(run_trial(kind, seed + number, expected))
    return found


def print_table(found: dict[str, list[Verdict]]) -> None:
    """Print how the trials of each kind ended."""
    print(f"{'kind':30} {'trials':>7} {'bit-exact':>10} {'said':>6} {'stuck':>6} {'lost':>5} {'neither':>8}")
    total: Counter[str] = Counter()
    for kind, verdicts in found.items():
        row = {
            "trials": len(verdicts),
            "same": sum(verdict.is_same for verdict in verdicts),
            "said": sum(bool(verdict.said) for verdict in verdicts),
            "stuck": sum(verdict.is_stuck for verdict in verdicts),
            "lost": sum(verdict.is_lost for verdict in verdicts),
            "neither": sum(not verdict.is_same and not verdict.said for verdict in verdicts),
        }
        total.update(row)
        print(_row(kind, row))
    print(_row("all", total))


def _row(kind: str, counts: Mapping[str, int]) -> str:
    widths = {"trials": 7, "same": 10, "said": 6, "stuck": 6, "lost": 5, "neither": 8}
    return f"{kind:30} " + " ".join(f"{counts[name]:{width}}" for name, width in widths.items())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=66)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print_table(run_trials(options.trials, options.seed))


if __name__ == "__main__":
    main()

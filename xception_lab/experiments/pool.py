"""A pooled experiment: the seeds of one spec are split over a class, and everybody sees one interval grow.

The spec, and with it the number of seeds, is fixed when the pool is made. Whoever takes part takes the next free seed,
which becomes an experiment of its own of that one seed: with its owner, its place in the queue and its lease, as any
other. A seed whose experiment was cancelled, failed or is gone is free again. The pool keeps no result: its effects are
those of all its experiments' runs together, and there is no verdict before the last seed (effects.py).

The pools are in a database of their own beside the run store, since what a damaged run store loses can be taken again.
"""

import secrets
import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import message_of, say
from xception_lab.common.work_state import UNFINISHED, WorkState
from xception_lab.experiments.effects import Effects
from xception_lab.experiments.progress import Progress, effects_of_runs
from xception_lab.experiments.spec import ExperimentSpec, experiment_spec_from_json

BUSY_S = 20.0
TAKING_S = 30.0  # a seed that was taken and got no experiment is free again after so long
KEPT_S = 30 * 86_400.0  # a pool is kept for so long
MOST_POOLS = 200

_TABLES = """
CREATE TABLE IF NOT EXISTS pools (id TEXT PRIMARY KEY, spec TEXT NOT NULL, created REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS shares (
    pool TEXT NOT NULL REFERENCES pools(id) ON DELETE CASCADE, seed INTEGER NOT NULL,
    experiment TEXT NOT NULL, taken REAL NOT NULL,
    PRIMARY KEY (pool, seed)
) STRICT;
"""


class NoSeedLeftError(RuntimeError):
    """Every seed of the pool is taken."""


class Experiments(Protocol):
    """What a pool needs of a Scheduler."""

    def submit(self, spec: ExperimentSpec, owner: str) -> str:
        """See Scheduler."""
        ...

    def progress(self, experiment: str) -> Progress:
        """See Scheduler."""
        ...


@dataclass(frozen=True, slots=True)
class Pool:
    """A spec and who has its seeds. shares: by seed, the id of its experiment, "" while that is about to be made."""

    id: str
    spec: ExperimentSpec
    shares: Mapping[int, str]

    @property
    def seeds(self) -> range:
        """All its seeds, as they were fixed."""
        return range(self.spec.first_seed, self.spec.first_seed + self.spec.seeds)


@dataclass(frozen=True, slots=True)
class SeedProgress:
    """One seed of a pool. experiment, state, owner: of its own experiment, None while nobody has it. share: 0 to 1."""

    seed: int
    experiment: str | None
    state: WorkState | None
    share: float
    owner: str | None = None

    @property
    def is_free(self) -> bool:
        """Whether it can be taken: nobody has it, or its experiment ended without a result."""
        return self.state in (None, "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class PoolProgress:
    """A pool at one moment. effects: of all runs that are done, over the seeds that are whole."""

    pool: Pool
    seeds: tuple[SeedProgress, ...]
    effects: Effects

    @property
    def is_done(self) -> bool:
        """Whether every seed that was fixed beforehand is done."""
        return all(seed.state == "done" for seed in self.seeds)

    @property
    def is_under_way(self) -> bool:
        """Whether some seed is being trained, or waits for that."""
        return any(seed.state in UNFINISHED for seed in self.seeds)


class PoolStore:
    """The pools in a folder, by default the home folder. Every method raises StoreError where that fails.

    Each is one short transaction on a connection of its own: any thread and any process may call it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = (folder or home_folder()) / "pools.sqlite"

    def add(self, spec: ExperimentSpec) -> str:
        """Make a pool, and drop those that are too old. Returns its unguessable id."""
        key = secrets.token_hex(8)
        with self._transaction() as db:
            db.execute("DELETE FROM pools WHERE created < ?", (time.time() - KEPT_S,))
            oldest = "SELECT id FROM pools ORDER BY created DESC LIMIT -1 OFFSET ?"
            db.execute(f"DELETE FROM pools WHERE id IN ({oldest})", (MOST_POOLS - 1,))
            db.execute("INSERT INTO pools VALUES (?, ?, ?)", (key, spec.to_json(), time.time()))
        return key

    def pool(self, key: str) -> Pool:
        """The pool of this id. Raises KeyError."""
        with self._transaction() as db:
            row = db.execute("SELECT spec FROM pools WHERE id = ?", (key,)).fetchone()
            if row is None:
                raise KeyError(key)
            shares = db.execute(
                "SELECT seed, experiment FROM shares WHERE pool = ? AND (experiment != '' OR taken > ?) ORDER BY seed",
                (key, time.time() - TAKING_S),
            ).fetchall()
        return Pool(key, experiment_spec_from_json(row[0]), dict(shares))

    def take(self, pool: Pool, lost: Mapping[int, str]) -> int:
        """Take the first free seed for somebody. Raises NoSeedLeftError.

        lost: seeds whose experiment of this id ended without a result, so that they are free; by now another person
        may have taken one.
        """
        with self._transaction() as db:
            db.executemany(
                "DELETE FROM shares WHERE pool = ? AND seed = ? AND experiment = ?",
                [(pool.id, seed, experiment) for seed, experiment in lost.items()],
            )
            stale_s = time.time() - TAKING_S
            db.execute("DELETE FROM shares WHERE pool = ? AND experiment = '' AND taken <= ?", (pool.id, stale_s))
            taken = {seed for (seed,) in db.execute("SELECT seed FROM shares WHERE pool = ?", (pool.id,))}
            seed = next((seed for seed in pool.seeds if seed not in taken), None)
            if seed is None:
                raise NoSeedLeftError(say("every seed is taken: watch the interval grow"))
            db.execute("INSERT INTO shares VALUES (?, ?, '', ?)", (pool.id, seed, time.time()))
        return seed

    def give(self, pool: Pool, seed: int, experiment: str | None) -> None:
        """Say which experiment trains a seed that was taken; None gives it back."""
        with self._transaction() as db:
            if experiment is None:
                db.execute("DELETE FROM shares WHERE pool = ? AND seed = ? AND experiment = ''", (pool.id, seed))
            else:
                db.execute(
                    "INSERT OR REPLACE INTO shares VALUES (?, ?, ?, ?)", (pool.id, seed, experiment, time.time())
                )

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._file, timeout=BUSY_S, isolation_level=None)) as db:
                db.execute("PRAGMA foreign_keys = ON")
                # taken at once: of two people who take a seed, the second sees what the first took
                db.execute("BEGIN IMMEDIATE")
                if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'shares'").fetchone():
                    for statement in filter(str.strip, _TABLES.split(";")):
                        db.execute(statement)
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
        except (OSError, sqlite3.Error) as error:
            sentence = say("the pools in {file} cannot be used: {error}", file=str(self._file), error=message_of(error))
            raise StoreError(sentence) from error


def take_part(pools: PoolStore, experiments: Experiments, key: str, owner: str) -> str:
    """Start the next free seed of a pool for somebody. Returns its experiment's id.

    Raises KeyError where there is no such pool, NoSeedLeftError, and what submit raises; then the seed stays free.
    """
    pool = pools.pool(key)
    seeds = pool_progress(pool, experiments).seeds
    seed = pools.take(pool, {each.seed: each.experiment for each in seeds if each.experiment and each.is_free})
    try:
        experiment = experiments.submit(replace(pool.spec, seeds=1, first_seed=seed), owner)
    except BaseException:
        pools.give(pool, seed, None)
        raise
    pools.give(pool, seed, experiment)
    return experiment


def pool_progress(pool: Pool, experiments: Experiments) -> PoolProgress:
    """The pool's seeds and the effects of those that are done. Raises StoreError."""
    found: dict[int, Progress] = {}
    for seed, experiment in pool.shares.items():
        with suppress(KeyError):  # about to be made, or deleted
            found[seed] = experiments.progress(experiment)
    runs = [run for progress in found.values() for run in progress.runs]
    seeds = tuple(_seed(seed, pool.shares.get(seed), found.get(seed)) for seed in pool.seeds)
    return PoolProgress(pool, seeds, effects_of_runs(pool.spec, runs))


def _seed(seed: int, experiment: str | None, progress: Progress | None) -> SeedProgress:
    if progress is None:
        return SeedProgress(seed, experiment, "queued" if experiment == "" else None, 0.0)
    # nobody works on it: whoever comes next may
    state = "cancelled" if progress.interrupted else progress.state
    return SeedProgress(seed, experiment, state, progress.share, progress.owner)

"""A pooled experiment: every seed is trained by one person, none twice, and all together are the experiment."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_data import TINY

from xception_lab.common.home import StoreError
from xception_lab.experiments import pool as pool_module
from xception_lab.experiments.pool import NoSeedLeftError, PoolStore, pool_progress, take_part
from xception_lab.experiments.progress import IDLE_QUEUE, Progress, make_progress
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store
from xception_lab.training.records import EpochRecord

SPEC = ExperimentSpec("figure-9", 4, TINY, first_seed=100)


class Bench:
    """A Scheduler that trains nothing: experiments are in a store, and the test says how they end."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)

    def submit(self, spec: ExperimentSpec, owner: str) -> str:
        key = self.store.add(spec, owner, 100)
        assert key
        self.store.claim(key, "the test")
        return key

    def progress(self, experiment: str) -> Progress:
        return make_progress(self.store.experiment(experiment), IDLE_QUEUE)

    def end(self, experiment: str, accuracy: Callable[[int, bool], float]) -> None:
        """Let all runs of an experiment end. accuracy: by seed, and whether there are residuals."""
        for run in self.store.experiment(experiment).runs:
            right = accuracy(run.spec.seed, run.spec.xception.residual)
            records = tuple(
                EpochRecord(epoch, 1.0, 0.5, 1.0, right, 0.01, 100.0, float(epoch)) for epoch in range(1, 3)
            )
            assert self.store.record(run.id, records, b"checkpoint", 1000, last=True, keeper="the test")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def pools(tmp_path: Path) -> PoolStore:
    return PoolStore(tmp_path)


def test_all_seeds_together_are_the_experiment(bench: Bench, pools: PoolStore) -> None:
    key = pools.add(SPEC)
    started = [take_part(pools, bench, key, f"student {number}") for number in range(4)]
    assert [bench.store.experiment(each).owner for each in started] == [f"student {number}" for number in range(4)]
    runs = [run.spec for each in started for run in bench.store.experiment(each).runs]
    assert runs == list(SPEC.variants())
    with pytest.raises(NoSeedLeftError, match="every seed is taken"):
        take_part(pools, bench, key, "one too many")

    def accuracy(seed: int, residual: bool) -> float:
        return 0.8 + 0.001 * (seed % 3) + 0.05 * residual

    for each in started[:2]:
        bench.end(each, accuracy)
    early = pool_progress(pools.pool(key), bench)
    assert (early.is_done, early.is_under_way) == (False, True)
    assert (early.effects.seeds, early.effects.seeds_missing) == ((100, 101), 2)
    assert early.effects.primary[0].verdict is None, "no verdict before the last seed"
    assert early.effects.primary[0].low is not None
    for each in started[2:]:
        bench.end(each, accuracy)
    late = pool_progress(pools.pool(key), bench)
    assert late.is_done
    whole = bench.submit(SPEC, "a terminal")
    bench.end(whole, accuracy)
    assert late.effects == bench.progress(whole).effects()
    assert late.effects.primary[0].verdict == "harmful"


def test_a_seed_that_was_stopped_or_deleted_is_free_again(bench: Bench, pools: PoolStore) -> None:
    key = pools.add(SPEC)
    first, second = (take_part(pools, bench, key, "ada") for _ in range(2))
    bench.store.move([run.id for run in bench.store.experiment(first).runs], "cancelled", "no more")
    assert [seed.is_free for seed in pool_progress(pools.pool(key), bench).seeds] == [True, False, True, True]
    again = take_part(pools, bench, key, "bob")
    assert pools.pool(key).shares == {100: again, 101: second}
    # nobody works on it any more, as after a restart of the server
    bench.store.release(second, "the test")
    other = take_part(pools, bench, key, "cleo")
    assert pools.pool(key).shares == {100: again, 101: other}


def test_a_seed_whose_experiment_was_refused_stays_free(bench: Bench, pools: PoolStore) -> None:
    key = pools.add(SPEC)

    class Full(Bench):
        def submit(self, spec: ExperimentSpec, owner: str) -> str:
            raise RuntimeError(f"{owner} has too many runs, seed {spec.first_seed}")

    with pytest.raises(RuntimeError, match="too many"):
        take_part(pools, Full(bench.store.folder), key, "ada")
    assert pools.pool(key).shares == {}


def test_thirty_at_once_take_no_seed_twice(bench: Bench, pools: PoolStore) -> None:
    key = pools.add(replace(SPEC, seeds=20))
    refused: list[Exception] = []

    def take() -> None:
        try:
            take_part(pools, bench, key, "somebody")
        except NoSeedLeftError as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shares = pools.pool(key).shares
    assert sorted(shares) == list(range(100, 120))
    assert len(set(shares.values())) == 20
    assert len(refused) == 10


def test_what_was_taken_and_never_started_is_free_after_a_while(
    pools: PoolStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = pools.add(SPEC)
    assert pools.take(pools.pool(key), {}) == 100
    assert pools.pool(key).shares == {100: ""}
    assert pools.take(pools.pool(key), {}) == 101
    monkeypatch.setattr(pool_module, "TAKING_S", 0.0)
    assert pools.take(pools.pool(key), {}) == 100


def test_old_pools_are_dropped_and_unknown_ones_are_none(pools: PoolStore, monkeypatch: pytest.MonkeyPatch) -> None:
    old = pools.add(SPEC)
    monkeypatch.setattr(pool_module, "KEPT_S", -1.0)
    new = pools.add(SPEC)
    assert pools.pool(new).spec == SPEC
    with pytest.raises(KeyError, match=old):
        pools.pool(old)
    monkeypatch.setattr(pool_module, "KEPT_S", 1e9)
    monkeypatch.setattr(pool_module, "MOST_POOLS", 2)
    newest = [pools.add(SPEC) for _ in range(2)]
    with pytest.raises(KeyError):
        pools.pool(new)
    assert all(pools.pool(key) for key in newest)


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "pools.sqlite").write_text("once upon a time, there was no database " * 40)
    with pytest.raises(StoreError, match=r"pools in .* cannot be used"):
        PoolStore(tmp_path).add(SPEC)

"""What peaks and float32 times depend on: last-level caches, the sets that are probed, torch's own precision."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fake_device import FakeTorch

from xception_lab.measurement import machine, runner
from xception_lab.measurement.machine import device_properties, last_cache_bytes
from xception_lab.measurement.peaks import MEMORY_SHARE, SET_BUFFERS, WORKING_SETS, _moves, working_sets
from xception_lab.spec import CompareSpec
from xception_lab.timing.jobs import TimingJob, three_blocks
from xception_lab.timing.results import CACHE_MULTIPLE, DeviceProperties, Peaks, Results

KIBI, MEBI, GIBI = 1 << 10, 1 << 20, 1 << 30
CPU = torch.device("cpu")


def _describe(folder: Path, caches: dict[int, list[tuple[int, str, str, str]]]) -> Path:
    """A folder as Linux has it. caches: by core, (level, size, type, the cores that share it)."""
    for core, entries in caches.items():
        for number, values in enumerate(entries):
            entry = folder / f"cpu{core}" / "cache" / f"index{number}"
            entry.mkdir(parents=True)
            for name, value in zip(("level", "size", "type", "shared_cpu_list"), values, strict=True):
                (entry / name).write_text(f"{value}\n")
    return folder


def _core(number: int, level_3: str) -> list[tuple[int, str, str, str]]:
    own = str(number)
    return [
        (1, "32K", "Data", own),
        (1, "64K", "Instruction", own),
        (2, "1M", "Unified", own),
        (3, "32768K", "Unified", level_3),
    ]


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    return lambda *numbers: monkeypatch.setattr(
        machine.os, "sched_getaffinity", lambda _process: set(numbers), raising=False
    )


def test_the_last_caches_of_the_cores_at_hand_are_added_up(tmp_path: Path, cores: Callable[..., None]) -> None:
    # two pairs of cores, each pair with a cache of its own
    folder = _describe(tmp_path, {core: _core(core, "0-1" if core < 2 else "2-3") for core in range(4)})
    size = last_cache_bytes.__wrapped__
    cores(0, 1)
    assert size(folder) == 32 * MEBI
    cores(1, 2)
    assert size(folder) == 64 * MEBI
    cores(0, 1, 2, 3)
    assert size(folder) == 64 * MEBI


def test_a_processor_without_a_third_level_has_its_second(tmp_path: Path, cores: Callable[..., None]) -> None:
    folder = _describe(tmp_path, {core: _core(core, "")[:3] for core in range(2)})
    cores(0, 1)
    assert last_cache_bytes.__wrapped__(folder) == 2 * MEBI


@pytest.mark.parametrize("size", ["", "K", "many", "-"])
def test_a_system_that_hides_its_caches_has_none(tmp_path: Path, cores: Callable[..., None], size: str) -> None:
    cores(0)
    assert last_cache_bytes.__wrapped__(tmp_path / "none") is None
    assert last_cache_bytes.__wrapped__(_describe(tmp_path, {0: [(3, size, "Unified", "0")]})) is None


def test_apples_caches_are_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"hw.perflevel0.l2cachesize": "12582912\n", "hw.l2cachesize": "4194304\n"}
    monkeypatch.setattr(machine.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(
        machine.subprocess, "run", lambda command, **_: SimpleNamespace(stdout=known.get(command[-1], ""))
    )
    assert last_cache_bytes.__wrapped__() == 12 * MEBI
    known.clear()
    assert last_cache_bytes.__wrapped__() is None


def test_a_system_that_names_no_cores_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.platform, "system", lambda: "Windows")
    monkeypatch.delattr(machine.os, "sched_getaffinity", raising=False)
    assert last_cache_bytes.__wrapped__() is None


def test_the_largest_set_is_several_times_the_last_cache() -> None:
    assert working_sets(None, GIBI) == WORKING_SETS
    for cache in (MEBI, 32 * MEBI, 48 * MEBI, 50 * MEBI, 300 * MEBI, 1152 * MEBI):
        sizes = working_sets(cache, 64 * GIBI)
        assert sizes[: len(WORKING_SETS)] == WORKING_SETS
        assert sizes[-1] >= CACHE_MULTIPLE * cache
        assert list(sizes) == sorted(set(sizes))
    assert working_sets(300 * MEBI, 64 * GIBI)[-1] == 1200 * MEBI


def test_no_set_takes_more_memory_than_is_free() -> None:
    for free in (GIBI, 2 * GIBI, 4 * GIBI, 8 * GIBI):
        sizes = working_sets(300 * MEBI, free)
        assert sizes == WORKING_SETS or SET_BUFFERS * sum(sizes) <= MEMORY_SHARE * free
        assert sizes[-1] <= 1200 * MEBI
    # then the result says that the set does not reach far enough
    peaks = Peaks("float32", 1.0, tuple((size, 1.0) for size in working_sets(300 * MEBI, 4 * GIBI)))
    results = Results(machine.describe_machine("cpu"), (peaks,), properties=DeviceProperties(300 * MEBI))
    assert (results.cache_multiple("float32") or 0.0) < CACHE_MULTIPLE


def test_a_sets_tensors_take_as_much_memory_as_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    for name in ("ones", "empty"):
        make: Any = getattr(torch, name)

        def counted(*shape: Any, make: Any = make, **chosen: Any) -> torch.Tensor:
            tensor: torch.Tensor = make(*shape, **chosen)
            made.append(tensor.nbytes)
            return tensor

        monkeypatch.setattr(torch, name, counted)
    moves = _moves(CPU, 96 * KIBI)
    assert sum(made) == SET_BUFFERS * 96 * KIBI
    for move in moves:
        move()
    assert len(moves) == 5


def test_a_job_probes_what_its_device_needs_and_its_result_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(tmp_path))
    probed: list[tuple[int, ...]] = []

    def peaks(*_: object, working_sets: tuple[int, ...], **__: object) -> Peaks:
        probed.append(working_sets)
        return Peaks("float32", 1.0, ((working_sets[-1], 1.0),))

    properties = DeviceProperties(300 * MEBI)
    monkeypatch.setattr(runner, "device_properties", lambda _kind, _index: properties)
    monkeypatch.setattr(runner, "free_bytes", lambda _device: 64 * GIBI)
    monkeypatch.setattr(runner, "measure_peaks", peaks)
    monkeypatch.setattr(runner, "measure", lambda *_, **__: ())
    results = runner.run_job(TimingJob((three_blocks(CompareSpec(size=7)),), device="cpu"))
    assert probed == [working_sets(300 * MEBI, 64 * GIBI)] * 2
    assert results.properties == properties
    assert results.cache_multiple("float32") == CACHE_MULTIPLE


def test_a_device_with_tf32_says_how_torch_multiplies_by_default() -> None:
    ampere = FakeTorch(tf32=True, l2_bytes=40 * MEBI)
    assert device_properties("cuda", 0, ampere) == DeviceProperties(40 * MEBI, "ieee", "tf32")
    assert device_properties("cuda", 0, ampere).defaults_to_tf32
    # somebody's own setting, of one operation or of all
    ampere.backends.cudnn.conv.fp32_precision = "ieee"
    assert not device_properties("cuda", 0, ampere).defaults_to_tf32
    ampere.backends.fp32_precision = "tf32"
    assert device_properties("cuda", 0, ampere) == DeviceProperties(40 * MEBI, "tf32", "ieee")


def test_a_device_without_tf32_and_a_cpu_say_nothing_of_it() -> None:
    assert device_properties("cuda", 0, FakeTorch(l2_bytes=4 * MEBI)) == DeviceProperties(4 * MEBI)
    assert device_properties("cuda", 0, FakeTorch()) == DeviceProperties()
    assert device_properties("mps") == DeviceProperties()
    assert device_properties("cpu") == DeviceProperties(last_cache_bytes())


def test_the_settings_are_named_as_torch_names_them() -> None:
    for operation in (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends):
        assert operation.fp32_precision in ("none", "ieee", "tf32")  # type: ignore[attr-defined]

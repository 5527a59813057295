"""Where runs are trained: how many at once, on which device, found out without torch in the server."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from distributed import Client, LocalCluster
from paths import ROOT

from xception_lab.experiments import placement
from xception_lab.experiments.cluster import PinnedNanny
from xception_lab.experiments.placement import (
    DEVICE_WORKER_BYTES,
    PACKED_SPEED,
    RUNS_PER_DEVICE,
    WORKER_BYTES,
    Placement,
    environment_of,
    free_device_bytes,
    place,
)
from xception_lab.experiments.scheduler import Scheduler
from xception_lab.experiments.store import Store
from xception_lab.training import state

EMPTY = 80 << 30  # free bytes of a device that nobody else uses
MANY = 64 * WORKER_BYTES


@pytest.mark.parametrize(
    ("free", "cores", "memory", "devices"),
    [
        ((), 8, MANY, (None,) * 8),
        ((), 8, 3 * WORKER_BYTES, (None,) * 3),
        ((), 8, 0, (None,)),
        # as many side by side as a device takes, whatever cores there are
        ((EMPTY,), 16, MANY, (0,) * RUNS_PER_DEVICE),
        # devices are filled evenly
        ((EMPTY, EMPTY), 16, MANY, (0, 1) * RUNS_PER_DEVICE),
        # no more workers than cores, and none that the machine's memory has no room for
        ((EMPTY, EMPTY), 3, MANY, (0, 1, 0)),
        ((EMPTY,), 16, 2 * WORKER_BYTES, (0, 0)),
        # what others use of a device counts
        ((EMPTY, DEVICE_WORKER_BYTES), 5, MANY, (0, 1, 0, 0, 0)),
        ((3 * DEVICE_WORKER_BYTES - 1,), 16, MANY, (0, 0)),
        ((1, 5, 3), 16, MANY, (1,)),
    ],
)
def test_a_machine_takes_as_many_runs_as_its_devices_cores_and_memory_do(
    free: tuple[int, ...], cores: int, memory: int, devices: tuple[int | None, ...]
) -> None:
    assert place(None, free, cores, memory) == Placement(devices)


def test_workers_that_are_asked_for_are_shared_out_among_the_devices() -> None:
    assert place(5, (EMPTY, EMPTY), 2, MANY).devices == (0, 1, 0, 1, 0)
    assert place(3, (), 2, MANY).devices == (None, None, None)


def test_runs_that_share_a_device_are_together_slower_than_as_many_cores() -> None:
    assert Placement((None,) * 3).speed == 3
    assert Placement((0,)).speed == 1
    assert Placement((0,) * RUNS_PER_DEVICE).speed == pytest.approx(PACKED_SPEED)
    assert Placement((0,) * 4 * RUNS_PER_DEVICE).speed == pytest.approx(PACKED_SPEED)
    assert Placement((0, 1) * RUNS_PER_DEVICE).speed == pytest.approx(2 * PACKED_SPEED)


def test_a_worker_sees_its_device_alone_also_where_the_user_has_hidden_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert environment_of(None) == {}
    assert environment_of(1) == {"CUDA_VISIBLE_DEVICES": "1"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5, GPU-7")
    assert [environment_of(device)["CUDA_VISIBLE_DEVICES"] for device in (0, 1)] == ["5", "GPU-7"]


def test_each_worker_process_of_the_cluster_has_its_own_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,4")
    # without a dashboard the scheduler would ask for dask's own port, which a test beside this one may have
    options = {
        "threads_per_worker": 1,
        "dashboard_address": "127.0.0.1:0",
        "memory_limit": 0,
        "worker_class": PinnedNanny,
    }
    with LocalCluster(n_workers=3, devices=(0, 1, None), **options) as cluster, Client(cluster) as client:
        found = client.run(os.getenv, "CUDA_VISIBLE_DEVICES")
    assert sorted(found.values()) == ["3", "3,4", "4"]


def test_the_devices_are_asked_in_a_process_that_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(placement, "accelerator_likely", lambda: True)
    # a sitecustomize of its own gives the asking process two devices
    (tmp_path / "sitecustomize.py").write_text(
        "import torch\n"
        "torch.cuda.is_available = lambda: True\n"
        "torch.cuda.device_count = lambda: 2\n"
        "torch.cuda.mem_get_info = lambda device: (1000 + device, 9999)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert free_device_bytes() == (1000, 1001)
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit(3)", encoding="utf-8")
    assert free_device_bytes() == ()


def test_what_the_asking_process_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "training_device", lambda: torch.device("cpu"))
    assert placement._ask_devices() == []
    monkeypatch.setattr(state, "training_device", lambda: torch.device("mps"))
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 7)
    assert placement._ask_devices() == [7]


def test_the_server_places_its_workers_without_torch() -> None:
    code = (
        "import sys\n"
        "from xception_lab.experiments import placement, scheduler\n"
        "placement.accelerator_likely = lambda: True\n"
        "placement.place_workers()\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)


def test_the_scheduler_gives_the_cluster_as_many_epochs_as_that_says_it_takes(tmp_path: Path) -> None:
    scheduler = Scheduler(Store(tmp_path))
    assert scheduler._worker_count() == placement.cpu_workers()
    scheduler._cluster = SimpleNamespace(workers=0)
    assert scheduler._worker_count() == placement.cpu_workers()
    scheduler._cluster = SimpleNamespace(workers=23)
    assert scheduler._worker_count() == 23
    asked = Scheduler(Store(tmp_path), workers=5)
    assert asked._worker_count() == 5

"""The embedded cluster: a dask LocalCluster in a process of its own, which ends when its parent does.

It has a process of its own for three reasons: dask's scheduler would compete with the server for the interpreter lock;
the workers have a low priority, which the server must not have; and workers that a Streamlit server spawns would run
the page's script, as its __main__. How the process ends with its parent is explained in common/child_process.py; dask's
workers end with it.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster, Nanny

from xception_lab.common import child_process
from xception_lab.common.child_process import give_way, start_child, wait_for_parent_end
from xception_lab.common.messages import say
from xception_lab.experiments.placement import environment_of, place_workers

START_S = 180.0  # on a machine with a lot else to do
STOP_S = 10.0


class Cluster:
    """The embedded cluster, which takes a while to start. Raises OSError when its process cannot be made.

    workers: how many processes; None for as many as the machine takes, which its own process finds out. folder: the
    store's, where the workers find a person's own data, and where workers.log says why it did not start. address: the
    scheduler's, empty until its workers run; from then on workers says how many there are.
    """

    def __init__(self, workers: int | None, folder: Path) -> None:
        self.address = ""
        self.workers = workers or 0
        self._log = folder / "workers.log"
        self._begun_s = time.monotonic()
        with self._log.open("wb") as errors:
            self._process = start_child(
                "xception_lab.experiments.cluster", [str(self.workers)], errors, {"XCEPTION_LAB_HOME": str(folder)}
            )
        self._reader = threading.Thread(target=self._read_address, daemon=True)
        self._reader.start()

    def _read_address(self) -> None:
        assert self._process.stdout
        with suppress(ValueError):  # closed meanwhile
            address, _, workers = self._process.stdout.readline().decode().strip().partition(" ")
            self.workers = int(workers or self.workers)
            self.address = address

    def wait(self, most_s: float) -> float:
        """Wait until its workers run, for at most so long. Returns how long ago it was started, in seconds.

        Raises RuntimeError when it has ended, or has been starting for START_S.
        """
        self._reader.join(most_s)
        age_s = time.monotonic() - self._begun_s
        if not self.address and (not self._reader.is_alive() or age_s > START_S):
            lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            last = lines[-1][:300] if lines else "-"
            raise RuntimeError(
                say("the training workers did not start: {last} (see {log})", last=last, log=str(self._log))
            )
        return age_s

    @property
    def alive(self) -> bool:
        """Whether its process is running."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it and its workers."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        if not self.address:
            self._process.kill()  # it may hang: where the loopback is down, say
        self._reader.join()
        self._process.stdout.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class PinnedNanny(Nanny):
    """dask's keeper of one worker process, which sees one device alone. devices: by the worker's name, its number."""

    def __init__(self, *arguments: Any, name: int, devices: Sequence[int | None], **options: Any) -> None:
        super().__init__(*arguments, name=name, env=environment_of(devices[name]), **options)


def _serve(workers: int) -> None:
    from dask import config

    # a worker whose process ends is noticed at once; by its silence, one would be given up when the clock is set
    config.set({"distributed.scheduler.worker-ttl": None})
    # each imports torch while it starts, and not in the first epoch that somebody waits for
    preload: list[str] = config.get("distributed.worker.preload", [])
    config.set({"distributed.worker.preload": [*preload, "xception_lab.training.loop"]})

    devices = place_workers(workers or None).devices
    # no memory limit: dask's would pause a worker for what torch's own allocator keeps; placement.py judges memory
    cluster = LocalCluster(
        n_workers=len(devices),
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,  # pyright: ignore[reportArgumentType]
        memory_limit=0,
        worker_class=PinnedNanny,
        devices=devices,
    )
    # only now: a person waits for them to start, which takes a few seconds once
    with Client(cluster, set_as_default=False) as client:
        client.run(give_way, child_process.NICENESS)
    give_way(child_process.NICENESS)
    print(cluster.scheduler_address, len(devices), flush=True)
    # an orderly shutdown would wait for the epochs under way; dask's workers end at once when their parent has
    wait_for_parent_end()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))

"""The embedded cluster is niced and listens on loopback at a port of chance; an outside one may speak TLS alone."""

import gc
import json
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import prompt_cluster
import psutil
import pytest
from distributed import Client
from distributed.security import Security

from xception_lab.common.child_process import NICENESS
from xception_lab.experiments import scheduler
from xception_lab.experiments.cluster import Cluster
from xception_lab.experiments.store import Store


def _await(true: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "waited 60 s in vain"
        time.sleep(0.02)


def _processes(cluster: Cluster) -> list[psutil.Process]:
    parent = psutil.Process(cluster._process.pid)
    return [parent, *parent.children(recursive=True)]


def test_the_embedded_cluster_is_niced_and_the_server_is_not(tmp_path: Path) -> None:
    own = psutil.Process().nice()
    cluster = Cluster(1, tmp_path)
    # they start at the server's priority, as somebody waits for them
    _await(lambda: cluster.wait(1) and cluster.address)
    processes = _processes(cluster)
    niceness = {process.nice() for process in processes if "resource_tracker" not in " ".join(process.cmdline())}
    assert niceness == {min(own + NICENESS, 19)}
    assert len(processes) > 2
    assert psutil.Process().nice() == own
    cluster.close()
    assert not psutil.wait_procs(processes, timeout=60)[1]


def test_the_embedded_cluster_listens_on_loopback_at_a_port_of_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt_cluster.use(monkeypatch)
    cluster = Cluster(1, tmp_path)
    again = Cluster(1, tmp_path)
    for each in (cluster, again):
        _await(lambda each=each: each.wait(1) and each.address)
    assert cluster.address != again.address
    for each in (cluster, again):
        scheme, _, rest = each.address.partition("://")
        host, port = rest.split(":")
        assert (scheme, host) == ("tcp", "127.0.0.1")
        assert int(port) not in (8786, 8787)
        connections = [at for process in _processes(each) for at in process.net_connections("inet")]
        assert {at.laddr.ip for at in connections if at.status == "LISTEN"} == {"127.0.0.1"}
        each.close()


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A scheduler and a worker that speak TLS only: their address, and dask's settings for who may join."""
    security = Security.temporary()
    texts = {"ca-file": security.tls_ca_file, "cert": security.tls_client_cert, "key": security.tls_client_key}
    files = {name: tmp_path / f"{name}.pem" for name in texts}
    for name, text in texts.items():
        files[name].write_text(str(text), encoding="utf-8")
    settings = {"distributed.comm.require-encryption": "True", "distributed.comm.tls.ca-file": str(files["ca-file"])}
    settings |= {f"distributed.comm.tls.client.{name}": str(files[name]) for name in ("cert", "key")}
    options = [text for name, path in files.items() for text in (f"--tls-{name}", str(path))]
    dask_command = [sys.executable, "-m", "dask"]
    listening = tmp_path / "scheduler.json"
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> None:
        where = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen([*dask_command, *arguments, *options, "--no-dashboard"], **where))

    start("scheduler", "--protocol", "tls", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(listening))
    _await(lambda: listening.exists() and listening.stat().st_size)
    address = json.loads(listening.read_text())["address"]
    start("worker", address, "--nthreads", "1", "--no-nanny")
    yield address, settings
    for process in started:
        process.kill()
        process.wait()


def test_a_scheduler_with_tls_takes_who_has_its_certificate_and_nobody_else(tls: tuple[str, dict[str, str]]) -> None:
    address, settings = tls
    assert address.startswith("tls://")
    with dask.config.set(settings), Client(address, timeout=10, set_as_default=False) as client:
        assert client.submit(sum, (1, 2)).result(30) == 3
    with pytest.raises((OSError, TypeError)):
        Client(address, timeout=2, set_as_default=False)
    gc.collect()  # as the scheduler does, and for its reason
    with pytest.raises((OSError, TypeError)):
        Client(address.replace("tls://", "tcp://"), timeout=2, set_as_default=False)


def test_what_could_not_connect_is_gone_before_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[object]] = []

    class Unreachable:
        def __init__(self, *_: object, **__: object) -> None:
            self.circle = self  # as distributed's has: no count of references ends it
            made.append(weakref.ref(self))
            raise OSError("nobody answers")

    monkeypatch.setattr(scheduler, "Client", Unreachable)
    monkeypatch.setattr(scheduler, "RETRY_S", 0.0)
    gc.disable()
    try:
        assert not scheduler.Scheduler(Store(tmp_path), "tcp://127.0.0.1:9")._connect()
        assert [reference() for reference in made] == [None]
    finally:
        gc.enable()

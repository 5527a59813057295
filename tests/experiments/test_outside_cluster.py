"""Where dask listens: the embedded cluster on loopback at a port of chance; an outside one may speak TLS alone."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import dask
import psutil
import pytest
from distributed import Client, Scheduler, Worker
from distributed.security import Security

from xception_lab.experiments.cluster import Cluster


def test_the_embedded_cluster_listens_on_loopback_at_a_port_of_chance(tmp_path: Path) -> None:
    cluster = Cluster(1, tmp_path)
    again = Cluster(1, tmp_path)
    assert cluster.address != again.address
    for each in (cluster, again):
        scheme, _, rest = each.address.partition("://")
        host, port = rest.split(":")
        assert (scheme, host) == ("tcp", "127.0.0.1")
        assert int(port) not in (8786, 8787)
        parent = psutil.Process(each._process.pid)
        processes = [parent, *parent.children(recursive=True)]
        found = [at for process in processes for at in process.net_connections("inet") if at.status == "LISTEN"]
        assert {at.laddr.ip for at in found} == {"127.0.0.1"}
        each.close()


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A scheduler and a worker that speak TLS only: their address, and dask's settings for who may join."""
    security = Security.temporary()
    settings: dict[str, str] = {"distributed.comm.require-encryption": "True"}
    for role, key, text in (
        ("ca-file", "ca-file", security.tls_ca_file),
        ("client-cert", "client.cert", security.tls_client_cert),
        ("client-key", "client.key", security.tls_client_key),
    ):
        path = tmp_path / f"{role}.pem"
        path.write_text(str(text), encoding="utf-8")
        settings[f"distributed.comm.tls.{key}"] = str(path)
    loop = asyncio.new_event_loop()
    started: asyncio.Future[str] = loop.create_future()
    ended = asyncio.Event()

    async def serve() -> None:
        options = {"host": "127.0.0.1", "dashboard_address": ":0", "security": security}
        async with (
            Scheduler(port=0, protocol="tls", **options) as scheduler,
            Worker(scheduler.address, nthreads=1, **options),
        ):
            started.set_result(scheduler.address)
            await ended.wait()

    thread = Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()

    async def address() -> str:
        return await started

    yield asyncio.run_coroutine_threadsafe(address(), loop).result(20), settings
    loop.call_soon_threadsafe(ended.set)
    thread.join(20)
    loop.close()


def test_a_scheduler_with_tls_takes_who_has_its_certificate_and_nobody_else(tls: tuple[str, dict[str, str]]) -> None:
    address, settings = tls
    assert address.startswith("tls://")
    with dask.config.set(settings), Client(address, timeout=10, set_as_default=False) as client:
        assert client.submit(sum, (1, 2)).result(10) == 3
    with pytest.raises((OSError, TypeError)):
        Client(address, timeout=2, set_as_default=False)
    with pytest.raises((OSError, TypeError)):
        Client(address.replace("tls://", "tcp://"), timeout=2, set_as_default=False)

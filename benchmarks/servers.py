"""A Streamlit server on a free loopback port, and what the system reports of its process."""

import math
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    port: int

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://127.0.0.1:{self.port}"

    def rss_mb(self) -> float:
        """Resident memory in MB."""
        match = re.search(r"VmRSS:\s+(\d+) kB", self._read("status"))
        return int(match[1]) / 1024 if match else 0.0

    def cpu_seconds(self) -> float:
        """Processor time used so far, in seconds."""
        # the process name may hold spaces, so count from behind it
        fields = self._read("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def has_torch(self) -> bool:
        """Whether torch is loaded: its library is in the process's memory map."""
        return "libtorch" in self._read("maps")

    def _read(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text(encoding="utf-8")


@contextmanager
def serve(script: str, log: Path | None = None, module: str = "streamlit") -> Iterator[Server]:
    """Serve a script of this project, under the project's own config, until the block ends.

    log: a file for what the server writes; None drops it. module: what is run, with Streamlit's own arguments.
    Streamlit reads the config from the working directory, which is why every server runs in the project's root.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--server.port", str(port), "--server.address", "127.0.0.1"]
    command = [sys.executable, "-m", module, "run", script, *options]
    with (log or Path(os.devnull)).open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        server = Server(process.pid, port)
        _await_health(process, server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Rows as a Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows))


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _await_health(process: subprocess.Popen[bytes], server: Server) -> None:
    end = monotonic() + START_SECONDS
    while monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it answered")
        try:
            with urlopen(f"{server.address}/_stcore/health", timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            sleep(0.1)
    raise TimeoutError(f"no answer on port {server.port} after {START_SECONDS} s")

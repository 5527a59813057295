"""Can a file that one person uploads hold or fill the server that another one uses?

Every file of tests/hostile_files.py is read by the reader of its kind on a thread of a real server's process, as a
session's thread would read it. Meanwhile a second person, a websocket session on /compare, moves a control. Prints one
Markdown table; its first row is the second person alone. Answers that raise anything but a sentence end the benchmark.
Run: python -m benchmarks.hostile_files [--kinds picture data weights timings experiment] [--alone 20]
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Client, Connection, Listener
from time import monotonic

from benchmarks.load import KEY, PAGE
from benchmarks.servers import ROOT, Server, percentile, serve, table
from benchmarks.sessions import Tab, session, xsrf_token

sys.path.insert(0, str(ROOT / "tests"))

from hostile_files import KINDS, hostile_files, refusal

ADDRESS = "XCEPTION_LAB_BENCHMARK_ADDRESS"
PAUSE_S = 0.3
SLOWEST_SHOWN = 3
HEAD = (
    "kind",
    "files",
    "refused",
    "slowest answer",
    "memory growth",
    "largest growth meanwhile",
    "second person's moves",
    "their p95",
)


@dataclass
class Reading:
    """What came of the files of one kind. answers: (seconds, name, sentence). waits: of the second person, in s."""

    answers: list[tuple[float, str, str]] = field(default_factory=list[tuple[float, str, str]])
    waits: list[float] = field(default_factory=list[float])
    rss_mb: list[float] = field(default_factory=list[float])


def _read_in_the_server(address: str) -> None:
    """In the server's process: read what comes, and answer with the seconds it took and the sentence."""
    with Client(address) as connection:
        while True:
            kind, content = connection.recv()
            if not kind:  # between the kinds: a collection stops every thread of the process
                gc.collect()
                connection.send(None)
                continue
            start = monotonic()
            try:
                sentence = refusal(kind, content)
            except Exception as error:
                sentence = repr(error)
                connection.send((monotonic() - start, sentence, False))
                continue
            connection.send((monotonic() - start, sentence, True))


def _run_server() -> None:
    """Streamlit as it is started from the terminal, with a thread beside it that reads."""
    from streamlit.web.cli import main as streamlit_main

    threading.Thread(target=_read_in_the_server, args=(os.environ[ADDRESS],), daemon=True).start()
    streamlit_main()


def _send(connection: Connection, files: list[tuple[str, str, bytes]], reading: Reading) -> None:
    for kind, name, content in files:
        connection.send((kind, content))
        seconds, sentence, said = connection.recv()
        if not said:
            raise RuntimeError(f"{kind}, {name}: {sentence}")
        reading.answers.append((seconds, name, sentence))


async def _move(server: Server, token: str, done: asyncio.Event, reading: Reading) -> None:
    """Move the slider to and fro until the files are read."""
    async with session(server, token) as socket:
        tab = Tab(socket)
        await tab.open(PAGE)
        options = tab.options(KEY)
        for number in range(3):  # the first moves fill caches
            await tab.choose(KEY, options[number % 2])
        place = 0
        while not (done.is_set() and reading.waits):
            place = (place + 1) % len(options)
            start = monotonic()
            await tab.choose(KEY, options[place])
            reading.waits.append(monotonic() - start)
            reading.rss_mb.append(server.rss_mb())
            await asyncio.sleep(PAUSE_S)


async def _read_kind(server: Server, connection: Connection, kind: str, alone_s: float) -> tuple[str, ...]:
    """One row. kind: "" for the second person alone, for `alone_s` seconds."""
    files = [(file.kind, file.name, file.make()) for file in hostile_files() if file.kind == kind]
    reading, done = Reading(), asyncio.Event()
    before = server.rss_mb()
    person = asyncio.create_task(_move(server, xsrf_token(server), done, reading))
    try:
        await (asyncio.to_thread(_send, connection, files, reading) if files else asyncio.sleep(alone_s))
    finally:
        done.set()
        await person
    connection.send(("", b""))
    connection.recv()
    after = server.rss_mb()
    slowest = sorted(reading.answers, reverse=True)[:SLOWEST_SHOWN]
    for seconds, name, sentence in slowest:
        print(f"{kind}: {seconds:.2f} s for {name}: {sentence or 'read'}", flush=True)
    return (
        kind or "(none)",
        str(len(files)),
        str(sum(bool(sentence) for _, _, sentence in reading.answers)),
        f"{slowest[0][0]:.2f} s" if slowest else "",
        f"{after - before:+.0f} MiB",
        f"{max(reading.rss_mb, default=after) - before:+.0f} MiB",
        str(len(reading.waits)),
        f"{1e3 * percentile(reading.waits, 0.95):.0f} ms",
    )


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["run"]:
        _run_server()
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--alone", type=float, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Listener(os.path.join(folder, "socket")) as listener:
        os.environ[ADDRESS] = str(listener.address)
        os.environ["XCEPTION_LAB_HOME"] = folder
        with serve("app.py", module="benchmarks.hostile_files") as server, listener.accept() as connection:
            # the first file of each kind pays for the reader's imports, as the first visit does for the page's
            _send(connection, [(kind, "nothing", b"nothing") for kind in KINDS], Reading())
            for _ in range(2):
                asyncio.run(_read_kind(server, connection, "", 5))
            rows = [
                asyncio.run(_read_kind(server, connection, kind, arguments.alone)) for kind in ("", *arguments.kinds)
            ]
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()

"""How long does a class wait, and does the server's memory stay flat?

Simulated people, each a real websocket session on /compare, move a control every two seconds; prints one Markdown
table. Traffic goes to servers that this script starts, on 127.0.0.1 alone. With several servers, which share one home,
the people are spread over them, and each stays with one.
Run: python -m benchmarks.load [--people 30 100] [--seconds 60] [--servers 1 2]
"""

import argparse
import asyncio
import os
import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks.servers import Server, percentile, serve, table
from benchmarks.sessions import Tab, session, xsrf_token

PAGE = "compare"
KEY = "out_channels"
PERIOD = (1.5, 2.5)
HEAD = (
    "servers",
    "people",
    "opened in, median / max",
    "moves",
    "failed",
    "median",
    "p95",
    "max",
    "RSS start / middle / end",
    "RSS slope, last 3/4",
    "CPU of one core",
    "CPU a run",
)


@dataclass
class Run:
    """The results of one row of the table."""

    opened: list[float] = field(default_factory=list[float])
    moves: list[float] = field(default_factory=list[float])
    failed: int = 0
    rss: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])


async def _live(server: Server, token: str, start: float, end: float, run: Run) -> None:
    """Open the page at `start` and move the slider to its neighbours until `end`."""
    await asyncio.sleep(max(0.0, start - monotonic()))
    try:
        async with session(server, token) as socket:
            tab = Tab(socket)
            await tab.open(PAGE)
            run.opened.append(monotonic() - start)
            options = tab.options(KEY)
            at = random.randrange(len(options))
            due = monotonic() + random.uniform(0, PERIOD[1])
            while due < end:
                await asyncio.sleep(max(0.0, due - monotonic()))
                at = min(len(options) - 1, max(0, at + random.choice((-1, 1))))
                await tab.choose(KEY, options[at])
                # from the moment the person wanted to move, even if the answer before came too late for it
                run.moves.append(monotonic() - due)
                due += random.uniform(*PERIOD)
    except Exception as error:
        run.failed += 1
        print(f"a person left: {error!r}", flush=True)


async def _watch(servers: list[Server], end: float, run: Run) -> None:
    while monotonic() < end:
        run.rss.append((monotonic(), sum(server.rss_mb() for server in servers)))
        await asyncio.sleep(1)


def _slope(points: list[tuple[float, float]]) -> float:
    """Least-squares slope of (seconds, MB), in MB a minute."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


async def _load(servers: list[Server], people: int, seconds: float) -> tuple[str, ...]:
    tokens = [xsrf_token(server) for server in servers]
    for server, token in zip(servers, tokens, strict=True):
        async with session(server, token) as socket:
            # the first visit pays for the imports; a class comes to a server that has been looked at
            await Tab(socket).open(PAGE)
    run = Run()
    begin, used = monotonic(), sum(server.cpu_seconds() for server in servers)
    end = begin + seconds
    arriving = min(10.0, seconds / 4)
    # a person stays with one server, as a proxy with sticky sessions has it
    homes = [number % len(servers) for number in range(people)]
    starts = [begin + arriving * number / people for number in range(people)]
    lives = [_live(servers[home], tokens[home], start, end, run) for home, start in zip(homes, starts, strict=True)]
    await asyncio.gather(_watch(servers, end, run), *lives)
    spent = sum(server.cpu_seconds() for server in servers) - used
    share = spent / (monotonic() - begin)
    rss = [mb for _, mb in run.rss]
    rss_mb = (rss[0], rss[len(rss) // 2], rss[-1])
    late = run.rss[len(run.rss) // 4 :]
    return (
        str(len(servers)),
        str(people),
        f"{_ms(median(run.opened))} / {_ms(max(run.opened))}",
        str(len(run.moves)),
        str(run.failed),
        _ms(median(run.moves)),
        _ms(percentile(run.moves, 0.95)),
        _ms(max(run.moves)),
        " / ".join(f"{mb:.0f}" for mb in rss_mb) + " MB",
        f"{_slope(late):+.2f} MB/min",
        f"{share:.0%}",
        f"{1e3 * spent / (len(run.moves) + len(run.opened)):.1f} ms",
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f} ms"


def main() -> None:
    """Print the table; every row has servers of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[30, 100])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--servers", type=int, nargs="+", default=[1], help="processes that share one home")
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    for people in arguments.people:
        for number in arguments.servers:
            with TemporaryDirectory() as folder, ExitStack() as stack:
                os.environ["XCEPTION_LAB_HOME"] = folder
                servers = [stack.enter_context(serve("app.py")) for _ in range(number)]
                rows.append(asyncio.run(_load(servers, people, arguments.seconds)))
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()

"""How long does a class wait, and does the server's memory stay flat?

Simulated people, each a real websocket session on /compare, move a control every two seconds; prints one Markdown
table. Traffic goes to a server that this script starts, on 127.0.0.1 alone.
Run: python -m benchmarks.load [--people 30 100] [--seconds 60]
"""

import argparse
import asyncio
import random
from dataclasses import dataclass, field
from statistics import median
from time import monotonic
from typing import Any, cast
from urllib.request import urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.servers import Server, percentile, serve, table

PAGE = "compare"
KEY = "out_channels"
PERIOD = (1.5, 2.5)
ANSWER_SECONDS = 120
HEAD = (
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
)


@dataclass
class Slider:
    """The control that is moved, as the server described it."""

    id: str
    options: list[str]


@dataclass
class Run:
    """The results of one row of the table."""

    opened: list[float] = field(default_factory=list[float])
    moves: list[float] = field(default_factory=list[float])
    failed: int = 0
    rss: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])


class Person:
    """One browser tab: a websocket session that speaks Streamlit's own protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        """socket: connected, nothing sent yet."""
        self._socket = socket
        self._page_hash = ""
        # the browser too keeps messages that it was told to, and gets a hash in their place next time
        self._cached: dict[str, ForwardMsg] = {}
        self.slider: Slider | None = None
        self.received: list[ForwardMsg] = []

    async def rerun(self, choice: str | None = None) -> None:
        """Ask for a run, with the slider at `choice`, and wait until it is finished."""
        self.received = []
        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash = self._page_hash
        state.page_name = PAGE if not self._page_hash else ""
        state.context_info.locale = "en"
        state.context_info.timezone = "UTC"
        state.cached_message_hashes.extend(self._cached)
        if choice is not None and self.slider is not None:
            chosen = WidgetState(id=self.slider.id)
            chosen.string_array_value.data.append(choice)
            state.widget_states.widgets.append(chosen)
        await self._socket.send(message.SerializeToString())
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                answer = self._resolved(ForwardMsg.FromString(cast(bytes, await self._socket.recv())))
                self.received.append(answer)
                self._note(answer)
                if answer.WhichOneof("type") == "script_finished":
                    if answer.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                        raise RuntimeError(f"a run ended with state {answer.script_finished}")
                    return

    def _resolved(self, message: ForwardMsg) -> ForwardMsg:
        if message.WhichOneof("type") == "ref_hash":
            known = ForwardMsg()
            known.CopyFrom(self._cached[message.ref_hash])
            known.metadata.CopyFrom(message.metadata)
            return known
        if message.metadata.cacheable:
            self._cached[message.hash] = message
        return message

    def _note(self, message: ForwardMsg) -> None:
        # a new session names the entry script; the page that the address means comes with the navigation
        if message.WhichOneof("type") == "navigation":
            self._page_hash = message.navigation.page_script_hash
        element = message.delta.new_element
        if element.WhichOneof("type") == "slider" and element.slider.id.endswith(f"-{KEY}"):
            self.slider = Slider(element.slider.id, list(element.slider.options))


def session(server: Server, token: str) -> Any:
    """A websocket to the server, with the headers that a browser sends."""
    return connect(
        f"ws://127.0.0.1:{server.port}/_stcore/stream",
        subprotocols=cast(Any, ["streamlit", token]),
        origin=cast(Any, server.address),
        additional_headers={"Cookie": f"_streamlit_xsrf={token}"},
        max_size=None,
        proxy=None,
    )


def xsrf_token(server: Server) -> str:
    """The token that the server gives to a browser on its first request."""
    with urlopen(f"{server.address}/_stcore/health", timeout=10) as answer:
        return str(answer.headers["Set-Cookie"]).partition("=")[2].partition(";")[0]


async def _live(server: Server, token: str, start: float, end: float, run: Run) -> None:
    """Open the page at `start` and move the slider to its neighbours until `end`."""
    await asyncio.sleep(max(0.0, start - monotonic()))
    try:
        async with session(server, token) as socket:
            person = Person(socket)
            await person.rerun()
            run.opened.append(monotonic() - start)
            slider = person.slider
            if slider is None:
                raise RuntimeError(f"the page has no slider {KEY}")
            at = random.randrange(len(slider.options))
            due = monotonic() + random.uniform(0, PERIOD[1])
            while due < end:
                await asyncio.sleep(max(0.0, due - monotonic()))
                at = min(len(slider.options) - 1, max(0, at + random.choice((-1, 1))))
                await person.rerun(slider.options[at])
                # from the moment the person wanted to move, even if the answer before came too late for it
                run.moves.append(monotonic() - due)
                due += random.uniform(*PERIOD)
    except Exception as error:
        run.failed += 1
        print(f"a person left: {error!r}", flush=True)


async def _watch(server: Server, end: float, run: Run) -> None:
    while monotonic() < end:
        run.rss.append((monotonic(), server.rss_mb()))
        await asyncio.sleep(1)


def _slope(points: list[tuple[float, float]]) -> float:
    """Least-squares slope of (seconds, MB), in MB a minute."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 60 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


async def _load(server: Server, people: int, seconds: float) -> tuple[str, ...]:
    token = xsrf_token(server)
    async with session(server, token) as socket:
        # the first visit pays for the imports; a class comes to a server that has been looked at
        await Person(socket).rerun()
    run = Run()
    begin, used = monotonic(), server.cpu_seconds()
    end = begin + seconds
    arriving = min(10.0, seconds / 4)
    starts = [begin + arriving * number / people for number in range(people)]
    await asyncio.gather(_watch(server, end, run), *(_live(server, token, start, end, run) for start in starts))
    share = (server.cpu_seconds() - used) / (monotonic() - begin)
    rss = [mb for _, mb in run.rss]
    rss_mb = (rss[0], rss[len(rss) // 2], rss[-1])
    late = run.rss[len(run.rss) // 4 :]
    return (
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
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f} ms"


def main() -> None:
    """Print the table; every row has a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[30, 100])
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    for people in arguments.people:
        with serve("app.py") as server:
            rows.append(asyncio.run(_load(server, people, arguments.seconds)))
    print(table(HEAD, rows))


if __name__ == "__main__":
    main()

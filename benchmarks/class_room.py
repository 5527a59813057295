"""How long does a class wait in a room when all join, and all predict, at once, and is anything lost?

So many simulated students, each a real websocket session that asks for news as a browser does, open a room's link,
press Join, and predict step after step, each step twice; the teacher's page is open beside them, reveals and moves on.
"at once" is the same instant for all, or a random one within so many seconds. Prints one Markdown table; the exit
status is 1 where the store does not hold exactly what was sent.
Run: python -m benchmarks.class_room [--people 40] [--within 0 5] [--steps 5] [--servers 1]
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic

from benchmarks.servers import Server, percentile, serve, table
from benchmarks.sessions import ANSWER_S, Tab, session, xsrf_token
from xception_lab.classroom.store import ClassStore
from xception_lab.ui.fields.story import PREDICTIONS


class Room:
    """A room, its students and what they have sent."""

    def __init__(self, servers: list[Server], store: ClassStore, people: int, within: float) -> None:
        self._servers, self._store, self._people, self._within = servers, store, people, within
        self._code, self._secret = store.open_room()
        self._tabs: list[Tab] = []
        self._sent: dict[str, Counter[str]] = {}
        self.waits: dict[str, list[float]] = {}
        self.cpu_s: dict[str, float] = {}  # of the server, with what it did beside: asking for news, the teacher's page

    async def teach(self, steps: int) -> bool:
        """A lesson of so many steps. Returns whether the store holds what was sent."""
        tokens = [xsrf_token(server) for server in self._servers]
        # everybody stays with one server, as a proxy with sticky sessions has it
        homes = [number % len(self._servers) for number in range(self._people + 1)]
        sockets = [await session(self._servers[home], tokens[home]) for home in homes]
        teacher, *self._tabs = (Tab(socket, f"room={self._code}") for socket in sockets)
        await teacher.open("class", f"room={self._code}&key={self._secret}")
        news = [asyncio.create_task(teacher.ask_for_news())]
        await self._all("open the link", lambda tab: tab.open("class"))
        await self._all("join", lambda tab: tab.press("join"))
        news += [asyncio.create_task(tab.ask_for_news()) for tab in self._tabs]
        for number in range(1, steps + 1):
            options = PREDICTIONS[number - 1].texts[1:-1]
            self._sent[str(number)] = Counter[str]()
            for is_last in (False, True):  # the second thought replaces the first
                await self._all("predict", partial(self._predict, str(number), options, is_last))
            await self._move_on(str(number), str(number + 1))
        for task in news:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for socket in sockets:
            await socket.close()
        return self._is_whole(steps)

    async def _predict(self, step: str, options: tuple[str, ...], is_last: bool, tab: Tab) -> None:
        text = random.choice(options)
        if is_last:
            self._sent[step][text] += 1
        await tab.send(f"guess_{step}", "guess", text)

    async def _move_on(self, step: str, following: str) -> None:
        """Reveal a step and open the next one; every tab comes along by itself."""
        self._store.reveal(self._code, self._secret, step)
        await asyncio.sleep(2.5)
        before = [tab.titles for tab in self._tabs]
        started, used = monotonic(), self._cpu_seconds()
        self._store.set_step(self._code, self._secret, following)
        waiting = dict(enumerate(self._tabs))
        while waiting and monotonic() - started < ANSWER_S:
            await asyncio.sleep(0.02)
            for number, tab in list(waiting.items()):
                if tab.titles and tab.titles != before[number]:
                    self.waits.setdefault("come along", []).append(monotonic() - started)
                    del waiting[number]
        self.cpu_s["come along"] = self.cpu_s.get("come along", 0.0) + self._cpu_seconds() - used
        await asyncio.sleep(0.5)

    async def _all(self, name: str, act: Callable[[Tab], Awaitable[None]]) -> None:
        async def one(tab: Tab) -> None:
            await asyncio.sleep(random.uniform(0, self._within))
            started = monotonic()
            await act(tab)
            self.waits.setdefault(name, []).append(monotonic() - started)

        used = self._cpu_seconds()
        await asyncio.gather(*(one(tab) for tab in self._tabs))
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + self._cpu_seconds() - used

    def _cpu_seconds(self) -> float:
        return sum(server.cpu_seconds() for server in self._servers)

    def _is_whole(self, steps: int) -> bool:
        kept: dict[str, Counter[str]] = {str(number): Counter() for number in range(1, steps + 1)}
        for prediction in self._store.predictions(self._code, self._secret):
            kept[prediction.step][prediction.text] += 1
        return kept == self._sent and self._store.room(self._code).seats == self._people


def main() -> None:
    """Print the table; every class has servers of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--within", type=float, nargs="+", default=[0.0, 5.0])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--servers", type=int, default=1, help="processes that share one home")
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    lost = False
    for within in arguments.within:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XCEPTION_LAB_HOME"] = folder
            with ExitStack() as stack:
                servers = [stack.enter_context(serve("app.py")) for _ in range(arguments.servers)]
                # the first visits pay for the imports; a class comes to a server that has been looked at
                warm_up = Room(servers, ClassStore(Path(folder)), 2 * len(servers), 0.0)
                asyncio.run(warm_up.teach(arguments.steps))
                room = Room(servers, ClassStore(Path(folder)), arguments.people, within)
                is_whole = asyncio.run(room.teach(arguments.steps))
            lost |= not is_whole
            for name, waits in room.waits.items():
                figures = (median(waits), percentile(waits, 0.95), max(waits))
                rows.append(
                    (
                        str(arguments.people),
                        f"within {within:g} s" if within else "the same instant",
                        name,
                        str(len(waits)),
                        *(f"{1e3 * figure:,.0f} ms" for figure in figures),
                        f"{1e3 * room.cpu_s[name] / len(waits):.1f} ms",
                        "nothing" if is_whole else "SOMETHING",
                    )
                )
    print(table(("people", "at once", "what", "how often", "median", "p95", "max", "server CPU each", "lost"), rows))
    sys.exit(lost)


if __name__ == "__main__":
    main()

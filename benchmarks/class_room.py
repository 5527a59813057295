"""How long does a class wait in a room when all join, and all predict, at once, and is anything lost?

So many simulated students, each a real websocket session that asks for news as a browser does, open a room's link,
press Join, and predict step after step, each step twice; the teacher's page is open beside them, reveals and moves on.
"at once" is the same instant for all, or a random one within so many seconds. Prints one Markdown table; the exit
status is 1 where the store does not hold exactly what was sent.
Run: python -m benchmarks.class_room [--people 40] [--within 0 5] [--steps 5]
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic
from typing import cast

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection

from benchmarks.load import session, xsrf_token
from benchmarks.servers import Server, percentile, serve, table
from xception_lab.classroom.store import ClassStore
from xception_lab.ui.fields.story import PREDICTIONS

ANSWER_S = 120
DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class Tab:
    """A browser tab: a websocket session that speaks Streamlit's own protocol, and asks for news on its own."""

    def __init__(self, socket: ClientConnection, query: str) -> None:
        self._socket = socket
        self._query = query
        self._page_hash = ""
        self._cached: dict[str, ForwardMsg] = {}
        self._turn = asyncio.Lock()
        self._widgets: dict[str, tuple[str, str]] = {}  # by the end of its id: its id, and its fragment's
        self._polls: dict[str, float] = {}  # of each fragment that runs by itself: every so many seconds
        self.texts = ""

    async def open(self, page: str) -> None:
        """Open a page as a link does."""
        async with self._turn:
            await self._run(page=page)

    async def press(self, key: str) -> None:
        """Press a button."""
        async with self._turn:
            id_, fragment = self._widget(key)
            await self._run(WidgetState(id=id_, trigger_value=True), fragment=fragment)

    async def send(self, key: str, event: str, value: str) -> None:
        """What a component of ours reports."""
        async with self._turn:
            id_, fragment = self._widget(key)
            events = json.dumps([{"event": event, "value": value}])
            state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{id_}__events", json_trigger_value=events)
            await self._run(state, fragment=fragment)

    async def ask_for_news(self) -> None:
        """Run the page's own fragments when they are due, for ever."""
        await asyncio.sleep(random.uniform(0, 2))
        while True:
            for fragment, interval in list(self._polls.items()):
                async with self._turn:
                    if fragment in self._polls:
                        await self._run(fragment=fragment, is_auto=True)
                await asyncio.sleep(interval)
            await asyncio.sleep(0.05)

    def _widget(self, key: str) -> tuple[str, str]:
        return next(found for id_, found in self._widgets.items() if id_.endswith(f"-{key}"))

    async def _run(
        self, widget: WidgetState | None = None, *, page: str = "", fragment: str = "", is_auto: bool = False
    ) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self._query
        state.page_script_hash = self._page_hash
        state.page_name = page
        state.fragment_id = fragment
        state.is_auto_rerun = is_auto
        state.context_info.locale = "en"
        state.context_info.timezone = "UTC"
        state.context_info.url = "http://127.0.0.1/class"
        state.cached_message_hashes.extend(self._cached)
        if widget:
            state.widget_states.widgets.append(widget)
        await self._socket.send(message.SerializeToString())
        async with asyncio.timeout(ANSWER_S):
            while True:
                answer = self._resolved(ForwardMsg.FromString(cast(bytes, await self._socket.recv())))
                if answer.WhichOneof("type") == "script_finished":
                    if answer.script_finished in DONE:
                        return
                    if answer.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                        raise RuntimeError(f"a run ended with state {answer.script_finished}")
                self._note(answer)

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
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            self._page_hash = message.new_session.page_script_hash
            self._polls.clear()
            self.texts = ""
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._polls[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "delta":
            element = message.delta.new_element
            name = element.WhichOneof("type")
            if name in ("button", "bidi_component"):
                id_ = getattr(element, name).id
                self._widgets[id_] = id_, message.delta.fragment_id
            elif name == "heading":
                self.texts += element.heading.body


class Room:
    """A room, its students and what they have sent."""

    def __init__(self, server: Server, store: ClassStore, people: int, within: float) -> None:
        self._server, self._store, self._people, self._within = server, store, people, within
        self._code, self._secret = store.open_room()
        self._tabs: list[Tab] = []
        self._sent: dict[str, Counter[str]] = {}
        self.waits: dict[str, list[float]] = {}
        self.cpu_s: dict[str, float] = {}  # of the server, with what it did beside: asking for news, the teacher's page

    async def teach(self, steps: int) -> bool:
        """A lesson of so many steps. Returns whether the store holds what was sent."""
        token = xsrf_token(self._server)
        sockets = [await session(self._server, token) for _ in range(self._people + 1)]
        teacher, *self._tabs = (Tab(socket, f"room={self._code}") for socket in sockets)
        teacher._query += f"&key={self._secret}"
        await teacher.open("class")
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
        before = [tab.texts for tab in self._tabs]
        started, used = monotonic(), self._server.cpu_seconds()
        self._store.set_step(self._code, self._secret, following)
        waiting = dict(enumerate(self._tabs))
        while waiting and monotonic() - started < ANSWER_S:
            await asyncio.sleep(0.02)
            for number, tab in list(waiting.items()):
                if tab.texts and tab.texts != before[number]:
                    self.waits.setdefault("come along", []).append(monotonic() - started)
                    del waiting[number]
        self.cpu_s["come along"] = self.cpu_s.get("come along", 0.0) + self._server.cpu_seconds() - used
        await asyncio.sleep(0.5)

    async def _all(self, name: str, act: Callable[[Tab], Awaitable[None]]) -> None:
        async def one(tab: Tab) -> None:
            await asyncio.sleep(random.uniform(0, self._within))
            started = monotonic()
            await act(tab)
            self.waits.setdefault(name, []).append(monotonic() - started)

        used = self._server.cpu_seconds()
        await asyncio.gather(*(one(tab) for tab in self._tabs))
        self.cpu_s[name] = self.cpu_s.get(name, 0.0) + self._server.cpu_seconds() - used

    def _is_whole(self, steps: int) -> bool:
        kept: dict[str, Counter[str]] = {str(number): Counter() for number in range(1, steps + 1)}
        for prediction in self._store.predictions(self._code, self._secret):
            kept[prediction.step][prediction.text] += 1
        return kept == self._sent and self._store.room(self._code).seats == self._people


def main() -> None:
    """Print the table; every row has a server of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--within", type=float, nargs="+", default=[0.0, 5.0])
    parser.add_argument("--steps", type=int, default=5)
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    lost = False
    for within in arguments.within:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["XCEPTION_LAB_HOME"] = folder
            with serve("app.py") as server:
                # the first visits pay for the imports; a class comes to a server that has been looked at
                asyncio.run(Room(server, ClassStore(Path(folder)), 2, 0.0).teach(arguments.steps))
                room = Room(server, ClassStore(Path(folder)), arguments.people, within)
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

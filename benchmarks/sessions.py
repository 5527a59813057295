"""A browser tab without a browser: a websocket session that speaks Streamlit's own protocol."""

import asyncio
import json
import random
from dataclasses import dataclass
from typing import Any, cast
from urllib.request import urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.servers import Server

ANSWER_S = 120
DONE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


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


@dataclass(frozen=True)
class _Widget:
    """A widget as the server described it. fragment: the one whose run its change asks for, or "". options: its own."""

    id: str
    fragment: str
    options: tuple[str, ...]


class Tab:
    """A browser tab: what it asks for, it waits for; it asks for news on its own where it is told to."""

    def __init__(self, socket: ClientConnection, query: str = "") -> None:
        """socket: connected, nothing sent yet. query: of the address that the tab opens."""
        self._socket = socket
        self._query = query
        self._page_hash = ""
        # the browser too keeps messages that it was told to, and gets a hash in their place next time
        self._cached: dict[str, ForwardMsg] = {}
        self._turn = asyncio.Lock()
        self._widgets: dict[str, _Widget] = {}  # by the end of its id
        self._polls: dict[str, float] = {}  # of each fragment that runs by itself: every so many seconds
        self.titles = ""

    @property
    def query(self) -> str:
        """What its address has behind the question mark."""
        return self._query

    async def open(self, page: str, query: str | None = None) -> None:
        """Open a page as a link does. query: of the link; None leaves the tab's own."""
        async with self._turn:
            self._query = self._query if query is None else query
            await self._run(page=page)

    def options(self, key: str) -> tuple[str, ...]:
        """The options of a slider of texts."""
        return self._widget(key).options

    async def choose(self, key: str, option: str) -> None:
        """Move a slider of texts to an option."""
        async with self._turn:
            widget = self._widget(key)
            state = WidgetState(id=widget.id)
            state.string_array_value.data.append(option)
            await self._run(state, fragment=widget.fragment)

    async def press(self, key: str) -> None:
        """Press a button."""
        async with self._turn:
            widget = self._widget(key)
            await self._run(WidgetState(id=widget.id, trigger_value=True), fragment=widget.fragment)

    async def send(self, key: str, event: str, value: str) -> None:
        """What a component of ours reports."""
        async with self._turn:
            widget = self._widget(key)
            events = json.dumps([{"event": event, "value": value}])
            state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{widget.id}__events", json_trigger_value=events)
            await self._run(state, fragment=widget.fragment)

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

    def _widget(self, key: str) -> _Widget:
        return next(widget for id_, widget in self._widgets.items() if id_.endswith(f"-{key}"))

    async def _run(
        self, widget: WidgetState | None = None, *, page: str = "", fragment: str = "", is_auto: bool = False
    ) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string = self._query
        state.page_script_hash = self._page_hash
        state.page_name = "" if self._page_hash else page
        state.fragment_id = fragment
        state.is_auto_rerun = is_auto
        state.context_info.locale = "en"
        state.context_info.timezone = "UTC"
        state.context_info.url = f"http://127.0.0.1/{page}"
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
            # a new session names the entry script; the page that the address means comes with the navigation
            self._page_hash = message.navigation.page_script_hash
        elif kind == "new_session" and not message.metadata.run.fragment_ids:
            self._page_hash = message.new_session.page_script_hash
            self._polls.clear()
            self.titles = ""
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._polls[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "delta":
            element = message.delta.new_element
            name = element.WhichOneof("type")
            if name in ("button", "bidi_component", "slider"):
                widget = getattr(element, name)
                options = tuple(widget.options) if name == "slider" else ()
                self._widgets[widget.id] = _Widget(widget.id, message.delta.fragment_id, options)
            elif name == "heading":
                self.titles += element.heading.body

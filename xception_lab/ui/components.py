"""Client-side components: plain JavaScript from assets/components, no build step, no other host."""

from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from xception_lab.ui.language import ASSETS


def _source(name: str) -> str:
    return (ASSETS / "components" / name).read_text(encoding="utf-8")


_BLOCKS = component(
    "xception_lab_blocks",
    html='<div class="blocks" role="img"></div>',
    css=_source("blocks.css"),
    js=_source("blocks.js"),
)
_FOLLOW = component("xception_lab_follow", js=_source("follow.js"))
_ADDRESS = component("xception_lab_address", js=_source("address.js"))
_COPY = component(
    "xception_lab_copy",
    html='<button type="button"></button>',
    css=_source("copy.css"),
    js=_source("copy.js"),
)

DRAG = "_drag"


def blocks(data: dict[str, Any], key: str) -> None:
    """The three blocks drawn side by side; data is what ui.blocks prepares."""
    _BLOCKS(key=key, data=data)


def follow() -> None:
    """Let the page follow a slider while it is dragged; the last call of a page that has sliders."""
    drag = st.session_state.pop(DRAG, None)
    _FOLLOW(
        key="follow",
        data={"sequence": drag["sequence"] if drag else 0},
        on_drag_change=_remember_drag,
        height="content",
    )


def address(keys: tuple[str, ...], values: dict[str, str]) -> None:
    """Make the address bar hold exactly `values` among the parameters named in keys."""
    _ADDRESS(key="address", data={"keys": keys, "values": values}, height="content")


def copy_link(label: str, done: str) -> None:
    """A button that copies the address of the page, which holds every control."""
    _COPY(key="copy_link", data={"label": label, "done": done}, width="content", height="content")


def dragged(key: str, committed: str, options: tuple[str, ...]) -> str:
    """The value under the pointer while `key` is dragged from `committed`, else the committed value."""
    drag = st.session_state.get(DRAG)
    if drag and drag["key"] == key and drag["start"] == committed and drag["value"] in options:
        return str(drag["value"])
    return committed


def _remember_drag() -> None:
    drag = st.session_state["follow"].drag
    # it comes from a browser: keep it only when it has the form that follow.js sends
    if isinstance(drag, dict) and {"key", "start", "value", "sequence"} <= drag.keys():
        st.session_state[DRAG] = drag

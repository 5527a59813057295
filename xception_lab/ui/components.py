"""Client-side components: plain JavaScript from assets/components, no build step, no other host."""

from collections.abc import Callable
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
_MOVING = component(
    "xception_lab_moving",
    html='<div class="moving"></div>',
    css=_source("moving.css"),
    # one module to the browser, in the order in which each needs the one before
    js="\n".join(map(_source, ("moving_numbers.js", "moving_draw.js", "moving_panel.js", "moving.js"))),
)
_ANATOMY = component(
    "xception_lab_anatomy",
    html='<div class="anatomy" role="img"></div>',
    css=_source("anatomy.css"),
    js=_source("anatomy.js"),
)
_ARCHITECTURE = component(
    "xception_lab_architecture",
    html='<div class="architecture"></div>',
    css=_source("architecture.css"),
    js=_source("architecture.js"),
)
_MODULES = component(
    "xception_lab_modules",
    html='<div class="modules" role="group"></div>',
    css=_source("modules.css"),
    js=_source("modules.js"),
)
_PAGE = component("xception_lab_page", js=_source("page.js"))
_COPY = component(
    "xception_lab_copy",
    html='<button type="button"></button>',
    css=_source("copy.css"),
    js=_source("copy.js"),
)

_DRAG = "_drag"


def blocks(data: dict[str, Any], key: str) -> None:
    """The three blocks drawn side by side; data is what ui.blocks prepares."""
    _BLOCKS(key=key, data=data)


def moving(data: dict[str, Any], key: str) -> None:
    """The three blocks at work on a small picture; data is what ui.moving prepares."""
    _MOVING(key=key, data=data)


def anatomy(data: dict[str, Any], key: str) -> None:
    """A network's figures and where they live; data is what ui.network prepares."""
    _ANATOMY(key=key, data=data)


def architecture(data: dict[str, Any], key: str, on_select: Callable[[object], None]) -> None:
    """The network drawn; on_select gets what the browser sends of a click, as it is."""
    _ARCHITECTURE(key=key, data=data, on_select_change=lambda: on_select(st.session_state[key].select))


def modules(data: dict[str, Any], key: str, on_towers: Callable[[object], None]) -> None:
    """Figures 1 to 4 drawn; on_towers gets what the browser sends of a click, as it is."""
    _MODULES(key=key, data=data, on_towers_change=lambda: on_towers(st.session_state[key].towers))


def page(keys: tuple[str, ...], values: dict[str, str]) -> None:
    """Make the address hold exactly `values` among the parameters `keys`, and follow sliders that are dragged."""
    drag = st.session_state.pop(_DRAG, None)
    data = {"keys": keys, "values": values, "sequence": drag["sequence"] if drag else 0}
    _PAGE(key="page", data=data, on_drag_change=_remember_drag, height="content")


def copy_link(label: str, done: str) -> None:
    """A button that copies the address of the page, which holds every control."""
    _COPY(key="copy_link", data={"label": label, "done": done}, width="content", height="content")


def dragged(values: dict[str, str]) -> dict[str, str]:
    """`values` with the one under the pointer in place of the one that a dragged slider still stands at."""
    drag = st.session_state.get(_DRAG)
    if drag and values.get(drag["key"]) == drag["start"]:
        return {**values, drag["key"]: drag["value"]}
    return values


def _remember_drag() -> None:
    drag = st.session_state["page"].drag
    # it comes from a browser: keep it only when it has the form that page.js sends
    form = {"key": str, "start": str, "value": str, "sequence": int}
    if isinstance(drag, dict) and all(type(drag.get(part)) is kind for part, kind in form.items()):
        st.session_state[_DRAG] = drag

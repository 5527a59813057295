"""Client-side components: plain JavaScript from assets/components, no build step, no other host."""

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from xception_lab.ui.shell.language import ASSETS


def _source(name: str) -> str:
    return (ASSETS / "components" / name).read_text(encoding="utf-8")


def _declared(name: str, html: str, *before: str) -> Any:
    """The component of <name>.css and <name>.js; before: scripts that it needs, in one module with it."""
    js = "\n".join(_source(f"{script}.js") for script in (*before, name))
    return component(f"xception_lab_{name}", html=html, css=_source(f"{name}.css"), js=js)


_BLOCKS = _declared("blocks", '<div class="blocks" role="img"></div>', "dom")
_MOVING = _declared("moving", '<div class="moving"></div>', "moving_numbers", "moving_draw", "moving_panel")
_ANATOMY = _declared("anatomy", '<div class="anatomy" role="img"></div>', "dom")
_AMOUNTS = _declared("amounts", '<div class="amounts"></div>', "dom")
_ARCHITECTURE = _declared("architecture", '<div class="architecture"></div>', "dom")
_MODULES = _declared("modules", '<div class="modules" role="group"></div>', "dom")
_MAPS = _declared("maps", '<div class="maps" role="group"></div>', "dom", "maps_detail")
_GRIDS = _declared("grids", '<div class="grids"></div>')
_STROKE = _declared("stroke", '<canvas width="240" height="240" role="img"></canvas><button type="button"></button>')
_COPY = _declared("copy", '<button type="button"></button>')
_PAGE = component("xception_lab_page", js=_source("page.js"))

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


def amounts(data: dict[str, Any], key: str) -> None:
    """Amounts as bars or nested areas; data is what ui.network_charts prepares."""
    _AMOUNTS(key=key, data=data)


def architecture(data: dict[str, Any], key: str, on_select: Callable[[object], None]) -> None:
    """The network drawn; on_select gets what the browser sends of a click, as it is."""
    _ARCHITECTURE(key=key, data=data, on_select_change=lambda: on_select(st.session_state[key].select))


def modules(data: dict[str, Any], key: str, on_towers: Callable[[object], None]) -> None:
    """Figures 1 to 4 drawn; on_towers gets what the browser sends of a click, as it is."""
    _MODULES(key=key, data=data, on_towers_change=lambda: on_towers(st.session_state[key].towers))


def maps(data: dict[str, Any], key: str, on_pick: Callable[[], None]) -> None:
    """Feature maps in columns, one of them large; data is what ui.features_maps prepares."""
    _MAPS(key=key, data=data, on_pick_change=on_pick)


def picked_map() -> dict[str, Any] | None:
    """The map that was clicked, {"step", "channel"}; it comes from a browser, so None unless it has that form."""
    found = st.session_state["maps"].pick
    form = {"step": str, "channel": int}
    if isinstance(found, dict) and all(type(found.get(part)) is kind for part, kind in form.items()):
        return found
    return None


def grids(data: dict[str, Any], on_edit: Callable[[], None]) -> None:
    """Small grids of numbers to edit; `edited` tells what was changed."""
    _GRIDS(key="grids", data=data, on_edit_change=on_edit)


def edited_grid() -> tuple[str, list[float]] | None:
    """The grid that was edited and all its numbers; it comes from a browser, so None unless it has that form."""
    found = st.session_state["grids"].edit
    if not isinstance(found, dict) or type(found.get("grid")) is not str or type(found.get("values")) is not list:
        return None
    values = found["values"]
    if len(values) > 200 or not all(type(value) in (int, float) for value in values):
        return None
    return found["grid"], [float(value) for value in values]


def stroke(data: dict[str, Any], on_drawn: Callable[[], None]) -> None:
    """A square to draw in; `drawn` tells the stroke."""
    _STROKE(key="stroke", data=data, on_drawn_change=on_drawn, height="content")


def drawn_stroke() -> list[tuple[float, float]] | None:
    """The stroke's points, from 0 to 1; None unless the browser sent what stroke.js does."""
    found = st.session_state["stroke"].drawn
    if not isinstance(found, list) or len(found) > 10_000:
        return None
    if not all(isinstance(point, list) and len(point) == 2 for point in found):
        return None
    if not all(type(value) in (int, float) for point in found for value in point):
        return None
    return [(float(x), float(y)) for x, y in found]


def page(keys: tuple[str, ...], values: dict[str, str]) -> None:
    """Make the address hold exactly `values` among the parameters `keys`, and follow sliders that are dragged."""
    drag = st.session_state.pop(_DRAG, None)
    data = {"keys": keys, "values": values, "sequence": drag["sequence"] if drag else 0}
    _PAGE(key="page", data=data, on_drag_change=_remember_drag, height="content")


def copy_link(label: str, done: str) -> None:
    """A button that copies the address of the page, which holds every control."""
    _COPY(key="copy_link", data={"label": label, "done": done}, width="content", height="content")


def with_dragged_value(values: dict[str, str]) -> dict[str, str]:
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

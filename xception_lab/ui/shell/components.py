"""Client-side components: plain JavaScript from assets/components, no build step, no other host.

Each has a folder there with a script and a style sheet of the folder's name; common/ has what several import. The
functions below take their data. What a person does in one comes back as a value that a browser has sent, so its form is
checked.
"""

from collections.abc import Callable
from typing import Any, TypeGuard

import streamlit as st
from streamlit.components.v2 import component

from xception_lab.common.files import asset_path
from xception_lab.ui.shell.javascript import bundle


def _component(name: str, html: str | None = None) -> Any:
    """The component of assets/components/<name>/<name>.js and .css; without HTML it has no style sheet either."""
    folder = asset_path("components", name)
    css = (folder / f"{name}.css").read_text(encoding="utf-8") if html else None
    return component(f"xception_lab_{name}", html=html, css=css, js=bundle(folder / f"{name}.js", asset_path()))


_BLOCKS = _component("blocks", '<div class="blocks" role="img"></div>')
_STACKED_BLOCKS = _component("stacked_blocks", '<div class="stacks" role="img"></div>')
_WORKED_EXAMPLE = _component("worked_example", '<div class="moving"></div>')
_NETWORK_FIGURES = _component("network_figures", '<div class="anatomy" role="img"></div>')
_AMOUNTS = _component("amounts", '<div class="amounts"></div>')
_ARCHITECTURE = _component("architecture", '<div class="architecture"></div>')
_INCEPTION_MODULES = _component("inception_modules", '<div class="modules" role="group"></div>')
_FEATURE_MAPS = _component("feature_maps", '<div class="maps" role="group"></div>')
_NUMBER_GRIDS = _component("number_grids", '<div class="grids"></div>')
_STROKE = _component("stroke", '<canvas width="240" height="240" role="img"></canvas><button type="button"></button>')
_GUESS = _component("guess", '<div class="guess" role="group"></div>')
_SCENE = _component("scene", '<div class="scene" role="img"></div>')
_HISTOGRAM = _component("histogram", '<div class="histogram" role="img"></div>')
_COPY_LINK = _component("copy_link", '<button type="button"></button>')
_TERMS = _component(
    "terms",
    '<div class="term" role="dialog" aria-labelledby="term-title" aria-describedby="term-text" tabindex="-1" '
    'popover="manual"></div>',
)
_PAGE = _component("page")
_CLASS_KEYS = _component("class_keys")

_DRAG = "_drag"


def blocks(data: dict[str, Any], key: str) -> None:
    """The three blocks drawn side by side; data is what ui.compare.blocks prepares."""
    _BLOCKS(key=key, data=data)


def stacked_blocks(data: dict[str, Any], key: str) -> None:
    """Two stacked blocks in either order; data is what ui.compare.stack prepares."""
    _STACKED_BLOCKS(key=key, data=data)


def worked_example(data: dict[str, Any], key: str) -> None:
    """The three blocks computing a small picture, step by step; data is what ui.compare.worked_example prepares."""
    _WORKED_EXAMPLE(key=key, data=data)


def network_figures(data: dict[str, Any], key: str) -> None:
    """A network's figures, each divided among the kinds of layers; data is what ui.network.overview prepares."""
    _NETWORK_FIGURES(key=key, data=data)


def amounts(data: dict[str, Any], key: str) -> None:
    """Amounts as bars or nested areas; data is what ui.network.charts prepares."""
    _AMOUNTS(key=key, data=data)


def architecture(data: dict[str, Any], key: str, on_select: Callable[[object], None]) -> None:
    """The network drawn; on_select gets what the browser sends when a card is clicked, unchecked."""
    _ARCHITECTURE(key=key, data=data, on_select_change=lambda: on_select(st.session_state[key].select))


def inception_modules(data: dict[str, Any], key: str, on_towers: Callable[[object], None]) -> None:
    """The paper's Figures 1 to 4; on_towers gets what the browser sends when a stop is clicked, unchecked."""
    _INCEPTION_MODULES(key=key, data=data, on_towers_change=lambda: on_towers(st.session_state[key].towers))


def feature_maps(data: dict[str, Any], key: str, on_pick: Callable[[], None]) -> None:
    """Feature maps in columns, one of them large; data is what ui.features.maps prepares, picked_map the choice."""
    _FEATURE_MAPS(key=key, data=data, on_pick_change=on_pick)


def picked_map() -> dict[str, Any] | None:
    """The map that was clicked, {"step", "channel"}; None unless the browser sent that form."""
    sent = st.session_state["maps"].pick
    return sent if _has_form(sent, step=str, channel=int) else None


def number_grids(data: dict[str, Any], on_edit: Callable[[], None]) -> None:
    """Small grids of numbers to edit; edited_grid is what was changed."""
    _NUMBER_GRIDS(key="grids", data=data, on_edit_change=on_edit)


def edited_grid() -> tuple[str, list[float]] | None:
    """The grid that was edited and all its numbers; None unless the browser sent that form."""
    sent = st.session_state["grids"].edit
    if not _has_form(sent, grid=str, values=list) or len(sent["values"]) > 200 or not _are_numbers(sent["values"]):
        return None
    return sent["grid"], [float(value) for value in sent["values"]]


def stroke(data: dict[str, Any], on_drawn: Callable[[], None]) -> None:
    """A square to draw in; drawn_stroke is what was drawn."""
    _STROKE(key="stroke", data=data, on_drawn_change=on_drawn, height="content")


def drawn_stroke() -> list[tuple[float, float]] | None:
    """The stroke's points (x, y), from 0 to 1; None unless the browser sent that form."""
    sent = st.session_state["stroke"].drawn
    if not isinstance(sent, list) or len(sent) > 10_000:
        return None
    if not all(isinstance(point, list) and len(point) == 2 and _are_numbers(point) for point in sent):
        return None
    return [(float(x), float(y)) for x, y in sent]


def guess(data: dict[str, Any], key: str, on_guess: Callable[[object], None]) -> None:
    """Asks for a prediction or shows it beside the answer; on_guess gets what the browser sends, unchecked."""
    _GUESS(key=key, data=data, on_guess_change=lambda: on_guess(st.session_state[key].guess))


def scene(data: dict[str, Any], key: str) -> None:
    """The picture of a step of the story; data is what ui.story.scenes prepares."""
    _SCENE(key=key, data=data)


def page(
    keys: tuple[str, ...],
    values: dict[str, str],
    entry: dict[str, str | None] | None,
    open_at: str,
    language: str,
    session: str,
    person: tuple[str | None, Callable[[object], None]],
    help_texts: dict[str, str],
    on_screen: Callable[[], None],
) -> None:
    """Makes the address hold exactly `values` among the parameters `keys`, and reports dragged sliders.

    entry: {"key", "value"}, the parameter by which entries of the browser's history differ, as this run found it; None
    where the page has one entry. open_at: the key of the container that the page has just been opened for, which is
    brought into sight; or empty. language: of the page's texts, which a screen reader has to know. session: differs
    between sessions; a document that meets another one than before is loaded again. person: the secret that the
    browser is to keep, or None, and what gets its own where it has another, unchecked. help_texts: by the key of a
    control, what its label explains. on_screen: called when the key P asks for the page as a projector shows it, or as
    ever again.
    """
    secret, on_person = person
    drag = st.session_state.pop(_DRAG, None)
    sequence = drag["sequence"] if drag else 0
    data = {
        "keys": keys,
        "values": values,
        "sequence": sequence,
        "entry": entry,
        "open_at": open_at,
        "language": language,
        "session": session,
        "person": secret,
        "help": help_texts,
    }
    _PAGE(
        key="page",
        data=data,
        on_drag_change=_remember_drag,
        on_person_change=lambda: on_person(st.session_state["page"].person),
        on_screen_change=on_screen,
        height="content",
    )


def copy_link(label: str, done: str, link: str = "", key: str = "copy_link") -> None:
    """A button that copies a link; done: its label after a click.

    link: an empty one stands for the page's address, which holds every control, without a person's seat in a room.
    """
    _COPY_LINK(key=key, data={"label": label, "done": done, "link": link}, width="content", height="content")


def histogram(data: dict[str, Any], key: str) -> None:
    """The predictions of a class as bars; data is what ui.story.tallies prepares."""
    _HISTOGRAM(key=key, data=data)


def class_keys(data: dict[str, str], on_kept: Callable[[object], None]) -> None:
    """Has the browser keep what it was given for a room; on_kept gets all that it has, unchecked."""
    key = "class_keys"
    _CLASS_KEYS(key=key, data=data, on_kept_change=lambda: on_kept(st.session_state[key].kept), height="content")


def terms(data: dict[str, Any]) -> None:
    """Opens the card of a term where its link is clicked; data is what ui.shell.terms prepares."""
    _TERMS(key="terms", data=data, height="content")


def with_dragged_value(values: dict[str, str]) -> dict[str, str]:
    """`values` with a dragged slider's value under the pointer, which Streamlit itself reports on release only."""
    drag = st.session_state.get(_DRAG)
    if drag and values.get(drag["key"]) == drag["start"]:
        return {**values, drag["key"]: drag["value"]}
    return values


def _remember_drag() -> None:
    sent = st.session_state["page"].drag
    if _has_form(sent, key=str, start=str, value=str, sequence=int):
        st.session_state[_DRAG] = sent


def _has_form(sent: object, **types: type) -> TypeGuard[dict[str, Any]]:
    """Whether a browser sent a dict with these keys, the values of exactly these types."""
    return isinstance(sent, dict) and all(type(sent.get(key)) is wanted for key, wanted in types.items())


def _are_numbers(sent: list[Any]) -> bool:
    # an int from JSON may be larger than any float
    return all(type(value) in (int, float) and abs(value) < 2**53 for value in sent)

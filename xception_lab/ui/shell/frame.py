"""The frame around every page: settings, navigation, language, and notes on a repaired link.

A page calls `frame` first, which returns the state of its controls, and `finish` last, which writes the state into the
address. Between the two it draws its controls with `ui.shell.controls`, in any order and only those that it needs: one
that is not drawn stays as it was.
"""

from typing import TypeVar

import streamlit as st

from xception_lab.ui.fields.field import read_state, state_keys
from xception_lab.ui.shell.address import control_texts, link_repairs, quote_value, read_address, write_address
from xception_lab.ui.shell.language import ASSETS, KEY, LANGUAGES, set_language
from xception_lab.ui.shell.language import translate as _

State = TypeVar("State")

_CSS = """
<style>
.stMainBlockContainer { max-width: 1480px; padding-top: 1rem; }
.stAppHeader { height: 2.5rem; min-height: 0; background: transparent; }
.stAppHeader, .stAppHeader * { pointer-events: none; }
.stAppHeader button { pointer-events: auto; }
.st-key-frame { border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); padding-bottom: .4rem; }
.st-key-tight table { font-size: .8rem; font-variant-numeric: tabular-nums; }
.st-key-tight :is(th, td) { padding: .22rem .5rem !important; }
.st-key-tight code { font-size: .95em; padding: 0; background: none; }
/* space for the longest sentence, so that nothing below it moves when a number gets longer */
.st-key-lead { min-height: 1.7rem; }
.st-key-verdict { min-height: 2.2rem; }
.st-key-verdict p { font-size: 1.4rem; line-height: 1.35; text-wrap: pretty; }
@media (max-width: 1200px) {
  .st-key-lead { min-height: 3.3rem; }
  .st-key-verdict { min-height: 4.2rem; }
  .stMainBlockContainer { padding-left: 2.5rem; padding-right: 2.5rem; }
}
@media (max-width: 700px) {
  .stMainBlockContainer { padding: 2.6rem .75rem 3rem; }
  .stMarkdown .katex { font-size: 1em; }
  .stMarkdown table { display: block; overflow-x: auto; }
  .st-key-lead { min-height: 6.2rem; }
  .st-key-lead p { font-size: .95rem; }
  .st-key-verdict p { font-size: 1.2rem; }
  .st-key-frame { gap: .8rem .2rem; }
  .st-key-controls .stHorizontalBlock { gap: .3rem .9rem; }
  .st-key-controls .stHorizontalBlock > .stColumn { flex: 1 1 44%; min-width: 44%; }
  .st-key-presets { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; }
  .st-key-presets > * { flex: 0 0 auto; }
}
</style>
"""


def frame(page: str, state: type[State]) -> State:
    """Set up a page, draw the navigation and the language's control, and return the state of the page's controls.

    page: its name, different from every other page's. state: the dataclass of ui.fields that declares its controls.
    """
    st.set_page_config(page_title="Xception Lab", page_icon=str(ASSETS / "icon.png"), layout="wide")
    st.html(_CSS)
    texts = read_address(page, state_keys(state))
    set_language(control_texts()[KEY])
    with st.container(horizontal=True, key="frame", vertical_alignment="center"):
        st.page_link("app.py", label="**Xception Lab**")
        st.page_link("pages/compare.py", label=_("Compare"), icon=":material/view_column:")
        st.page_link("pages/timing.py", label=_("Time"), icon=":material/timer:")
        st.page_link("pages/features.py", label=_("Feature maps"), icon=":material/grid_view:")
        st.page_link("pages/training.py", label=_("Train"), icon=":material/science:")
        st.page_link("pages/network.py", label=_("Network"), icon=":material/account_tree:")
        st.page_link("pages/questions.py", label=_("Questions"), icon=":material/help:")
        st.space("stretch")
        st.segmented_control(
            "Language · 언어",
            tuple(LANGUAGES),
            format_func=LANGUAGES.__getitem__,
            required=True,
            key=KEY,
            label_visibility="collapsed",
        )
    for repair in link_repairs():
        note = _("`{key}={given}` in the link is not possible here; `{used}` is used.")
        st.info(
            note.format(key=repair.key, given=quote_value(repair.text), used=quote_value(repair.replacement)),
            icon=":material/build:",
        )
    return read_state(state, texts)


def finish(state: object, **carried: str | None) -> None:
    """End a page: write its controls and `carried` into the address, and report its sliders while they are dragged.

    carried: parameters that belong to no control, such as run="..."; one that is None is left out.
    """
    write_address(state_keys(type(state)), carried)

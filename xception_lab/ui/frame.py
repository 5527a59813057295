"""The frame around every page: settings, navigation, language, and notes on a repaired link."""

import streamlit as st

from xception_lab.ui.language import ASSETS, KEY, LANGUAGES, default_label
from xception_lab.ui.language import text as _
from xception_lab.ui.links import quoted, repairs

_PENDING = "_repaired"
_NOTES = "_notes"

_CSS = """
<style>
.stMainBlockContainer { max-width: 1480px; }
.st-key-frame { border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); padding-bottom: .4rem; }
@media (max-width: 700px) {
  .stMainBlockContainer { padding-left: .75rem; padding-right: .75rem; }
  .st-key-controls .stHorizontalBlock { gap: .3rem .9rem; }
  .st-key-controls .stHorizontalBlock > .stColumn { flex: 1 1 44%; min-width: 44%; }
}
</style>
"""


def frame(page: str, keys: tuple[str, ...] = ()) -> None:
    """Set up a page and draw what stands above it; every page file calls it first.

    page: its name, for its own notes. keys: the fields that this page has controls for.
    """
    st.set_page_config(page_title="Xception Lab", page_icon=str(ASSETS / "icon.png"), layout="wide")
    st.html(_CSS)
    _repair(page, keys)
    with st.container(horizontal=True, key="frame", vertical_alignment="center"):
        _navigation()
        st.space("stretch")
        st.segmented_control(
            "Language · 언어", tuple(LANGUAGES), default=default_label(), required=True, key=KEY,
            bind="query-params", persist_state="session", label_visibility="collapsed",
        )  # fmt: skip
    for key, given, used in st.session_state.get(_NOTES, {}).get(page, ()):
        note = _("`{key}={given}` in the link is not possible here; `{used}` is used.")
        st.info(note.format(key=key, given=quoted(given), used=used), icon=":material/build:")


def finish() -> None:
    """End a page: a repaired link is run once more, so that the address bar shows what is used."""
    if _PENDING in st.session_state:
        st.rerun()


def _navigation() -> None:
    st.page_link("app.py", label="**Xception Lab**")
    st.page_link("pages/compare.py", label=_("Compare"), icon=":material/view_column:")


def _repair(page: str, keys: tuple[str, ...]) -> None:
    # Streamlit drops a broken parameter from the URL; set once more, the repaired value is written there
    for key, used in st.session_state.pop(_PENDING, {}).items():
        st.session_state[key] = used
    found = repairs(st.query_params.to_dict(), keys)
    notes = [(repair.key, repair.given, repair.used) for repair in found if not repair.silent]
    if not found or st.session_state.get(_NOTES, {}).get(page) == notes != []:
        return
    for repair in found:
        st.session_state[repair.key] = repair.used
    st.session_state[_PENDING] = {repair.key: repair.used for repair in found}
    st.session_state[_NOTES] = {page: notes}

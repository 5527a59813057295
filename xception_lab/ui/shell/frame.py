"""The frame around every page: settings, navigation, language, and notes on a repaired link.

A page calls `frame` first, which returns the state of its controls, and `finish` last, which writes the state into the
address. Between the two it draws its controls with `ui.shell.controls`, in any order and only those that it needs: one
that is not drawn stays as it was.

A page that has nothing but its controls to answer to calls `show_page` instead: a move of a control then runs its body
alone, a fragment, and leaves the navigation, the terms and the footer as the browser has them.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import streamlit as st

from xception_lab.common.citations import source
from xception_lab.ui.fields.field import read_state, state_keys
from xception_lab.ui.shell.address import (
    control_texts,
    current_lesson,
    is_projected,
    link_repairs,
    page_name,
    quote_value,
    read_address,
    set_controls,
    toggle_projector,
    write_address,
)
from xception_lab.ui.shell.language import ASSETS, KEY, LANGUAGES, escape_markdown, language, set_language
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.lesson_maker import lesson_button, show_asked_dialog
from xception_lab.ui.shell.names import LINKED_PAGE_NAMES, PAGE_NAMES
from xception_lab.ui.shell.seat import current_seat, seat_parameters
from xception_lab.ui.shell.terms import show_terms

State = TypeVar("State")

_STORY_STEP = "_story_step"  # the step of the story that the labs lead back to

_TASK_ICON = ":material/school:"
_ICONS = {
    "compare": "view_column",
    "timing": "timer",
    "features": "grid_view",
    "training": "science",
    "network": "account_tree",
    "questions": "help",
    "class": "groups",
}
_CSS = """
<style>
.stMainBlockContainer { max-width: 1480px; padding-top: 1rem; }
.stAppHeader { height: 2.5rem; min-height: 0; background: transparent; }
.stAppHeader, .stAppHeader * { pointer-events: none; }
.stAppHeader button { pointer-events: auto; }
/* Streamlit's own are too pale to read: 4.5 to 1 is asked for */
[data-testid="stCaptionContainer"] { color: light-dark(#5a6572, #a7b2be) !important; opacity: 1; }
[data-testid="stCaptionContainer"] * { color: inherit !important; opacity: 1; }
:is([data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primaryFormSubmit"]):enabled {
  color: light-dark(#ffffff, #0d1b19) !important;
}
/* outside the page there is no colour scheme to choose by */
[data-testid="stPopoverBody"]:has(.stColumn) { min-width: min(36rem, 94vw); }
:is([data-testid="stPopoverBody"], [role="dialog"]) [data-testid="stCaptionContainer"] {
  color: inherit !important; opacity: .78;
}
/* Korean breaks between words; a word alone that is wider than its line may break anywhere */
html:lang(ko) .stApp :is(p, h1, h2, h3, h4, li, label, button, summary, .stBidiComponent) {
  word-break: keep-all; overflow-wrap: anywhere;
}
/* a column is as wide as its widest word */
html:lang(ko) .stApp :is(td, th) { word-break: keep-all; overflow-wrap: break-word; }
/* what a label explains is shown there, as a term's meaning is: see assets/components/page/help.js */
[data-help] p {
  cursor: help; text-decoration: underline dotted 1.5px; text-underline-offset: .22em;
  text-decoration-color: color-mix(in srgb, currentColor 45%, transparent);
}
[data-help]:hover p { text-decoration-color: currentColor; }
/* a chart's tools come with the pointer and with the keys; plotly's own mark of the focus is black on any ground */
.js-plotly-plot .plotly .modebar-btn:focus-visible { outline: 2px solid light-dark(#1f2933, #e6ebf0); }
/* where the links have no room in one row they are in a menu */
.st-key-frame { flex-wrap: nowrap; min-height: 2.5rem; }
/* a row shows itself when all its parts are there, at their places: no link, no button moves under the pointer */
.stHorizontalBlock:has(> .stElementContainer [data-testid="stSkeleton"]) { visibility: hidden; }
.st-key-pages { display: none; }
/* the words alone fit where they do not with their pictures */
@media (max-width: 1365px) { .st-key-links .stPageLink a > :has([data-testid="stIconMaterial"]) { display: none; } }
@media (max-width: 1150px) {
  .st-key-links { display: none; }
  .st-key-pages { display: block; }
}
.st-key-frame { border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); padding-bottom: .4rem; }
/* a term: a word to touch, not a way to another page */
.stMarkdown a[href^="#term-"] {
  color: inherit !important; cursor: help; scroll-margin-top: 4rem; text-decoration: underline dotted 1.5px !important;
  text-decoration-color: color-mix(in srgb, currentColor 60%, transparent) !important; text-underline-offset: .22em;
}
.stMarkdown a[href^="#term-"]:is(:hover, [aria-expanded=true]) { text-decoration-color: currentColor !important; }
.st-key-task {
  padding: .8rem 1.1rem; border-left: 5px solid var(--st-primary-color, #0a766b); border-radius: 0 8px 8px 0;
  background: color-mix(in srgb, currentColor 6%, transparent);
}
.st-key-task p { font-size: 1.3rem; line-height: 1.4; text-wrap: pretty; overflow-wrap: anywhere; }
.st-key-heading h1 { font-size: 1.3rem; padding: .2rem 0; }
.stVerticalBlock > [data-testid=stLayoutWrapper] > .st-key-heading { margin-bottom: .5rem; }
.st-key-title { gap: .5rem .75rem; }
.st-key-title .st-key-heading [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.st-key-tight table { font-size: .8rem; font-variant-numeric: tabular-nums; }
.st-key-tight :is(th, td) { padding: .22rem .5rem !important; }
.st-key-tight table { display: block; width: fit-content; max-width: 100%; overflow-x: auto; }
.st-key-tight code { font-size: .95em; padding: 0; background: none; }
/* space for the longest sentence, so that nothing below it moves when a number gets longer */
.st-key-lead { min-height: 1.7rem; }
.st-key-verdict { min-height: 2.2rem; }
/* where a link that names a view opens the page: below the header's button, or with the view's sliders above it */
.st-key-view_and_control { scroll-margin-top: 3rem; }
.st-key-view_below, .st-key-chosen { scroll-margin-top: 39vh; }
/* a row of options that goes on fades out where it does; one that does not has no timeline, and nothing fades */
@keyframes row-goes-on {
  from { mask-image: linear-gradient(to right, #000, #000 3rem, #000 calc(100% - 3rem), transparent); }
  1%, 99% { mask-image: linear-gradient(to right, transparent, #000 3rem, #000 calc(100% - 3rem), transparent); }
  to { mask-image: linear-gradient(to right, transparent, #000 3rem, #000 calc(100% - 3rem), #000); }
}
@supports (animation-timeline: scroll()) {
  [data-testid=stButtonGroup] [role=radiogroup] {
    animation: row-goes-on linear;
    animation-timeline: scroll(self inline);
  }
}
.st-key-verdict p { font-size: 1.4rem; line-height: 1.35; text-wrap: pretty; }
/* the room of what is drawn by scripts that come later, and of rows that are drawn after what stands below them */
.st-key-title, .st-key-share { min-height: 2.5rem; }
.st-key-controls, .st-key-settings { min-height: 4.25rem; }
@media (min-width: 1201px) {
  .st-key-moving { min-height: 29rem; }
  .st-key-maps { min-height: 30rem; }
  .st-key-anatomy { min-height: 7.25rem; }
  .st-key-architecture { min-height: 40rem; }
}
@media (max-width: 1500px) { .st-key-tight :is(th, td) { padding-inline: .3rem !important; } }
@media (max-width: 1200px) {
  .st-key-lead { min-height: 3.3rem; }
  .st-key-verdict { min-height: 4.2rem; }
  .st-key-tight :is(th, td) { padding: .2rem .18rem !important; }
  .st-key-tight table { font-size: .72rem; }
  .stMainBlockContainer { padding-left: 2.5rem; padding-right: 2.5rem; }
}
@media (max-width: 700px) {
  .stAppHeader { display: none; }  /* its menu would lie over the text; the theme follows the phone's */
  .stMainBlockContainer { padding: 1rem .75rem 3rem; }
  .stMarkdown .katex { font-size: 1em; }
  .stMarkdown table { display: block; overflow-x: auto; }
  /* else a column of single letters */
  html .stApp .stMarkdown :is(th, td) { word-break: keep-all; overflow-wrap: normal; }
  .st-key-projector { display: none; }
  .st-key-title > :has([data-testid=stCaptionContainer]) { flex-basis: 100%; }
  .st-key-settings { min-height: 13rem; }
  .st-key-lead { min-height: 6.2rem; }
  .st-key-lead p { font-size: .95rem; }
  .stMain:has(.st-key-network_view) .st-key-lead { min-height: 3.2rem; }
  .st-key-verdict p { font-size: 1.05rem; }
  .st-key-frame { gap: .8rem .5rem; }
  [data-testid=stPopoverBody] .stPageLink a { min-height: 2.6rem; }
  .st-key-controls .stHorizontalBlock { gap: .3rem .9rem; }
  .st-key-controls .stHorizontalBlock > .stColumn { flex: 1 1 44%; min-width: 44%; }
}
@media (max-width: 360px) {
  .st-key-frame > :has(.stMarkdown), .st-key-frame > :has(> .stPageLink) { display: none; }
}
</style>
"""


# a figure in the middle, its sentence above it, in type that the last row reads; the components' type is 11 px or more
_PROJECTOR_CSS = """
<style>
html { font-size: 20px; }
.stMainBlockContainer { max-width: 1840px; padding: .6rem 2rem 2rem; }
.st-key-frame, .st-key-share, .st-key-controls, .st-key-settings, .st-key-filtering, .st-key-display,
.st-key-source > :not(:has([data-testid=stCaptionContainer])),
.st-key-also_set, .st-key-title > :not(:has(h1)), .stExpander:not(.st-key-questions *), .stAppHeader,
.stFileUploader, .st-key-preset, .st-key-experiment, .st-key-grid, .st-key-seal { display: none !important; }
.stMain :is(li, td, th, label, label p, summary p, .stSlider p, figcaption, button p, code,
[data-testid=stCaptionContainer] *) {
  font-size: max(1rem, 18px);
}
.js-plotly-plot text { font-size: 18px !important; }
/* the key P after a click beside the text would frame the page as a control that has the focus */
.stMain:focus-visible::before { box-shadow: none !important; }
.st-key-guessing button { padding: .8rem 1.6rem; }
.st-key-guessing button p { font-size: 1.7rem; }
.stBidiComponent { zoom: 1.72; }
/* the story's own type is large already */
.st-key-story .stBidiComponent { zoom: 1.1; }
/* the network's drawing, and not the table of one of its blocks */
.stColumn:has(.st-key-chosen) { display: none; }
.stHorizontalBlock:has(.st-key-chosen) > .stColumn { flex: 1 1 100%; }
</style>
"""


def frame(page: str, state: type[State]) -> State:
    """Set up a page, draw the navigation and the language's control, and return the state of the page's controls.

    page: its name, different from every other page's. state: the dataclass of ui.fields that declares its controls.
    """
    texts = _open(page, state, (PAGE_NAMES | LINKED_PAGE_NAMES)[page])
    with st.container(horizontal=True, key="frame", vertical_alignment="center"):
        pages = st.popover(_("Menu"), icon=":material/menu:", key="pages", on_change="rerun", type="tertiary")
        if pages.open:
            with pages:
                _page_links()
        st.page_link("app.py", label="**Xception Lab**")
        with st.container(horizontal=True, key="links", vertical_alignment="center", width="content"):
            _page_links()
        st.space("stretch")
        st.segmented_control(
            "Language · 언어",
            tuple(LANGUAGES),
            format_func=LANGUAGES.__getitem__,
            required=True,
            key=KEY,
            label_visibility="collapsed",
        )
    _show_repairs()
    _show_task()
    return read_state(state, texts)


def story_frame(step: str, state: type[State], progress: str, show_steps: Callable[[], None]) -> State:
    """As `frame`, for a page of the story: one menu instead of the navigation, so that the question stands alone.

    step: as the link has it; the labs lead back to it. progress: how far the story is, or empty. show_steps: draws the
    links to the steps, when the menu is opened.
    """
    # each step opens as a page of its own: Back leads to the step before
    texts = _open(f"story {step}", state, progress)
    st.session_state[_STORY_STEP] = step
    with st.container(horizontal=True, key="frame", vertical_alignment="center"):
        menu = st.popover(_("Menu"), icon=":material/menu:", key="menu", on_change="rerun", type="tertiary")
        if menu.open:
            with menu:
                show_steps()
                st.divider()
                lab_links()
        if progress:
            st.markdown(progress, width="content")
        st.markdown(_("**Xception Lab** · [the paper ↗]({url})").format(url=source("xception").url), width="content")
        st.space("stretch")
        (other,) = (language for language in LANGUAGES if language != control_texts()[KEY])
        st.button(LANGUAGES[other], key="other_language", on_click=set_controls, args=({KEY: other},), type="tertiary")
    _show_repairs()
    _show_task()
    return read_state(state, texts)


def show_page(page: str, state: type[State], show_body: Callable[[State], None]) -> None:
    """Draw a whole page: the frame, and within it a body that runs alone when one of its controls moves.

    page, state: as in `frame`. show_body: draws the body from the state of the controls, which it draws itself.
    """
    opened: State | None = frame(page, state)
    keys, is_large = state_keys(state), is_projected()

    @st.fragment
    def show() -> None:
        nonlocal opened
        # the frame has read the address for the run that draws it too; a run of the body alone reads for itself
        current, opened = opened, None
        if current is None:
            current = read_state(state, read_address(page, keys))
            if is_projected() != is_large:
                st.rerun()
        show_body(current)
        write_address(keys, seat_parameters(), None)

    show()
    _show_end(keys, {})


def heading(text: str) -> None:
    """A page's one heading of the first level, as small as a page that is all controls needs it."""
    with st.container(key="heading"):
        st.title(text, anchor=False)


def _page_links() -> None:
    seat = current_seat()
    back = {"step": step} if (step := st.session_state.get(_STORY_STEP)) else {}
    back |= seat.parameters if seat else {}
    st.page_link("pages/story.py", label=_("Story"), icon=":material/menu_book:", query_params=back or None)
    lab_links()


def lab_links() -> None:
    """The links to the labs, the questions, the class's room and the paper."""
    for page, name in PAGE_NAMES.items():
        st.page_link(f"pages/{page}.py", label=_(name), icon=f":material/{_ICONS[page]}:")
    st.page_link(source("xception").url, label=_("Paper"), icon=":material/open_in_new:")


def _open(page: str, state: type[Any], name: str) -> dict[str, str]:
    """Read the address and set the language of this run. Returns the texts of the page's controls.

    name: of the page, English, translated here: what the browser's tab and a screen reader call it.
    """
    texts = read_address(page, state_keys(state))
    set_language(control_texts()[KEY])
    title = f"{_(name)} · Xception Lab" if name else "Xception Lab"
    st.set_page_config(page_title=title, page_icon=str(ASSETS / "icon.png"), layout="wide")
    st.html(_CSS)
    if is_projected():
        st.html(_PROJECTOR_CSS)
    return texts


def _show_repairs() -> None:
    for repair in link_repairs():
        repair_note(repair.key, repair.text, repair.replacement)


def _show_task() -> None:
    """The task of a lesson, above everything that the page has."""
    lesson = current_lesson()
    if lesson and (task := lesson.task_in(language())):
        with st.container(key="task"):
            st.markdown(f"{_TASK_ICON} {escape_markdown(task)}")


def repair_note(key: str, given: str, used: str) -> None:
    """Say that a link's parameter was repaired."""
    note = _("`{key}={given}` in the link is not possible here; `{used}` is used.")
    st.info(note.format(key=key, given=quote_value(given), used=quote_value(used)), icon=":material/build:")


def projector_button() -> None:
    """The button that does what the key P does."""
    label = _("Leave the projector's view (key P)") if is_projected() else _("For a projector (key P)")
    st.button(label, key="projector", type="tertiary", icon=":material/tv:", on_click=toggle_projector)


def finish(state: object, entry: str | None = None, **carried: str | None) -> None:
    """End a page: write its controls and `carried` into the address, and report its sliders while they are dragged.

    carried: parameters that belong to no control, such as run="..."; one that is None is left out. The seat in a
    class's room is among them on every page. entry: as in write_address.
    """
    keys = state_keys(type(state))
    _show_end(keys, carried)
    write_address(keys, seat_parameters() | carried, entry)


def _show_end(keys: tuple[str, ...], carried: dict[str, str | None]) -> None:
    """What every page ends with: the terms' cards, the button that makes a lesson, and its dialog."""
    show_terms()
    if keys and not page_name().startswith("story"):
        with st.container(key="footer", horizontal=True):
            lesson_button()
            projector_button()
    show_asked_dialog(keys, carried)

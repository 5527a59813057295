"""The class's room on the page: its door, and what its teacher sees and does."""

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from xception_lab.classroom.room import EMPTY_ROOM_AGE_S, EXAMPLE_CODE, ROOM_AGE_S, RoomError, is_key, repair_code
from xception_lab.classroom.store import ClassStore
from xception_lab.common.home import StoreError
from xception_lab.common.messages import message_of
from xception_lab.ui.classroom.teacher import Leader, show_room
from xception_lab.ui.shell.address import is_opening, link_parameters
from xception_lab.ui.shell.frame import heading, repair_note
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.shell.seat import ROOM, current_seat, keep_keys, kept_keys, leave_seat, newly_taken_seat, take_seat

KEY = "key"  # the link's parameter for the teacher's secret, until the browser has kept it

_ROOM = "_class_room"
_SECRET = "_class_secret"
_TYPED = "class_code"
_TROUBLE = "_class_trouble"
_MOST_LISTED = 6
_CSS = """
<style>
.st-key-door { max-width: 46rem; margin: 0 auto; gap: 1.4rem; }
.st-key-door p { font-size: 1.2rem; }
.st-key-door [data-testid=stTextInputRootElement] { height: 3.2rem; }
.st-key-door input { font-size: 1.6rem; letter-spacing: .18em; text-transform: uppercase; height: 100%; }
.st-key-door input::placeholder { font-size: 1.1rem; letter-spacing: normal; text-transform: none; }
.st-key-door [data-testid=stCaptionContainer] p { font-size: 1rem; }
.st-key-door button { min-height: 3.2rem; padding: .3rem 1.4rem; }
.st-key-door button p { font-size: 1.25rem; }
.st-key-door h1 { font-size: 2rem; }
</style>
"""


def open_joined_room() -> None:
    """Lead a student who has just joined to the story, before anything is drawn."""
    if seat := newly_taken_seat():
        st.switch_page("pages/story.py", query_params=seat.parameters)


def show_class() -> dict[str, str | None]:
    """The whole page. Returns what its address carries besides the seat."""
    if is_opening():
        _read_link()
    code = _existing_room()
    leader = _leader(code) if code else None
    kept = kept_keys()
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.warning(translate_message(trouble))
    if leader:
        is_kept = kept.get(leader.code, {}).get("secret") == leader.secret
        show_room(leader)
        keep_keys(leader.code, secret=leader.secret)
        return {ROOM: leader.code, KEY: None if is_kept else leader.secret}
    st.html(_CSS)
    with st.container(key="door"):
        if code:
            _show_join(code)
        else:
            _show_lobby()
    keep_keys(code or "")
    return {ROOM: code, KEY: None} if code else {KEY: None}


def _read_link() -> None:
    parameters = link_parameters()
    given = parameters.get(ROOM)
    if given is None:
        return
    code = repair_code(given)
    if code != given:
        repair_note(ROOM, given, code or "–")
    st.session_state[_ROOM] = code
    st.session_state.pop(_SECRET, None)
    if KEY in parameters:
        secret = parameters[KEY]
        st.session_state[_SECRET] = secret
        if code and not is_key(secret):
            repair_note(KEY, "…", "–")


def _existing_room() -> str | None:
    """The room that this tab has chosen or its link names; None where there is none, and why is shown then."""
    code: str | None = st.session_state.get(_ROOM)
    if code is None:
        return None
    try:
        return ClassStore().room(code).code
    except RoomError as error:
        st.session_state[_ROOM] = None
        st.session_state[_TROUBLE] = message_of(error)
    except StoreError as error:  # the room may be readable again in the next run
        st.session_state[_TROUBLE] = message_of(error)
    return None


def _leader(code: str) -> Leader | None:
    """The right to lead a room, where this tab or its browser has it."""
    for secret in (st.session_state.get(_SECRET), kept_keys().get(code, {}).get("secret")):
        with suppress(RoomError, StoreError):
            if secret and ClassStore().is_teacher(code, secret):
                return Leader(code, secret)
    return None


def _trying(act: Callable[[], None]) -> None:
    """Do what a button asks for, in its callback; what went wrong is shown by the run that follows."""
    try:
        act()
    except (RoomError, StoreError) as error:
        st.session_state[_TROUBLE] = message_of(error)


def _join(code: str) -> None:
    def act() -> None:
        repaired = repair_code(code) or code
        take_seat(repaired, ClassStore().join(repaired, kept_keys().get(repaired, {}).get("seat")))

    _trying(act)


def _join_typed() -> None:
    _join(str(st.session_state.get(_TYPED, "")))


def _open_room() -> None:
    def act() -> None:
        st.session_state[_ROOM], st.session_state[_SECRET] = ClassStore().open_room()

    _trying(act)


def _choose_room(code: str | None) -> None:
    st.session_state[_ROOM] = code


def _show_join(code: str) -> None:
    """The door of one room, which its link or QR code opens."""
    st.title(_("Room {code}").format(code=code), anchor=False)
    st.markdown(
        _(
            "Your class is reading the Xception paper in ten questions. Guess first: your teacher sees what the class "
            "thinks, not who thinks it. No name is asked for."
        )
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(_("Join"), key="join", type="primary", on_click=_join, args=(code,))
        st.button(_("Another room"), key="another", type="tertiary", on_click=_choose_room, args=(None,))


def _show_lobby() -> None:
    """Where one has no room yet: to join one, to open one, or to go on with one's own."""
    if seat := current_seat():
        st.markdown(_("You have a seat in room **{code}**.").format(code=seat.code))
        with st.container(horizontal=True):
            st.page_link(
                "pages/story.py", label=_("Back to the room"), icon=":material/groups:", query_params=seat.parameters
            )
            st.button(_("Leave the room"), key="leave", type="tertiary", on_click=leave_seat)
    heading(_("A class's room"))
    with st.container(border=True, key="join_card"):
        st.markdown(_("**Join a class.** The code stands on the teacher's screen."))
        with st.form("join_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                _("Code"),
                key=_TYPED,
                max_chars=20,
                placeholder=_("such as {code}").format(code=EXAMPLE_CODE),
                width=260,
                label_visibility="collapsed",
            )
            st.form_submit_button(_("Join"), type="primary", on_click=_join_typed)
    with st.container(border=True, key="open_card"):
        st.markdown(
            _(
                "**Teach a class.** It joins by a code, without names, and predicts on its own devices; you see "
                "what it thinks and reveal each answer when it is time."
            )
        )
        st.button(_("Open a room"), key="open_room", on_click=_open_room, icon=":material/add:")
        own = [code for code, keys in kept_keys().items() if "secret" in keys][:_MOST_LISTED]
        if own:
            st.markdown(_("Rooms that you opened in this browser:"))
            with st.container(horizontal=True):
                for code in own:
                    st.button(code, key=f"room_{code}", on_click=_choose_room, args=(code,))
    kept = _(
        "A room is on this server alone. It is deleted {days} days after its last use, or after {hours} hours if "
        "nobody joins."
    )
    st.caption(kept.format(days=round(ROOM_AGE_S / 24 / 3600), hours=round(EMPTY_ROOM_AGE_S / 3600)))

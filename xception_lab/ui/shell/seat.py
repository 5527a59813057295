"""The seat in a class's room that this tab has, and what else of rooms the pages' frame has to know.

A seat is in the link, `room=` and `seat=`, so that it outlives a reload and a restart, and in the browser's own
storage, so that who joins again from the same browser gets the seat that they had. A copied link leaves it out: a seat
is one person's.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from xception_lab.classroom.room import is_key, repair_code
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import link_parameters

ROOM = "room"  # the link's parameters
SEAT = "seat"

_SEAT = "_seat"
_LEFT = "_left_seats"
_KEPT = "_kept_keys"
_JOINED = "_joined_class"
_MAX_KEPT = 40


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat as a link names it; only the store knows whether it exists."""

    code: str
    key: str

    @property
    def parameters(self) -> dict[str, str]:
        """Of the link that has this seat."""
        return {ROOM: self.code, SEAT: self.key}


def current_seat() -> Seat | None:
    """This tab's seat: as the session has it, at first as the link does. None where there is none, or no whole one."""
    if _SEAT not in st.session_state:
        parameters = link_parameters()
        code, key = repair_code(parameters.get(ROOM, "")), parameters.get(SEAT)
        if code is None or key is None or not is_key(key) or left_seat(key):
            return None
        st.session_state[_SEAT] = Seat(code, key)
    return st.session_state[_SEAT]


def take_seat(code: str, key: str) -> None:
    """Give this tab a seat, which it has to be led to."""
    st.session_state[_SEAT], st.session_state[_JOINED] = Seat(code, key), True
    st.session_state.get(_LEFT, set[str]()).difference_update((key, code))


def newly_taken_seat() -> Seat | None:
    """The seat that this tab has taken and not been led to yet.

    Until it arrives: what the browser reports meanwhile may run the page of the door once more.
    """
    return current_seat() if st.session_state.get(_JOINED) else None


def note_arrival() -> None:
    """Note that this tab is where its seat is."""
    st.session_state.pop(_JOINED, None)


def leave_seat() -> None:
    """Give up this tab's seat; the browser still has it, for whoever joins the room again."""
    if seat := st.session_state.pop(_SEAT, None):
        # the address still names it until the page has been drawn
        st.session_state.setdefault(_LEFT, set[str]()).update((seat.key, seat.code))


def left_seat(name: str) -> bool:
    """Whether this tab has left the seat, or the room, that its address may still name."""
    return name in st.session_state.get(_LEFT, ())


def seat_parameters() -> dict[str, str | None]:
    """What the address has of the seat, on every page, so that a student who looks at a lab keeps it."""
    seat = st.session_state.get(_SEAT)
    return dict(seat.parameters) if seat else {ROOM: None, SEAT: None}


def keep_keys(code: str, *, seat: str = "", secret: str = "") -> None:
    """Have the browser keep what it was given for a room, and report what it has; nothing to keep asks alone."""
    components.class_keys({"room": code, "seat": seat, "secret": secret}, _note_kept)


def kept_keys() -> dict[str, dict[str, str]]:
    """What the browser has kept, by the room's code: "seat", "secret", or both. Empty until it has reported."""
    return st.session_state.get(_KEPT, {})


def _note_kept(sent: Any) -> None:
    # the browser may send anything
    if not isinstance(sent, dict) or len(sent) > _MAX_KEPT:
        return
    kept: dict[str, dict[str, str]] = {}
    for code, keys in sent.items():
        if repair_code(str(code)) == code and isinstance(keys, dict):
            kept[code] = {name: keys[name] for name in ("seat", "secret") if is_key(keys.get(name))}
    st.session_state[_KEPT] = kept

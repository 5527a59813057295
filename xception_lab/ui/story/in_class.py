"""The story in a class's room: the student's side, in which the teacher says where the class is and what it may see.

A student's predictions are in the store, not in the address, and whether a step's answer is told is decided by the
room alone: until then nothing of it is computed for this page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from xception_lab.classroom.room import LOOKED, Room, RoomError, repair_code
from xception_lab.classroom.store import ClassStore
from xception_lab.common.home import StoreError
from xception_lab.common.messages import message_of
from xception_lab.ui.fields.story import PREDICTIONS, STEPS, Guess
from xception_lab.ui.fields.training import ASK, SHOW
from xception_lab.ui.shell.address import link_parameters
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.shell.seat import ROOM, Seat, current_seat, keep_keys, leave_seat, left_seat, note_arrival

POLL_S = 2.0  # how often a student's page asks whether the teacher has done something
_ICON = ":material/groups:"
_TROUBLE = "_prediction_trouble"


@dataclass(frozen=True, slots=True)
class ClassView:
    """A student's view of a room: their seat, the room, and their own predictions by step, as texts."""

    seat: Seat
    room: Room
    own: dict[str, str]

    @property
    def is_led(self) -> bool:
        """Whether the teacher moves this student from step to step."""
        return self.room.pace == "together" and not self.room.is_closed

    def is_told(self, step: str) -> bool:
        """Whether this student may see the answer of a step."""
        return self.room.is_told(step, self.own.get(step))

    def guess(self, step: str) -> Guess:
        """The prediction of a step; ASK before there is one, SHOW where the answer came without one."""
        field, text = PREDICTIONS[int(step) - 1], self.own.get(step, ASK)
        if text == LOOKED or (text == ASK and self.is_told(step)):
            return SHOW
        return field.parse(text) if text in field.texts else ASK

    def sealed_steps(self) -> frozenset[str]:
        """The steps of which this student may not see the answer yet."""
        return frozenset(step for step in STEPS[:-1] if not self.is_told(step))


def current_view() -> tuple[ClassView | None, str]:
    """This tab's view of its room, and why there is none although it has a seat or its link names one, or "".

    A link that names a room and no seat in it leads to where one takes a seat.
    """
    note_arrival()
    seat = current_seat()
    if seat is None:
        code = repair_code(link_parameters().get(ROOM, ""))
        if code and not left_seat(code):
            st.switch_page("pages/class.py", query_params={ROOM: code})
        return None, ""
    store = ClassStore()
    try:
        return ClassView(seat, store.room(seat.code), dict(store.own_predictions(seat.code, seat.key))), ""
    except RoomError as error:
        leave_seat()
        return None, message_of(error)
    except StoreError as error:  # the seat stays: what is sealed is not opened by a fault
        return None, message_of(error)


def show_place(view: ClassView) -> None:
    """In which room the student is, and who moves the class."""
    room = view.room
    if room.is_closed:
        words = _("closed by its teacher: go on alone")
    elif view.is_led:
        words = _("your teacher moves the class")
    else:
        words = _("everybody at their own pace")
    place = _("Room **{code}**").format(code=room.code)
    st.markdown(f"{_ICON} {place} · {words}", width="content")


def show_class_menu(view: ClassView, show_steps: Callable[[], None]) -> None:
    """What of the menu a student has: the steps where they move by themselves, and the way out."""
    if not view.is_led:
        show_steps()
        st.divider()
    st.button(_("Leave the room"), key="leave", type="tertiary", icon=":material/logout:", on_click=leave_seat)


def send_prediction(view: ClassView, step: str, text: str) -> None:
    """Send a prediction to the room, from a callback; what went wrong is shown by `show_trouble`."""
    try:
        ClassStore().predict(view.seat.code, view.seat.key, step, text)
    except (RoomError, StoreError) as error:
        st.session_state[_TROUBLE] = message_of(error)


def show_trouble() -> bool:
    """Say what went wrong with the last prediction. Returns whether anything did."""
    trouble = st.session_state.pop(_TROUBLE, None)
    if trouble:
        st.warning(translate_message(trouble))
    return bool(trouble)


def own_prediction(view: ClassView, step: str) -> str | None:
    """The text of this student's prediction as the store has it now."""
    try:
        return ClassStore().own_predictions(view.seat.code, view.seat.key).get(step)
    except (RoomError, StoreError):
        return view.own.get(step)


def step_predictions(view: ClassView, step: str) -> tuple[str, ...]:
    """What the class predicted."""
    try:
        return ClassStore().step_predictions(view.seat.code, step)
    except (RoomError, StoreError):
        return ()


def follow_teacher(view: ClassView) -> None:
    """Run the page again as soon as the teacher has done something; until then one number is read now and then."""
    keep_keys(view.seat.code, seat=view.seat.key)
    rerun_on_change(view.seat.code, "version", view.room.version, POLL_S)


def rerun_on_change(code: str, counter: Literal["version", "changes"], seen: int, poll_s: float) -> None:
    """Run the page again once a room's counter is another than it was; until then it is read now and then."""
    st.fragment(_look, run_every=poll_s)(code, counter, seen)


def _look(code: str, counter: Literal["version", "changes"], seen: int) -> None:
    try:
        counters = ClassStore().counters(code)
    except StoreError:
        return  # the next look may find it again
    if counters is None or getattr(counters, counter) != seen:
        st.rerun()

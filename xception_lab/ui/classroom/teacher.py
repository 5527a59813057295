"""What the teacher of a room sees, made for a projector: the code, what the class thinks, and the way on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from xception_lab.classroom.room import Room, RoomError
from xception_lab.classroom.store import ClassStore, predictions_table
from xception_lab.common.files import rows_to_csv
from xception_lab.common.home import StoreError
from xception_lab.common.messages import message_of
from xception_lab.ui.classroom.class_runs import class_runs_control
from xception_lab.ui.fields.field import N_
from xception_lab.ui.fields.story import END, STEPS
from xception_lab.ui.fields.training import SHOW
from xception_lab.ui.shell import components
from xception_lab.ui.shell.controls import download_button
from xception_lab.ui.shell.language import paragraph, translate_message
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.seat import ROOM
from xception_lab.ui.shell.share import class_link, show_qr
from xception_lab.ui.story.guesses import answer_text
from xception_lab.ui.story.in_class import rerun_on_change
from xception_lab.ui.story.steps import STEPS as STORY
from xception_lab.ui.story.steps import step_question, step_title
from xception_lab.ui.story.tallies import covered_data, expected_text, histogram_data, tally_step

POLL_S = 1.0  # how often the teacher's page asks whether anything has changed
# of the bars, px: with them the page fits a projector of 1280 by 720, before the answer and with its reason
HEIGHT, TOLD_HEIGHT = 240, 90

_TROUBLE = "_teacher_trouble"
_PACES = {"together": N_("I move the class"), "free": N_("Own pace")}
_ANSWERS = {"on_reveal": N_("When I reveal"), "at_once": N_("At once")}
_CSS = """
<style>
.stMainBlockContainer { padding-bottom: 1rem; }
.st-key-class { gap: .7rem; }
.st-key-class h1 { font-size: 2.3rem; line-height: 1.15; padding: 0; text-wrap: balance; }
.st-key-class .stMarkdown p { font-size: 1.3rem; line-height: 1.35; text-wrap: pretty; }
.st-key-class :is(h1, p) { word-break: keep-all; overflow-wrap: break-word; }
.st-key-class :is(.stButton, .stPopover, .stDownloadButton) button { min-height: 3rem; padding: .3rem 1.2rem; }
.st-key-class :is(.stButton, .stPopover) button p { font-size: 1.2rem; }
.st-key-class .st-key-numbers p { font-size: 1.5rem; }
.st-key-class table { width: 100%; margin-top: .7rem; font-size: 1.15rem; }
.st-key-class td:first-child { white-space: nowrap; }
.st-key-class td { padding: .28rem .5rem; line-height: 1.25; text-wrap: balance; font-variant-numeric: tabular-nums; }
.st-key-card {
  border-radius: 14px; padding: 1rem; gap: .4rem; background: color-mix(in srgb, currentColor 5%, transparent);
}
.st-key-card [data-testid=stImage] img { border-radius: 8px; }
.st-key-card .st-key-code p {
  font-size: clamp(2.6rem, 4.6vw, 4.4rem); font-weight: 800; letter-spacing: .1em; margin-right: -.1em;
  line-height: 1.1; text-align: center;
}
.st-key-card [data-testid=stCaptionContainer] p { font-size: .95rem !important; text-align: center; }
.st-key-card .st-key-joined p { text-align: center; }
.st-key-card .st-key-where p { font-size: 1.15rem; text-align: center; overflow-wrap: anywhere; font-weight: 600; }
@media (max-width: 700px) {
  .st-key-class h1 { font-size: 1.6rem; }
  .st-key-class .stMarkdown p { font-size: 1.1rem; }
  .st-key-class .st-key-numbers p { font-size: 1.2rem; }
}
</style>
"""


@dataclass(frozen=True, slots=True)
class Leader:
    """The right to lead a room: its code and its secret, which the store has checked."""

    code: str
    secret: str


def show_room(leader: Leader) -> None:
    """The teacher's page of a room."""
    st.html(_CSS)
    store = ClassStore()
    try:
        room = store.room(leader.code)
        step = room.step if room.step in STEPS else STEPS[0]
        shown = STEPS[:-1] if step == END else (step,)
        predictions = {number: store.step_predictions(leader.code, number) for number in shown}
    except (RoomError, StoreError) as error:
        st.warning(translate_message(error))
        return
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.warning(translate_message(trouble))
    with st.container(key="class"):
        is_told = step in room.revealed
        left, right = st.columns((7, 6) if is_told else (9, 4), gap="large")
        with left:
            if step == END:
                _show_end(room, predictions)
            else:
                _show_step(step, room, predictions[step])
            _show_buttons(leader, room, step)
            if is_told:
                st.markdown(paragraph(f"story_{step}", 2, **STORY[step].values()))
        with right:
            settings = st.popover(
                _("Room settings"), icon=":material/settings:", key="settings", on_change="rerun", width="stretch"
            )
            if settings.open:
                with settings:
                    _show_settings(leader, room, step)
            if is_told:  # in the place of the code: who has joined needs it no more
                components.scene(STORY[step].scene(True, SHOW), f"reason_{step}")
            if is_told and not room.is_closed:
                st.markdown(_("Room **{code}**").format(code=room.code))
            else:
                _show_card(room)
            class_runs_control(leader.code, leader.secret)
    rerun_on_change(leader.code, "changes", room.changes, POLL_S)


def _show_step(step: str, room: Room, predictions: Sequence[str]) -> None:
    is_told = step in room.revealed
    tally = tally_step(step, predictions)
    st.title(f"{step}. {step_title(step)}", anchor=False)
    st.markdown(step_question(step))
    with st.container(key="numbers"):
        counts = _("**{answered}** of **{seats}** have answered").format(answered=tally.answered, seats=room.seats)
        if tally.looked:
            counts += " · " + _("{count} looked without a guess").format(count=tally.looked)
        if is_told and STORY[step].kind == "choice":
            counts += " · " + _("answer: **{answer}**").format(answer=answer_text(STORY[step]))
        st.markdown(counts)
    if room.is_covered and not is_told:
        data = covered_data(tally, HEIGHT)
    else:
        data = histogram_data(step, tally, is_told, height=TOLD_HEIGHT if is_told else HEIGHT)
    components.histogram(data, "histogram")


def _show_end(room: Room, predictions: Mapping[str, Sequence[str]]) -> None:
    """What the class expected, beside the answers that are revealed. predictions: by step."""
    st.title(_("What the class thought, and what came out"), anchor=False)
    heads = ("", _("Question"), _("the class"), _("answer"))
    rows = [f"| {' | '.join(heads)} |", "|--:|:--|--:|--:|"]
    for step, made in predictions.items():
        is_told = step in room.revealed
        expected = _("covered") if room.is_covered and not is_told else expected_text(step, made)
        answer = f"**{answer_text(STORY[step])}**" if is_told else _("not revealed")
        rows.append(f"| {step} | {step_title(step)} | {expected} | {answer} |")
    st.markdown("\n".join(rows))
    st.caption(_("Of numbers the middle guess, and in brackets the middle half of the class; else what most chose."))


def _show_buttons(leader: Leader, room: Room, step: str) -> None:
    store, code, secret = ClassStore(), leader.code, leader.secret
    place = STEPS.index(step)
    with st.container(horizontal=True, vertical_alignment="center", key="lead"):
        _button(_("Back"), "back", partial(store.set_step, code, secret, STEPS[max(place - 1, 0)]), disabled=place == 0)
        if step != END:
            is_told = step in room.revealed
            label = _("Revealed") if is_told else _("**Reveal for all**")
            reveal = partial(store.reveal, code, secret, step)
            _button(label, "reveal", reveal, kind="secondary" if is_told else "primary", disabled=is_told)
            following = STEPS[place + 1]
            kind = "primary" if step in room.revealed else "secondary"
            _button(_("Next"), "forward", partial(store.set_step, code, secret, following), kind=kind)


def _button(
    label: str, key: str, act: Callable[[], None], *, kind: str = "secondary", disabled: bool = False, icon: str = ""
) -> None:
    button_type = "primary" if kind == "primary" else "secondary"
    st.button(label, key=key, type=button_type, on_click=_act, args=(act,), disabled=disabled, icon=icon or None)


def _act(act: Callable[[], None]) -> None:
    """Do what a button asks for, in its callback; what went wrong is shown by the run that follows."""
    try:
        act()
    except (RoomError, StoreError) as error:
        st.session_state[_TROUBLE] = message_of(error)


def _show_settings(leader: Leader, room: Room, step: str) -> None:
    store, code, secret = ClassStore(), leader.code, leader.secret

    def change() -> None:
        state = st.session_state
        if state.class_pace != room.pace:
            store.set_pace(code, secret, state.class_pace)
        if state.class_answers != room.answers:
            store.set_answers(code, secret, state.class_answers)
        if state.class_covered != room.is_covered:
            store.set_covered(code, secret, bool(state.class_covered))

    # another browser of the same teacher may have set them
    st.session_state.update(class_pace=room.pace, class_answers=room.answers, class_covered=room.is_covered)
    for label, key, names in ((_("Steps"), "class_pace", _PACES), (_("Answers"), "class_answers", _ANSWERS)):
        st.segmented_control(
            label,
            tuple(names),
            format_func=lambda option, names=names: _(names[option]),
            key=key,
            required=True,
            on_change=_act,
            args=(change,),
        )
    st.toggle(_("Cover the bars until I reveal"), key="class_covered", on_change=_act, args=(change,))
    st.divider()
    with st.container(horizontal=True):
        if step != END:
            reset = partial(store.reset, code, secret, step)
            _button(_("Reset this step"), "reset", reset, icon=":material/restart_alt:")
        table = partial(_predictions_csv, leader)
        download_button(_("Predictions (CSV)"), table, f"class-{code}.csv", "text/csv", key="export")
        link, _note = class_link("class", {ROOM: code, "key": secret})
        components.copy_link(_("Copy the teacher's link"), _("Copied"), link, "teacher_link")
    st.caption(_("The teacher's link opens this page on another device of yours. Who has it leads the room."))
    close = partial(store.set_closed, code, secret, not room.is_closed)
    if room.is_closed:
        _button(_("Open the room again"), "close", close, icon=":material/lock_open:")
        delete = partial(store.delete, code, secret)
        _button(_("Delete the room and its predictions"), "delete", delete, icon=":material/delete:")
    else:
        _button(_("Close the room"), "close", close, icon=":material/lock:")


def _predictions_csv(leader: Leader) -> str:
    """Every prediction, with what was asked and what is right."""
    predictions = ClassStore().predictions(leader.code, leader.secret)
    asked = {
        step: {"question": step_question(step), "answer": answer_text(STORY[step])}
        for step in {prediction.step for prediction in predictions}
    }
    rows = zip(predictions, predictions_table(predictions), strict=True)
    return rows_to_csv([row | asked[prediction.step] for prediction, row in rows])


def _show_card(room: Room) -> None:
    """How one joins, large enough for the last row."""
    with st.container(key="card"):
        if room.is_closed:
            st.markdown(_("The room is closed: nobody can join or predict."))
            return
        link, note = class_link("class", {ROOM: room.code})
        show_qr(link)
        with st.container(key="code"):
            st.markdown(room.code)
        with st.container(key="where"):
            st.markdown(f"`{class_link('class', {})[0].partition('://')[2]}`")
        if note:
            st.caption(note)
        with st.container(key="joined"):
            st.markdown(_("**{count}** joined").format(count=room.seats))

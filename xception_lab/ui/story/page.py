"""The story: the paper in ten questions, each with a prediction before its answer."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from xception_lab.common.citations import source
from xception_lab.ui.fields.field import Field
from xception_lab.ui.fields.lesson import STEPS_KEY, lesson_texts
from xception_lab.ui.fields.registry import nearest_option
from xception_lab.ui.fields.story import END, NUM_STEPS, PREDICTIONS, STEPS, Guess, StoryState
from xception_lab.ui.fields.training import ASK, SHOW
from xception_lab.ui.shell import components
from xception_lab.ui.shell.address import (
    control_texts,
    current_lesson,
    is_projected,
    keeps_control,
    link_parameters,
    set_controls,
)
from xception_lab.ui.shell.frame import finish, projector_button, repair_note, story_frame
from xception_lab.ui.shell.language import paragraph, translate_message
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.lesson_maker import lesson_button
from xception_lab.ui.shell.names import PAGE_NAMES
from xception_lab.ui.shell.seat import current_seat, leave_seat
from xception_lab.ui.story import in_class, steps
from xception_lab.ui.story.end import show_end
from xception_lab.ui.story.guesses import guess_text, question_data
from xception_lab.ui.story.in_class import ClassView
from xception_lab.ui.story.steps import Step
from xception_lab.ui.story.tallies import histogram_data, tally_step

_STEP = "step"  # the link's parameter
_LED = "_led_step"  # where the teacher had this student last
_CSS = """
<style>
.stMainBlockContainer { padding-bottom: 2rem; }
.st-key-story { gap: .8rem; }
.st-key-story .stMarkdown p { font-size: 1.375rem; line-height: 1.42; text-wrap: pretty; }
.st-key-story :is(h1, p, td) { word-break: keep-all; overflow-wrap: break-word; }
.st-key-story h1 { font-size: 2.3rem; line-height: 1.15; padding: .1rem 0 .3rem; text-wrap: balance; }
.st-key-story .stMarkdown a { text-underline-offset: .15em; }
.st-key-story .st-key-uncertain [data-testid=stCaptionContainer] p { font-size: 1.15rem; }
.st-key-story .st-key-uncertain [data-testid=stCaptionContainer] { color: inherit; }
.st-key-story [data-testid=stCaptionContainer] p { font-size: 1.06rem; line-height: 1.4; }
.st-key-story .stColumn { padding-top: .5rem; }
.st-key-story table { margin-top: .6rem; font-size: 1.1rem; }
.st-key-story :is(.stButton button, .stPageLink a) { min-height: 3rem; padding: .3rem 1rem; }
.st-key-story :is(.stButton button, .stPageLink a) p { font-size: 1.2rem; }
[data-testid=stPopoverBody] { max-height: calc(100dvh - 4.5rem) !important; }
[data-testid=stPopoverBody] .stVerticalBlock { gap: .1rem; }
[data-testid=stPopoverBody] :is(.stButton button, .stPageLink a) { min-height: 1.9rem; padding-block: 0; }
[data-testid=stPopoverBody] hr { margin: .3rem 0; }
@media (pointer: coarse) { [data-testid=stPopoverBody] :is(.stButton button, .stPageLink a) { min-height: 2.6rem; } }
.st-key-forward button { padding: .35rem 1.5rem; }
.st-key-story td:first-child { white-space: nowrap; }
.st-key-doors { row-gap: .6rem; }
:is(.st-key-doors, .st-key-next) .stPageLink a {
  color: inherit;
  border: 1.5px solid currentColor;
  border-radius: .6rem;
}
@media (max-width: 700px) {
  .st-key-story h1 { font-size: 1.7rem; }
  .st-key-story .stMarkdown p { font-size: 1.15rem; }
  .st-key-story, .st-key-story .stHorizontalBlock { gap: .5rem; }
  .st-key-story table { font-size: .9rem; }
  .st-key-story td { padding: .3rem .35rem; line-height: 1.3; }
}
</style>
"""


def show_story() -> None:
    """The page of the step that the address names; "/" is the first. In a class's room the teacher may name it."""
    if next_step := steps.pop_opened_step():
        st.switch_page("pages/story.py", query_params=step_link(next_step))
    given = link_parameters().get(_STEP, STEPS[0])
    step = given if given in STEPS else nearest_option(given, STEPS, STEPS[0])
    view, trouble = in_class.current_view()
    if view and view.is_led:
        given = step = view.room.step if view.room.step in STEPS else STEPS[0]
        st.session_state[_LED] = step
    elif view and (led := st.session_state.pop(_LED, step)) != step:  # let go: the student stays where the class was
        st.switch_page("pages/story.py", query_params=step_link(led))
    state = story_frame(step, StoryState, progress_text(step), lambda: _menu(step, view))
    st.html(_CSS)
    if given != step:
        repair_note(_STEP, given, step)
    if trouble:
        st.warning(translate_message(trouble))
    with st.container(key="story"):
        if view:
            in_class.show_place(view)
        if view is None and current_seat():
            pass  # the room cannot be read now, and only it may say what is told
        elif step == END:
            guesses = {number: view.guess(number) if view else state.guess(number) for number in STEPS[:-1]}
            unopened = {number for number, guess in guesses.items() if guess == ASK}
            show_end(guesses, view.sealed_steps() if view else unopened)
        elif view:
            _show_class_step(step, steps.STEPS[step], view)
        else:
            _show_step(step, steps.STEPS[step], state.guess(step))
    if view:
        in_class.follow_teacher(view)
    # who is led has one entry in the browser's history: which step it shows, the room says
    entry = None if view and view.is_led else _STEP
    finish(state, entry, step=step if step != STEPS[0] else None)


def step_link(step: str) -> dict[str, str]:
    """The parameters of the link to a step: all predictions so far or the seat in a class's room, and a lesson's."""
    seat = current_seat()
    if seat:
        return {_STEP: step, **seat.parameters}
    texts = control_texts()
    made = {field.key: texts[field.key] for field in PREDICTIONS if texts.get(field.key, ASK) != ASK}
    return {_STEP: step, **made, **lesson_texts(current_lesson())}


def _menu(step: str, view: ClassView | None) -> None:
    def show_steps() -> None:
        for number in STEPS:
            name = _("What you thought") if number == END else f"{number}. {steps.step_title(number)}"
            label = f"**{name}**" if number == step else name
            st.button(label, key=f"to_{number}", type="tertiary", on_click=steps.open_step, args=(number,))

    if view:
        in_class.show_class_menu(view, show_steps)
        return
    if keeps_control(STEPS_KEY):
        show_steps()
        st.divider()
    lesson_button()
    projector_button()


def _show_step(number: str, step: Step, guess: Guess) -> None:
    """A step for somebody who reads alone."""
    told = guess != ASK
    field = PREDICTIONS[int(number) - 1]

    def on_guess(sent: str) -> None:
        set_controls({field.key: sent})

    if number == STEPS[0] and not told:
        st.caption(_("The Xception paper in ten questions. Guess first: then the answer is computed."))
    with _step_columns(number, step, guess, told) as scale:
        with scale:
            _show_guess(number, step, field, guess, told, on_guess)
        if told:
            _show_reason(number, step)
        with st.container(horizontal=True, key="next", vertical_alignment="center"):
            if told:
                if keeps_control(STEPS_KEY):
                    _next_button(number)
                _lab_link(step)
            elif current_lesson() is None:  # in a lesson everybody predicts
                st.button(_("Show me"), key="show", on_click=set_controls, args=({field.key: SHOW},))


def _show_class_step(number: str, step: Step, view: ClassView) -> None:
    """A step for a student in a class's room."""
    guess, told = view.guess(number), view.is_told(number)
    with _step_columns(number, step, guess, told) as scale:
        if told:
            with scale:
                _show_guess(number, step, PREDICTIONS[int(number) - 1], guess, told, lambda _sent: None)
            _show_reason(number, step)
            if predictions := in_class.step_predictions(view, number):
                tally = tally_step(number, predictions)
                st.markdown(_("**What the class thought** (predictions: {count}):").format(count=tally.answered))
                own = view.own.get(number, "")
                components.histogram(histogram_data(number, tally, True, height=110, own=own, is_small=True), "class")
        elif view.room.is_closed:
            st.markdown(_("This step was not revealed before the room was closed."))
        else:
            _ask_in_class(number, view)
        if not view.is_led:
            with st.container(horizontal=True, key="next", vertical_alignment="center"):
                if told or number in view.own or view.room.is_closed:
                    _next_button(number)
                if told:
                    _lab_link(step)
                elif view.room.is_closed:
                    st.button(_("Go on alone"), key="alone", on_click=leave_seat)


@st.fragment
def _ask_in_class(number: str, view: ClassView) -> None:
    """Ask for a prediction and send it to the room: a run of this part alone, so that forty at once need not wait."""
    step, field = steps.STEPS[number], PREDICTIONS[int(number) - 1]

    def on_guess(sent: str) -> None:
        in_class.send_prediction(view, number, sent)

    text = in_class.own_prediction(view, number)
    if text is not None and view.room.is_told(number, text):
        st.rerun()  # the whole page: the answer comes at once here
    guess = field.parse(text) if text in field.texts else ASK
    _show_guess(number, step, field, guess, False, on_guess)
    if in_class.show_trouble():
        return
    if guess != ASK:
        st.markdown(
            _("**Your prediction: {guess}.** You may change it until your teacher reveals the answer.").format(
                guess=guess_text(step, guess)
            )
        )
    elif view.room.answers == "at_once":
        st.button(_("Show me"), key="show", on_click=on_guess, args=(SHOW,))


@contextmanager
def _step_columns(number: str, step: Step, guess: Guess, told: bool) -> Generator[DeltaGenerator]:
    """The title, the picture and the question; what follows is drawn below the question.

    Gives the place of the scale: there too, but below the picture once a projector's screen has to hold the reason.
    """
    st.title(steps.step_title(number), anchor=False)
    left, right = st.columns((11, 9), gap="large", vertical_alignment="center" if not told else "top")
    with left:
        components.scene(step.scene(told, guess), f"scene_{number}")
    with right:
        asked = paragraph(f"story_{number}", 1, **step.given())
        # once answered, the question alone; what it is about is in the reason
        st.markdown(f"**{steps.step_question(number)}**" if told else asked)
        yield left if told and is_projected() else st.container()


def _show_reason(number: str, step: Step) -> None:
    with st.spinner(_("Computing the answer …")):
        values = step.values()
    st.markdown(paragraph(f"story_{number}", 2, **values))
    with st.container(key="uncertain"):
        st.caption(f"{paragraph(f'story_{number}', 3, **values)} {_paper_text(step)}")


def _next_button(number: str) -> None:
    following = STEPS[STEPS.index(number) + 1]
    name = _("Next") if following != END else _("What you thought")
    st.button(f"**{name}**", key="forward", type="primary", on_click=steps.open_step, args=(following,))


def _lab_link(step: Step) -> None:
    page, texts = step.lab
    label = _("Open in the lab: {lab}").format(lab=_(PAGE_NAMES[page]))
    st.page_link(f"pages/{page}.py", label=label, query_params=dict(texts))


def _show_guess(
    number: str, step: Step, field: Field[Guess], guess: Guess, told: bool, on_guess: Callable[[str], None]
) -> None:
    def check_sent(sent: object) -> None:
        # the browser may send anything; ASK and SHOW are no predictions
        if isinstance(sent, str) and sent in field.texts[1:-1]:
            on_guess(sent)

    data: dict[str, Any] = question_data(step, field)
    if guess != ASK:
        own = None if guess == SHOW else {"text": field.text(guess), "label": guess_text(step, guess)}
        if own and isinstance(guess, float):
            own |= {"value": guess}
        data |= {"guess": own}
    if told:
        data |= {
            "answers": [
                {"value": answer.value, "text": answer.text, "name": _(answer.name) if answer.name else ""}
                for answer in step.answers()
            ],
        }
    if step.kind != "interval" or not told:  # the interval is in the picture then
        components.guess(data, f"guess_{number}", check_sent)


def _paper_text(step: Step) -> str:
    section, figure = step.paper
    where = _("Paper: section {section}").format(section=section)
    if figure:
        where = _("Paper: section {section}, Figure {figure}").format(section=section, figure=figure)
    return f"[{where}]({source('xception').url})"


def progress_text(step: str) -> str:
    """How far the story is, for the frame."""
    return "" if step == END else f"{step} / {NUM_STEPS}"

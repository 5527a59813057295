"""The dialog in which a teacher makes a lesson of the page as it stands: a link, in four clicks."""

from collections.abc import Mapping

import streamlit as st

from xception_lab.ui.fields.lesson import (
    GUESS_KEYS,
    LONGEST_TASK,
    STEPS_KEY,
    TASK,
    TASK_KO,
    Lesson,
    clean_task,
    lesson_texts,
)
from xception_lab.ui.fields.registry import FIELDS
from xception_lab.ui.fields.training import GUESS
from xception_lab.ui.shell.address import control_texts, current_lesson, offered_controls, page_name
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.language import LANGUAGES, language
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.share import class_link, show_qr

_ASKED = "_make_lesson"
_TASK_KEYS = {"en": TASK, "ko": TASK_KO}
_EXAMPLES = {
    "en": "Move one slider only. Which block gets cheaper, and why?",
    "ko": "슬라이더를 하나만 움직여 보세요. 어느 블록이 더 저렴해지나요? 왜 그럴까요?",
}


def lesson_button(key: str = "make_lesson") -> None:
    """The button that opens the dialog; none in a lesson itself."""
    if current_lesson() is None:
        st.button(
            _("Make a lesson of this"), key=key, type="tertiary", icon=":material/school:", on_click=_ask_for_dialog
        )


def _ask_for_dialog() -> None:
    st.session_state[_ASKED] = True
    st.session_state["menu"] = False  # the story's, which has the button


def show_asked_dialog(keys: tuple[str, ...], carried: Mapping[str, str | None]) -> None:
    """The dialog, in the run after its button was pressed. keys, carried: as the page's address has them."""
    if st.session_state.pop(_ASKED, False):
        dialog = st.dialog(_("Make a lesson of this"), width="medium", icon=":material/school:")(_show_dialog)
        dialog(keys, {key: text for key, text in carried.items() if text})


def _show_dialog(keys: tuple[str, ...], carried: dict[str, str]) -> None:
    page, __, step = page_name().partition(" ")
    guess = next((key for key in keys if key in GUESS_KEYS and key in (GUESS.key, f"p{step}")), "")
    st.markdown(_("A link that opens this page as it is now, with your task on top. It works on phones too."))
    tasks = {own: _task_input(own) for own in sorted(LANGUAGES, key=lambda own: own != language())}
    keep = _steps_input() if page == "story" else _controls_input()
    is_sealed = bool(guess) and st.toggle(
        _("Seal the answer"), value=True, key="lesson_seal", help=_("Everybody predicts first, and then sees it.")
    )
    texts = control_texts()
    state = {key: texts[key] for key in keys if texts[key] != FIELDS[key].default}
    if page == "story":  # of the predictions that of this step alone
        state = {key: text for key, text in state.items() if key == guess}
    if is_sealed:
        state.pop(guess, None)
    lesson = Lesson(tasks["en"], tasks["ko"], keep)
    link, note = class_link(page, state | carried | lesson_texts(lesson))
    left, right = st.columns((3, 2), vertical_alignment="center")
    with left:
        copy_link(_("Copy the lesson's link"), _("Copied"), link, "lesson_link")
        st.code(link, language=None, wrap_lines=True)
        if note:
            st.caption(note)
    with right:
        show_qr(link)


def _task_input(own: str) -> str:
    label = _("Task in English") if own == "en" else _("Task in Korean")
    text = st.text_input(
        label, key=f"lesson_{_TASK_KEYS[own]}", max_chars=LONGEST_TASK, placeholder=_EXAMPLES[own], live=True
    )
    return clean_task(text or "")


def _controls_input() -> tuple[str, ...]:
    keys = tuple(key for key in offered_controls() if key not in GUESS_KEYS)
    if not keys:
        return ()
    chosen = st.pills(
        _("Which controls stay"),
        keys,
        selection_mode="multi",
        format_func=lambda key: _(FIELDS[key].label) if FIELDS[key].label else FIELDS[key].term or key,
        key="lesson_keep",
    )
    return tuple(key for key in FIELDS if key in chosen)


def _steps_input() -> tuple[str, ...]:
    goes_on = st.toggle(_("The class may go on to other steps"), key="lesson_steps")
    return (STEPS_KEY,) if goes_on else ()

"""The last page of the story: every prediction beside its answer, the two that were furthest off, the doors."""

import math
from collections.abc import Collection, Mapping

import streamlit as st

from xception_lab.ui.fields.story import Guess
from xception_lab.ui.fields.training import ASK, SHOW
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import PAGE_NAMES
from xception_lab.ui.story.guesses import answer_text, distance, guess_text
from xception_lab.ui.story.steps import STEPS as STORY
from xception_lab.ui.story.steps import open_step, step_question, step_title

_FURTHEST = 2
_NEAR = math.log(10) / 10  # a step of the scales on which one predicts: about a quarter
_ROOM_PAGE = "class"  # no lab


def show_end(guesses: Mapping[str, Guess], sealed: Collection[str]) -> None:
    """The whole story on one page. guesses: by step. sealed: the steps whose answer is not to be seen yet."""
    st.title(_("What you thought, and what came out"), anchor=False)
    st.markdown(_table(guesses, sealed))
    _show_furthest({step: guess for step, guess in guesses.items() if step not in sealed})
    st.markdown(_("**Now turn every control yourself:**"))
    with st.container(horizontal=True, key="doors"):
        for page, name in PAGE_NAMES.items():
            if page == _ROOM_PAGE:
                continue
            st.page_link(f"pages/{page}.py", label=_(name))


def _show_furthest(guesses: Mapping[str, Guess]) -> None:
    distances = {step: distance(STORY[step], guess) for step, guess in guesses.items()}
    made = sorted(((far, step) for step, far in distances.items() if far and far > _NEAR), key=lambda pair: -pair[0])
    if not any(far is not None for far in distances.values()):
        st.markdown(_("You made no prediction; the answers of the steps that you opened are above."))
    elif not made:
        st.markdown(_("Every prediction was right, or within a quarter of it."))
    else:
        st.markdown(_("**Furthest off, and worth a second look:**"))
        with st.container(horizontal=True, key="furthest"):
            for _far, step in made[:_FURTHEST]:
                st.button(f"{step}. {step_title(step)}", key=f"again_{step}", on_click=open_step, args=(step,))


def _table(guesses: Mapping[str, Guess], sealed: Collection[str]) -> str:
    heads = ("", _("Question"), _("your guess"), _("answer"))
    rows = [f"| {' | '.join(heads)} |", "|--:|:--|--:|--:|"]
    for step, guess in guesses.items():
        own = "–" if guess in (ASK, SHOW) else guess_text(STORY[step], guess)
        answer = _("not opened yet") if step in sealed else f"**{answer_text(STORY[step])}**"
        rows.append(f"| {step} | {step_question(step)} | {own} | {answer} |")
    return "\n".join(rows)

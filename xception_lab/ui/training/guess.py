"""The prediction: asked before anything of the answer is on the page, and set against the interval afterwards."""

from dataclasses import replace

import streamlit as st

from xception_lab.experiments.effects import Effects
from xception_lab.experiments.spec import MARGIN, ExperimentSpec
from xception_lab.ui.fields.training import ASK, GUESS, GUESSES, SHOW, TrainingState
from xception_lab.ui.shell.address import current_lesson, is_opening, set_controls
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import near_text
from xception_lab.ui.training.compared import show_compared
from xception_lab.ui.training.texts import effect_text, is_slope

_CHOICE = "guess_choice"
_ABOUT = "_guess_about"  # the lesson, question and data of the last run of the page
_GUESSED = "_guessed"  # the session's guesses, by what they are about


def with_own_guess(state: TrainingState) -> TrainingState:
    """The state with the guess on its own question and data: one on another is put by until the person returns to that.

    A link brings its own guess, or asks anew.
    """
    about = (current_lesson(), state.preset, state.dataset)
    guesses: dict[object, str] = st.session_state.setdefault(_GUESSED, {})
    if is_opening() or st.session_state[_ABOUT] == about:
        guesses[about] = state.guess
    guess = guesses.setdefault(about, ASK)
    st.session_state[_ABOUT] = about
    if guess != state.guess:
        set_controls({GUESS.key: guess})
    return replace(state, guess=guess)


def ask_guess(experiment: ExperimentSpec, known: str) -> None:
    """Draw the question for a prediction of the first primary comparison, with what was fixed before the runs.

    known: that this difference was known when the question was fixed; empty where it was not.
    """
    if not experiment.primary:
        st.button(_("Show me"), key="guess_show", on_click=set_controls, args=({GUESS.key: SHOW},))
        return
    contrast = experiment.primary[0]
    unit = _("in points") if is_slope(contrast) else _("points of accuracy")
    fixed = _(
        "Fixed beforehand: {seeds} seeds, and that a difference within ±{margin} points is of no account. “Harmful” "
        "and “helpful” say that a difference was found; whether it is larger than that, its interval says."
    )
    if is_slope(contrast):
        fixed = _("Fixed beforehand: {seeds} seeds, and this one slope.")
    elif experiment.seeds == 1:
        fixed = _(
            "Fixed beforehand: one seed, which decides nothing, and that a difference within ±{margin} points is of no "
            "account."
        )
    with st.container(border=True, key="guessing"):
        question = _("**Before you look: what do you expect?** {what}, {unit}:")
        st.markdown(question.format(what=effect_text(contrast), unit=unit))
        if not is_slope(contrast):
            show_compared(experiment, contrast)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.segmented_control(
                _("Your guess"),
                GUESSES,
                format_func=_label,
                key=_CHOICE,
                label_visibility="collapsed",
                on_change=_take_guess,
            )
            if current_lesson() is None:  # in a lesson everybody predicts
                arguments = ({GUESS.key: SHOW},)
                label = _("Show it without a guess")
                st.button(label, key="guess_show", on_click=set_controls, args=arguments)
        st.caption(" ".join(filter(None, (fixed.format(seeds=experiment.seeds, margin=MARGIN), known))))


def _take_guess() -> None:
    if guess := st.session_state[_CHOICE]:
        set_controls({GUESS.key: guess})


def _label(guess: str) -> str:
    return "0" if guess == "0" else near_text(int(guess), digits=0)


def show_guess(guess: str, effects: Effects) -> None:
    """How the guess stands to the interval of the first primary effect."""
    if guess not in GUESSES or not effects.primary or effects.primary[0].low is None:
        return
    effect = effects.primary[0]
    value = int(guess)
    assert effect.low is not None
    assert effect.high is not None
    if effect.low <= value <= effect.high:
        sentence = _("Your guess, {guess}, lies **inside** the interval {low} to {high}.")
    elif value < effect.low:
        sentence = _("Your guess, {guess}, lies **below** the interval {low} to {high}.")
    else:
        sentence = _("Your guess, {guess}, lies **above** the interval {low} to {high}.")
    low, high = (near_text(end, (value, 0.0)) for end in (effect.low, effect.high))
    st.markdown(sentence.format(guess=_label(guess), low=low, high=high))

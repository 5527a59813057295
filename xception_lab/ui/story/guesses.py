"""Predictions in words and as data for the component `guess`, and how far each was from its answer."""

import math
from typing import Any

from xception_lab.ui.fields.field import N_, Field
from xception_lab.ui.fields.story import INTERVALS, Guess
from xception_lab.ui.fields.training import ASK, SHOW
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.story.steps import Step

_CHOICES = {"same": N_("the same"), "almost": N_("almost the same"), "different": N_("different")}


def guess_text(step: Step, guess: Guess) -> str:
    """A prediction as a person reads it: "8×", "0.5%", "−1 to 0"."""
    if isinstance(guess, tuple):
        low, high = guess
        return _("{low} to {high}").format(low=_points(low), high=_points(high))
    if isinstance(guess, str):
        return _(_CHOICES[guess])
    return _number_text(step, guess)


def _number_text(step: Step, value: float) -> str:
    if step.unit == "times":
        return f"{value:g}×"
    return f"{value:g}%" if step.unit == "percent" else f"{value:,g}"


def _points(value: float) -> str:
    return f"{value:+g}".replace("-", "−") if value else "0"


def question_data(step: Step, field: Field[Guess]) -> dict[str, Any]:
    """What the component asks; nothing of the answer is in it."""
    texts = field.texts[1:-1]  # without ASK and SHOW
    if step.kind == "choice":
        options = [{"text": text, "label": _(_CHOICES[text])} for text in texts]
        return {"kind": "choice", "options": options, "label": _("Your prediction"), "words": {"own": _("your guess")}}
    if step.kind == "interval":
        ends = sorted({float(end) for text in INTERVALS for end in text.split(":")})
        return {
            "kind": "interval",
            "options": [{"text": f"{end:g}", "label": _points(end)} for end in ends],
            "ends": [ends[0], ends[-1]],
            "ticks": [{"value": end, "text": _points(end)} for end in ends if end % 2 == 0],
            "label": _("Your prediction"),
            "labels": [_("lower end"), _("upper end")],
            "words": {"done": _("That is my guess"), "own": _("your guess")},
        }
    numbers = [float(text) for text in texts]
    decades = [value for value in numbers if math.log10(value).is_integer()]
    halves = [5 * value for value in decades[:-1]] if len(decades) < 4 else []
    return {
        "kind": "number",
        "options": [{"text": text, "label": _number_text(step, float(text))} for text in texts],
        "ends": [numbers[0], numbers[-1]],
        "ticks": [{"value": value, "text": _number_text(step, value)} for value in sorted(decades + halves)],
        "label": _("Your prediction"),
        "words": {"start": _("press where you expect it"), "own": _("your guess")},
    }


def distance(step: Step, guess: Guess) -> float | None:
    """How far off a prediction was: a number's factor, as its logarithm; None where there was no prediction.

    A wrong choice, and an interval that the answer is not in, are infinitely far off.
    """
    if guess in (ASK, SHOW):
        return None
    answer = step.answers()[0]
    if isinstance(guess, tuple):
        return 0.0 if guess[0] <= answer.value <= guess[1] else math.inf
    if isinstance(guess, str):
        return 0.0 if guess == answer.text else math.inf
    return abs(math.log(guess / answer.value))


def answer_text(step: Step) -> str:
    """The answers of a step in one line."""
    if step.kind == "choice":
        return _(_CHOICES[step.answers()[0].text])
    return "; ".join(f"{answer.text} ({_(answer.name)})" if answer.name else answer.text for answer in step.answers())

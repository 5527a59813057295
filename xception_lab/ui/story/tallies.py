"""The predictions of a class as data for the component `histogram`."""

import math
from collections import Counter
from collections.abc import Sequence
from statistics import median_low
from typing import Any

from xception_lab.classroom.tally import Tally, tally_intervals, tally_options
from xception_lab.ui.fields.story import PREDICTIONS
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.story.guesses import guess_text, question_data
from xception_lab.ui.story.steps import STEPS, Step

_MOST_LINES = 40  # of intervals below the bars
_LINES_HEIGHT = 100  # px, all of them together
_HIGHEST = 0.9  # of the plot: the number of the highest bar stays below an answer
_GAPS = {"choice": 28, "number": 3, "interval": 2}  # px between two bars


def tally_step(number: str, predictions: Sequence[str]) -> Tally:
    """How the predictions of a step are distributed over its options."""
    step, field = STEPS[number], PREDICTIONS[int(number) - 1]
    if step.kind == "interval":
        ends = [float(option["text"]) for option in question_data(step, field)["options"]]
        return tally_intervals(predictions, ends)
    return tally_options(predictions, field.texts[1:-1])  # without ASK and SHOW


def expected_text(number: str, predictions: Sequence[str]) -> str:
    """What a class expected at a step: of numbers the middle one and the middle half, else what most chose; or "–"."""
    step, field = STEPS[number], PREDICTIONS[int(number) - 1]
    made = [text for text in predictions if text in field.texts[1:-1]]  # without ASK and SHOW
    if not made:
        return "–"
    if step.kind != "number":
        chosen, count = Counter(made).most_common(1)[0]
        chosen_by = _("{count} of {all}").format(count=count, all=len(made))
        return f"{guess_text(step, field.parse(chosen))} ({chosen_by})"
    ordered = sorted(map(float, made))
    cut = len(made) // 4
    middle, low, high = (guess_text(step, value) for value in (median_low(ordered), ordered[cut], ordered[-1 - cut]))
    if low == high:
        return middle
    half = _("{low} to {high}").format(low=low, high=high)
    return f"{middle} ({half})"


def histogram_data(
    number: str, tally: Tally, told: bool, *, height: int = 300, own: str = "", is_small: bool = False
) -> dict[str, Any]:
    """What the component draws; nothing of the answer is in it unless it may be told.

    height: of the bars, px. own: the prediction of the person who looks at it.
    """
    step, field = STEPS[number], PREDICTIONS[int(number) - 1]
    asked = question_data(step, field)
    answers = step.answers() if told else ()
    most = max(tally.highest, 4)  # the first prediction is no tower
    width = 1 / len(tally.bars)
    options = field.texts[1:-1]
    labels = {option["text"]: option["label"] for option in asked["options"]}
    right = answers[0].text if answers and step.kind == "choice" else ""

    own_place = options.index(own) if own in options and step.kind != "interval" else -1

    bars = [
        {
            "from": index * width,
            "to": (index + 1) * width,
            "count": bar.count,
            "height": _HIGHEST * bar.count / most,
            "right": bar.first == right,
            "own": own_place >= 0 and options.index(bar.first) <= own_place <= options.index(bar.last),
        }
        for index, bar in enumerate(tally.bars)
    ]
    if step.kind == "choice":
        marks: list[dict[str, Any]] = []
        names = [
            {"at": (index + 0.5) * width, "text": labels[bar.first], "right": bar.first == right}
            for index, bar in enumerate(tally.bars)
        ]
    else:
        place = _log_place if step.kind == "number" else _linear_place
        ends, count = asked["ends"], len(options) if step.kind == "number" else 0
        marks = [
            {
                "at": place(answer.value, ends, count),
                "text": answer.text,
                "name": _(answer.name) if answer.name and not is_small else "",
            }
            for answer in answers
        ]
        names = [{"at": place(tick["value"], ends, count), "text": tick["text"]} for tick in asked["ticks"]]
    lines = [
        [_linear_place(low, asked["ends"], 0), _linear_place(high, asked["ends"], 0)]
        for low, high in tally.intervals[:_MOST_LINES]
    ]
    return {
        "bars": bars,
        "gap": _GAPS[step.kind],
        "answers": marks,
        "names": names,
        "lines": [] if is_small else lines,
        "lines_height": _LINES_HEIGHT,
        "told": told,
        "small": is_small,
        "height": height if is_small or step.kind != "interval" else height - _LINES_HEIGHT - 30,
        "summary": _summary(step, tally, labels, [answer.text for answer in answers]),
    }


def covered_data(tally: Tally, height: int) -> dict[str, Any]:
    """The same as a number alone, where the bars would tell the class what the others think."""
    summary = _("{count} predictions so far; the bars are covered.").format(count=tally.answered)
    words = {"count": str(tally.answered), "text": _("predictions; the bars come with the answer")}
    return {"cover": words, "told": False, "small": False, "height": height, "summary": summary}


def _log_place(value: float, ends: Sequence[float], count: int) -> float:
    """Where a number stands among `count` bins of a logarithmic scale, from 0 to 1."""
    low, high = ends
    share = math.log(value / low) / math.log(high / low)
    return min(1.0, max(0.0, (share * (count - 1) + 0.5) / count))


def _linear_place(value: float, ends: Sequence[float], _count: int) -> float:
    low, high = ends
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _summary(step: Step, tally: Tally, labels: dict[str, str], answers: Sequence[str]) -> str:
    """The bars in words, for a screen reader."""
    parts = [
        f"{labels[bar.first]}: {bar.count}"
        if bar.first == bar.last
        else _("{low} to {high}").format(low=labels[bar.first], high=labels[bar.last]) + f": {bar.count}"
        for bar in tally.bars
        if bar.count
    ]
    head = _("{count} predictions").format(count=tally.answered)
    told = [_("answer: {answers}").format(answers="; ".join(answers))] if answers and step.kind != "choice" else []
    return "; ".join((head, *parts, *told))

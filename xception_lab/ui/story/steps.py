"""The ten steps of the story: the prediction that each asks for, its picture, its answer and the words' values.

The texts are assets/text/<language>/story_<number>.md, in four parts: the question as a title, what is asked, the
reason with the answer's values in it, what remains uncertain.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from xception_lab.arch.breakdown import paper_network
from xception_lab.common.units import format_times
from xception_lab.experiments.spec import MARGIN
from xception_lab.features.readings import DRAWS, WIDTHS, relu_range
from xception_lab.story import answers
from xception_lab.timing.results_file import shipped_timings
from xception_lab.ui.features.readings import format_loss, format_losses
from xception_lab.ui.fields.field import N_
from xception_lab.ui.fields.story import Guess
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import VERDICT_NAMES, count_text, near_text, percent, times_text, translate_machine
from xception_lab.ui.story import scenes
from xception_lab.ui.story.scenes import Scene

if TYPE_CHECKING:  # its module imports scipy
    from xception_lab.experiments.effects import Effect

_NEXT = "_next_step"  # where a button leads
_QUESTION = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")

Unit = Literal["", "times", "percent", "points"]
Values = dict[str, str]


def _signed(points: float) -> str:
    return near_text(points, (0.0, -MARGIN, MARGIN))


@dataclass(frozen=True, slots=True)
class Answer:
    """A right answer on the scale of a prediction. name: English, translated when shown; which one it is of several."""

    value: float
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One question.

    kind, unit: of the prediction. paper: the section, and the figure or "". lab: the page that answers, and the texts
    of its controls in the link. scene: the picture, given whether it may tell the answer, and the prediction.
    answers: the first is what was asked for. given: values of what is asked, told beforehand. values: of the reason
    and of what remains uncertain.
    """

    kind: Literal["number", "interval", "choice"]
    unit: Unit
    paper: tuple[str, str]
    lab: tuple[str, Mapping[str, str]]
    scene: Callable[[bool, Guess], Scene]
    answers: Callable[[], tuple[Answer, ...]]
    values: Callable[[], Values]
    given: Callable[[], Values] = dict


def _times(value: float, name: str = "") -> Answer:
    return Answer(value, format_times(value), name)


def _percentage(share: float) -> Answer:
    return Answer(100 * share, percent(share))


def _output_value_values() -> Values:
    value = answers.output_value()
    parts = {
        "standard": value.standard,
        "split": value.split,
        "one": value.pointwise,
        "window": value.depthwise,
        "channels": answers.LAYER.in_channels,
        "outputs": answers.LAYER.out_channels,
    }
    return {name: f"{part:g}" for name, part in parts.items()}


def _output_value_answers() -> tuple[Answer, ...]:
    value = answers.output_value()
    return (
        Answer(value.standard, f"{value.standard:g}", N_("all at once")),
        Answer(value.split, f"{value.split:g}", N_("split in two")),
    )


def _weights_values(kernel_size: int) -> Values:
    weights = answers.weights(kernel_size)
    return {
        "times": times_text(weights.times),
        "standard": count_text(weights.standard),
        "separable": count_text(weights.depthwise + weights.pointwise),
        "depthwise": count_text(weights.depthwise),
        "square": str(kernel_size**2),
        "before": times_text(answers.weights(3).times),
    }


def _segments_answers() -> tuple[Answer, ...]:
    few, all_ = map(answers.segment_cost, (answers.INCEPTION_SEGMENTS, answers.LAYER.out_channels))
    return (_times(few.macs / all_.macs),)


def _segments_values() -> Values:
    few, all_ = map(answers.segment_cost, (answers.INCEPTION_SEGMENTS, answers.LAYER.out_channels))
    return {
        "times": times_text(few.macs / all_.macs),
        "few": count_text(few.macs),
        "all": count_text(all_.macs),
        "pointwise": percent(all_.pointwise / all_.macs),
    }


def _order_values() -> Values:
    effect, emoji = answers.order_effect(), answers.order_effect("two-differences-emoji")
    points = f"{abs(effect.points):.2f}"
    direction = _("{points} points more accurate") if effect.points > 0 else _("{points} points less accurate")
    verdicts = {
        2: _("Both show the two orders to be alike within ±{margin} points."),
        1: _("Only one of the two shows the orders to be alike within ±{margin} points."),
        0: _("Neither shows the two orders to be alike within ±{margin} points."),
    }
    alike = [effect.verdict, emoji.verdict].count("equivalent")
    values = _interval_values(effect) | {f"emoji_{name}": text for name, text in _interval_values(emoji).items()}
    return values | {
        "points": direction.format(points=points),
        "verdict": verdicts[alike].format(margin=f"{answers.order_margin():g}"),
        "seeds": str(len(effect.differences)),
        "one": times_text(answers.order_cost(1)),
        "two": times_text(answers.order_cost(2)),
    }


def _relu_values() -> Values:
    loss = answers.relu_loss()
    most = max(WIDTHS)
    return {
        "loss": format_loss(loss.picture),
        "range": format_losses(loss.low, loss.high),
        "pictures": str(loss.pictures),
        "draws": str(DRAWS),
        "width": str(most),
        "wide": format_loss(relu_range(most, "input").loss_ends("separable")[1]),
    }


def _effect_values() -> Values:
    effect, emoji = answers.relu_effect(), answers.relu_effect("figure-10-emoji")
    values = _interval_values(effect) | {
        "confidence": f"{100 * effect.confidence:.3g}%",
        "emoji_confidence": f"{100 * emoji.confidence:.3g}%",
    }
    values |= {f"emoji_{name}": text for name, text in _interval_values(emoji).items()}
    for seeds, (low, high) in answers.relu_intervals().items():
        values |= {f"low_{seeds}": _signed(low), f"high_{seeds}": _signed(high)}
    return values


def _interval_values(effect: "Effect") -> Values:
    """A stored effect with its verdict in words."""
    low, high = effect.low or 0.0, effect.high or 0.0
    verdict = _(VERDICT_NAMES[effect.verdict or "not decided"])
    return {"points": _signed(effect.points), "low": _signed(low), "high": _signed(high), "verdict": verdict}


def _speed_given() -> Values:
    return {
        "flops": times_text(answers.speed(answers.LAYER).flops_times),
        "machine": translate_machine(shipped_timings().machine.label),
    }


def _speed_values() -> Values:
    early, middle = answers.speed(answers.LAYER), answers.speed(answers.MIDDLE)
    return _speed_given() | {
        "early": times_text(early.speed_times),
        "macs": percent(answers.output_value().depthwise / answers.output_value().split),
        "depthwise": percent(dict(early.layers_s)["depthwise"] / sum(seconds for _name, seconds in early.layers_s)),
        "middle_flops": times_text(middle.flops_times),
        "middle": times_text(middle.speed_times),
    }


def _shares_given() -> Values:
    return {"params": count_text(paper_network().cost.params)}


def _shares_values() -> Values:
    return _shares_given() | {kind: percent(share) for kind, share in answers.parameter_shares().items()}


def _interval(guess: Guess) -> tuple[float, float] | None:
    return guess if isinstance(guess, tuple) else None


_MIDDLE_TEXTS = {"in_channels": "728", "out_channels": "728", "size": "19"}


def _weights_step(kernel_size: int, section: str) -> Step:
    """The parameters of a layer of the middle flow, with a kernel of this size."""
    return Step(
        "number",
        "times",
        (section, ""),
        ("compare", _MIDDLE_TEXTS | {"kernel_size": str(kernel_size), "measure": "params"}),
        lambda told, _guess: scenes.weights_scene(kernel_size, told),
        lambda: (_times(answers.weights(kernel_size).times),),
        lambda: _weights_values(kernel_size),
    )


STEPS: dict[str, Step] = {
    "1": Step(
        "number",
        "",
        ("1.1", ""),
        ("compare", {}),
        lambda told, _guess: scenes.window_scene(told),
        _output_value_answers,
        _output_value_values,
    ),
    "2": _weights_step(3, "3"),
    "3": _weights_step(5, "1.2"),
    "4": Step(
        "choice",
        "",
        ("1.1", "2–4"),
        ("network", {"network_view": "modules"}),
        lambda told, _guess: scenes.modules_scene(told),
        lambda: (Answer(0, "same"),),
        lambda: {"difference": f"{answers.tower_equivalence():g}", "towers": str(scenes.CHANNELS)},
    ),
    "5": Step(
        "number",
        "times",
        ("1.2", "4"),
        ("compare", {"segments": "4", "view": "spectrum"}),
        lambda told, _guess: scenes.segments_scene(told),
        _segments_answers,
        _segments_values,
    ),
    "6": Step(
        "number",
        "times",
        ("1.2", ""),
        ("compare", {"view": "differences", "stride": "2"}),
        lambda told, _guess: scenes.stack_scene(told),
        lambda: (
            _times(answers.order_cost(1), N_("stride 1")),
            _times(answers.order_cost(2), N_("stride 2")),
        ),
        _order_values,
    ),
    "7": Step(
        "number",
        "percent",
        ("4.7", ""),
        ("features", {"look": "information"}),
        lambda told, _guess: scenes.relu_scene(told),
        lambda: (Answer(100 * answers.relu_loss().picture, format_loss(answers.relu_loss().picture)),),
        _relu_values,
    ),
    "8": Step(
        "interval",
        "points",
        ("4.7", "10"),
        ("training", {"preset": "figure-10", "guess": "show"}),
        lambda told, guess: scenes.effect_scene(told, _interval(guess)),
        lambda: (Answer(answers.relu_effect().points, _signed(answers.relu_effect().points)),),
        _effect_values,
    ),
    "9": Step(
        "number",
        "times",
        ("4.5", ""),
        ("timing", {}),
        lambda told, _guess: scenes.speed_scene(told),
        lambda: (
            _times(answers.speed(answers.LAYER).speed_times, "64→128"),
            _times(answers.speed(answers.MIDDLE).speed_times, "728→728"),
        ),
        _speed_values,
        _speed_given,
    ),
    "10": Step(
        "number",
        "percent",
        ("3", "5"),
        ("network", {"network_view": "shares", "weighed": "params"}),
        lambda told, _guess: scenes.shares_scene(told),
        lambda: (_percentage(answers.parameter_shares()["depthwise"]),),
        _shares_values,
        _shares_given,
    ),
}


def open_step(step: str) -> None:
    """Lead to a step, from a button's callback."""
    # a link to the page that one is on would leave Streamlit with the address that was there before
    st.session_state[_NEXT] = step
    st.session_state["menu"] = False  # it would cover the step that it led to


def pop_opened_step() -> str | None:
    """The step that a button has just led to; None where it was another one, or none."""
    return st.session_state.pop(_NEXT, None)


def step_question(number: str) -> str:
    """What a step asks, in one sentence that needs nothing before it, in this session's language."""
    asked = paragraph(f"story_{number}", 1, **STEPS[number].given())
    return _LINK.sub(r"\1", _QUESTION.findall(asked)[-1])


def step_title(number: str) -> str:
    """The question of a step, in this session's language."""
    return paragraph(f"story_{number}", 0).removeprefix("# ")

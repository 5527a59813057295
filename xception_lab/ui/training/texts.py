"""An experiment in words: its question, its settings, its effects and their verdicts."""

from typing import Any

from xception_lab.experiments.effects import Effect, Setting
from xception_lab.experiments.spec import PRESETS
from xception_lab.ui.fields.compare import ORDER_LABELS
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell.language import translate as _

QUESTIONS = {
    "two-differences": N_("Does the **order** matter, and does the **ReLU between**?"),
    "figure-10": N_("What belongs between the two convolutions: **nothing, a ReLU or an ELU**?"),
    "figure-9": N_("Are the **residual connections** essential?"),
    "conjecture": N_("Does a ReLU between harm **shallow** feature spaces and help **deep** ones?"),
    "own": N_("What do these fields change?"),
}
LEVEL_LABELS = {
    ("order", "depthwise-first"): ORDER_LABELS["depthwise-first"],
    ("order", "pointwise-first"): ORDER_LABELS["pointwise-first"],
    ("intermediate", "none"): N_("nothing between"),
    ("intermediate", "relu"): N_("ReLU between"),
    ("intermediate", "elu"): N_("ELU between"),
    ("residual", True): N_("with residuals"),
    ("residual", False): N_("without residuals"),
    ("segments", None): N_("one a channel"),
}
VERDICTS = {
    "harmful": N_("harmful"),
    "helpful": N_("helpful"),
    "no difference seen": N_("no difference seen"),
    "undecided": N_("undecided"),
}
# of two changes together, against the sum of what each does alone
JOINT_VERDICTS = VERDICTS | {
    "harmful": N_("worse together than their sum"),
    "helpful": N_("better together than their sum"),
}


def question_text(preset: str) -> str:
    """The experiment's question, with the section of the paper that raises it."""
    question, section = _(QUESTIONS[preset]), PRESETS[preset].paper_section
    return f"{question} " + _("Paper, section {section}.").format(section=section) if section else question


def setting_text(setting: Setting) -> str:
    """A variant: "depthwise first, ReLU between"."""
    return ", ".join(_level_text(name, level) for name, level in setting)


def _level_text(name: str, level: Any) -> str:
    if (name, level) in LEVEL_LABELS:
        return _(LEVEL_LABELS[name, level])
    # a user's own grid varies any field
    return _("{number} segments").format(number=level) if name == "segments" else f"{name}={level}"


def _effect_text(effect: Effect) -> str:
    """What an effect compares."""
    change = setting_text(effect.change)
    if effect.kind == "interaction":
        return _("interaction") + f": {change}"
    comparison = _("{change} instead of {baseline}").format(change=change, baseline=setting_text(effect.baseline))
    return f"{comparison} ({setting_text(effect.where)})" if effect.where else comparison


def effect_label(effect: Effect) -> str:
    """An effect on a chart's axis, in two lines."""
    change = setting_text(effect.change)
    if effect.kind == "interaction":
        return _("interaction") + f"<br>{change}"
    where = f" ({setting_text(effect.where)})" if effect.where else ""
    return f"{change}{where}<br>" + _("instead of {baseline}").format(baseline=setting_text(effect.baseline))


def verdict_text(effect: Effect, precision: float) -> str:
    """An effect with its interval and its computed verdict, in one sentence."""
    verdict = _((JOINT_VERDICTS if effect.kind == "interaction" else VERDICTS)[effect.verdict])
    if effect.half_width is None:
        return _("{what}: {points:+.2f} points; one seed decides nothing.").format(
            what=_effect_text(effect), points=effect.points
        )
    sentence = _("{what}: **{verdict}**, {points:+.2f} points, 95 % CI {low:+.2f} to {high:+.2f}.").format(
        what=_effect_text(effect), verdict=verdict, points=effect.points, low=effect.low, high=effect.high
    )
    if effect.verdict == "undecided" and effect.seeds_needed:
        needed = _("About {seeds} seeds in all would narrow it to ±{precision}.")
        sentence += " " + needed.format(seeds=effect.seeds_needed, precision=precision)
    return sentence

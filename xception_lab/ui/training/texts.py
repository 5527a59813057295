"""An experiment in words: its question, its settings, its effects and their verdicts."""

from typing import Any

from xception_lab.arch.cost import network_cost
from xception_lab.arch.orders import order_change
from xception_lab.experiments.effects import (
    Effect,
    Effects,
    Objection,
    Trend,
    TrendPoint,
    equivalence_test,
    interval_within,
    is_beyond_margin,
    needs_seeds_for_equivalence,
    own_interval,
    power_without_effect,
    slope_parts,
)
from xception_lab.experiments.inference import LEVEL
from xception_lab.experiments.spec import MARGIN, PRESETS, Contrast, ExperimentSpec, Setting
from xception_lab.ui.fields.compare import ORDER_LABELS
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import VERDICT_NAMES, near_text

QUESTIONS = {
    "two-differences": N_("Does the **order** matter, and does the **ReLU between**?"),
    "figure-10": N_("What belongs between the two convolutions: **nothing, a ReLU or an ELU**?"),
    "figure-9": N_("Are the **residual connections** essential?"),
    "batch-norm": N_("Does a ReLU between still harm **with a batch norm before it**?"),
    "dose": N_("**What does it do** to cut more of the negative signal?"),
    "conjecture": N_(
        "Does a ReLU between harm **shallow** feature spaces, of few channels a segment, and help **deep** ones?"
    ),
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
    ("batch_norm", "last"): N_("no batch norm between"),
    ("batch_norm", "every"): N_("batch norm between"),
    ("negative_slope", 1.0): N_("negative values kept"),
    ("negative_slope", 0.0): N_("negative values cut (ReLU)"),
    ("segment_depth", None): N_("segments of one channel"),
}
SIDE = 32  # pixels: a network has as many parameters at any
_OBJECTIONS: dict[Objection, str] = {
    "did not learn": N_(
        "A variant did not learn: its accuracy is that of always the same class. Train longer, with more pictures or "
        "at another learning rate, before anything is compared."
    ),
    "few pictures": N_(
        "The difference is no more than a few of the test pictures, which other pictures may not have: more test "
        "pictures are needed, whatever the seeds say."
    ),
}


_PAPER_FOUND: dict[str, str] = {
    "figure-10": N_(
        "**The paper** tests this on ImageNet: with nothing between, training converged faster and ended better. It "
        "states no uncertainty. What stands above was measured with this lab's small networks."
    ),
    "figure-9": N_(
        "**The paper** tests this on ImageNet: with residual connections, training converged faster and ended better. "
        "It states no uncertainty. What stands above was measured with this lab's small networks."
    ),
    "two-differences": N_(
        "**The paper** argues that the order is unimportant and did not measure it; of the ReLU it found on ImageNet "
        "that training without it converged faster and ended better. It states no uncertainty. What stands above was "
        "measured with this lab's small networks."
    ),
}


def paper_found_text(preset: str) -> str:
    """What the paper itself found of a question, so that nobody takes this lab's figures for it; else ""."""
    return _(_PAPER_FOUND[preset]) if preset in _PAPER_FOUND else ""


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
    match name:
        case "segments":
            return _("{number} segments").format(number=level)
        case "segment_depth":
            return _("segments of {number} channels").format(number=level)
        case "negative_slope":
            return _("negative values times {slope}").format(slope=level)
        case _:
            return f"{name}={level}"  # a user's own grid varies any field


def effect_text(effect: Effect | Contrast) -> str:
    """What an effect compares."""
    change, baseline = setting_text(effect.change), setting_text(effect.baseline)
    if isinstance(effect, Effect) and effect.kind == "interaction":
        return _("interaction") + f": {change}"
    if isinstance(effect, Effect) and effect.kind == "diagonal":
        text = _("both at once, Figure 4's block against the separable convolution: {change} instead of {baseline}")
        return text.format(change=change, baseline=baseline)
    comparison = _("{change} instead of {baseline}").format(change=change, baseline=baseline)
    if is_slope(effect):
        return _("{comparison}: how that changes with each doubling of a segment's depth").format(comparison=comparison)
    if not effect.where:
        return comparison
    return _("{comparison} ({where})").format(comparison=comparison, where=setting_text(effect.where))


def is_slope(effect: Effect | Contrast) -> bool:
    """Whether its points are per doubling of a field."""
    return (effect.kind if isinstance(effect, Effect) else effect.test) == "slope"


def effect_label(effect: Effect) -> str:
    """An effect on a chart's axis, in two lines."""
    change = setting_text(effect.change)
    if effect.kind == "interaction":
        return _("interaction") + f"<br>{change}"
    if effect.kind == "diagonal":
        return f"{change}<br>" + _("instead of {baseline}").format(baseline=setting_text(effect.baseline))
    if effect.kind == "slope":
        return f"{change}<br>" + _("per doubling of a segment's depth")
    where = f" ({setting_text(effect.where)})" if effect.where else ""
    return f"{change}{where}<br>" + _("instead of {baseline}").format(baseline=setting_text(effect.baseline))


def interval_name(effect: Effect) -> str:
    """What kind of interval an effect has: a corrected claim asks for a wider one than an equivalence."""
    return _("{confidence}% CI").format(confidence=f"{100 * effect.confidence:.3g}")


def limits_of(effect: Effect) -> tuple[float, ...]:
    """What an effect's numbers are compared with: no effect, and the margin where its unit is the margin's."""
    return (0.0,) if effect.kind == "slope" else (0.0, -MARGIN, MARGIN)


def points_text(effect: Effect, value: float, digits: int = 2) -> str:
    """A number of an effect's unit, with as many decimals as it takes to stand to the limits as it does."""
    return near_text(value, limits_of(effect), digits)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def headline(effect: Effect, margin: float, *, is_of_these_pictures: bool = False) -> str:
    """A primary effect's verdict in one plain sentence.

    is_of_these_pictures: whether other test pictures may not bear it out.
    """
    what, count = _capitalised(effect_text(effect)), near_text(abs(effect.points), (0.0,), 1, "")
    if effect.half_width is None:
        sentence = _("**{what}:** {points} points; one seed decides nothing.")
        return sentence.format(what=what, points=points_text(effect, effect.points))
    if effect.kind == "slope" and effect.verdict in ("harmful", "helpful"):
        sentence = {
            "harmful": _("**{what}: {count} points worse each time.**"),
            "helpful": _("**{what}: {count} points better each time.**"),
        }[effect.verdict]
    elif effect.asks_equivalence and effect.verdict == "not decided" and _leaves_out_zero(effect):
        more = _(
            "**{what}: about {count} more mistakes in 100 pictures (exploratory). Asked beforehand was whether they "
            "are equivalent: not shown.**"
        )
        fewer = _(
            "**{what}: about {count} fewer mistakes in 100 pictures (exploratory). Asked beforehand was whether they "
            "are equivalent: not shown.**"
        )
        if is_beyond_margin(effect):
            more = _(
                "**{what}: about {count} more mistakes in 100 pictures (exploratory; the whole interval is outside "
                "±{margin}). Asked beforehand was whether they are equivalent: not shown.**"
            )
            fewer = _(
                "**{what}: about {count} fewer mistakes in 100 pictures (exploratory; the whole interval is outside "
                "±{margin}). Asked beforehand was whether they are equivalent: not shown.**"
            )
        sentence = fewer if effect.points > 0 else more
    elif effect.verdict in ("harmful", "helpful") and interval_within(effect):
        small = {
            "harmful": _("**Harmful, though by less than was fixed beforehand to matter. {what}: {times}.**"),
            "helpful": _("**Helpful, though by less than was fixed beforehand to matter. {what}: {times}.**"),
        }[effect.verdict]
        more, fewer = (
            _("about {count} more mistakes in 100 pictures"),
            _("about {count} fewer mistakes in 100 pictures"),
        )
        sentence = small.replace("{times}", fewer if effect.points > 0 else more)
    elif effect.verdict in ("harmful", "helpful") and is_of_these_pictures:
        sentence = {
            "harmful": _("**Harmful on these test pictures. {what}: about {count} more mistakes in 100 of them.**"),
            "helpful": _("**Helpful on these test pictures. {what}: about {count} fewer mistakes in 100 of them.**"),
        }[effect.verdict]
    else:
        sentence = {
            "harmful": _("**Harmful. {what}: about {count} more mistakes in 100 pictures.**"),
            "helpful": _("**Helpful. {what}: about {count} fewer mistakes in 100 pictures.**"),
            "equivalent": _("**Equivalent within ±{margin} points. {what}.**"),
        }.get(effect.verdict or "", _("**Not decided. {what}.**"))
    return sentence.format(what=what, count=count, margin=margin)


def verdict_name(effect: Effect) -> str:
    """A verdict in a word or two."""
    if effect.asks_equivalence and effect.verdict == "not decided" and _leaves_out_zero(effect):
        return _("not shown to be equivalent")
    return _(VERDICT_NAMES[effect.verdict or "not decided"])


def verdict_interval(effect: Effect, effects: Effects) -> str:
    """The interval that a primary verdict was read from; empty where one seed gives none."""
    if effect.low is None or effect.high is None or effect.adjusted_p is None:
        return ""
    sentence = _(
        "{points} points, {confidence} interval {low} to {high} ({test}); {seeds} seeds, this network, these pictures."
    )
    test = p_text(effect, effects.margin)
    if effect.verdict == "equivalent" and not effect.asks_equivalence and (found := equivalence_test(effect)):
        # what the verdict stands on is the second step
        p, interval = found
        low, high = (points_text(effect, end) for end in interval)
        second = _(
            "no difference found, {test}; then two one-sided tests of equivalence at ±{margin}: p {p}, 90% CI {low} to "
            "{high}"
        )
        test = second.format(test=test, margin=effects.margin, p=format_p(p), low=low, high=high)
    return sentence.format(
        points=points_text(effect, effect.points),
        confidence=f"{100 * effect.confidence:.3g}%",
        low=points_text(effect, effect.low),
        high=points_text(effect, effect.high),
        test=test,
        seeds=len(effects.seeds),
    )


def verdict_details(effect: Effect, effects: Effects) -> str:
    """What else is to be said of a primary verdict, such as what would decide it; empty where there is nothing."""
    if effect.low is None or effect.high is None or effect.adjusted_p is None:
        return ""
    if effect.verdict in ("harmful", "helpful"):
        return _size_text(effect, effects.margin)
    if effect.verdict != "not decided":
        return ""
    if effect.objection:
        return _(_OBJECTIONS[effect.objection])
    parts: list[str] = []
    if effect.seeds_needed is not None:
        if needs_seeds_for_equivalence(effect):
            more = _(
                "A new experiment with about {seeds} seeds would show equivalence 80 times in 100, by this test alone "
                "and if effect and spread are as they look."
            )
        else:
            more = _(
                "A new experiment with about {seeds} seeds would find a difference 80 times in 100, by this comparison "
                "alone at the level of its interval, and if effect and spread are as they look."
            )
        parts.append(more.format(seeds=effect.seeds_needed))
    elif effect.asks_equivalence:
        parts.append(_("If it is as large as it looks, no number of seeds would show it to be within the margin."))
    if effect.asks_equivalence and is_beyond_margin(effect):
        parts.append(
            _("The plan asked whether it is equivalent; whether the interval lies outside was not asked beforehand.")
        )
    elif effect.asks_equivalence:
        blind = _(
            "Without any difference and with the spread seen here, these {seeds} seeds would have shown equivalence "
            "with a chance of {power} (power of these two tests)."
        )
        power = chance_text(power_without_effect(effect, len(effects.seeds)))
        parts.append(blind.format(seeds=len(effects.seeds), power=power))
    own = own_interval(effect)
    if own and effect.asks_equivalence and _leaves_out_zero(effect):
        sided = _("Not asked beforehand: the 95% CI by itself, {low} to {high}, leaves out 0.")
        parts.append(sided.format(low=points_text(effect, own[0]), high=points_text(effect, own[1])))
    return " ".join(parts)


def _size_text(effect: Effect, margin: float) -> str:
    """How large a difference is that was found, against the margin that was fixed to be of no account."""
    if effect.kind == "slope":
        return ""
    if within := interval_within(effect):
        small = _(
            "The 90% CI, {low} to {high}, lies within ±{margin}: a difference, and one that was fixed beforehand to be "
            "of no account."
        )
        low, high = (points_text(effect, end) for end in within)
        return small.format(low=low, high=high, margin=margin)
    if is_beyond_margin(effect):
        return _("This difference is larger than the ±{margin} that were fixed to be of no account.").format(
            margin=margin
        )
    return _(
        "It is open whether this difference is larger than the ±{margin} that were fixed to be of no account."
    ).format(margin=margin)


def _leaves_out_zero(effect: Effect) -> bool:
    own = own_interval(effect)
    return own is not None and not own[0] <= 0 <= own[1]


def p_text(effect: Effect, margin: float) -> str:
    """The test of a primary effect and its p."""
    p = format_p(effect.adjusted_p or 0.0)
    if not effect.asks_equivalence and effect.adjusted_p == effect.p:
        return f"p {p}"
    if effect.asks_equivalence:
        return _("two one-sided tests of equivalence at ±{margin}: p {p}").format(margin=margin, p=p)
    return _("p {p} after Holm's correction").format(p=p)


def format_p(p: float) -> str:
    """A p with its sign: "= 0.012", "< 0.001"; with more decimals where it would read as on the level's other side."""
    return "< 0.001" if p < 0.001 else "> 0.999" if p > 0.999 else f"= {near_text(p, (LEVEL,), 3, '')}"


def chance_text(share: float) -> str:
    """A probability in whole percent; one that is neither 0 nor 1 is not written so."""
    return "< 1%" if share < 0.005 else "> 99%" if share > 0.995 else f"{share:.0%}"


def confound_text(effect: Effect, experiment: ExperimentSpec) -> str:
    """What else changes beside what is compared: channels, parameters, learning rates; empty where nothing does."""
    if is_slope(effect):
        return ""
    parts = (_network_changes_text(effect, experiment), _rates_text(effect, experiment))
    return " ".join(filter(None, parts))


def _rates_text(effect: Effect, experiment: ExperimentSpec) -> str:
    """The learning rates of the two sides, where they differ and each side has one."""
    sides: dict[bool, set[float]] = {}
    for setting, weight in effect.weights:
        sides.setdefault(weight > 0, set()).add(experiment.cell(setting).learning_rate)
    if len(sides) != 2 or any(len(rates) != 1 for rates in sides.values()) or sides[True] == sides[False]:
        return ""
    sentence = _("Learning rates, each chosen on validation: {change} {of_change:g}, {baseline} {of_baseline:g}.")
    return sentence.format(
        change=setting_text(effect.change),
        of_change=sides[True].pop(),
        baseline=setting_text(effect.baseline),
        of_baseline=sides[False].pop(),
    )


def _network_changes_text(effect: Effect, experiment: ExperimentSpec) -> str:
    """How channels and parameters change with the order, or parameters alone."""
    if not any(name == "order" for name, _level in effect.change):
        return _parameters_text(effect, experiment)
    change = order_change(experiment.cell(effect.weights[0][0]).xception)
    if not change.widths:
        return ""
    sentence = _(
        "It is not the order alone that changes: in {changed} of {convolutions} separable convolutions, those that do "
        "not have as many channels out as in, the depthwise half has another width too ({widths} channels), and the "
        "number of parameters changes by {params:+,}."
    )
    widths = ", ".join(f"{each.name} {each.depthwise_first} → {each.pointwise_first}" for each in change.widths)
    return sentence.format(
        changed=len(change.widths),
        convolutions=change.convolutions,
        widths=widths,
        params=change.pointwise_first_params - change.depthwise_first_params,
    )


def _parameters_text(effect: Effect, experiment: ExperimentSpec) -> str:
    """By how much the number of parameters changes; empty where it does not, or differently in several networks."""
    changes: set[int] = set()
    for setting, weight in effect.weights:
        if weight > 0 and set(effect.change) <= set(setting):
            before = tuple((name, dict(effect.baseline).get(name, level)) for name, level in setting)
            after, base = (experiment.cell(each).xception for each in (setting, before))
            changes.add(network_cost(after, SIDE, SIDE).params - network_cost(base, SIDE, SIDE).params)
    if len(changes) != 1 or changes == {0}:
        return ""
    return _("What is compared changes the number of parameters by {params:+,}.").format(params=changes.pop())


def other_levels_text(effect: Effect, effects: Effects) -> str:
    """What a primary comparison gives at another level of the other factor, where it plainly interacts with that."""
    if effect.kind != "simple" or not effect.where:
        return ""
    found: list[str] = []
    for other in effects.exploratory:
        if (other.kind, other.change, other.baseline) != ("simple", effect.change, effect.baseline):
            continue
        interaction = next((each for each in effects.exploratory if _is_interaction(each, effect, other)), None)
        if interaction and _leaves_out_zero(interaction):
            sentence = _(
                "Exploratory, {where}: {points} points, 95% CI {low} to {high}, an effect of another size (the "
                "interaction's own 95% CI leaves out 0)."
            )
            if _leaves_out_zero(effect) and _leaves_out_zero(other) and effect.points * other.points < 0:
                sentence = _(
                    "Exploratory, {where}: {points} points, 95% CI {low} to {high}, an effect the other way round (the "
                    "interaction's own 95% CI leaves out 0)."
                )
            values = {key: points_text(other, value or 0.0) for key, value in _ends(other)}
            found.append(sentence.format(where=setting_text(other.where), **values))
    return " ".join(found)


def _ends(effect: Effect) -> tuple[tuple[str, float | None], ...]:
    return ("points", effect.points), ("low", effect.low), ("high", effect.high)


def _is_interaction(each: Effect, effect: Effect, other: Effect) -> bool:
    """Whether an effect is how much another one changes between two levels of the other factor."""
    if each.kind != "interaction":
        return False
    return set(each.change) == {*effect.change, *other.where} or set(each.change) == {*effect.change, *effect.where}


def depth_text(slope: Effect, effects: Effects, experiment: ExperimentSpec) -> str:
    """What moves with the depth of a segment beside it, and the slope without its first level."""
    parts = slope_parts(effects, slope)
    if parts.others_interval is None:
        return ""
    widths = [experiment.cell(cell.setting).xception.middle_channels for cell in effects.cells]
    sentence = _(
        "It is not the depth alone that changes: at equal parameters a deeper segment makes a narrower network (the "
        "middle flow from {widest} to {narrowest} channels), and with each doubling the accuracy changes by {base} "
        "points with nothing between and by {changed} with the ReLU. Without the first depth, whose runs may be those "
        "of other results, the slope is {others} ({low} to {high})."
    )
    low, high = parts.others_interval
    numbers = {"base": parts.baseline, "changed": parts.change, "others": parts.others, "low": low, "high": high}
    texts = {key: near_text(value, (0.0,)) for key, value in numbers.items()}
    return sentence.format(widest=max(widths), narrowest=min(widths), **texts)


def diagonal_text(effect: Effect) -> str:
    """The comparison of the paper's two blocks in one sentence, as what it is: exploratory."""
    if effect.low is None or effect.high is None:
        return ""
    sentence = _(
        "**The comparison that is asked for most, Figure 4's extreme block ({change}) instead of the separable "
        "convolution ({baseline}): {points} points, 95% CI {low} to {high}.** It was not fixed beforehand and is "
        "corrected for nothing, so it has no verdict; both differences change at once, and cannot be told apart in it."
    )
    return sentence.format(
        change=setting_text(effect.change),
        baseline=setting_text(effect.baseline),
        points=points_text(effect, effect.points),
        low=points_text(effect, effect.low),
        high=points_text(effect, effect.high),
    )


def sign_change_text(trend: Trend) -> str:
    """What stands at either end of a slope's trend, and whether the effect changes its sign as the paper supposes."""
    first, last = trend.points[0], trend.points[-1]
    if first.low is None or first.high is None or last.low is None:
        return ""
    if first.high < 0 < last.low:
        found = _("the sign changes as the paper supposes, from harm to help")
    else:
        found = _("the change of sign that the paper supposes, from harm to help, is not shown")
    sentence = _(
        "Depths at which the whole interval is below 0: {harmed} of {depths}; above 0: "
        "{helped}. {first} and {last}, each 95% CI by itself and exploratory: {found}."
    )
    texts = (_at_level_text(trend, point) for point in (first, last))
    return sentence.format(
        harmed=sum(point.high is not None and point.high < 0 for point in trend.points),
        helped=sum(point.low is not None and point.low > 0 for point in trend.points),
        depths=len(trend.points),
        first=_capitalised(next(texts)),
        last=next(texts),
        found=found,
    )


def lesser_doses_text(trend: Trend) -> str:
    """What stands at the levels that were not fixed beforehand, in one sentence; empty below two seeds."""
    lesser = [point for point in trend.points if not point.is_primary and point.low is not None]
    if not lesser:
        return ""
    sentence = _("Exploratory, each 95% CI by itself, no verdict: {levels}.")
    return sentence.format(levels="; ".join(_at_level_text(trend, point) for point in lesser))


def trend_alt(trend: Trend) -> str:
    """A trend in words: each level with its points and interval."""
    return "; ".join(_at_level_text(trend, point) for point in trend.points)


def _at_level_text(trend: Trend, point: TrendPoint) -> str:
    level = _level_text(trend.field, point.level)
    if point.low is None or point.high is None:
        return f"{level}: {near_text(point.points)}"
    points, low, high = (near_text(value, (0.0,)) for value in (point.points, point.low, point.high))
    return _("{level}: {points} points ({low} to {high})").format(level=level, points=points, low=low, high=high)


def effect_sentence(effect: Effect) -> str:
    """An effect as text: what it compares, points and interval."""
    if effect.low is None:
        return f"{effect_text(effect)}: {points_text(effect, effect.points)}"
    assert effect.high is not None
    interval = _("{points} points, {confidence} interval {low} to {high}").format(
        points=points_text(effect, effect.points),
        confidence=f"{100 * effect.confidence:.3g}%",
        low=points_text(effect, effect.low),
        high=points_text(effect, effect.high),
    )
    return f"{effect_text(effect)}: {interval}"

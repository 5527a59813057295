"""Behind a verdict: the numbers to redo it, what was chosen before it, where it came from, whether it carries over."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xception_lab.data.catalogue import load_dataset
from xception_lab.experiments.effects import Effect, Effects, crossed_effect, power_with
from xception_lab.experiments.inference import Interval, prediction_interval
from xception_lab.experiments.plan import Plan, load_plan, plan_names
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.results_file import ExperimentResult
from xception_lab.experiments.spec import ExperimentSpec, Setting, level_of
from xception_lab.figures.training import effects_figure
from xception_lab.ui.fields.training import DATASET, PRESET
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.controls import option_text
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.training.experiment import load_result
from xception_lab.ui.training.texts import effect_sentence, effect_text, format_p, setting_text

READERS_SEEDS = 8  # of a reader's own repetition


def provenance_text(result: ExperimentResult, seeds: tuple[int, ...]) -> str:
    """What a stored result is: its seeds, epochs, data, machine, and which other results have runs of it."""
    spec = result.progress.spec
    sentence = _(
        "**Stored:** {seeds} seeds ({first} to {last}), {epochs} epochs, {pictures:,} test pictures, on {machine}."
    )
    text = sentence.format(
        seeds=len(seeds),
        first=seeds[0],
        last=seeds[-1],
        epochs=spec.base.epochs,
        pictures=result.progress.runs[0].test_pictures,
        machine=result.machine,
    )
    others = _plans_with_runs_of(result.plan.name) if result.plan else {}
    if not others:
        return text
    names = ", ".join(f"{plan_label(name)} ({count})" for name, count in others.items())
    shared = _("Of its {runs} runs, some are runs of other results too, so these are no independent tests: {names}.")
    return f"{text} {shared.format(runs=len(result.progress.runs), names=names)}"


@st.cache_data(show_spinner=False)
def _plans_with_runs_of(name: str) -> dict[str, int]:
    """The other plans that have runs of this one, and how many."""
    own = set(load_plan(name).experiment.variants())
    counts = {other: len(own & set(load_plan(other).experiment.variants())) for other in plan_names() if other != name}
    return {other: count for other, count in counts.items() if count}


def would_run_text(spec: ExperimentSpec) -> str:
    """What the controls would run."""
    sentence = _("**Run it here** would run seeds {first} to {last}, {epochs} epochs, on {data}.")
    if spec.seeds == 1:
        sentence = _("**Run it here** would run one seed, {first}, epochs: {epochs}, on {data}.")
    last = spec.first_seed + spec.seeds - 1
    data = option_text(DATASET, spec.base.dataset) if spec.base.dataset in DATASET.texts else _("your own pictures")
    return sentence.format(first=spec.first_seed, last=last, epochs=spec.base.epochs, data=data)


def stored_elsewhere_text(preset: str) -> str:
    """That nothing is stored for the controls, and what is stored for the question."""
    names = [plan_label(name) for name in plan_names() if name.startswith(preset) and load_result(name)]
    if not names:
        return _("Nothing is stored for this question yet: run it here.")
    sentence = _("Nothing is stored for this question on these pictures: run it here. Stored: {names}.")
    return sentence.format(names="; ".join(names))


def power_text(effects: Effects, seeds: int) -> str:
    """What so many seeds can decide, if effect and spread are those of the stored result."""
    if seeds < 2:
        return _("One seed decides nothing: it has no spread.")
    sentence = _("With {seeds} seeds, if effect and spread are those of the stored result:")
    lines = [sentence.format(seeds=seeds)]
    for effect in effects.primary:
        what = _("decided with a chance of {power:.0%}").format(power=power_with(effect, seeds))
        lines.append(f"- {effect_text(effect)}: {what}")
    return "\n".join(lines)


def show_evidence(result: ExperimentResult, effects: Effects) -> None:
    """How the verdicts of a stored result came about."""
    expander = st.expander(_("How the verdicts came about"), key="evidence", on_change="rerun")
    if not expander.open:
        return
    with expander:
        right = _right(result)
        for effect in effects.primary:
            _show_numbers(effect, effects, right)
        if result.plan:
            _show_tuning(result.plan)
        if result.provenance:
            made = result.provenance
            st.markdown(
                _(
                    "Made by `{command}`, which makes the same bits on the same kind of machine: {machine}, threads "
                    "per run: {threads}, {precision}; plan and code: commit `{commit}`. On another kind of machine the "
                    "same seed gives other bits and another accuracy. The predictions of every run are in the "
                    "experiment's JSON below."
                ).format(
                    command=made.command,
                    machine=result.machine,
                    threads=made.threads,
                    precision=made.precision,
                    commit=made.commit[:12],
                )
            )


def _show_numbers(effect: Effect, effects: Effects, right: Mapping[Setting, NDArray[np.bool_]]) -> None:
    st.markdown(f"**{effect_text(effect)}**")
    row: dict[str, Any] = {
        _("seed {seed}").format(seed=seed): f"{value:+.2f}"
        for seed, value in zip(effects.seeds, effect.differences, strict=True)
    }
    st.dataframe([row], hide_index=True)
    if effect.spread is None or effect.p is None or effect.low is None:
        return
    lines = [
        _("Mean {mean:+.3f}, standard deviation {spread:.3f}, {seeds} seeds.").format(
            mean=effect.points, spread=effect.spread, seeds=len(effects.seeds)
        )
    ]
    interval = _("{confidence} interval: mean ± t × standard deviation / √{seeds} = {low:+.3f} to {high:+.3f}.").format(
        confidence=f"{100 * effect.confidence:.3g}%", seeds=len(effects.seeds), low=effect.low, high=effect.high
    )
    if effect.asks_equivalence:
        test = _("Two one-sided tests at ±{margin}: p {p}. Equivalent where this interval lies inside the margin.")
        lines += [interval, test.format(margin=effects.margin, p=format_p(effect.p))]
    else:
        test = _("Two-sided p {p}, {adjusted} after Holm's correction; harmful or helpful where this leaves out 0.")
        lines += [interval, test.format(p=format_p(effect.p), adjusted=format_p(effect.adjusted_p or effect.p))]
    if crossed := crossed_effect(effect, right) if right else None:
        sentence = _("For other seeds and other test pictures at once (crossed): {confidence} interval {interval}.")
        line = sentence.format(confidence=f"{100 * effect.confidence:.3g}%", interval=_interval(crossed))
        if effect.verdict in ("harmful", "helpful") and crossed[0] <= 0 <= crossed[1]:
            line += " " + _("**It covers 0: the verdict is about these test pictures.**")
        lines.append(line)
    if again := prediction_interval(effect.differences, READERS_SEEDS):
        sentence = _("The mean of {seeds} seeds of your own will lie in {interval}, 95 times in 100.")
        lines.append(sentence.format(seeds=READERS_SEEDS, interval=_interval(again)))
    st.markdown("\n".join(f"- {line}" for line in lines))


def _interval(interval: Interval) -> str:
    return _("{low:+.2f} to {high:+.2f}").format(low=interval[0], high=interval[1])


def _right(result: ExperimentResult) -> dict[Setting, NDArray[np.bool_]]:
    """By variant, whether each test picture got its class, (seeds, pictures); empty where predictions are missing."""
    progress: Progress = result.progress
    labels = load_dataset(progress.spec.base.dataset).test_labels
    names = [name for name, levels in progress.spec.levels if len(levels) > 1]
    rows: dict[Setting, list[NDArray[np.bool_]]] = {}
    for run in progress.runs:
        predictions = result.predictions[run.id]
        if len(predictions) != len(labels):
            return {}
        rows.setdefault(tuple((name, level_of(run.spec, name)) for name in names), []).append(predictions == labels)
    return {setting: np.array(of) for setting, of in rows.items()}


def _show_tuning(plan: Plan) -> None:
    st.markdown(
        _(
            "Learning rates, chosen before: validation accuracy in percent, mean of the tuning seeds {seeds}. Every "
            "variant had the same rates to choose from, and no test picture was used."
        ).format(seeds=", ".join(map(str, plan.tuning_seeds)))
    )
    rows: dict[Setting, dict[str, Any]] = {}
    for score in plan.scores:
        row = rows.setdefault(score.setting, {"": setting_text(score.setting)})
        row[f"{score.learning_rate:g}"] = f"{100 * fmean(score.accuracies):.2f}"
    for setting, row in rows.items():
        row[_("chosen")] = f"{plan.experiment.cell(setting).learning_rate:g}"
    st.dataframe(list(rows.values()), hide_index=True)


def show_carry_over(primary: Sequence[Effect]) -> None:
    """The same comparisons as these in every stored result that made them: other pictures, another width."""
    expander = st.expander(_("Does it carry over? The same comparison elsewhere"), key="carry", on_change="rerun")
    if not expander.open:
        return
    effects: list[Effect] = []
    names: list[str] = []
    stored = [(name, result.progress.effects().primary) for name in plan_names() if (result := load_result(name))]
    for effect in primary:
        for name, others in stored:
            for other in others:
                if (other.change, other.baseline, other.kind) == (effect.change, effect.baseline, effect.kind):
                    effects.append(other)
                    names.append(f"{setting_text(other.change)}<br>{plan_label(name)}")
    with expander:
        if len(effects) == len(primary):
            st.markdown(_("No other stored result makes this comparison."))
            return
        figure = effects_figure(effects, names, _("points of test accuracy"), None)
        alt = "; ".join(f"{name}: {effect_sentence(each)}" for name, each in zip(names, effects, strict=True))
        show_chart(figure, "carry_over", alt)


def plan_label(name: str) -> str:
    """A plan's name for a person: "Figure 10, Emoji"."""
    preset = next((preset for preset in PRESET.texts if name.startswith(preset)), name)
    rest = name.removeprefix(preset).removeprefix("-")
    label = option_text(PRESET, preset)
    if not rest:
        return label
    return f"{label}, {_('half as wide') if rest == 'narrow' else option_text(DATASET, rest)}"

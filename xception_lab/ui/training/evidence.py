"""Behind a verdict: the numbers to redo it, what was chosen before it, where it came from, whether it carries over."""

import operator
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from statistics import fmean
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xception_lab.arch.cost import network_cost
from xception_lab.data.catalogue import load_dataset
from xception_lab.experiments.effects import Effect, Effects, crossed_effect, is_beyond_margin
from xception_lab.experiments.inference import Interval, prediction_interval
from xception_lab.experiments.plan import Plan, edge_rates, load_plan, plan_name, plan_names
from xception_lab.experiments.power import WORLDS, rule_power
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.results_file import ExperimentResult, Provenance
from xception_lab.experiments.spec import PRESETS, Contrast, ExperimentSpec, Setting, level_of
from xception_lab.figures.training import effects_figure
from xception_lab.spec import TrainSpec
from xception_lab.training.records import with_data_shape
from xception_lab.ui.fields.training import DATASET, PRESET
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.controls import option_text
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import near_text, translate_machine
from xception_lab.ui.training.experiment import load_result, stored_effects
from xception_lab.ui.training.result import VerdictNotes
from xception_lab.ui.training.texts import (
    SIDE,
    chance_text,
    effect_sentence,
    effect_text,
    format_p,
    interval_name,
    limits_of,
    points_text,
    setting_text,
    verdict_name,
)

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
        machine=translate_machine(result.machine),
    )
    if result.plan and (edges := edge_rates(result.plan)):
        chosen = "; ".join(f"{setting_text(setting)} ({rate:g})" for setting, rate in edges.items())
        edge = _(
            "Chosen at the edge of the learning rates that were tried, so perhaps not the best for them, and what is "
            "found against them perhaps too large: {variants}."
        )
        text += " " + edge.format(variants=chosen)
    text += _known_text(result)
    others = _plans_with_runs_of(result.plan.name) if result.plan else ()
    if not others:
        return text
    shared = _("Some of its runs are runs of other results too, so these are no independent tests: {names}.")
    return f"{text} {shared.format(names=', '.join(map(plan_label, others)))}"


def _known_text(result: ExperimentResult) -> str:
    """How many runs were there, bit by bit, before the question was fixed, so that their outcome was known then."""
    known, plan = _known_runs(result), result.plan
    if not known or not plan:
        return ""
    sentence = _(
        "**The outcome of {count} of its {runs} runs, those of {plans}, was known when this question was fixed.**"
    )
    text = sentence.format(count=len(known), runs=len(plan.experiment.variants()), plans=_known_plans(result))
    return f" {text}"


def known_differences(result: ExperimentResult) -> dict[int, str]:
    """Which primary differences were known when their question was fixed, by their places, and from which results."""
    known, plan = _known_runs(result), result.plan
    if not known or not plan:
        return {}
    sentence = _("**No fresh test: this difference was known, from {plans}, when the question was fixed.**")
    variants = plan.experiment.variants()
    return {
        place: sentence.format(plans=_known_plans(result))
        for place, contrast in enumerate(plan.primary)
        if _runs_of(contrast, variants) <= known
    }


def _known_runs(result: ExperimentResult) -> set[TrainSpec]:
    """The runs that were there, bit by bit, before the question was fixed."""
    if not result.plan:
        return set()
    trained = {_as_trained(spec) for name in _earlier_plans(result) for spec in load_plan(name).experiment.variants()}
    return {spec for spec in result.plan.experiment.variants() if _as_trained(spec) in trained}


def _earlier_plans(result: ExperimentResult) -> tuple[str, ...]:
    """The plans whose results were there before the question was fixed."""
    made = result.provenance
    if not made:
        return ()
    return tuple(dict.fromkeys(earlier.plan for earlier in made.earlier if earlier.commit != made.commit))


def _known_plans(result: ExperimentResult) -> str:
    return ", ".join(map(plan_label, _earlier_plans(result)))


def _runs_of(contrast: Contrast, variants: Iterable[TrainSpec]) -> set[TrainSpec]:
    """The runs that a primary comparison rests on; all of them for a slope."""
    if contrast.test == "slope":
        return set(variants)
    arms = [(*arm, *contrast.where) for arm in (contrast.change, contrast.baseline)]
    return {spec for spec in variants if any(all(level_of(spec, name) == value for name, value in arm) for arm in arms)}


@st.cache_data(show_spinner=False)
def _plans_with_runs_of(name: str) -> tuple[str, ...]:
    """The other plans that have runs of this one."""
    own = set(map(_as_trained, load_plan(name).experiment.variants()))
    return tuple(
        other
        for other in plan_names()
        if other != name and not own.isdisjoint(map(_as_trained, load_plan(other).experiment.variants()))
    )


def _as_trained(spec: TrainSpec) -> TrainSpec:
    """The same run in the words of the other questions: a ReLU that cuts nothing is nothing, bit by bit."""
    network = spec.xception
    if network.intermediate == "relu" and network.negative_slope == 1:
        network = replace(network, intermediate="none", negative_slope=0.0)
    return replace(spec, xception=network)


def would_run_text(spec: ExperimentSpec) -> str:
    """What the controls would run."""
    sentence = _("**Run it here** would run seeds {first} to {last}, {epochs} epochs, on {data}.")
    if spec.seeds == 1:
        sentence = _("**Run it here** would run one seed, {first}, epochs: {epochs}, on {data}.")
    last = spec.first_seed + spec.seeds - 1
    data = option_text(DATASET, spec.base.dataset) if spec.base.dataset in DATASET.texts else _("your own pictures")
    return sentence.format(first=spec.first_seed, last=last, epochs=spec.base.epochs, data=data)


def not_stored_notes(preset: str) -> dict[str, str]:
    """What stands behind the data for which a question has no stored result; nothing where it has none at all."""
    names = set(plan_names())
    if not any(plan_name(preset, dataset) in names for dataset in DATASET.texts):
        return {}
    # a person's own are to be run in any case
    lacking = [data for data in DATASET.texts if data != "own" and plan_name(preset, data) not in names]
    return dict.fromkeys(lacking, "▷")


def stored_elsewhere_text(preset: str, dataset: str) -> str:
    """That nothing is stored for the controls, what is stored for the question, and whose learning rates are used."""
    names = [
        plan_label(name) if name != preset else f"{plan_label(name)}, {option_text(DATASET, DATASET.default)}"
        for name in plan_names()
        if name.startswith(preset) and load_result(name)
    ]
    if not names:
        return _("Nothing is stored for this question yet: run it here.")
    sentence = _("Nothing is stored for this question on these pictures: run it here. Stored: {names}.")
    text = sentence.format(names="; ".join(names))
    if preset in plan_names() and plan_name(preset, dataset) not in plan_names():
        borrowed = _("The learning rates that it would run with were chosen on {pictures}, not on these pictures.")
        text = f"{text} {borrowed.format(pictures=option_text(DATASET, DATASET.default))}"
    return text


def variants_text(experiment: ExperimentSpec) -> str:
    """The variants that an experiment compares, with the sizes of their networks, as a Markdown table.

    The networks are counted for the channels and classes of the experiment's own pictures, where these can be read.
    """
    with suppress(ValueError):
        data = load_dataset(experiment.base.dataset)
        base = with_data_shape(experiment.base, data.train_images.shape[3], len(data.classes))
        experiment = replace(experiment, base=base)
    lines = [
        (_("variant"), _("channels, entry to exit"), _("parameters"), _("learning rate")),
        ("---", "---", "---:", "---:"),
    ]
    for setting, cell in zip(experiment.settings(), experiment.cells(), strict=True):
        network = cell.xception
        channels = (*network.entry_channels, network.middle_channels, *network.exit_channels)
        params = network_cost(network, SIDE, SIDE).params
        lines.append((setting_text(setting), ", ".join(map(str, channels)), f"{params:,}", f"{cell.learning_rate:g}"))
    head = _("**What is compared**, each variant with the same seeds:")
    return f"{head}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def power_text(result: ExperimentResult, effects: Effects, seeds: int) -> str:
    """What so many seeds would decide by the whole rule, if effects and spreads are those of the stored result."""
    if seeds < 2:
        return _("One seed decides nothing: it has no spread.")
    experiment = result.progress.spec
    power = rule_power(effects.primary, seeds, result.progress.runs[0].test_pictures, PRESETS[experiment.preset].family)
    sentence = _(
        "What {seeds} seeds would decide by the whole rule of a verdict, correction and second step included: the "
        "share of {worlds:,} simulated experiments whose true effects and spreads are the stored estimates ({epochs} "
        "epochs), which may be off themselves."
    )
    lines = [sentence.format(seeds=seeds, worlds=WORLDS, epochs=experiment.base.epochs), ""]
    for effect, found, equivalent in zip(effects.primary, power.found, power.equivalent, strict=True):
        if effect.asks_equivalence:
            what = _("equivalence in {equivalent}")
        elif effect.kind == "slope":
            what = _("a difference in {found}")
        else:
            what = _("a difference in {found}, equivalence in {equivalent}")
        chances = what.format(found=chance_text(found), equivalent=chance_text(equivalent))
        lines.append(f"- {effect_text(effect)}: {chances}")
    if len(effects.primary) > 1:
        lines.append("- " + _("all of them decided: {share}").format(share=chance_text(power.all_decided)))
    return "\n".join(lines)


def verdict_notes(result: ExperimentResult, effects: Effects) -> VerdictNotes:
    """What must be said beside the verdicts of a plan's stored result."""
    if not result.plan or result.plan.name not in plan_names():
        return VerdictNotes({}, {}, {})
    name = result.plan.name
    return VerdictNotes(_reservations(name, effects), _common_runs(name), known_differences(result))


def _reservations(name: str, effects: Effects) -> dict[int, str]:
    sentence = _(
        "**The verdict is about these test pictures**: for other pictures too (crossed, {confidence}) the interval is "
        "{interval}, which covers 0."
    )
    found: dict[int, str] = {}
    for place, crossed in _found_on_these_pictures(name):
        effect = effects.primary[place]
        confidence, interval = f"{100 * effect.confidence:.3g}%", _interval(crossed, limits_of(effect))
        found[place] = sentence.format(confidence=confidence, interval=interval)
    return found


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
                    machine=translate_machine(result.machine),
                    threads=made.threads,
                    precision=made.precision,
                    commit=made.commit[:12],
                )
                + _earlier_text(made, len(result.progress.runs))
            )


@st.cache_data(show_spinner=False)
def _found_on_these_pictures(name: str) -> tuple[tuple[int, Interval], ...]:
    """Of a stored result, the primary effects that are found, but not for other test pictures: place, interval."""
    result = load_result(name)
    right = _right(result) if result else {}
    if not result or not right:
        return ()
    crossed = [
        (place, each, crossed_effect(each, right)) for place, each in enumerate(stored_effects(result.progress).primary)
    ]
    return tuple((place, ends) for place, each, ends in crossed if ends and _is_of_these_pictures(each, ends))


def _is_of_these_pictures(effect: Effect, crossed: Interval) -> bool:
    """Whether an effect has the verdict of a difference, and its crossed interval covers 0."""
    return effect.verdict in ("harmful", "helpful") and crossed[0] <= 0 <= crossed[1]


def _earlier_text(made: Provenance, runs: int) -> str:
    """Which runs were not made for this result but copied, and by the code of which commit they are."""
    sentence = _(
        "{count} of the {runs} runs were not made for this question: they are copies of runs made before for {plan}, "
        "by the code of commit `{commit}`."
    )
    together = _(
        "{count} of the {runs} runs are copies of runs made for {plan}, by the code of commit `{commit}`: both "
        "questions were fixed there, before any of these runs."
    )
    texts = [
        (together if earlier.commit == made.commit else sentence).format(
            count=earlier.runs, runs=runs, plan=plan_label(earlier.plan), commit=earlier.commit[:12]
        )
        for earlier in made.earlier
    ]
    return "".join(f" {text}" for text in texts)


def _show_numbers(effect: Effect, effects: Effects, right: Mapping[Setting, NDArray[np.bool_]]) -> None:
    st.markdown(f"**{effect_text(effect)}**")
    row: dict[str, Any] = {
        _("seed {seed}").format(seed=seed): points_text(effect, value)
        for seed, value in zip(effects.seeds, effect.differences, strict=True)
    }
    st.dataframe([row], hide_index=True)
    if effect.spread is None or effect.p is None or effect.low is None or effect.high is None:
        return
    lines = [
        _("Mean {mean}, standard deviation {spread:.3f}, {seeds} seeds.").format(
            mean=points_text(effect, effect.points, 3), spread=effect.spread, seeds=len(effects.seeds)
        )
    ]
    interval = _("{confidence} interval: mean ± t × standard deviation / √{seeds} = {low} to {high}.").format(
        confidence=f"{100 * effect.confidence:.3g}%",
        seeds=len(effects.seeds),
        low=points_text(effect, effect.low, 3),
        high=points_text(effect, effect.high, 3),
    )
    if effect.asks_equivalence:
        test = _("Two one-sided tests at ±{margin}: p {p}. Equivalent where this interval lies inside the margin.")
        lines += [interval, test.format(margin=effects.margin, p=format_p(effect.p))]
    else:
        if effect.adjusted_p is None or effect.adjusted_p == effect.p:
            test = _("Two-sided p {p}; harmful or helpful where this interval leaves out 0.")
        else:
            test = _(
                "Two-sided p {p}, {adjusted} after Holm's correction of the pair of ReLU and ELU against nothing; this "
                "interval is that of its step: harmful or helpful where it leaves out 0."
            )
        lines += [interval, test.format(p=format_p(effect.p), adjusted=format_p(effect.adjusted_p or effect.p))]
    if crossed := crossed_effect(effect, right) if right else None:
        sentence = _("For other seeds and other test pictures at once (crossed): {confidence} interval {interval}.")
        line = sentence.format(
            confidence=f"{100 * effect.confidence:.3g}%", interval=_interval(crossed, limits_of(effect))
        )
        if _is_of_these_pictures(effect, crossed):
            line += " " + _("**It covers 0: the verdict is about these test pictures.**")
        lines.append(line)
    if again := prediction_interval(effect.differences, READERS_SEEDS):
        sentence = _(
            "The mean of {seeds} other seeds, same recipe and kind of machine: {interval} (95% prediction interval)."
        )
        lines.append(sentence.format(seeds=READERS_SEEDS, interval=_interval(again, ())))
    st.markdown("\n".join(f"- {line}" for line in lines))


def _interval(interval: Interval, limits: Sequence[float]) -> str:
    low, high = (near_text(end, limits) for end in interval)
    return _("{low} to {high}").format(low=low, high=high)


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
    edges = edge_rates(plan)
    rows: dict[Setting, dict[str, Any]] = {}
    for score in plan.scores:
        row = rows.setdefault(score.setting, {"": setting_text(score.setting)})
        row[f"{score.learning_rate:g}"] = f"{100 * fmean(score.accuracies):.2f}"
    for setting, row in rows.items():
        mark = " †" if setting in edges else ""
        row[_("chosen")] = f"{plan.experiment.cell(setting).learning_rate:g}{mark}"
    st.dataframe(list(rows.values()), hide_index=True)
    if edges:
        st.markdown(
            _(
                "† At the edge of the rates that were tried: a rate beyond it may suit this variant better, so it may "
                "be weaker here than it could be."
            )
        )


def show_carry_over(own: str, primary: Sequence[Effect]) -> None:
    """The same comparisons as these in every stored result that made them: other pictures, another width.

    own: the plan whose primary effects these are. What other runs found stands in a line, all else is folded.
    """
    if found := _carried_text(own, primary):
        st.markdown(found)
    expander = st.expander(_("Does it carry over? The same comparison elsewhere"), key="carry", on_change="rerun")
    if not expander.open:
        return
    effects: list[Effect] = []
    names: list[str] = []
    lines: list[str] = []
    # what the others are compared with comes first
    stored = sorted(_stored_primary().items(), key=lambda each: each[0] != own)
    for effect in primary:
        listed: dict[str, Effect] = {}
        for name, others in stored:
            for other in others:
                if _comparison(other) == _comparison(effect):
                    effects.append(other)
                    where = f" ({setting_text(other.where)})" if other.where else ""
                    names.append(f"{setting_text(other.change)}{where}<br>{plan_label(name)}, {interval_name(other)}")
                    lines.append(_elsewhere_text(name, other, own, listed))
                    listed[name] = other
    with expander:
        if len(effects) == len(primary):
            st.markdown(_("No other stored result makes this comparison."))
            return
        figure = effects_figure(effects, names, _("points of test accuracy"), None)
        alt = "; ".join(f"{name}: {effect_sentence(each)}" for name, each in zip(names, effects, strict=True))
        show_chart(figure, "carry_over", alt)
        st.markdown("\n".join(lines))
        edges = [
            plan_label(name) for name, _effects in stored if edge_rates(load_plan(name)) and plan_label(name) in alt
        ]
        if edges:
            note = _("In {names} a variant's learning rate lies at the edge of those tried: perhaps not its best.")
            st.caption(note.format(names="; ".join(edges)))


def _carried_text(own: str, primary: Sequence[Effect]) -> str:
    """What the comparisons came to on other pictures and at another width, each with runs of its own; or empty."""
    here = _pictures_and_width(own)
    others = [(name, other) for name, effects in _stored_primary().items() for other in effects]
    others.sort(key=lambda each: -len(each[1].differences))  # most seeds first
    parts: list[str] = []
    for effect in filter(_is_of_the_plain_network, primary):
        told: list[Effect] = []
        places: list[str] = []
        for name, other in others:
            pictures, width = _pictures_and_width(name)
            is_same = _is_of_the_plain_network(other) and _comparison(other) == _comparison(effect)
            if not is_same or (pictures, width) == here or any(_has_the_runs_of(other, one) for one in told):
                continue
            told.append(other)
            what = option_text(DATASET, pictures) + (f", {_('half as wide')}" if name.endswith("-narrow") else "")
            place = _("{pictures}: {verdict}, {points} points")
            points = points_text(other, other.points)
            places.append(place.format(pictures=what, verdict=_elsewhere_verdict(other), points=points))
        if places:
            parts.append(f"{setting_text(effect.change)} ({'; '.join(places)})")
    sentence = _("**On other pictures, or half as wide**: {found}.")
    return sentence.format(found="; ".join(parts)) if parts else ""


def _is_of_the_plain_network(effect: Effect) -> bool:
    """Whether nothing but the order and what stands between is set: a batch norm between makes another question."""
    return dict(effect.where).keys() <= {"order", "intermediate"}


def _pictures_and_width(name: str) -> tuple[str, int]:
    base = load_plan(name).experiment.base
    return base.dataset, base.xception.middle_channels


def _elsewhere_verdict(effect: Effect) -> str:
    if effect.verdict == "not decided" and is_beyond_margin(effect):
        return _("not shown to be equivalent: the whole interval lies outside the margin")
    return verdict_name(effect)


def _comparison(effect: Effect) -> tuple[Setting, Setting, str]:
    """What an effect compares, in the words that all questions share."""
    words = {("negative_slope", 0.0): ("intermediate", "relu"), ("negative_slope", 1.0): ("intermediate", "none")}
    change, baseline = (tuple(words.get(each, each) for each in side) for side in (effect.change, effect.baseline))
    # one factor fixed elsewhere makes no other comparison
    return change, baseline, "simple" if effect.kind == "main" else effect.kind


def _elsewhere_text(name: str, other: Effect, own: str, listed: Mapping[str, Effect]) -> str:
    """One stored verdict of a comparison, and whether it rests on the runs of one that was listed before.

    own: the plan that the page is about.
    """
    line = _("- {plan}, {what}: {points} points, {verdict}.").format(
        plan=plan_label(name),
        what=effect_text(other),
        points=points_text(other, other.points),
        verdict=_elsewhere_verdict(other),
    )
    same = next((before for before, effect in listed.items() if _has_the_runs_of(other, effect)), None)
    if same == own:
        line += " " + _("The same runs as here, as far as both have them: no second test.")
    elif same:
        sentence = _("The same runs as {plan}, as far as both have them: no second test.")
        line += " " + sentence.format(plan=plan_label(same))
    return line


def _stored_primary() -> dict[str, Sequence[Effect]]:
    """The primary effects of every stored result, by its plan's name."""
    return {name: stored_effects(result.progress).primary for name in plan_names() if (result := load_result(name))}


def _has_the_runs_of(effect: Effect, other: Effect) -> bool:
    """Whether two effects rest on the same runs, as far as both have them: their seeds' differences are equal."""
    return all(map(operator.eq, effect.differences, other.differences))


@st.cache_data(show_spinner=False)
def _plans_with_the_runs(own: str) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """By the place of a plan's primary effect, the other plans that make the comparison with the same runs."""
    stored = _stored_primary()
    return tuple(
        (
            place,
            tuple(
                name
                for name, others in stored.items()
                if name != own
                and any(
                    _comparison(other) == _comparison(effect) and _has_the_runs_of(other, effect) for other in others
                )
            ),
        )
        for place, effect in enumerate(stored.get(own, ()))
    )


def _common_runs(name: str) -> dict[int, str]:
    sentence = _(
        "**The same comparison, with runs in common, gives a verdict under other questions too**: {plans}. So they "
        "are no independent tests."
    )
    return {
        place: sentence.format(plans="; ".join(map(plan_label, plans)))
        for place, plans in _plans_with_the_runs(name)
        if plans
    }


def plan_label(name: str) -> str:
    """A plan's name for a person: "Figure 10, Emoji"."""
    preset = next((preset for preset in PRESET.texts if name.startswith(preset)), name)
    rest = name.removeprefix(preset).removeprefix("-")
    label = option_text(PRESET, preset)
    if not rest:
        return label
    which = _("half as wide") if rest == "narrow" else option_text(DATASET, rest)
    return f"{label}, {which}"

"""The plan of a stored result once more, on other devices: verdicts beside verdicts, and how far runs agree."""

from collections.abc import Sequence

import streamlit as st

from xception_lab.data.catalogue import load_dataset
from xception_lab.experiments.effects import Effect, Effects, interval_within
from xception_lab.experiments.repetition import (
    Predictions,
    Repetition,
    agreement,
    effect_shift,
    effects_of_predictions,
    predictions_of,
)
from xception_lab.experiments.results_file import ExperimentResult
from xception_lab.figures.training import effects_figure
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import near_text, translate_machine
from xception_lab.ui.training.experiment import stored_effects
from xception_lab.ui.training.texts import (
    effect_sentence,
    effect_text,
    headline,
    points_text,
    setting_text,
    verdict_details,
    verdict_interval,
    verdict_name,
)


def show_elsewhere(result: ExperimentResult, effects: Effects, repetitions: Sequence[Repetition]) -> None:
    """What other devices made of the plan: one line for each that made all of it, the rest folded.

    effects: of the stored result. repetitions: of its plan; nothing is drawn where there is none, or no verdict yet.
    """
    if not repetitions or effects.seeds_missing:
        return
    for repetition in repetitions:
        if repetition.result:
            st.markdown(verdicts_text(repetition.machine, effects, stored_effects(repetition.result.progress)))
    expander = st.expander(_("The same plan on another device"), key="elsewhere", on_change="rerun")
    if not expander.open:
        return
    with expander:
        st.markdown(
            _(
                "The seeds are the same, and with them the pictures, the initial weights, the order and the shifts. "
                "As far as is known, only the rounding of sums differs, by device and torch's version; training makes "
                "that grow until the network is another one. So this repeats the computation and is **no new data**: "
                "its seeds do not add to those above, and the plan's verdicts stay those above. The verdicts here are "
                "read by the same rule, from the one device alone."
            )
        )
        above = predictions_of(result)
        for repetition in repetitions:
            st.markdown(_made_text(repetition))
            there = effects_of_predictions(repetition.experiment, repetition.predictions)
            if repetition.result:
                _show_verdicts(repetition, result.machine, effects, there)
            else:
                part = effects_of_predictions(repetition.experiment, above, repetition.seeds)
                st.markdown(_part_text(part, there))
            st.markdown(_agreement_text(repetition, above))
        st.markdown(
            _(
                "**What is missing**: the same question at a larger scale, with larger pictures, the paper's whole "
                "middle flow and more epochs. No such run is stored, so whether the effect is as large there, this "
                "page cannot say."
            )
        )


def verdicts_text(machine: str, above: Effects, there: Effects) -> str:
    """Another device's verdicts in one line, each set against the one above."""
    findings = [_finding_text(here, again) for here, again in zip(above.primary, there.primary, strict=True)]
    sentence = _("**The same plan and seeds on another device**, {machine}. {findings}.")
    return sentence.format(machine=short_machine(machine), findings="; ".join(findings))


def _finding_text(here: Effect, there: Effect) -> str:
    if here.verdict == there.verdict:
        sentence = _("{what}: {verdict} on this device too, {points} points")
    else:
        sentence = _(
            "{what}: **{above} points in the result above, {other}; {points} points on this device, {verdict}**"
        )
    verdict = verdict_name(there)
    if there.verdict in ("harmful", "helpful") and interval_within(there):
        verdict = _("{verdict}, though by less than was fixed beforehand to matter").format(verdict=verdict)
    return sentence.format(
        what=setting_text(there.change),
        verdict=verdict,
        points=points_text(there, there.points),
        other=verdict_name(here),
        above=points_text(here, here.points),
    )


def short_machine(machine: str) -> str:
    """A machine's line without what stands in brackets and after: "2 cores of an AMD EPYC"."""
    return translate_machine(machine).partition(" (")[0]


def _made_text(repetition: Repetition) -> str:
    seeds, made = repetition.seeds, repetition.provenance
    sentence = _("**{machine}**: seeds {first} to {last}.")
    lines = [sentence.format(machine=translate_machine(repetition.machine), first=seeds[0], last=seeds[-1])]
    if made:
        command = _("To make it again: `{command}`, {precision}.")
        lines.append(command.format(command=made.command, precision=made.precision))
        if made.commit:
            lines.append(_("Code: commit `{commit}`.").format(commit=made.commit[:12]))
        else:
            lines.append(_("The commit of its code was not noted down."))
    return " ".join(lines)


def _show_verdicts(repetition: Repetition, machine: str, above: Effects, there: Effects) -> None:
    """The primary effects of both in one chart, and in words how they differ."""
    rows: list[Effect] = []
    names: list[str] = []
    for pair in zip(above.primary, there.primary, strict=True):
        for effect, made_on in zip(pair, (machine, repetition.machine), strict=True):
            rows.append(effect)
            names.append(f"{setting_text(effect.change)}<br>{short_machine(made_on)}")
    figure = effects_figure(rows, names, _("points of test accuracy"), above.margin)
    alt = "; ".join(f"{name.rpartition('>')[2]}: {effect_sentence(e)}" for name, e in zip(names, rows, strict=True))
    show_chart(figure, f"elsewhere_{repetition.device}", alt)
    for here, again in zip(above.primary, there.primary, strict=True):
        texts = (
            headline(again, there.margin),
            verdict_interval(again, there),
            verdict_details(again, there),
            _shift_text(here, again),
        )
        st.markdown(f"- {' '.join(filter(None, texts))}")


def _shift_text(here: Effect, there: Effect) -> str:
    points, low, high = effect_shift(here, there)
    sentence = _("{points} points from the estimate above, 95% CI {low} to {high}, paired by seed.")
    shift = {name: near_text(value, (0.0,)) for name, value in (("points", points), ("low", low), ("high", high))}
    lines = [sentence.format(**shift)]
    if here.verdict != there.verdict:
        other = _(
            "**Another verdict than above, where it is: {other}.** Standard deviation between the seeds: {there:.2f} "
            "there, {above:.2f} above."
        )
        lines.append(other.format(other=verdict_name(here), there=there.spread or 0.0, above=here.spread or 0.0))
    return " ".join(lines)


def _part_text(above: Effects, there: Effects) -> str:
    """What a part of the seeds gave, beside the same seeds above; it has no verdict."""
    sentence = _("{seeds} of the {planned} seeds that were fixed beforehand, so there is no verdict.")
    lines = [sentence.format(seeds=len(there.seeds), planned=len(there.seeds) + there.seeds_missing)]
    for here, again in zip(above.primary, there.primary, strict=True):
        both = {"points": points_text(again, again.points), "above": points_text(here, here.points)}
        line = _("{what}: {points} points on this device, {above} points in the result above over the same seeds.")
        lines.append(f"- {line.format(what=effect_text(again), **both)}")
    return "\n".join(lines)


def _agreement_text(repetition: Repetition, above: Predictions) -> str:
    labels = load_dataset(repetition.experiment.base.dataset).test_labels
    found = agreement(above, repetition.predictions, labels)
    lines = [
        _(
            "Run by run, {runs} runs: the same class as above for {low:.1%} to {high:.1%} of the test pictures, on "
            "average {mean:.1%}; accuracies {typical:.2f} points apart (root mean square), at most {largest:.2f}."
        ).format(
            runs=found.runs,
            low=found.lowest,
            high=found.highest,
            mean=found.mean,
            typical=found.typical,
            largest=found.largest,
        ),
        _("Two seeds of one variant, both above: {mean:.1%} and {typical:.2f} points.").format(
            mean=found.seeds_mean, typical=found.seeds_typical
        ),
    ]
    if repetition.result and found.is_between:
        lines.append(
            _(
                "So the same seed on another device is nearer than another seed and no copy: the two results are not "
                "independent."
            )
        )
    return " ".join(lines)

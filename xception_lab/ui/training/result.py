"""An experiment's result on the page: verdicts and charts, the table of its runs, and both as files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import streamlit as st

from xception_lab.experiments.effects import Effect, Effects, Trend, dose_trend, slope_trend
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.results_file import ExperimentResult, experiment_to_json
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.tables import Curve, curves, records_csv, run_rows
from xception_lab.figures.training import MOST_BANDS, curves_figure, effects_figure, trend_figure
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.tables import show_rows
from xception_lab.ui.training.arms import arm_colours, arm_dashes
from xception_lab.ui.training.guess import show_guess
from xception_lab.ui.training.texts import (
    confound_text,
    depth_text,
    diagonal_text,
    effect_label,
    effect_sentence,
    effect_text,
    headline,
    interval_name,
    is_slope,
    lesser_doses_text,
    other_levels_text,
    paper_found_text,
    setting_text,
    sign_change_text,
    trend_alt,
    verdict_details,
    verdict_interval,
)


@dataclass(frozen=True, slots=True)
class VerdictNotes:
    """What must be said beside the verdicts of a stored result, by the place of a primary effect.

    reserved: that other test pictures may not bear it out. common: which other questions tell of the same runs.
    known: that the difference was known when the question was fixed.
    """

    reserved: Mapping[int, str]
    common: Mapping[int, str]
    known: Mapping[int, str]


def show_result(
    progress: Progress,
    effects: Effects,
    key: str,
    guess: str,
    notes: VerdictNotes | None = None,
) -> None:
    """Verdicts, learning curves and effects of an experiment, as far as its runs have come.

    effects: the experiment's. key: of the charts. guess: what the person expected of the first primary effect.
    notes: of a stored result.
    """
    if effects.seeds_missing and progress.spec.primary:
        waiting = _(
            "**No verdict yet: {done} of {seeds} seeds are done.** The number was fixed beforehand; who stops where "
            "the result pleases finds effects that are not there."
        )
        if progress.spec.seeds == 1:
            waiting = _(
                "**Nothing to compare yet: some variants are not done.** One seed will decide nothing: no spread."
            )
        st.markdown(waiting.format(done=len(effects.seeds), seeds=progress.spec.seeds))
        late: list[str] = []
    else:
        late = _show_verdicts(progress, effects, notes or VerdictNotes({}, {}, {}))
    if effects.seeds and not effects.primary:
        st.markdown(_("**Several factors vary, and no comparison was fixed beforehand: all is exploratory.**"))
    if not effects.seeds_missing:
        show_guess(guess, effects)
    trend = _trend(progress.spec, effects)
    if trend and (text := sign_change_text(trend) if trend.line else lesser_doses_text(trend)):
        st.markdown(text)
    left, right = st.columns(2)
    with right:
        _show_curves(progress, key)
    with left:
        if trend:
            _show_trend(trend, effects, f"{key}_effects")
        elif effects.primary:
            _show_effects(effects.primary, effects.margin, f"{key}_effects", _("points of test accuracy"))
            st.caption(
                _(
                    "Dots: one seed each; diamond and bar: their mean and its interval ({intervals}); grey band: the "
                    "±{margin} that were fixed to be of no account. An accuracy by itself, not these differences, may "
                    "be ±{error:.2f} points off that on all pictures of this kind, as it was measured on these alone."
                ).format(
                    intervals=", ".join(dict.fromkeys(map(interval_name, effects.primary))),
                    margin=effects.margin,
                    error=effects.sampling_error,
                )
            )
    for text in late:
        st.caption(text)
    slope = next((effect for effect in effects.primary if is_slope(effect)), None)
    if slope and not effects.seeds_missing and (text := depth_text(slope, effects, progress.spec)):
        st.markdown(text)
    if effects.exploratory:
        label = _("Exploratory: what was not fixed beforehand")
        expander = st.expander(label, not effects.primary, key=f"{key}_exploring", on_change="rerun")
        if expander.open:
            with expander:
                st.caption(_("Each 95% CI stands by itself: of twenty, one misses on average. No verdicts here."))
                if any(effect.kind == "interaction" for effect in effects.exploratory):
                    st.caption(_("An interaction is how much the effect of one factor changes with the other."))
                for effect in effects.exploratory:
                    if effect.kind == "diagonal":
                        st.markdown(diagonal_text(effect))
                _show_effects(effects.exploratory, None, f"{key}_exploratory", _("points of test accuracy"))
    if any(record.validation_accuracy is not None for run in progress.runs for record in run.records):
        _show_areas(progress, key)


def _show_verdicts(progress: Progress, effects: Effects, notes: VerdictNotes) -> list[str]:
    """The primary effects' verdicts, and what else changes with them. Returns details, to stand below the charts."""
    late: list[str] = []
    for place, effect in enumerate(effects.primary):
        reservation = notes.reserved.get(place, "")
        verdict = (
            headline(effect, effects.margin, is_of_these_pictures=bool(reservation)),
            verdict_interval(effect, effects),
            reservation,
            notes.known.get(place, ""),
        )
        details = (
            notes.common.get(place, ""),
            verdict_details(effect, effects),
            other_levels_text(effect, effects),
        )
        st.markdown(" ".join(filter(None, verdict)))
        if confound := confound_text(effect, progress.spec):
            st.caption(confound)
        if text := " ".join(filter(None, details)):
            late.append(f"{effect_text(effect)}: {text}")
    if effects.primary and (found := paper_found_text(progress.spec.preset)):
        st.markdown(found)
    return late


def _trend(experiment: ExperimentSpec, effects: Effects) -> Trend | None:
    """How the difference changes along the levels of the field that the question is about; None for other questions."""
    if not effects.seeds:
        return None
    if slope := next((effect for effect in effects.primary if effect.kind == "slope"), None):
        return slope_trend(effects, slope)
    names = [name for name, levels in experiment.levels if len(levels) > 1]
    return dose_trend(effects, *names) if names == ["negative_slope"] else None


def _show_trend(trend: Trend, effects: Effects, key: str) -> None:
    """The trend's chart, and what its marks are."""
    if trend.line:
        axes = (_("channels that a segment's filter sees"), _("points that the ReLU between adds"))
        ticks = [str(point.level or 1) for point in trend.points]
        caption = _(
            "Dots: one seed each; open diamond and bar: their mean and its 95% CI at one depth, exploratory; line: the "
            "slope as found, the one comparison that was fixed beforehand, with its pointwise 95% band."
        )
    else:
        axes = (_("share of the negative signal that is cut"), _("points against nothing cut"))
        ticks = [f"{point.place:g}" for point in trend.points]
        caption = _(
            "Dots: one seed each; diamond and bar: their mean and its 95% CI, filled where the comparison was fixed "
            "beforehand, open where it is exploratory; grey band: the ±{margin} that were fixed to be of no account."
        )
    margin = None if trend.line else effects.margin
    show_chart(trend_figure(trend, ticks, axes, margin), key, trend_alt(trend))
    st.caption(caption.format(margin=effects.margin))


def _show_curves(progress: Progress, key: str) -> None:
    learning_curves = curves(progress)
    if not learning_curves:
        return
    names = [setting_text(curve.setting) for curve in learning_curves]
    has_validation = any(record.validation_accuracy is not None for run in progress.runs for record in run.records)
    axis = _("validation accuracy") if has_validation else _("test accuracy")
    cells = [progress.spec.cell(curve.setting) for curve in learning_curves]
    networks = [cell.xception for cell in cells]
    colours = arm_colours(networks)
    series, panels, dashes = names, list[str](), list(arm_dashes(networks))
    if len(learning_curves) > MOST_BANDS and _has_panels(learning_curves, colours):
        series = [setting_text(curve.setting[:-1]) for curve in learning_curves]
        panels = [setting_text(curve.setting[-1:]) for curve in learning_curves]
        dashes = ["solid"] * len(series)
    figure = curves_figure(learning_curves, series, colours, dashes, axis, _("epoch"), panels)
    show_chart(figure, f"{key}_curves", "; ".join(names))
    captions: list[str] = []
    if has_validation:  # whose order may be another than the test pictures'
        captions.append(_("On validation pictures; verdicts are about the test pictures."))
    if progress.spec.seeds > 1:
        captions.append(
            _("Lines: the mean of the seeds; bands: from the lowest seed to the highest.")
            if len(learning_curves) <= MOST_BANDS
            else _("Lines: the mean of the seeds.")
        )
    rates = [cell.learning_rate for cell in cells]  # what differs besides the question
    low, high = f"{min(rates):g}", f"{max(rates):g}"
    if low == high:
        captions.append(_("Learning rate of all: {rate}.").format(rate=low))
    elif len(learning_curves) > MOST_BANDS:  # too many for a sentence
        captions.append(_("Learning rates from {low} to {high}.").format(low=low, high=high))
    else:
        text = "; ".join(f"{name} {rate:g}" for name, rate in zip(names, rates, strict=True))
        captions.append(_("Learning rates: {rates}.").format(rates=text))
    st.caption(" ".join(captions))


def _has_panels(learning_curves: Sequence[Curve], colours: Sequence[str]) -> bool:
    """Whether the last factor of many variants has two or three levels, and what else they are a colour of its own."""
    levels = {curve.setting[-1] for curve in learning_curves}
    rest = [curve.setting[:-1] for curve in learning_curves]
    coloured = set(zip(rest, colours, strict=True))
    return all(rest) and len(levels) in (2, 3) and len(coloured) == len(set(rest)) == len(set(colours))


def _show_effects(effects: Sequence[Effect], margin: float | None, key: str, axis: str) -> None:
    names = [effect_label(effect) for effect in effects]
    if any(effect.kind == "interaction" for effect in effects):
        average = _("average over the other factor")
        labels = zip(names, effects, strict=True)
        names = [f"{name},<br>{average}" if effect.kind == "main" else name for name, effect in labels]
    if len({effect.confidence for effect in effects}) > 1:  # one claim asks more of its interval than another
        names = [f"{name}<br>{interval_name(effect)}" for name, effect in zip(names, effects, strict=True)]
    figure = effects_figure(effects, names, axis, margin)
    show_chart(figure, key, "; ".join(map(effect_sentence, effects)))


def _show_areas(progress: Progress, key: str) -> None:
    """The same comparisons of the speed of learning: the paper's Figure 10 claims that too."""
    expander = st.expander(_("Exploratory: the speed of learning"), key=f"{key}_speed", on_change="rerun")
    if not expander.open:
        return
    with expander:
        st.caption(
            _(
                "The same comparisons of the mean validation accuracy over all epochs, which is the area under the "
                "curve: of two networks that end alike, the faster one has more of it. Where they end differently, or "
                "had other learning rates, speed and outcome are mixed."
            )
        )
        # primary is what was fixed beforehand, and that was the accuracy
        areas = [replace(effect, is_primary=False) for effect in progress.effects("area").effects]
        if areas:
            _show_effects(areas, None, f"{key}_areas", _("points of mean validation accuracy"))


def show_runs(progress: Progress) -> None:
    """A table of the runs with the epochs that each has done."""
    epochs = max(run.spec.epochs for run in progress.runs)
    columns = {
        "epochs": st.column_config.ProgressColumn(min_value=0, max_value=epochs, format=f"%d / {epochs}"),
        "time_left_s": st.column_config.NumberColumn(format="%d s"),
        "elapsed_s": st.column_config.NumberColumn(format="%d s"),
        "images_per_s": st.column_config.NumberColumn(format="%d"),
        **{
            name: st.column_config.NumberColumn(format="%.4f")
            for name in ("validation_accuracy", "test_accuracy", "test_loss", "train_accuracy")
        },
    }
    rows = run_rows(progress)
    if not any(row["time_left_s"] for row in rows):
        rows = [{name: value for name, value in row.items() if name != "time_left_s"} for row in rows]
    show_rows(rows, columns, height="auto")  # up to a hundred runs


def experiment_downloads(make_result: Callable[[], ExperimentResult], key: str) -> None:
    """Draw the buttons for an experiment as CSV and as JSON.

    make_result: gives the experiment once a file is asked for. key: of the widgets, and the files' name.
    """

    def to_json() -> str:
        result = make_result()
        return experiment_to_json(result.progress, result.machine, result.predictions, result.provenance, result.plan)

    def to_csv() -> str:
        result = make_result()
        return records_csv(result.progress, result.machine)

    st.download_button(_("Records (CSV)"), to_csv, f"{key}.csv", "text/csv", on_click="ignore", key=f"{key}_csv")
    st.download_button(
        _("Experiment (JSON)"), to_json, f"{key}.json", "application/json", on_click="ignore", key=f"{key}_json"
    )

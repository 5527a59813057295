"""An experiment on the page: its question, verdicts and charts, its runs, and one run with its mistakes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xception_lab.experiments.effects import Effect, Setting
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.results_file import experiment_to_json
from xception_lab.experiments.spec import PRESETS
from xception_lab.experiments.tables import curves, records_csv, run_rows
from xception_lab.figures.training import curves_figure, effects_figure
from xception_lab.ui.fields.compare import ORDER_LABELS
from xception_lab.ui.fields.field import N_
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import translate as _

QUESTIONS = {
    "two-differences": N_("Does the **order** matter, and does the **ReLU between**?"),
    "figure-10": N_("What belongs between the two convolutions: **nothing, a ReLU or an ELU**?"),
    "figure-9": N_("Are the **residual connections** essential?"),
    "conjecture": N_("Does a ReLU between harm **shallow** feature spaces and help **deep** ones?"),
    "own": N_("What do these fields change?"),
}
VALUES = {
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
GUESSES = ("harmful", "no difference seen", "helpful")


def question(preset: str) -> str:
    """The experiment's question, with the section of the paper that raises it."""
    asked, section = _(QUESTIONS[preset]), PRESETS[preset].paper_section
    return f"{asked} " + _("Paper, section {section}.").format(section=section) if section else asked


def setting_text(setting: Setting) -> str:
    """A variant in words: "depthwise first, ReLU between"."""
    return ", ".join(_level_text(name, value) for name, value in setting)


def _level_text(name: str, value: Any) -> str:
    if (name, value) in VALUES:
        return _(VALUES[name, value])
    # a grid of one's own varies any field
    return _("{number} segments").format(number=value) if name == "segments" else f"{name}={value}"


def effect_text(effect: Effect) -> str:
    """What an effect compares, in words."""
    change = setting_text(effect.change)
    if effect.kind == "interaction":
        return _("interaction") + f": {change}"
    compared = _("{change} instead of {baseline}").format(change=change, baseline=setting_text(effect.baseline))
    return f"{compared} ({setting_text(effect.where)})" if effect.where else compared


def _effect_label(effect: Effect) -> str:
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
            what=effect_text(effect), points=effect.points
        )
    sentence = _("{what}: **{verdict}**, {points:+.2f} points, 95 % CI {low:+.2f} to {high:+.2f}.").format(
        what=effect_text(effect), verdict=verdict, points=effect.points, low=effect.low, high=effect.high
    )
    if effect.verdict == "undecided" and effect.seeds_needed:
        more = _("About {seeds} seeds in all would narrow it to ±{precision}.")
        sentence += " " + more.format(seeds=effect.seeds_needed, precision=precision)
    return sentence


def show_result(progress: Progress, key: str) -> None:
    """Verdicts, effects, curves and runs of an experiment, as far as they are known."""
    effects = progress.effects()
    baseline = {name: levels[0] for name, levels in progress.spec.levels}
    # with an interaction a main effect misleads alone: the effect at the other factors' baseline stands beside it
    main = [effect for effect in effects.effects if all(baseline[name] == value for name, value in effect.where)]
    if main:
        st.markdown("\n".join(f"- {verdict_text(effect, effects.precision)}" for effect in main))
        st.caption(
            _(
                "{seeds} seeds, paired. Bands: lowest to highest seed; dots: one seed each; bars: 95 % (Student's t). "
                "Sampling error of the test set: ±{error:.2f} points."
            ).format(seeds=len(effects.seeds), error=effects.sampling_error)
        )
        _show_guess(main)
    left, right = st.columns(2)
    drawn = curves(progress)
    with left:
        if drawn:
            names = [setting_text(curve.setting) for curve in drawn]
            figure = curves_figure(drawn, names, _("test accuracy"), _("epoch"))
            show_chart(figure, f"{key}_curves", "; ".join(names))
    with right:
        if main:
            compared = [effect for effect in effects.effects if effect.kind != "interaction"]
            names = [_effect_label(effect) for effect in compared]
            figure = effects_figure(compared, names, _("points of test accuracy"))
            show_chart(figure, f"{key}_effects", "; ".join(verdict_text(e, effects.precision) for e in compared))


def show_runs(progress: Progress) -> None:
    """Every run with how far it is."""
    epochs = max(run.spec.epochs for run in progress.runs)
    columns = {
        "epochs": st.column_config.ProgressColumn(min_value=0, max_value=epochs, format=f"%d / {epochs}"),
        "time_left_s": st.column_config.NumberColumn(format="%d s"),
        "elapsed_s": st.column_config.NumberColumn(format="%d s"),
        "images_per_s": st.column_config.NumberColumn(format="%d"),
        **{
            name: st.column_config.NumberColumn(format="%.4f")
            for name in ("test_accuracy", "test_loss", "train_accuracy")
        },
    }
    st.dataframe(run_rows(progress), hide_index=True, column_config=columns)


def _show_guess(effects: list[Effect]) -> None:
    """The person's guess beside what the data say of the ReLU."""
    relu = [e for e in effects if e.kind == "main" and e.change == (("intermediate", "relu"),)]
    guess = st.session_state.get("guess")
    if relu and guess:
        said = _("Your guess: **{guess}**. The data say: **{outcome}**.")
        st.markdown(said.format(guess=_(VERDICTS[guess]), outcome=_(VERDICTS[relu[0].verdict])))


def downloads(progress: Progress, machine: str, predictions: Mapping[int, NDArray[np.int64]], key: str) -> None:
    """The experiment as CSV and as JSON."""
    st.download_button(
        _("Records (CSV)"), lambda: records_csv(progress), f"{key}.csv", "text/csv", on_click="ignore", key=f"{key}_csv"
    )
    st.download_button(
        _("Experiment (JSON)"),
        lambda: experiment_to_json(progress, machine, predictions),
        f"{key}.json",
        "application/json",
        on_click="ignore",
        key=f"{key}_json",
    )

"""An experiment's result on the page: verdicts and charts, the table of its runs, and both as files."""

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from xception_lab.experiments.effects import Effect
from xception_lab.experiments.progress import Progress
from xception_lab.experiments.results_file import experiment_to_json
from xception_lab.experiments.tables import curves, records_csv, run_rows
from xception_lab.figures.training import curves_figure, effects_figure
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.training.texts import VERDICTS, effect_label, setting_text, verdict_text

GUESSES = ("harmful", "no difference seen", "helpful")


def show_result(progress: Progress, key: str) -> None:
    """Verdicts, learning curves and effects of an experiment, as far as its runs have come.

    key: of the charts.
    """
    effects = progress.effects()
    baseline = {name: levels[0] for name, levels in progress.spec.levels}
    # where factors interact, a mean over the others misleads: the effect at their baseline is listed as well
    listed = [effect for effect in effects.effects if all(baseline[name] == level for name, level in effect.where)]
    if listed:
        st.markdown("\n".join(f"- {verdict_text(effect, effects.precision)}" for effect in listed))
        st.caption(
            _(
                "{seeds} seeds, paired. Bands: lowest to highest seed; dots: one seed each; bars: 95 % (Student's t). "
                "Sampling error of the test set: ±{error:.2f} points."
            ).format(seeds=len(effects.seeds), error=effects.sampling_error)
        )
        _show_guess(listed)
    left, right = st.columns(2)
    learning_curves = curves(progress)
    with left:
        if learning_curves:
            names = [setting_text(curve.setting) for curve in learning_curves]
            figure = curves_figure(learning_curves, names, _("test accuracy"), _("epoch"))
            show_chart(figure, f"{key}_curves", "; ".join(names))
    with right:
        if listed:
            differences = [effect for effect in effects.effects if effect.kind != "interaction"]
            names = [effect_label(effect) for effect in differences]
            figure = effects_figure(differences, names, _("points of test accuracy"))
            show_chart(figure, f"{key}_effects", "; ".join(verdict_text(e, effects.precision) for e in differences))


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
            for name in ("test_accuracy", "test_loss", "train_accuracy")
        },
    }
    st.dataframe(run_rows(progress), hide_index=True, column_config=columns)


def _show_guess(effects: Sequence[Effect]) -> None:
    """The person's guess beside the verdict on the ReLU."""
    relu = [e for e in effects if e.kind == "main" and e.change == (("intermediate", "relu"),)]
    guess = st.session_state.get("guess")
    if relu and guess:
        sentence = _("Your guess: **{guess}**. The data say: **{outcome}**.")
        st.markdown(sentence.format(guess=_(VERDICTS[guess]), outcome=_(VERDICTS[relu[0].verdict])))


def experiment_downloads(
    progress: Progress, machine: str, predictions: Mapping[int, NDArray[np.int64]], key: str
) -> None:
    """Draw the buttons for the experiment as CSV and as JSON.

    machine: the one that trained, "" for this one. predictions: of the test pictures, by run. key: of the widgets, and
    the files' name.
    """
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

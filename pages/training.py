"""Training: the paper's two claims as an experiment, with seeds and error bars."""

import streamlit as st

from xception_lab.ui.fields.training import (
    DATASET,
    EPOCHS,
    GRID_FIELDS,
    OUTCOME,
    OWN,
    PRESET,
    SEEDS,
    TrainingState,
)
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.frame import finish, frame
from xception_lab.ui.shell.language import paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.training.experiment import (
    action_button,
    close_experiment,
    estimate_text,
    get_scheduler,
    load_current_experiment,
    load_preset_result,
    show_experiment_progress,
    start_experiment,
)
from xception_lab.ui.training.result import GUESSES, experiment_downloads
from xception_lab.ui.training.run import make_predictions_reader, run_parameter, show_experiment
from xception_lab.ui.training.texts import VERDICTS, question_text
from xception_lab.ui.training.upload import custom_data_control

state = frame("training", TrainingState)
current = load_current_experiment()
experiment_id = current.id if current else None
running = current is not None and not current.finished
st.subheader(question_text(current.spec.preset if current else state.preset), anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom", key="experiment"):
    for field in (PRESET, DATASET):
        control(field)
if state.preset == OWN:
    with st.container(horizontal=True, vertical_alignment="bottom", key="grid"):
        for field in GRID_FIELDS:
            control(field)
own = custom_data_control() if state.dataset == OWN else None
spec = state.experiment(own)
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    for field in (SEEDS, EPOCHS):
        with st.container(width=150):
            control(field)
    with st.popover(_("Start it here"), icon=":material/play_arrow:", key="starting", on_change="rerun") as starting:
        if starting.open and spec:
            st.markdown(estimate_text(spec))
            st.button(_("Start"), type="primary", key="start", on_click=start_experiment, args=(spec,))
        elif starting.open:
            st.markdown(_("Upload your pictures first."))
    st.segmented_control(
        _("Your guess: the ReLU between will be"), GUESSES, format_func=lambda guess: _(VERDICTS[guess]), key="guess"
    )
    st.space("stretch")
    control(OUTCOME)
    copy_link(_("Copy link"), _("Copied"))


def show_live(experiment_id: str) -> None:
    """The experiment that runs, or ran, on this server."""
    scheduler = get_scheduler()
    progress = scheduler.progress(experiment_id)
    if progress.finished and running:
        st.rerun()  # once, to stop the clock
    show_experiment_progress(progress)
    with st.container(horizontal=True):
        if not progress.finished:
            action_button(_("Stop"), "stop", lambda: scheduler.cancel(experiment_id))
        elif progress.state != "done":
            action_button(_("Go on"), "resume", lambda: scheduler.resume(experiment_id))
        action_button(_("Show the stored result"), "put_away", close_experiment)
        experiment_downloads(progress, "", {}, "experiment")
    show_experiment(state.outcome, progress, make_predictions_reader(scheduler.checkpoint), scheduler.checkpoint)


result = load_preset_result(state.preset)
if experiment_id:
    st.fragment(show_live, run_every=1.0 if running else None)(experiment_id)
elif result:
    note = _("**A stored result**, made by this code on {machine}. Start replaces it.")
    st.caption(note.format(machine=result.machine))
    show_experiment(state.outcome, result.progress, result.predictions.__getitem__, None)
    with st.container(horizontal=True):
        experiment_downloads(result.progress, result.machine, result.predictions, "stored")
else:
    st.info(_("Nothing is stored for this question yet: start it here."), icon=":material/science:")
st.markdown(paragraph("training"))
finish(state, run=experiment_id, own=own, picked=run_parameter())

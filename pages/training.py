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
    button,
    estimate_text,
    put_away,
    scheduler,
    shipped_result,
    show_progress,
    start,
    watched_experiment,
)
from xception_lab.ui.training.outcome import GUESSES, VERDICTS, downloads, question
from xception_lab.ui.training.run import picked_run, predictions_in, show_experiment
from xception_lab.ui.training.upload import custom_data_control

state = frame("training", TrainingState)
watching = watched_experiment()
run = watching.id if watching else None
running = watching is not None and not watching.finished
st.subheader(question(watching.spec.preset if watching else state.preset), anchor=False)
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
            st.button(_("Start"), type="primary", key="start", on_click=start, args=(spec,))
        elif starting.open:
            st.markdown(_("Upload your pictures first."))
    st.segmented_control(
        _("Your guess: the ReLU between will be"), GUESSES, format_func=lambda guess: _(VERDICTS[guess]), key="guess"
    )
    st.space("stretch")
    control(OUTCOME)
    copy_link(_("Copy link"), _("Copied"))


def live() -> None:
    """The experiment that runs, or ran, on this server."""
    progress = scheduler().progress(run)
    if progress.finished and running:
        st.rerun()  # once, to stop the clock
    show_progress(progress)
    with st.container(horizontal=True):
        if not progress.finished:
            button(_("Stop"), "stop", lambda: scheduler().cancel(run))
        elif progress.state != "done":
            button(_("Go on"), "resume", lambda: scheduler().resume(run))
        button(_("Show the stored result"), "put_away", put_away)
        downloads(progress, "", {}, "experiment")
    show_experiment(state.outcome, progress, predictions_in(scheduler().checkpoint), scheduler().checkpoint)


stored = shipped_result(state.preset)
if run:
    st.fragment(live, run_every=1.0 if running else None)()
elif stored:
    said = _("**A stored result**, made by this code on {machine}. Start replaces it.")
    st.caption(said.format(machine=stored.machine))
    show_experiment(state.outcome, stored.progress, stored.predictions.__getitem__, None)
    with st.container(horizontal=True):
        downloads(stored.progress, stored.machine, stored.predictions, "stored")
else:
    st.info(_("Nothing is stored for this question yet: start it here."), icon=":material/science:")
st.markdown(paragraph("training"))
finish(state, run=run, own=own, picked=picked_run())

"""Training: the paper's two claims as an experiment, with seeds and error bars."""

import streamlit as st

from xception_lab.ui.components import copy_link
from xception_lab.ui.controls import control
from xception_lab.ui.fields import TRAIN_KEYS
from xception_lab.ui.frame import finish, frame
from xception_lab.ui.language import paragraph
from xception_lab.ui.language import text as _
from xception_lab.ui.training import (
    GUESSES,
    VERDICTS,
    button,
    downloads,
    estimate_text,
    experiment_spec,
    put_away,
    question,
    scheduler,
    shipped,
    show_progress,
    show_result,
    start,
    watched,
)

values = frame("training", TRAIN_KEYS)
watching = watched()
run = watching.id if watching else None
running = watching is not None and not watching.finished
st.subheader(question(watching.spec.preset if watching else values["preset"]), anchor=False)
with st.container(horizontal=True, vertical_alignment="bottom", key="experiment"):
    for key in TRAIN_KEYS:
        control(key)
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    with st.popover(_("Start it here"), icon=":material/play_arrow:", key="starting", on_change="rerun") as starting:
        if starting.open:
            st.markdown(estimate_text(experiment_spec(values)))
            st.button(_("Start"), type="primary", key="start", on_click=start, args=(experiment_spec(values),))
    st.segmented_control(
        _("Your guess: the ReLU between will be"), GUESSES, format_func=lambda guess: _(VERDICTS[guess]), key="guess"
    )
    st.space("stretch")
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
        downloads(progress, "", "experiment")
    show_result(progress, "live")


stored = shipped(values["preset"])
if run:
    st.fragment(live, run_every=1.0 if running else None)()
elif stored:
    said = _("**A stored result**, made by this code on {machine}. Start replaces it.")
    st.caption(said.format(machine=stored.machine))
    show_result(stored.progress, "stored")
    with st.container(horizontal=True):
        downloads(stored.progress, stored.machine, "stored")
else:
    st.info(_("Nothing is stored for this question yet: start it here."), icon=":material/science:")
st.markdown(paragraph("training"))
finish(TRAIN_KEYS, run=run)

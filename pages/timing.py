"""Timing: the three blocks measured on this machine, beside what the roofline predicts."""

from functools import partial

import streamlit as st

from xception_lab.timing.results_file import results_to_csv, results_to_json
from xception_lab.ui.compare.presets import preset_buttons
from xception_lab.ui.fields.compare import BATCH_SIZE, IN_CHANNELS, KERNEL_SIZE, OUT_CHANNELS, SIZE
from xception_lab.ui.fields.timing import BACKWARD, DTYPE, MEMORY_FORMAT, MODE, TIMING_VIEW, TimingState
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import control, main_controls, more_controls
from xception_lab.ui.shell.frame import finish, frame
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.timing.measurement import (
    device_line,
    how_text,
    job_of,
    queue,
    refusal_text,
    results_to_show,
    settings_group,
    show_outcome,
    show_progress,
    start,
    timing_headline,
    training_now,
    watched_job,
)
from xception_lab.ui.timing.views import SHOW

MAIN = (IN_CHANNELS, OUT_CHANNELS, KERNEL_SIZE, SIZE, BATCH_SIZE)
MORE = (DTYPE, MEMORY_FORMAT, MODE, BACKWARD)

state = frame("timing", TimingState)
watching = watched_job()
run = watching.id if watching else None
running = watching is not None and not watching.finished
st.markdown(device_line())
st.subheader(_("FLOPs are not seconds"), anchor=False)
group = settings_group(state)
results, _origin = results_to_show(group)
job = job_of(state)
shown, _origin = results_to_show(job.settings)
st.container(key="verdict").markdown(timing_headline(group, results))
with st.container(horizontal=True, vertical_alignment="center", key="presets"):
    preset_buttons(("middle", "early", "mobile"), tuple(field.key for field in MAIN))
    more_controls(MORE, stacked=True)
    st.caption(how_text(state))
main_controls(MAIN)
refusal = refusal_text(state)
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    control(TIMING_VIEW)
    st.button(
        _("Measure"),
        type="primary",
        key="measure",
        icon=":material/timer:",
        on_click=start,
        args=(job,),
        disabled=bool(refusal) or running,
    )
    st.space("stretch")
    copy_link(_("Copy link"), _("Copied"))
    st.download_button(
        _("Results (JSON)"),
        partial(results_to_json, shown),
        "results.json",
        "application/json",
        on_click="ignore",
        icon=":material/download:",
    )
    st.download_button(_("Results (CSV)"), partial(results_to_csv, shown), "results.csv", "text/csv", on_click="ignore")
if refusal:
    st.info(refusal, icon=":material/block:")
if training_now():
    st.warning(
        _("Training runs on this server now: what is measured meanwhile is disturbed."), icon=":material/warning:"
    )


def live() -> None:
    """The measurement under way."""
    status = queue().status(run)
    if status.finished and running:
        st.rerun()  # once, to stop the clock
    with st.container(horizontal=True, vertical_alignment="bottom", key="under_way"):
        show_progress(status)
        if st.button(_("Stop"), key="stop"):
            queue().stop(status.id)
            st.rerun()


if running:
    st.fragment(live, run_every=0.5)()
elif watching and watching.job == job:
    show_outcome(watching)
SHOW[state.timing_view](state)
finish(state, measurement=run)

"""Timing: the three blocks measured on this machine, beside what the roofline predicts."""

from functools import partial

import streamlit as st

from xception_lab.timings_file import to_csv, to_json
from xception_lab.ui.components import copy_link
from xception_lab.ui.controls import control, main_controls, more_controls, presets
from xception_lab.ui.frame import finish, frame
from xception_lab.ui.language import text as _
from xception_lab.ui.timing import (
    device_line,
    group_of,
    headline,
    here,
    how_text,
    job_of,
    queue,
    refused,
    show_outcome,
    show_progress,
    start,
    training_now,
    watched,
)
from xception_lab.ui.timing_fields import TIMING_BLOCK_KEYS, TIMING_KEYS
from xception_lab.ui.timing_views import SHOW

values = frame("timing", TIMING_KEYS)
watching = watched()
run = watching.id if watching else None
running = watching is not None and not watching.finished
st.markdown(device_line())
st.subheader(_("FLOPs are not seconds"), anchor=False)
group = group_of(values)
results, _origin = here(group)
job = job_of(values)
shown, _origin = here(job.settings)
st.container(key="verdict").markdown(headline(group, results))
with st.container(horizontal=True, vertical_alignment="center", key="presets"):
    presets(("middle", "early", "mobile"), TIMING_BLOCK_KEYS)
    more_controls(("dtype", "memory_format", "mode", "backward"), stacked=True)
    st.caption(how_text(values))
main_controls(TIMING_BLOCK_KEYS)
refusal = refused(values)
with st.container(horizontal=True, vertical_alignment="bottom", key="share"):
    control("timing_view")
    st.button(
        _("Measure"), type="primary", key="measure", icon=":material/timer:", on_click=start, args=(job,),
        disabled=bool(refusal) or running,
    )  # fmt: skip
    st.space("stretch")
    copy_link(_("Copy link"), _("Copied"))
    st.download_button(
        _("Results (JSON)"), partial(to_json, shown), "results.json", "application/json", on_click="ignore",
        icon=":material/download:",
    )  # fmt: skip
    st.download_button(_("Results (CSV)"), partial(to_csv, shown), "results.csv", "text/csv", on_click="ignore")
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
SHOW[values["timing_view"]](values)
finish(TIMING_KEYS, measurement=run)

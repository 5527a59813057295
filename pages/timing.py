"""Timing: the three blocks measured on this machine, beside what the roofline predicts."""

from functools import partial

import streamlit as st

from xception_lab.timing.results_file import results_to_csv, results_to_json
from xception_lab.ui.compare.presets import examples_menu
from xception_lab.ui.fields.compare import BATCH_SIZE, IN_CHANNELS, KERNEL_SIZE, OUT_CHANNELS, SIZE, STRIDE
from xception_lab.ui.fields.field import VIEW_AND_CONTROL
from xception_lab.ui.fields.timing import BACKWARD, DTYPE, MEMORY_FORMAT, MODE, TIMING_VIEW, TimingState
from xception_lab.ui.shell.components import copy_link
from xception_lab.ui.shell.controls import also_set, control, download_button, main_controls, more_controls
from xception_lab.ui.shell.frame import finish, frame, heading
from xception_lab.ui.shell.language import escape_markdown
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import translate_machine
from xception_lab.ui.timing.jobs import how_text, job_of, network_settings, settings_group
from xception_lab.ui.timing.measurement import (
    is_training,
    may_stop,
    queue,
    refusal_text,
    session_job,
    show_job_progress,
    show_problems,
    start,
)
from xception_lab.ui.timing.results import best_results, stored_accelerators
from xception_lab.ui.timing.views import SHOW, show_nearest
from xception_lab.ui.timing.words import launches_text, network_headline, timing_headline

MAIN = (IN_CHANNELS, OUT_CHANNELS, KERNEL_SIZE, SIZE, BATCH_SIZE)
MORE = (STRIDE, DTYPE, MEMORY_FORMAT, MODE, BACKWARD)

state = frame("timing", TimingState)
status = session_job()
job_id = status.id if status else None
running = status is not None and not status.finished
of_blocks = state.timing_view != "xception"
with st.container(horizontal=True, vertical_alignment="center", key="title"):
    heading(_("FLOPs are not seconds"))
    if of_blocks:
        st.caption(how_text(state), width="content")
        examples_menu(("middle", "early", "mobile"), tuple(field.key for field in MAIN))
    more_controls(MORE if of_blocks else (DTYPE,), stacked=True)
job = job_of(state)
job_results, _source = best_results(job.settings, state.measured_on)
group = settings_group(state) if of_blocks else network_settings(state)
group_results, _source = best_results(group, state.measured_on)
with st.container(key="verdict"):
    headline = (
        timing_headline(group, group_results, can_measure=state.measured_on == "here")
        if of_blocks
        else network_headline(group, group_results)
    )
    if group_results.timing(group[-1]):
        machine = escape_markdown(translate_machine(group_results.machine.device))
        headline += f" ({machine})"
    st.markdown(headline)
if of_blocks:
    if launches := launches_text(group, (group_results, *stored_accelerators())):
        st.markdown(launches)
    show_nearest(state, group_results)
    main_controls(MAIN)
    also_set(MORE)
refusal = refusal_text(state)


def live() -> None:
    """The measurement that is queued or runs."""
    progress = queue().status(job_id)
    if progress.finished:
        st.rerun()  # the whole page: what is measured is shown, and this fragment no longer repeated
    with st.container(horizontal=True, vertical_alignment="bottom", key="under_way"):
        show_job_progress(progress)
        if may_stop(progress) and st.button(_("Stop"), key="stop"):
            queue().stop(progress.id)
            st.rerun()


with st.container(key=VIEW_AND_CONTROL):
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
        with st.container(horizontal=True, width="content"):  # both go to the next line together
            copy_link(_("Copy link"), _("Copied"))
            with st.popover(_("Save"), icon=":material/download:", key="saving"):
                json = partial(results_to_json, job_results)
                download_button(_("Results (JSON)"), json, "results.json", "application/json")
                csv = partial(results_to_csv, job_results)
                download_button(_("Results (CSV)"), csv, "results.csv", "text/csv")
    if refusal:
        st.info(refusal, icon=":material/block:")
    if is_training():
        st.warning(
            _("Training runs on this server now: what is measured meanwhile is disturbed."), icon=":material/warning:"
        )
    if running:
        st.fragment(live, run_every=0.5)()
    elif status and status.job == job and state.measured_on == "here":
        show_problems(status)
    SHOW[state.timing_view](state)
finish(state, measurement=job_id)

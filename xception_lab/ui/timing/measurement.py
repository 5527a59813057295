"""Measuring on this server: its device, what it refuses, its queue, and the measurement that a session watches."""

import streamlit as st

from xception_lab.common.accelerator import accelerator_likely
from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import message_of
from xception_lab.common.settings import load_settings
from xception_lab.experiments.store import Store
from xception_lab.measurement.machine import has_compiler
from xception_lab.measurement.queue import JobStatus, TimingQueue, TooManyJobsError
from xception_lab.timing.jobs import TimingJob
from xception_lab.timing.results import MAX_BUSY_SHARE
from xception_lab.ui.fields.timing import MEASURED_ON, TimingState
from xception_lab.ui.shell.address import session_parameter, set_controls
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.language import translate_message
from xception_lab.ui.shell.names import times_text
from xception_lab.ui.shell.person import current_person
from xception_lab.ui.timing.results import add_results

_MEASUREMENT = "measurement"
_ERROR = "_timing_error"


@st.cache_resource
def queue() -> TimingQueue:
    """The queue of measurements that all sessions of this server share."""
    return TimingQueue(settings=load_settings)


def session_job() -> JobStatus | None:
    """The measurement that this session watches, from the link or from its button; None where there is none.

    Shows the error of the button, or of a link to a measurement that does not exist. Adds the results of a finished
    measurement to the session's.
    """
    job_id = session_parameter(_MEASUREMENT)
    status = None
    if job_id:
        try:
            status = queue().status(job_id)
        except KeyError:
            st.info(_("The link's measurement is no longer on this server; the stored result is shown."))
    st.session_state[_MEASUREMENT] = status.id if status else None
    if status and status.finished:
        add_results(status)
    if error := st.session_state.pop(_ERROR, None):
        st.error(translate_message(error))
    return status


def start(job: TimingJob) -> None:
    """Queue a measurement and watch it."""
    set_controls({MEASURED_ON.key: "here"})  # whose times are to be seen
    try:
        st.session_state[_MEASUREMENT] = queue().submit(job, current_person().owner)
    except TooManyJobsError as error:
        st.session_state[_ERROR] = message_of(error)


def may_stop(status: JobStatus) -> bool:
    """Whether the measurement is this person's own, and nobody else waits for it; another's is for watching."""
    return not status.joined and (not status.owner or current_person().owns(status.owner))


def refusal_text(state: TimingState) -> str:
    """Why this server does not measure what the controls ask for; empty where it does."""
    if not load_settings().measuring.enabled:
        return _("Measuring is switched off on this server; the stored times are shown.")
    if not accelerator_likely() and (state.dtype == "tf32" or state.mode == "graph"):
        return _("`{what}` needs an accelerator, which this server has not: bring a result from one.").format(
            what="tf32" if state.dtype == "tf32" else "graph"
        )
    if not accelerator_likely() and state.mode == "compiled" and not has_compiler():
        return _("`compiled` needs a C++ compiler, g++ or what CXX names; this server has none.")
    return ""


def is_training() -> bool:
    """Whether training runs on this server, which would disturb a measurement."""
    if not (home_folder() / "runs.sqlite").exists():
        return False
    try:
        return Store().busy()
    except StoreError:
        return False


def show_job_progress(status: JobStatus) -> None:
    """The place of a measurement in the queue, or the share of it that is done."""
    if status.state == "queued":
        st.progress(
            0.0,
            _("Measurements before yours: {place}. One at a time, so that none disturbs another.").format(
                place=status.place
            ),
        )
    else:
        st.progress(min(status.share, 1.0), _("measuring, {seconds:.0f} s").format(seconds=status.spent_s))
    if status.joined:
        st.caption(_("{people} people wait for this one measurement.").format(people=1 + len(status.joined)))


def show_problems(status: JobStatus) -> None:
    """Why a finished measurement is incomplete or not to be trusted; nothing where it is neither."""
    if status.state == "failed":
        st.error(translate_message(status.reason))
    if status.state == "cancelled":
        measured = status.results and status.results.timings
        st.info(
            _("Stopped; what was measured until then is kept.") if measured else _("Stopped before the first timing.")
        )
    if status.results and status.results.machine.busy_share > MAX_BUSY_SHARE:
        sentence = _(
            "Other work used {share:.0%} of this machine just before or meanwhile: these times are not to be trusted."
        )
        st.warning(sentence.format(share=status.results.machine.busy_share), icon=":material/warning:")
    if status.results and status.results.slowdown > 1:
        sentence = _(
            "Meanwhile this machine was {times} slower than at its best, by other work, heat or a neighbour on its "
            "host: these times are not to be trusted. Measure again."
        )
        st.warning(sentence.format(times=times_text(status.results.slowdown)), icon=":material/warning:")

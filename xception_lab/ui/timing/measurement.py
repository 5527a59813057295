"""The timing lab's Streamlit parts: the queue of this server, whose results are shown, and what they say in words."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from xception_lab.common.home import StoreError, home_folder
from xception_lab.common.messages import message_of
from xception_lab.common.units import format_times
from xception_lab.experiments.store import Store
from xception_lab.measurement.machine import accelerator_likely, cpu_name, has_compiler
from xception_lab.measurement.queue import JobStatus, TimingQueue, TooManyJobsError
from xception_lab.spec import KINDS, XceptionSpec
from xception_lab.timing.analysis import SpeedVerdict, flops_ratio, speed_verdict
from xception_lab.timing.jobs import TimingJob, sweep_settings, three_blocks
from xception_lab.timing.results import MAX_BUSY_SHARE, Results, Timing, merge_results, timing_row
from xception_lab.timing.results_file import results_from_json
from xception_lab.timing.settings import Settings
from xception_lab.ui.compare.charts import cost_words
from xception_lab.ui.fields.field import N_
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.shell.address import session_parameter
from xception_lab.ui.shell.language import ASSETS, translate_message
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import ratio_text

LAYERS = {
    "conv": N_("convolution"),
    "pointwise": N_("pointwise step"),
    "depthwise": N_("depthwise step"),
    "spatial": N_("spatial step"),
    "bn": N_("batch norm"),
    "intermediate": N_("activation between"),
    "activation": N_("activation"),
}
LIMITS = {"memory": N_("memory-bound"), "compute": N_("compute-bound")}

_MEASUREMENT = "measurement"
_OWN = "_timings"
_ADDED = "_timings_added"
_TROUBLE = "_timing_trouble"


@st.cache_resource
def queue() -> TimingQueue:
    """The one queue of this server."""
    return TimingQueue()


@st.cache_resource
def shipped_timings() -> Results:
    """The result that is shipped."""
    return results_from_json((ASSETS / "results" / "timing-cpu.json").read_bytes())


def device_line() -> str:
    """What is measured here, and what that changes."""
    if accelerator_likely():
        return _("This server has an accelerator: what is measured here is measured on it, and every result names it.")
    line = _(
        "**This is a CPU** ({name}), not a GPU: it starts a layer at once, where a GPU waits some 5 µs, and keeps much "
        "in its caches. Expect other ratios there."
    )
    return line.format(name=cpu_name())


def run_options(state: TimingState) -> dict[str, Any]:
    """How the blocks are run, as Settings' fields."""
    return {
        "dtype": state.dtype,
        "memory_format": state.memory_format,
        "mode": state.mode,
        "backward": state.backward,
    }


def how_text(state: TimingState) -> str:
    """How the blocks are run, in torch's words; the controls of it are folded away."""
    passes = _("forward + backward") if state.backward else _("forward pass")
    return f"{state.dtype} · {state.memory_format} · {passes} · {state.mode}"


def settings_group(state: TimingState) -> tuple[Settings, ...]:
    """The three blocks that the controls ask for."""
    return three_blocks(state.spec, **run_options(state))


def swept_groups(state: TimingState) -> dict[int, tuple[Settings, ...]]:
    """The three blocks while the chosen field runs."""
    return sweep_settings(state.spec, state.timed_along, **run_options(state))


def networks_of(state: TimingState) -> tuple[Settings, ...]:
    """Xception as it is, and as one would run it: batch norms folded, channels last."""
    plain = Settings(XceptionSpec(), 299, 299, dtype=state.dtype)
    return plain, replace(plain, mode="folded", memory_format="channels_last")


def job_of(state: TimingState) -> TimingJob:
    """What the view needs."""
    match state.timing_view:
        case "running":
            return TimingJob(tuple(swept_groups(state).values()), limit_s=1.0)
        case "operations":
            group = settings_group(state)
            return TimingJob((group,), tuple(replace(one, backward=False, mode="eager") for one in group))
        case "xception":
            return TimingJob((networks_of(state),), limit_s=3.0)
        case _:
            return TimingJob((settings_group(state),))


def watched_job() -> JobStatus | None:
    """The measurement that this session watches, from the link or from its button; what went wrong before is said."""
    asked = session_parameter(_MEASUREMENT)
    status = None
    if asked:
        try:
            status = queue().status(asked)
        except KeyError:
            st.info(_("The link's measurement is no longer on this server; the stored result is shown."))
    st.session_state[_MEASUREMENT] = status.id if status else None
    if status and status.finished:
        _keep(status)
    if trouble := st.session_state.pop(_TROUBLE, None):
        st.error(translate_message(trouble))
    return status


def _keep(status: JobStatus) -> None:
    """Add a finished measurement to this session's results, once."""
    added: set[str] = st.session_state.setdefault(_ADDED, set())
    if status.results and status.id not in added:
        added.add(status.id)
        st.session_state[_OWN] = merge_results(st.session_state.get(_OWN), status.results)


def start(job: TimingJob) -> None:
    """Queue a measurement and watch it."""
    try:
        st.session_state[_MEASUREMENT] = queue().submit(job)
    except TooManyJobsError as error:
        st.session_state[_TROUBLE] = message_of(error)


def refusal_text(state: TimingState) -> str:
    """Why this cannot be measured here, empty where it can."""
    if not accelerator_likely() and (state.dtype == "tf32" or state.mode == "graph"):
        return _("`{what}` needs an accelerator, which this server has not: bring a result from one.").format(
            what="tf32" if state.dtype == "tf32" else "graph"
        )
    if not accelerator_likely() and state.mode == "compiled" and not has_compiler():
        return _("`compiled` needs a C++ compiler, g++ or what CXX names; this server has none.")
    return ""


def training_now() -> bool:
    """Whether training runs on this server, which would disturb a measurement."""
    if not (home_folder() / "runs.sqlite").exists():
        return False
    try:
        return Store().busy()
    except StoreError:
        return False


def show_progress(status: JobStatus) -> None:
    """Its place in the queue, or how far it is."""
    if status.state == "queued":
        st.progress(
            0.0,
            _("Measurements before yours: {place}. One at a time, so that none disturbs another.").format(
                place=status.place
            ),
        )
    else:
        st.progress(min(status.share, 1.0), _("measuring, {seconds:.0f} s").format(seconds=status.spent_s))


def show_outcome(status: JobStatus) -> None:
    """What kept a finished measurement from being whole or from being trusted."""
    if status.state == "failed":
        st.error(translate_message(status.reason))
    if status.state == "cancelled":
        measured = status.results and status.results.timings
        st.info(
            _("Stopped; what was measured until then is kept.") if measured else _("Stopped before the first timing.")
        )
    if status.results and status.results.machine.busy_share > MAX_BUSY_SHARE:
        said = _(
            "Other work used {share:.0%} of this machine just before or meanwhile: these times are not to be trusted."
        )
        st.warning(said.format(share=status.results.machine.busy_share), icon=":material/warning:")
    if status.results and status.results.slowdown > 1:
        said = _(
            "Meanwhile this machine was {times} slower than at its best, by other work, heat or a neighbour on its "
            "host: these times are not to be trusted. Measure again."
        )
        st.warning(said.format(times=format_times(status.results.slowdown)), icon=":material/warning:")


def results_to_show(wanted: Sequence[Settings]) -> tuple[Results, str]:
    """The results to show for these settings, and where they come from in a sentence."""
    own: Results | None = st.session_state.get(_OWN)
    shipped = shipped_timings()
    mine, theirs = (
        sum(results.timing(one) is not None for one in wanted) if results else 0 for results in (own, shipped)
    )
    # one's own first, unless it is the three blocks alone of a whole sweep that is stored
    if own and mine and (mine >= theirs or mine > len(KINDS)):
        said = _("**Measured here**, in this session, on {machine}.").format(machine=own.machine.label)
        part = _("{count} of {all} settings; the others are not measured.").format(count=mine, all=len(wanted))
        return own, said if mine == len(wanted) else f"{said} {part}"
    if theirs:
        return shipped, stored_line()
    base = next((results for results in (own, shipped) if results and results.peak(wanted[0].dtype)), None)
    if base is None:
        return own or shipped, _("Nothing is measured yet for this, nor the peaks that a prediction needs.")
    said = _(
        "**Predicted only**: nothing is measured yet for this; the bounds are from the measured peaks of {machine}."
    )
    return base, said.format(machine=base.machine.label)


def stored_line() -> str:
    """Where a stored result comes from."""
    said = _("**A stored result**, made by this code on {machine}. Measure replaces it.")
    return said.format(machine=shipped_timings().machine.label)


def timing_words() -> Any:
    """Every text of the lab's charts, in this session's language."""
    from xception_lab.figures.timing import TimingWords

    names = {**cost_words("macs").kinds, **{name: _(text) for name, text in LAYERS.items()}, "xception": "Xception"}
    return TimingWords(
        names,
        {
            "median": _("median"),
            "measured": _("measured"),
            "bound": _("predicted lower bound"),
            "latency": _("latency"),
            "memory": _("memory-bound"),
            "compute": _("compute-bound"),
            "cache_roof": _("roof of the fastest cache"),
            "memory_roof": _("roof of the memory"),
            "flops": "FLOPs",
            "time": _("time"),
            "share": _("part of the standard block's"),
            "intensity": _("FLOPs a byte"),
            "seconds": "{:.3g} s",
            "crossing": _("they cross"),
            "at": _("at {:.0f}"),
            "own": _("own time in a forward pass"),
            "predicted": _("predicted latency (textbook roofline)"),
        },
    )


def timing_headline(group: Sequence[Settings], results: Results) -> str:
    """What the comparison comes to, in one computed sentence."""
    found = speed_verdict(group, results)
    if found is None:
        said = _("Depthwise separable against standard: **{flops}** FLOPs. Measure, and see what that is in seconds.")
        return said.format(flops=ratio_text(flops_ratio(group)))
    doubtful = found.disturbed or results.machine.busy_share > MAX_BUSY_SHARE
    doubt = _("Measured on a disturbed machine: not to be trusted.") if doubtful else ""
    return " ".join(filter(None, (_outcome(found), _reason(found), doubt)))


def _outcome(found: SpeedVerdict) -> str:
    if found.outcome == "no difference seen":
        said = _("Depthwise separable against standard: **{flops}** FLOPs, and **no difference in time** to be seen.")
        return said.format(flops=ratio_text(found.flops))
    said = (
        _("Depthwise separable against standard: **{flops}** FLOPs, **{times} faster**.")
        if found.outcome == "faster"
        else _("Depthwise separable against standard: **{flops}** FLOPs, and yet **{times} slower**.")
    )
    return said.format(flops=ratio_text(found.flops), times=format_times(found.times.times))


def _reason(found: SpeedVerdict) -> str:
    if found.slowest is None or found.limit is None:
        return ""
    said = _("Its {layer} is {limit} and takes **{share:.0%}** of the time.")
    return said.format(layer=_(LAYERS[found.slowest]), limit=_(LIMITS[found.limit]), share=found.share)


def timing_rows(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """What stands in the table under a chart."""
    return [timing_row(timing) for timing in timings]

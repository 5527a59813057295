"""The timing lab's Streamlit parts: the queue of this server, whose results are shown, and what they say in words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from xception_lab.latency import Verdict, flops_ratio, verdict
from xception_lab.machine import BUSY, accelerator_likely, cpu_name, has_compiler
from xception_lab.measuring import Job, swept, three_blocks
from xception_lab.sentence import sentence_of
from xception_lab.spec import KINDS, XceptionSpec
from xception_lab.store import Store, StoreError, home
from xception_lab.timing_queue import QueueFullError, Status, TimingQueue
from xception_lab.timings import Results, Settings, Timing, as_row, joined
from xception_lab.timings_file import from_json
from xception_lab.ui.blocks import ratio_text
from xception_lab.ui.charts import words
from xception_lab.ui.field import TRUE, marked
from xception_lab.ui.fields import compare_spec
from xception_lab.ui.language import ASSETS, spoken
from xception_lab.ui.language import text as _
from xception_lab.ui.links import remembered
from xception_lab.ui.timing_fields import TIMING_BLOCK_KEYS
from xception_lab.units import times

LAYERS = {
    "conv": marked("convolution"),
    "pointwise": marked("pointwise step"),
    "depthwise": marked("depthwise step"),
    "spatial": marked("spatial step"),
    "bn": marked("batch norm"),
    "intermediate": marked("activation between"),
    "activation": marked("activation"),
}
LIMITS = {"memory": marked("memory-bound"), "compute": marked("compute-bound")}

_MEASUREMENT = "measurement"
_OWN = "_timings"
_ADDED = "_timings_added"
_TROUBLE = "_timing_trouble"


@st.cache_resource
def queue() -> TimingQueue:
    """The one queue of this server."""
    return TimingQueue()


@st.cache_resource
def stored() -> Results:
    """The result that is shipped."""
    return from_json((ASSETS / "results" / "timing-cpu.json").read_bytes())


def device_line() -> str:
    """What is measured here, and what that changes."""
    if accelerator_likely():
        return _("This server has an accelerator: what is measured here is measured on it, and every result names it.")
    line = _(
        "**This is a CPU** ({name}), not a GPU: it starts a layer at once, where a GPU waits some 5 µs, and keeps much "
        "in its caches. Expect other ratios there."
    )
    return line.format(name=cpu_name())


def chosen(values: Mapping[str, str]) -> dict[str, Any]:
    """How the blocks are run, as Settings' fields."""
    return {
        "dtype": values["dtype"],
        "memory_format": values["memory_format"],
        "mode": values["mode"],
        "backward": values["backward"] == TRUE,
    }


def how_text(values: Mapping[str, str]) -> str:
    """How the blocks are run, in torch's words; the controls of it are folded away."""
    passes = _("forward + backward") if values["backward"] == TRUE else _("forward pass")
    return f"{values['dtype']} · {values['memory_format']} · {passes} · {values['mode']}"


def group_of(values: Mapping[str, str]) -> tuple[Settings, ...]:
    """The three blocks that the controls ask for."""
    return three_blocks(_spec(values), **chosen(values))


def swept_groups(values: Mapping[str, str]) -> dict[int, tuple[Settings, ...]]:
    """The three blocks while the chosen field runs."""
    return swept(_spec(values), values["timed_along"], **chosen(values))


def networks_of(values: Mapping[str, str]) -> tuple[Settings, ...]:
    """Xception as it is, and as one would run it: batch norms folded, channels last."""
    dtype: Any = values["dtype"]
    plain = Settings(XceptionSpec(), 299, 299, dtype=dtype)
    return plain, replace(plain, mode="folded", memory_format="channels_last")


def job_of(values: Mapping[str, str]) -> Job:
    """What the view needs."""
    match values["timing_view"]:
        case "running":
            return Job(tuple(swept_groups(values).values()), limit_s=1.0)
        case "operations":
            group = group_of(values)
            return Job((group,), tuple(replace(one, backward=False, mode="eager") for one in group))
        case "xception":
            return Job((networks_of(values),), limit_s=3.0)
        case _:
            return Job((group_of(values),))


def _spec(values: Mapping[str, str]) -> Any:
    return compare_spec({key: values[key] for key in TIMING_BLOCK_KEYS})


def watched() -> Status | None:
    """The measurement that this session watches, from the link or from its button; what went wrong before is said."""
    asked = remembered(_MEASUREMENT)
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
        st.error(spoken(trouble))
    return status


def _keep(status: Status) -> None:
    """Add a finished measurement to this session's results, once."""
    added: set[str] = st.session_state.setdefault(_ADDED, set())
    if status.results and status.id not in added:
        added.add(status.id)
        st.session_state[_OWN] = joined(st.session_state.get(_OWN), status.results)


def start(job: Job) -> None:
    """Queue a measurement and watch it."""
    try:
        st.session_state[_MEASUREMENT] = queue().submit(job)
    except QueueFullError as error:
        st.session_state[_TROUBLE] = sentence_of(error)


def refused(values: Mapping[str, str]) -> str:
    """Why this cannot be measured here, empty where it can."""
    if not accelerator_likely() and (values["dtype"] == "tf32" or values["mode"] == "graph"):
        return _("`{what}` needs an accelerator, which this server has not: bring a result from one.").format(
            what="tf32" if values["dtype"] == "tf32" else "graph"
        )
    if not accelerator_likely() and values["mode"] == "compiled" and not has_compiler():
        return _("`compiled` needs a C++ compiler, g++ or what CXX names; this server has none.")
    return ""


def training_now() -> bool:
    """Whether training runs on this server, which would disturb a measurement."""
    if not (home() / "runs.sqlite").exists():
        return False
    try:
        return Store().busy()
    except StoreError:
        return False


def show_progress(status: Status) -> None:
    """Its place in the queue, or how far it is."""
    if status.state == "queued":
        st.progress(0.0, _("Measurements before yours: {place}. One at a time, so that none disturbs another.").format(
            place=status.place
        ))  # fmt: skip
    else:
        st.progress(min(status.share, 1.0), _("measuring, {seconds:.0f} s").format(seconds=status.spent_s))


def show_outcome(status: Status) -> None:
    """What kept a finished measurement from being whole or from being trusted."""
    if status.state == "failed":
        st.error(spoken(status.reason))
    if status.state == "stopped":
        measured = status.results and status.results.timings
        st.info(
            _("Stopped; what was measured until then is kept.") if measured else _("Stopped before the first timing.")
        )
    if status.results and status.results.machine.busy_share > BUSY:
        said = _(
            "Other work used {share:.0%} of this machine just before or meanwhile: these times are not to be trusted."
        )
        st.warning(said.format(share=status.results.machine.busy_share), icon=":material/warning:")
    if status.results and status.results.slowdown > 1:
        said = _(
            "Meanwhile this machine was {times} slower than at its best, by other work, heat or a neighbour on its "
            "host: these times are not to be trusted. Measure again."
        )
        st.warning(said.format(times=times(status.results.slowdown)), icon=":material/warning:")


def here(wanted: Sequence[Settings]) -> tuple[Results, str]:
    """The results to show for these settings, and where they come from in a sentence."""
    own: Results | None = st.session_state.get(_OWN)
    shipped = stored()
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
    return said.format(machine=stored().machine.label)


def timing_words() -> Any:
    """Every text of the lab's charts, in this session's language."""
    from xception_lab.figures.timing import TimingWords

    names = {**words("macs").kinds, **{name: _(text) for name, text in LAYERS.items()}, "xception": "Xception"}
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


def headline(group: Sequence[Settings], results: Results) -> str:
    """What the comparison comes to, in one computed sentence."""
    found = verdict(group, results)
    if found is None:
        said = _("Depthwise separable against standard: **{flops}** FLOPs. Measure, and see what that is in seconds.")
        return said.format(flops=ratio_text(flops_ratio(group)))
    doubtful = found.disturbed or results.machine.busy_share > BUSY
    doubt = _("Measured on a disturbed machine: not to be trusted.") if doubtful else ""
    return " ".join(filter(None, (_outcome(found), _reason(found), doubt)))


def _outcome(found: Verdict) -> str:
    if found.outcome == "no difference seen":
        said = _("Depthwise separable against standard: **{flops}** FLOPs, and **no difference in time** to be seen.")
        return said.format(flops=ratio_text(found.flops))
    said = (
        _("Depthwise separable against standard: **{flops}** FLOPs, **{times} faster**.")
        if found.outcome == "faster"
        else _("Depthwise separable against standard: **{flops}** FLOPs, and yet **{times} slower**.")
    )
    return said.format(flops=ratio_text(found.flops), times=times(found.times.times))


def _reason(found: Verdict) -> str:
    if found.slowest is None or found.limit is None:
        return ""
    said = _("Its {layer} is {limit} and takes **{share:.0%}** of the time.")
    return said.format(layer=_(LAYERS[found.slowest]), limit=_(LIMITS[found.limit]), share=found.share)


def timing_rows(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """What stands in the table under a chart."""
    return [as_row(timing) for timing in timings]

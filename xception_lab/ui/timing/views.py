"""What the timing lab shows of its results, one view at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from xception_lab.common.units import format_bytes, format_count, format_seconds
from xception_lab.figures.roofline import roofline_figure
from xception_lab.figures.timing import (
    bars_figure,
    devices_figure,
    operations_figure,
    ratios_figure,
    sweep_times_figure,
)
from xception_lab.timing.analysis import (
    MachineRoofline,
    TimingBar,
    align_names,
    crossings,
    fold_operations,
    longest_operations,
    machine_roofline,
    roofline_rows,
    sweep_lines,
    time_shares,
    timing_bar,
)
from xception_lab.timing.published_devices import predict_devices
from xception_lab.timing.results import Operation, Results
from xception_lab.timing.settings import Settings
from xception_lab.ui.fields.timing import TIMED_ALONG, TimingState, TimingView
from xception_lab.ui.shell.charts import show_chart
from xception_lab.ui.shell.controls import control
from xception_lab.ui.shell.language import escape_markdown, paragraph
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import kind_name
from xception_lab.ui.timing.measurement import (
    networks_of,
    results_to_show,
    settings_group,
    shipped_timings,
    stored_line,
    swept_groups,
    timing_headline,
    timing_rows,
    timing_words,
)
from xception_lab.ui.timing.other_machines import results_by_machine, results_uploader, uploaded_results

COLOURS = 7  # of the theme's ten: three belong to the blocks


def _origin(wanted: Sequence[Settings]) -> Results:
    results, said = results_to_show(wanted)
    st.caption(said)
    return results


def _bars(wanted: Sequence[Settings], results: Results, key: str) -> None:
    """Measured bars beside bounds, of this server and of every machine that was brought."""
    bars = [
        replace(timing_bar(settings, one), machine=machine)
        for machine, one in results_by_machine(results).items()
        for settings in wanted
    ]
    if not any(one.timing or one.bound_s for one in bars):
        return
    named = [replace(one, name=_name(one)) for one in bars]
    words = timing_words()
    extra = {one.name: one.name for one in named if one.name not in words.names}
    words = replace(words, names={**words.names, **extra})
    show_chart(bars_figure(named, words), key, "; ".join(map(_bar_text, bars)))
    measured = [one.timing for one in bars if one.timing]
    with st.expander(_("Table"), icon=":material/table:"):
        seconds_columns = ("median_s", "p25_s", "p75_s", "first_call_s")
        formats = {name: st.column_config.NumberColumn(format="%.6f") for name in seconds_columns}
        st.dataframe(timing_rows(measured), hide_index=True, column_config=formats)


def _name(one: TimingBar) -> str:
    """Two networks differ in how they are run."""
    if one.name == "xception" and one.settings.mode == "folded":
        return "Xception, folded, channels_last"
    return one.name


def _bar_text(one: TimingBar) -> str:
    name = kind_name(one.name) if one.name != "xception" else _name(one)
    if one.timing is None:
        return _("{name} on {machine}: not measured").format(name=name, machine=one.machine)
    said = _("{name} on {machine}: median {median:.3g} ms, quartiles {low:.3g} to {high:.3g} ms")
    median, low, high = (1e3 * value for value in (one.timing.median_s, one.timing.p25_s, one.timing.p75_s))
    return said.format(name=name, machine=one.machine, median=median, low=low, high=high)


def latency(state: TimingState) -> None:
    """The three blocks: measured beside predicted."""
    group = settings_group(state)
    results = _origin(group)
    # a machine that has not measured all three has no ratios
    parts = {name: found for name, one in results_by_machine(results).items() if (found := time_shares(group, one))}
    if time_shares(group, results):
        left, right = st.columns((5, 2) if len(parts) < 2 else (3, 2), gap="medium")
        with right:
            said = "; ".join(
                f"{name}: {kind_name(s.kind)} {s.flops:.0%} FLOPs, {s.time:.0%} {_('time')}"
                for name, found in parts.items()
                for s in found
            )
            show_chart(ratios_figure(parts, timing_words()), "ratios", said)
    else:
        left = st.container()
    with left:
        _bars(group, results, "latency")
    st.markdown(paragraph("timing"))


def xception(state: TimingState) -> None:
    """The whole network, as it is and as one would run it."""
    wanted = networks_of(state)
    _bars(wanted, _origin(wanted), "xception")
    st.markdown(paragraph("timing_network"))


def roofline(state: TimingState) -> None:
    """Every layer under the roofs of the machine, and of those that were brought."""
    group = settings_group(state)
    results = _origin(group)
    shown = [
        roofed for name, one in results_by_machine(results).items() if (roofed := machine_roofline(name, group, one))
    ]
    if not shown:
        st.info(_("The peaks of this dtype are not measured here yet: Measure does it."))
        return
    for one in shown:
        st.markdown(_peaks_text(one, len(shown) > 1))
    rows = {one.machine: roofline_rows(one.points) for one in shown}
    said = "; ".join(f"{r['kind']} {r['layer']}: {r['limit']}" for r in rows[shown[0].machine])
    show_chart(roofline_figure(shown, timing_words()), "roofline", said)
    several = [{_("device"): name, **row} for name, own in rows.items() for row in own]
    st.dataframe(several if len(shown) > 1 else rows[shown[0].machine], hide_index=True)
    st.markdown(paragraph("roofline"))


def _peaks_text(one: MachineRoofline, named: bool) -> str:
    said = _("Measured peaks: {flops}FLOP/s, memory {memory}/s, fastest cache {cache}/s.").format(
        flops=format_count(one.peaks.flops_per_s),
        memory=format_bytes(one.peaks.memory_bytes_per_s),
        cache=format_bytes(one.peaks.cache_bytes_per_s),
    )
    return f"**{escape_markdown(one.machine)}** — {said}" if named else said


def running(state: TimingState) -> None:
    """Latency while one field runs, and where the blocks cross."""
    control(TIMED_ALONG)
    groups = swept_groups(state)
    results = _origin([one for group in groups.values() for one in group])
    drawn = {name: sweep_lines(groups, one) for name, one in results_by_machine(results).items()}
    crossed = crossings(tuple(groups), next(iter(drawn.values())))
    figure = sweep_times_figure(tuple(groups), drawn, crossed, state.timed_along, timing_words())
    if any(map(results.timing, (one for group in groups.values() for one in group))):
        said = "; ".join(
            _("{first} and {second} cross at {field} = {at:.0f}").format(
                first=kind_name(one.first), second=kind_name(one.second), field=state.timed_along, at=one.at
            )
            for one in crossed
        )
        said = said or _("No two of the blocks cross here.")
    else:
        said = _("Not measured yet: the lines are predicted lower bounds.")
    show_chart(figure, "running", said)
    st.markdown(said)


def operations(state: TimingState) -> None:
    """Where the time goes inside torch, on this server and on every machine that was brought."""
    wanted = [replace(one, backward=False, mode="eager") for one in settings_group(state)]
    results, said = results_to_show(wanted)
    if not results.operations_of(wanted[0]):
        results, said = shipped_timings(), stored_line()
    found = {
        name: {one.subject.kind: of.operations_of(one) for one in wanted}  # pyright: ignore[reportAttributeAccessIssue]
        for name, of in results_by_machine(results).items()
    }
    shown = {name: profiles for name, profiles in found.items() if any(profiles.values())}
    if not shown:
        st.info(_("No profile of this is stored: Measure makes one with torch.profiler."))
        return
    st.caption(said)
    if len(shown) > 1:
        st.caption(_("Every machine on a scale of its own; a colour means the same where the name is the same."))
    names = {machine: longest_operations(profiles.values(), COLOURS) for machine, profiles in shown.items()}
    first = next(iter(names.values()))
    for number, (machine, profiles) in enumerate(shown.items()):
        st.markdown(f"**{escape_markdown(machine)}**")
        _profiles(profiles, names[machine], align_names(first, names[machine]), f"operations_{number}")
    st.markdown(paragraph("operations"))


def _profiles(
    profiles: Mapping[Any, Sequence[Operation]], names: Sequence[str], places: Sequence[str], key: str
) -> None:
    whole = {kind: fold_operations(profile, names) for kind, profile in profiles.items()}
    said = "; ".join(
        f"{kind_name(kind)}: " + ", ".join(f"{one.name} {format_seconds(one.seconds)}" for one in profile)
        for kind, profile in whole.items()
    )
    show_chart(operations_figure(whole, places, timing_words()), key, said)


def devices(state: TimingState) -> None:
    """What the roofline predicts for devices that are not here."""
    predicted = predict_devices(settings_group(state))
    st.caption(_("**Predictions**, nothing measured: published peaks, every layer through memory, every product done."))
    shown = {one.device: one.seconds for one in predicted if one.seconds}
    show_chart(
        devices_figure(predicted, timing_words()),
        "devices",
        _("Predicted latency: {devices}").format(
            devices="; ".join(f"{name} {seconds['separable']:.2g} s" for name, seconds in shown.items())
        ),
    )
    rows = [
        {
            _("device"): one.device,
            **{kind: f"{seconds * 1e6:,.1f} µs" for kind, seconds in (one.seconds or {}).items()},
            _("source of its peaks"): one.source,
        }
        for one in predicted
    ]
    st.dataframe(rows, hide_index=True)
    st.markdown(paragraph("devices"))


def own_gpu(state: TimingState) -> None:
    """Bring another machine's results."""
    st.markdown(paragraph("bring"))
    st.code("python -m xception_lab time --all --out results.json", language="bash")
    results_uploader()
    group = settings_group(state)
    if uploaded_results():
        for results in uploaded_results():
            st.markdown(f"**{escape_markdown(results.machine.label)}** — {timing_headline(group, results)}")
        _bars(group, _origin(group), "brought")


SHOW: dict[TimingView, Callable[[TimingState], None]] = {
    "latency": latency,
    "roofline": roofline,
    "running": running,
    "operations": operations,
    "devices": devices,
    "xception": xception,
    "bring": own_gpu,
}

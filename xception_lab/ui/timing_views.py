"""What the timing lab shows of its results, one view at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from xception_lab.figures.timing import (
    bars_figure,
    devices_figure,
    operations_figure,
    ratios_figure,
    roofline_figure,
    sweep_times_figure,
)
from xception_lab.latency import Bar, bar, crossings, lines, point_rows, points, roofs, shares, what_if
from xception_lab.timings import Results, Settings
from xception_lab.ui.blocks import kind_name
from xception_lab.ui.charts import show_chart
from xception_lab.ui.controls import control
from xception_lab.ui.language import paragraph
from xception_lab.ui.language import text as _
from xception_lab.ui.timing import (
    bring,
    brought,
    group_of,
    headline,
    here,
    networks_of,
    stored,
    swept_groups,
    timing_rows,
    timing_words,
)

Values = Mapping[str, str]


def _origin(wanted: Sequence[Settings]) -> Results:
    results, said = here(wanted)
    st.caption(said)
    return results


def _bars(wanted: Sequence[Settings], results: Results, key: str) -> None:
    """Measured bars beside bounds, of this server and of every machine that was brought."""
    bars = [bar(settings, one) for one in (results, *brought()) for settings in wanted]
    named = [replace(one, name=_name(one)) for one in bars]
    words = timing_words()
    extra = {one.name: one.name for one in named if one.name not in words.names}
    words = replace(words, names={**words.names, **extra})
    show_chart(bars_figure(named, words), key, "; ".join(map(_bar_text, bars)))
    measured = [one.timing for one in bars if one.timing]
    with st.expander(_("Table"), icon=":material/table:"):
        st.dataframe(timing_rows(measured), hide_index=True)


def _name(one: Bar) -> str:
    """Two networks differ in how they are run."""
    if one.name == "xception" and one.settings.mode == "folded":
        return "Xception, folded, channels_last"
    return one.name


def _bar_text(one: Bar) -> str:
    name = kind_name(one.name) if one.name != "xception" else _name(one)
    if one.timing is None:
        return _("{name} on {machine}: not measured").format(name=name, machine=one.machine)
    said = _("{name} on {machine}: median {median:.3g} ms, quartiles {low:.3g} to {high:.3g} ms")
    median, low, high = (1e3 * value for value in (one.timing.median_s, one.timing.p25_s, one.timing.p75_s))
    return said.format(name=name, machine=one.machine, median=median, low=low, high=high)


def latency(values: Values) -> None:
    """The three blocks: measured beside predicted."""
    group = group_of(values)
    results = _origin(group)
    parts = shares(group, results)
    if parts:
        left, right = st.columns((5, 2), gap="medium")
        with right:
            said = "; ".join(f"{kind_name(s.kind)}: {s.flops:.0%} FLOPs, {s.time:.0%}" for s in parts)
            show_chart(ratios_figure(parts, timing_words()), "ratios", said)
    else:
        left = st.container()
    with left:
        _bars(group, results, "latency")
    st.markdown(paragraph("timing"))


def xception(values: Values) -> None:
    """The whole network, as it is and as one would run it."""
    wanted = networks_of(values)
    _bars(wanted, _origin(wanted), "xception")
    st.markdown(paragraph("timing_network"))


def roofline(values: Values) -> None:
    """Every layer under the roofs of the machine."""
    group = group_of(values)
    results = _origin(group)
    layers = points(group, results)
    peaks = results.peak(group[0].dtype)
    if peaks is None:
        st.info(_("The peaks of this dtype are not measured here yet: Measure does it."))
        return
    words = timing_words()
    peak = _("Measured peaks: {flops:,.0f} GFLOP/s, memory {memory:,.0f} GB/s, fastest cache {cache:,.0f} GB/s.")
    fastest = max(rate for _size, rate in peaks.rates)
    st.markdown(peak.format(flops=peaks.flops_per_s / 1e9, memory=peaks.rates[-1][1] / 1e9, cache=fastest / 1e9))
    rows = point_rows(layers)
    figure = roofline_figure(layers, roofs(peaks), words)
    show_chart(figure, "roofline", "; ".join(f"{r['kind']} {r['layer']}: {r['limit']}" for r in rows))
    st.dataframe(rows, hide_index=True)
    st.markdown(paragraph("roofline"))


def running(values: Values) -> None:
    """Latency while one field runs, and where the blocks cross."""
    control("timed_along")
    groups = swept_groups(values)
    results = _origin([one for group in groups.values() for one in group])
    drawn = lines(groups, results)
    crossed = crossings(tuple(groups), drawn)
    others = [(other.machine.label, lines(groups, other)) for other in brought()]
    figure = sweep_times_figure(tuple(groups), drawn, crossed, values["timed_along"], timing_words(), others)
    said = [
        _("{first} and {second} cross at {field} = {at:.0f}").format(
            first=kind_name(one.first), second=kind_name(one.second), field=values["timed_along"], at=one.at
        )
        for one in crossed
    ]
    show_chart(figure, "running", "; ".join(said) or _("No two of the blocks cross here."))
    st.markdown("; ".join(said) or _("No two of the blocks cross here."))


def operations(values: Values) -> None:
    """Where the time goes inside torch."""
    wanted = [replace(one, backward=False, mode="eager") for one in group_of(values)]
    results = next((own for own in (here(wanted)[0], stored()) if own.operations_of(wanted[0])), stored())
    st.caption(results.machine.label)
    profiles = {one.subject.kind: results.operations_of(one) for one in wanted}  # pyright: ignore[reportAttributeAccessIssue]
    if not any(profiles.values()):
        st.info(_("No profile of this is stored: Measure makes one with torch.profiler."))
        return
    whole: dict[str, float] = {}
    for profile in profiles.values():
        for operation in profile:
            whole[operation.name] = whole.get(operation.name, 0.0) + operation.seconds
    names = sorted(whole, key=lambda name: -whole[name])
    figure = operations_figure(profiles, names[:10], timing_words())
    show_chart(figure, "operations", "; ".join(f"{name}: {whole[name]:.3g} s" for name in names))
    st.markdown(paragraph("operations"))


def devices(values: Values) -> None:
    """What the roofline predicts for devices that are not here."""
    predicted = what_if(group_of(values))
    st.caption(_("**Predictions**, nothing measured: published peaks, every layer through memory, every product done."))
    shown = {one.device: one.seconds for one in predicted if one.seconds}
    show_chart(devices_figure(predicted, timing_words()), "devices", _("Predicted latency: {devices}").format(
        devices="; ".join(f"{name} {seconds['separable']:.2g} s" for name, seconds in shown.items())
    ))  # fmt: skip
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


def own_gpu(values: Values) -> None:
    """Bring another machine's results."""
    st.markdown(paragraph("bring"))
    st.code("python -m xception_lab time --all --out results.json", language="bash")
    bring()
    group = group_of(values)
    if brought():
        for results in brought():
            st.markdown(f"**{results.machine.label}** — {headline(group, results)}")
        _bars(group, _origin(group), "brought")


SHOW: dict[str, Callable[[Any], None]] = {
    "latency": latency,
    "roofline": roofline,
    "running": running,
    "operations": operations,
    "devices": devices,
    "xception": xception,
    "bring": own_gpu,
}

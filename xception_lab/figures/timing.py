"""Charts of the timing lab: measured bars beside bounds, the roofline, sweeps, operations, devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from textwrap import wrap
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.common.units import TICKS_S, format_seconds
from xception_lab.spec import KINDS, Kind
from xception_lab.timing.analysis import (
    Crossing,
    MachineRoofline,
    RooflinePoint,
    SweepLine,
    TimeShare,
    TimingBar,
)
from xception_lab.timing.published_devices import DevicePrediction
from xception_lab.timing.results import Operation

HEIGHT = 400
_LEGEND = {"orientation": "h", "itemwidth": 44, "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
# of a point's name: two blocks have points of nearly the same place
_PLACES = {"standard": "top left", "extreme": "top left", "separable": "bottom right"}
_MUTED = ("#8291a7", "#c9722f", "#2f9d91")
_SYMBOLS = {"standard": "square", "extreme": "diamond", "separable": "circle"}
# a prediction is hatched, a measurement solid
_HATCHED = {
    "color": "rgba(0,0,0,0)",
    "line": {"color": "gray", "width": 1},
    "pattern": {"shape": "/", "fgcolor": "gray", "bgcolor": "rgba(0,0,0,0)", "size": 6, "solidity": 0.25},
}
# this server's marks are filled and its lines solid; those of a machine that was brought are open and broken
_BROKEN = (("dash", "-open"), ("dashdot", "-open-dot"), ("longdash", "-open"), ("longdashdot", "-open-dot"))
# seconds as people read them: Plotly's own prefixes, 1.5 ms
_SECONDS = {"tickformat": ".3~s", "ticksuffix": "s"}
# Plotly leaves the suffix out between the powers of ten of a logarithmic axis
_LOG_SECONDS = {"type": "log", "tickvals": list(TICKS_S), "ticktext": list(TICKS_S.values())}


@dataclass(frozen=True, slots=True)
class TimingWords:
    """The texts of a chart in the reader's language. names: of blocks and layers, by the engine's own name."""

    names: Mapping[str, str]
    notes: Mapping[str, str]


def bars_figure(bars: Sequence[TimingBar], words: TimingWords) -> go.Figure:
    """A bar a block and machine: the median with its quartiles, the predicted bound hatched beside it."""
    several = len({bar.machine for bar in bars}) > 1
    # the figure stands in the row's name, where no whisker crosses it
    figures = [format_seconds(bar.timing.median_s) if bar.timing else "–" for bar in bars]
    rows = [
        f"{words.names[bar.name]}<br><b>{figure}</b>" + (f"<br>{_wrapped(bar.machine, 28)}" if several else "")
        for bar, figure in zip(bars, figures, strict=True)
    ]
    data: list[dict[str, Any]] = []
    for name in dict.fromkeys(bar.name for bar in bars):
        own = [(row, bar.timing) for row, bar in zip(rows, bars, strict=True) if bar.name == name and bar.timing]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": words.names[name],
                "y": [row for row, _ in own],
                "x": [timing.median_s for _, timing in own],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "thickness": 2,
                    "array": [timing.p75_s - timing.median_s for _, timing in own],
                    "arrayminus": [timing.median_s - timing.p25_s for _, timing in own],
                },
                "hovertemplate": "%{y}<br>" + words.notes["median"] + " %{x:.3s}s<extra></extra>",
                "showlegend": False,
                "offsetgroup": "measured",
            }
        )
    bounds = [(row, bar.bound_s) for row, bar in zip(rows, bars, strict=True) if bar.bound_s]
    data.append(
        {
            "type": "bar",
            "orientation": "h",
            "name": words.notes["bound"],
            "y": [row for row, _ in bounds],
            "x": [bound for _, bound in bounds],
            "marker": _HATCHED,
            "offsetgroup": "bound",
            "hovertemplate": words.notes["bound"] + ": %{x:.3s}s<extra></extra>",
        }
    )
    # read from above: a block's measured bar, then its bound
    order = {"categoryorder": "array", "categoryarray": rows, "autorange": "reversed"}
    return go.Figure(
        data,
        {
            "height": sum([130, *(66 if several else 80 for _ in bars)]),
            "legend": _LEGEND,
            "barmode": "group",
            "xaxis": {"title": {"text": words.notes["latency"]}, "rangemode": "tozero", **_SECONDS},
            "yaxis": {**order, "showgrid": False, "title": {"text": ""}},
            "bargap": 0.25,
            "bargroupgap": 0.08,
            "margin": {"t": 30, "r": 30, "b": 100},
        },
    )


def ratios_figure(shares: Mapping[str, Sequence[TimeShare]], words: TimingWords) -> go.Figure:
    """FLOPs and time of each block as parts of the standard block's, beside each other. shares: by machine, ours first.

    FLOPs are the same everywhere; every machine has its own group of times.
    """
    machines = list(shares)
    times = [words.notes["time"]]
    if len(machines) > 1:
        times = [f"{words.notes['time']},<br>{_wrapped(machine, 16)}" for machine in machines]
    data = [
        {
            "type": "bar",
            "name": words.names[same[0].kind],
            "x": [words.notes["flops"], *times],
            "y": [same[0].flops, *(share.time for share in same)],
            "texttemplate": "%{y:.0%}",
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": "%{fullData.name}, %{x}: %{y:.1%}<extra></extra>",
        }
        for same in zip(*shares.values(), strict=True)
    ]
    return go.Figure(
        data,
        {
            "height": 350,
            "barmode": "group",
            "bargap": 0.25,
            "legend": _LEGEND,
            "showlegend": False,
            "yaxis": {"title": {"text": words.notes["share"]}, "tickformat": ".0%", "rangemode": "tozero"},
            "margin": {"t": 30, "r": 10, "b": 100 if len(machines) > 1 else 60},
        },
    )


def roofline_figure(machines: Sequence[MachineRoofline], words: TimingWords) -> go.Figure:
    """FLOP/s over FLOPs a byte: each convolution a point under its machine's roofs, of the memory and of the caches.

    machines: ours first; what was brought has open points and broken roofs.
    """
    ours, *others = machines
    data = [_dots(kind, ours.points, ours.machine, words) for kind in KINDS]
    for other, (_dash, symbol) in zip(others, _styles(others), strict=True):
        data += [
            {**_dots(kind, other.points, other.machine, words, symbol), "showlegend": False, "mode": "markers"}
            for kind in KINDS
        ]
    if others:
        data += _keys([machine.machine for machine in machines])
    for machine, style in zip(machines, (("solid", ""), *_styles(others)), strict=True):
        data += _roofs(machine, style[0], words, others)
    x = {"type": "log", "title": {"text": words.notes["intensity"]}, "dtick": 1}
    y = {"type": "log", "title": {"text": "FLOP/s"}, "tickformat": ".2~s", "dtick": 1}
    # our blocks first: they wear the theme's first three colours
    return go.Figure(
        data,
        {
            "height": 460,
            "legend": _LEGEND,
            "xaxis": x,
            "yaxis": y,
            "margin": {"t": 30, "r": 20, "b": 120},
        },
    )


def _roofs(
    machine: MachineRoofline, dash: str, words: TimingWords, others: Sequence[MachineRoofline]
) -> list[dict[str, Any]]:
    # with several machines the legend tells them apart by name, and says once what dots mean
    named = {"memory_roof": not others, "cache_roof": dash == "solid"}
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y,
            "name": words.notes[name],
            "hoverinfo": "skip",
            "line": {"dash": dash if name == "memory_roof" else "dot", "color": "gray", "width": 2},
            "showlegend": named[name],
        }
        for name, (x, y) in machine.roofs.items()
    ]


def _dots(
    kind: Kind, points: Sequence[RooflinePoint], machine: str, words: TimingWords, suffix: str = ""
) -> dict[str, Any]:
    shown = [point for point in points if point.kind == kind and point.bound.flops]
    measured = [words.notes["seconds"].format(point.measured_s) if point.measured_s else "–" for point in shown]
    bound = [words.notes["seconds"].format(point.bound.seconds) for point in shown]
    marker: dict[str, Any] = {"size": 13, "symbol": _SYMBOLS[kind] + suffix}
    if suffix:
        marker |= {"color": _MUTED[KINDS.index(kind)], "line": {"width": 2}}
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": words.names[kind],
        "x": [point.bound.intensity for point in shown],
        "y": [point.flops_per_s for point in shown],
        "text": [words.names[point.bound.name] for point in shown],
        "textposition": _PLACES[kind],
        "marker": marker,
        "customdata": list(zip(measured, bound, strict=True)),
        "hovertemplate": machine
        + "<br>%{fullData.name}: %{text}<br>%{x:.1f} "
        + words.notes["intensity"]
        + "<br>"
        + words.notes["measured"]
        + " %{customdata[0]}<br>"
        + words.notes["bound"]
        + " %{customdata[1]}<extra></extra>",
    }


def _styles(others: Sequence[object]) -> list[tuple[str, str]]:
    """(dash, marker's suffix) of each machine that was brought."""
    return [style for style, _ in zip(cycle(_BROKEN), others, strict=False)]


def _keys(machines: Sequence[str]) -> list[dict[str, Any]]:
    """The legend's entries that tell machines apart: filled and solid ours, open and broken the others'."""
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [None],
            "y": [None],
            "name": _wrapped(machine),
            "line": {"dash": dash, "color": "gray", "width": 2},
            "hoverinfo": "skip",
            "marker": {"symbol": f"circle{suffix}", "color": "gray", "size": 11, "line": {"width": 2}},
        }
        for machine, (dash, suffix) in zip(machines, (("solid", ""), *_styles(machines[1:])), strict=True)
    ]


def _wrapped(machine: str, width: int = 40) -> str:
    return "<br>".join(wrap(machine, width))


def sweep_times_figure(
    values: Sequence[int],
    machines: Mapping[str, Sequence[SweepLine]],
    crossings: Sequence[Crossing],
    field: str,
    words: TimingWords,
) -> go.Figure:
    """Latency of the three blocks over one field, quartiles as bars, bounds dotted, crossing points ringed.

    machines: each one's lines by its name, ours first; what was brought has open points and broken lines.
    """
    names = list(machines)
    ours, *others = machines.values()
    data = [
        {**_sweep_line(values, line, names[0], field, words), "error_y": _spread(line), "name": words.names[line.kind]}
        for line in ours
    ]
    for line, colour in zip(ours, _MUTED, strict=True):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": list(values),
                "y": np.array(line.bounds_s),
                "hoverinfo": "skip",
                "name": words.notes["bound"],
                "line": {"dash": "dot", "width": 1.5, "color": colour},
                "showlegend": line is ours[0],
            }
        )
    data += [
        {
            **_sweep_line(values, line, machine, field, words),
            "showlegend": False,
            "line": {"dash": dash, "width": 2, "color": colour},
            "marker": {"symbol": _SYMBOLS[line.kind] + suffix, "size": 9, "line": {"width": 2}},
        }
        for machine, drawn, (dash, suffix) in zip(names[1:], others, _styles(others), strict=True)
        for line, colour in zip(drawn, _MUTED, strict=True)
    ]
    if others:
        data += _keys(names)
    data.append(
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": words.notes["crossing"],
            "x": [crossing.at for crossing in crossings],
            "y": [crossing.seconds for crossing in crossings],
            "text": [words.notes["at"].format(crossing.at) for crossing in crossings],
            "textposition": "top left",
            "marker": {"size": 20, "symbol": "circle-open", "color": "gray", "line": {"width": 3}},
            "hoverinfo": "text",
            "showlegend": bool(crossings),
        }
    )
    ticks = {"tickvals": list(values), "ticktext": [str(value) for value in values]}
    return go.Figure(
        data,
        {
            "height": 430,
            "legend": _LEGEND,
            "xaxis": {"type": "log", "title": {"text": field}, **ticks},
            "yaxis": {"title": {"text": words.notes["latency"]}, **_LOG_SECONDS},
            "margin": {"t": 30, "r": 20, "b": 120},
        },
    )


def _sweep_line(values: Sequence[int], line: SweepLine, machine: str, field: str, words: TimingWords) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(values),
        "y": np.array(line.medians_s),
        "marker": {"symbol": _SYMBOLS[line.kind], "size": 9},
        "hovertemplate": f"{words.names[line.kind]}<br>{machine}<br>{field} %{{x}}: %{{y:.3s}}s<extra></extra>",
    }


def _spread(line: SweepLine) -> dict[str, Any]:
    medians = np.array(line.medians_s)
    above, below = np.array(line.p75_s) - medians, medians - np.array(line.p25_s)
    return {"type": "data", "symmetric": False, "thickness": 1.5, "array": above, "arrayminus": below}


def operations_figure(
    profiles: Mapping[str, Sequence[Operation]], names: Sequence[str], words: TimingWords
) -> go.Figure:
    """Each block's forward pass as one bar, stacked from torch's own operations.

    names: a place for every colour, "" where this machine has no operation of that colour. No operation wears one of
    the theme's first three colours, which are the blocks'.
    """
    own = [{operation.name: operation.seconds for operation in profile} for profile in profiles.values()]
    rows = [
        f"{words.names[kind]}<br><b>{format_seconds(sum(spent.values())) if spent else '–'}</b>"
        for kind, spent in zip(profiles, own, strict=True)
    ]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": words.names.get(name, name),
            "y": rows if name else [],
            "x": [spent.get(name, 0.0) for spent in own] if name else [],
            "showlegend": bool(name),
            "hovertemplate": "%{fullData.name}: %{x:.3s}s<extra></extra>",
        }
        for name in (*("" for _ in KINDS), *names)
    ]
    return go.Figure(
        data,
        {
            "height": HEIGHT,
            "barmode": "stack",
            "bargap": 0.4,
            "legend": {**_LEGEND, "traceorder": "normal"},
            "xaxis": {"title": {"text": words.notes["own"]}, **_SECONDS},
            "yaxis": {"categoryorder": "array", "categoryarray": rows[::-1], "showgrid": False},
            "margin": {"t": 30, "r": 20, "b": 160},
        },
    )


def devices_figure(devices: Sequence[DevicePrediction], words: TimingWords) -> go.Figure:
    """The predicted time of the three blocks on each device with a published peak."""
    shown = [device for device in devices if device.seconds]
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": words.names[kind],
            "x": [device.seconds[kind] for device in shown if device.seconds],
            "y": [device.device for device in shown],
            "marker": {"size": 13, "symbol": _SYMBOLS[kind]},
            "customdata": [words.notes[device.limits[kind]] for device in shown if device.limits],
            "hovertemplate": "%{fullData.name}, %{y}<br>%{x:.3s}s, %{customdata}<extra></extra>",
        }
        for kind in KINDS
    ]
    names = [device.device for device in shown]
    return go.Figure(
        data,
        {
            "height": 480,
            "legend": _LEGEND,
            "margin": {"t": 30, "r": 20, "b": 110},
            "xaxis": {"title": {"text": words.notes["predicted"]}, **_LOG_SECONDS},
            "yaxis": {"categoryorder": "array", "categoryarray": names[::-1]},
        },
    )

# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# plotly ships no types
"""Charts of the timing lab: measured bars beside bounds, the roofline, sweeps, operations, devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.latency import Bar, Crossing, Line, Point, Share, WhatIf
from xception_lab.spec import KINDS
from xception_lab.timings import Operation
from xception_lab.units import seconds

HEIGHT = 400
_LEGEND = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
# of a point's name: two blocks have points of nearly the same place
_PLACES = {"standard": "top left", "extreme": "top left", "separable": "bottom right"}
_MUTED = ("#8291a7", "#c9722f", "#2f9d91")
_SYMBOLS = {"standard": "square", "extreme": "diamond", "separable": "circle"}
# a prediction is hatched, a measurement solid
_HATCHED = {"color": "gray", "pattern": {"shape": "/", "fillmode": "overlay", "size": 6}}
Roof = tuple[tuple[float, ...], tuple[float, ...]]
# seconds as people read them: Plotly's own prefixes, 1.5 ms
_SECONDS = {"tickformat": ".3~s", "ticksuffix": "s"}


@dataclass(frozen=True, slots=True)
class TimingWords:
    """The texts of a chart in the reader's language. names: of blocks and layers, by the engine's own name."""

    names: Mapping[str, str]
    notes: Mapping[str, str]


def bars_figure(bars: Sequence[Bar], words: TimingWords) -> go.Figure:
    """A bar a block and machine: the median with its quartiles, the predicted bound as a tick."""
    machines = list(dict.fromkeys(bar.machine for bar in bars))
    several = len(machines) > 1
    # the figure stands in the row's name, where no whisker crosses it
    figures = [seconds(bar.timing.median_s) if bar.timing else "–" for bar in bars]
    rows = [
        f"{words.names[bar.name]}  <b>{figure}</b>" + (f"<br>{bar.machine}" if several else "")
        for bar, figure in zip(bars, figures, strict=True)
    ]
    data: list[dict[str, Any]] = []
    for name in dict.fromkeys(bar.name for bar in bars):
        own = [(row, bar.timing) for row, bar in zip(rows, bars, strict=True) if bar.name == name and bar.timing]
        data.append({
            "type": "bar", "orientation": "h", "name": words.names[name], "y": [row for row, _ in own],
            "x": [timing.median_s for _, timing in own],
            "error_x": {
                "type": "data", "symmetric": False, "thickness": 2,
                "array": [timing.p75_s - timing.median_s for _, timing in own],
                "arrayminus": [timing.median_s - timing.p25_s for _, timing in own],
            },
            "hovertemplate": "%{y}<br>" + words.notes["median"] + " %{x:.3s}s<extra></extra>", "showlegend": False,
            "offsetgroup": "measured",
        })  # fmt: skip
    bounds = [(row, bar.bound_s) for row, bar in zip(rows, bars, strict=True) if bar.bound_s]
    data.append({
        "type": "bar", "orientation": "h", "name": words.notes["bound"], "y": [row for row, _ in bounds],
        "x": [bound for _, bound in bounds], "marker": _HATCHED, "offsetgroup": "bound",
        "hovertemplate": words.notes["bound"] + ": %{x:.3s}s<extra></extra>",
    })  # fmt: skip
    axis = {"title": {"text": words.notes["latency"]}, "rangemode": "tozero", **_SECONDS}
    order = {"categoryorder": "array", "categoryarray": rows[::-1], "showgrid": False, "title": {"text": ""}}
    return go.Figure(data, {
        "height": HEIGHT if len(bars) < 7 else HEIGHT + 200, "legend": _LEGEND, "xaxis": axis, "yaxis": order,
        "barmode": "group", "bargap": 0.3, "bargroupgap": 0.08, "margin": {"t": 30, "r": 30, "b": 110},
    })  # fmt: skip


def ratios_figure(shares: Sequence[Share], words: TimingWords) -> go.Figure:
    """FLOPs and time of each block as parts of the standard block's, beside each other."""
    data = [
        {
            "type": "bar", "name": words.names[share.kind], "x": [words.notes["flops"], words.notes["time"]],
            "y": [share.flops, share.time], "texttemplate": "%{y:.0%}", "textposition": "outside",
            "cliponaxis": False, "hovertemplate": "%{fullData.name}, %{x}: %{y:.1%}<extra></extra>",
        }
        for share in shares
    ]  # fmt: skip
    return go.Figure(data, {
        "height": HEIGHT, "barmode": "group", "bargap": 0.25, "legend": _LEGEND, "showlegend": False,
        "yaxis": {"title": {"text": words.notes["share"]}, "tickformat": ".0%", "rangemode": "tozero"},
        "margin": {"t": 30, "r": 10, "b": 110},
    })  # fmt: skip


def roofline_figure(points: Sequence[Point], roofs: Mapping[str, Roof], words: TimingWords) -> go.Figure:
    """FLOP/s over FLOPs a byte: the roofs of the memory and of the fastest cache; each convolution a point."""
    lines: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "x": x, "y": y, "name": words.notes[name], "hoverinfo": "skip",
            "line": {"dash": dash, "color": "gray", "width": 2},
        }
        for (name, (x, y)), dash in zip(roofs.items(), ("solid", "dot"), strict=True)
    ]  # fmt: skip
    dots = [_dots(kind, [p for p in points if p.kind == kind and p.bound.flops], words) for kind in KINDS]
    x = {"type": "log", "title": {"text": words.notes["intensity"]}, "dtick": 1}
    y = {"type": "log", "title": {"text": "FLOP/s"}, "tickformat": ".2~s", "dtick": 1}
    # blocks first: they wear the theme's first three colours
    return go.Figure([*dots, *lines], {
        "height": 460, "legend": _LEGEND, "xaxis": x, "yaxis": y, "margin": {"t": 30, "r": 20, "b": 120},
    })  # fmt: skip


def _dots(kind: str, points: Sequence[Point], words: TimingWords) -> dict[str, Any]:
    measured = [words.notes["seconds"].format(point.measured_s) if point.measured_s else "–" for point in points]
    bound = [words.notes["seconds"].format(point.bound.seconds) for point in points]
    return {
        "type": "scatter", "mode": "markers+text", "name": words.names[kind],
        "x": [point.bound.intensity for point in points], "y": [point.flops_per_s for point in points],
        "text": [words.names[point.bound.name] for point in points], "textposition": _PLACES[kind],
        "marker": {"size": 13, "symbol": _SYMBOLS[kind]},
        "customdata": list(zip(measured, bound, strict=True)),
        "hovertemplate": "%{fullData.name}: %{text}<br>%{x:.1f} " + words.notes["intensity"] + "<br>"
        + words.notes["measured"] + " %{customdata[0]}<br>" + words.notes["bound"] + " %{customdata[1]}<extra></extra>",
    }  # fmt: skip


def sweep_times_figure(
    values: Sequence[int],
    lines: Sequence[Line],
    crossings: Sequence[Crossing],
    field: str,
    words: TimingWords,
    others: Sequence[tuple[str, Sequence[Line]]] = (),
) -> go.Figure:
    """Latency of the three blocks over one field, quartiles as bars, bounds dotted, crossing points ringed.

    others: machines that were brought, by name; dashed.
    """
    data: list[dict[str, Any]] = []
    for line in lines:
        spread = {
            "type": "data", "symmetric": False, "thickness": 1.5,
            "array": np.array(line.p75_s) - np.array(line.medians_s),
            "arrayminus": np.array(line.medians_s) - np.array(line.p25_s),
        }  # fmt: skip
        data.append({
            "type": "scatter", "mode": "lines+markers", "name": words.names[line.kind], "x": list(values),
            "y": np.array(line.medians_s), "error_y": spread, "marker": {"symbol": _SYMBOLS[line.kind], "size": 9},
            "hovertemplate": "%{fullData.name}<br>" + field + " %{x}: %{y:.3s}s<extra></extra>",
        })  # fmt: skip
    for line, colour in zip(lines, _MUTED, strict=True):
        data.append({
            "type": "scatter", "mode": "lines", "x": list(values), "y": np.array(line.bounds_s), "hoverinfo": "skip",
            "name": words.notes["bound"], "line": {"dash": "dot", "width": 1.5, "color": colour},
            "showlegend": line is lines[0],
        })  # fmt: skip
    data += [
        {
            "type": "scatter", "mode": "lines+markers", "x": list(values), "y": np.array(line.medians_s),
            "name": f"{words.names[line.kind]}, {machine}", "line": {"dash": "dash", "width": 2, "color": colour},
            "marker": {"symbol": f"{_SYMBOLS[line.kind]}-open", "size": 8},
            "hovertemplate": "%{fullData.name}<br>" + field + " %{x}: %{y:.3s}s<extra></extra>",
        }
        for machine, drawn in others
        for line, colour in zip(drawn, _MUTED, strict=True)
    ]  # fmt: skip
    data.append({
        "type": "scatter", "mode": "markers+text", "name": words.notes["crossing"],
        "x": [crossing.at for crossing in crossings], "y": [crossing.seconds for crossing in crossings],
        "text": [words.notes["at"].format(crossing.at) for crossing in crossings], "textposition": "top left",
        "marker": {"size": 20, "symbol": "circle-open", "color": "gray", "line": {"width": 3}}, "hoverinfo": "text",
        "showlegend": bool(crossings),
    })  # fmt: skip
    ticks = {"tickvals": list(values), "ticktext": [str(value) for value in values]}
    return go.Figure(data, {
        "height": 430, "legend": _LEGEND, "xaxis": {"type": "log", "title": {"text": field}, **ticks},
        "yaxis": {"type": "log", "title": {"text": words.notes["latency"]}, "dtick": 1, **_SECONDS},
        "margin": {"t": 30, "r": 20, "b": 120},
    })  # fmt: skip


def operations_figure(
    profiles: Mapping[str, Sequence[Operation]], names: Sequence[str], words: TimingWords
) -> go.Figure:
    """Each block's forward pass as one bar, stacked from torch's own operations. names: in order of their time."""
    rows = [f"<b>{words.names[kind]}</b>" for kind in profiles]
    own = [{operation.name: operation.seconds for operation in profile} for profile in profiles.values()]
    data = [
        {
            "type": "bar", "orientation": "h", "name": words.names.get(name, name), "y": rows,
            "x": [spent.get(name, 0.0) for spent in own],
            "hovertemplate": "%{fullData.name}: %{x:.3s}s<extra></extra>",
        }
        for name in names
    ]  # fmt: skip
    return go.Figure(data, {
        "height": HEIGHT, "barmode": "stack", "bargap": 0.4, "legend": {**_LEGEND, "traceorder": "normal"},
        "xaxis": {"title": {"text": words.notes["own"]}, **_SECONDS},
        "yaxis": {"categoryorder": "array", "categoryarray": rows[::-1], "showgrid": False},
        "margin": {"t": 30, "r": 20, "b": 140},
    })  # fmt: skip


def devices_figure(devices: Sequence[WhatIf], words: TimingWords) -> go.Figure:
    """The predicted time of the three blocks on each device with a published peak."""
    shown = [device for device in devices if device.seconds]
    data = [
        {
            "type": "scatter", "mode": "markers", "name": words.names[kind],
            "x": [device.seconds[kind] for device in shown if device.seconds],
            "y": [device.device for device in shown],
            "marker": {"size": 13, "symbol": _SYMBOLS[kind]},
            "customdata": [words.notes[device.limits[kind]] for device in shown if device.limits],
            "hovertemplate": "%{fullData.name}, %{y}<br>%{x:.3s}s, %{customdata}<extra></extra>",
        }
        for kind in KINDS
    ]  # fmt: skip
    names = [device.device for device in shown]
    return go.Figure(data, {
        "height": 480, "legend": _LEGEND, "margin": {"t": 30, "r": 20, "b": 110},
        "xaxis": {"type": "log", "title": {"text": words.notes["predicted"]}, "dtick": "D2", **_SECONDS},
        "yaxis": {"categoryorder": "array", "categoryarray": names[::-1]},
    })  # fmt: skip

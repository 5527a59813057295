"""Charts of the timing lab: measured bars beside estimates, ratios, sweeps, operations, predictions for devices."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.common.palette import BLOCK_COLOURS_ON_BOTH_GROUNDS, BLOCK_SYMBOLS
from xception_lab.common.units import format_seconds
from xception_lab.figures.style import (
    ERROR_COLOUR,
    GREY,
    HEIGHT,
    LEGEND,
    LOG_SECONDS_AXIS,
    SECONDS_AXIS,
    error_bars,
    machine_legend,
    machine_styles,
    vertical_line,
    wrap_name,
)
from xception_lab.spec import KINDS
from xception_lab.timing.analysis import Crossing, SweepLine, TimeShare, TimingBar
from xception_lab.timing.published_devices import DevicePrediction
from xception_lab.timing.results import Operation

# wide enough to show how the lines are broken
TIMING_LEGEND = {**LEGEND, "itemwidth": 44}
# launches and work together, whatever the block
_PALE = {"color": "rgba(128,128,128,0.25)", "line": {"color": GREY, "width": 1}}
# a prediction is hatched, a measurement solid
_HATCHED = {
    "color": "rgba(0,0,0,0)",
    "line": {"color": GREY, "width": 1},
    "pattern": {"shape": "/", "fgcolor": GREY, "bgcolor": "rgba(0,0,0,0)", "size": 6, "solidity": 0.25},
}
_LABEL_SHARE = 0.09  # of an axis, what the label of a ring takes
# a count of FLOPs is no prediction of a time
_OUTLINED = {"color": "rgba(0,0,0,0)", "line": {"color": GREY, "width": 1.5}}


@dataclass(frozen=True, slots=True)
class TimingWords:
    """The texts of a chart in the reader's language. names: of blocks and layers, by the engine's own names."""

    names: Mapping[str, str]
    notes: Mapping[str, str]


def _what(bar: TimingBar, words: TimingWords) -> str:
    """Which of its two times a bar shows where it has two, and whether it is one to trust."""
    work = f", {words.notes['work']}" if bar.timing and bar.timing.loop_s is not None else ""
    return f"{work}, {words.notes['disturbed']}" if bar.disturbed else work


def bars_figure(bars: Sequence[TimingBar], words: TimingWords) -> go.Figure:
    """A bar per block and machine: the median with its quartiles, the estimate hatched beside it.

    On an accelerator the bar is the device's own time, and calls in a row are a pale bar beside it. A wrong output is
    marked in red.
    """
    several = len({bar.machine for bar in bars}) > 1
    # the figure stands in the row's name, where no whisker crosses it
    figures = [format_seconds(bar.timing.work_s) if bar.timing else "–" for bar in bars]
    wrong = f"<br><span style='color:{ERROR_COLOUR}'>{words.notes['wrong']}</span>"
    rows = [
        f"{words.names[bar.name]}<br><b>{figure}</b>{_what(bar, words)}"
        + (f"<br>{wrap_name(bar.machine, 28)}" if several else "")
        + (wrong if bar.is_wrong else "")
        for bar, figure in zip(bars, figures, strict=True)
    ]
    in_a_row = [
        (row, bar.timing.loop_s)
        for row, bar in zip(rows, bars, strict=True)
        if bar.timing and bar.timing.loop_s is not None
    ]
    data: list[dict[str, Any]] = []
    for name in dict.fromkeys(bar.name for bar in bars):
        own = [(row, bar.timing) for row, bar in zip(rows, bars, strict=True) if bar.name == name and bar.timing]
        medians_s = [timing.work_s for _, timing in own]
        sampled = [timing.device_s is None for _, timing in own]  # a device's own time has no quartiles
        low_s, high_s = (
            [quartile if has else math.nan for quartile, has in zip(quartiles, sampled, strict=True)]
            for quartiles in ([timing.p25_s for _, timing in own], [timing.p75_s for _, timing in own])
        )
        is_block = name in KINDS
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": words.names[name] if is_block else words.notes["work" if in_a_row else "median"],
                "y": [row for row, _ in own],
                "x": medians_s,
                # the theme's colours are the blocks'
                **({} if is_block else {"marker": {"color": GREY}}),
                "error_x": error_bars(medians_s, low_s, high_s, thickness=2) | {"color": GREY},
                "hovertemplate": "%{y}<br>" + words.notes["median"] + " %{x:.3s}s<extra></extra>",
                # a network has no colour of its own in the page's key: its first bar stands for all
                "showlegend": not is_block and not any(trace["showlegend"] for trace in data),
                "offsetgroup": "measured",
            }
        )
    if in_a_row:
        data.append(_bars_beside(in_a_row, words.notes["loop"], "loop", _PALE))
    estimated = [(row, bar.estimate_s) for row, bar in zip(rows, bars, strict=True) if bar.estimate_s]
    estimates = _bars_beside(estimated, words.notes["estimate"], "estimate", _HATCHED)
    # the shorter of two estimates alone would be taken for what is expected
    direct = [
        words.notes["direct"].format(format_seconds(bar.direct_s)) if bar.direct_s else ""
        for bar in bars
        if bar.estimate_s
    ]
    estimates["text"] = [own + more for own, more in zip(estimates["text"], direct, strict=True)]
    data.append(estimates)
    # read from above: a block's measured bar, then its estimate
    order = {"categoryorder": "array", "categoryarray": rows, "autorange": "reversed"}
    return go.Figure(
        data,
        {
            "height": 125 + 66 * len(bars),
            "legend": TIMING_LEGEND,
            "showlegend": True,  # estimates alone are hatched too
            "barmode": "group",
            "xaxis": {"title": {"text": words.notes["latency"]}, "rangemode": "tozero", **SECONDS_AXIS},
            "yaxis": {**order, "showgrid": False, "title": {"text": ""}},
            "bargap": 0.25,
            "bargroupgap": 0.08,
            "margin": {"t": 20, "r": 60, "b": 100},
        },
    )


def _bars_beside(rows: Sequence[tuple[str, float]], name: str, group: str, marker: dict[str, Any]) -> dict[str, Any]:
    """Bars of one kind beside the measured ones. rows: (row, seconds)."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": [row for row, _ in rows],
        "x": [seconds for _, seconds in rows],
        "marker": marker,
        "offsetgroup": group,
        "text": [format_seconds(seconds) for _, seconds in rows],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": name + ": %{x:.3s}s<extra></extra>",
    }


def ratios_figure(shares: Mapping[str, Sequence[TimeShare]], words: TimingWords) -> go.Figure:
    """FLOPs and time of each block as shares of the standard block's, beside each other.

    shares: by machine, this server first. FLOPs are the same everywhere; every machine has its own group of times.
    """
    times = [f"{words.notes['time']},<br>{wrap_name(machine, 16)}" for machine in shares]
    data = [
        {
            "type": "bar",
            "name": words.names[same[0].kind],
            "orientation": "h",
            "y": [words.notes["flops"], *times],
            "x": [same[0].flops, *(share.time for share in same)],
            "texttemplate": "%{x:.0%}",
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": "%{fullData.name}, %{y}: %{x:.1%}<extra></extra>",
        }
        for same in zip(*shares.values(), strict=True)
    ]
    return go.Figure(
        data,
        {
            "height": 140 + 70 * (1 + len(times)),
            "barmode": "group",
            "bargap": 0.25,
            "legend": {**TIMING_LEGEND, "traceorder": "normal"},
            "xaxis": _share_axis(words, 4),
            "yaxis": {"autorange": "reversed", "showgrid": False, "title": {"text": ""}},
            "margin": {"t": 30, "r": 50, "b": 100},
        },
    )


def _share_axis(words: TimingWords, ticks: int) -> dict[str, Any]:
    """The axis of parts of the standard block's; its ticks are few and level: on a phone there is room for no more."""
    return {
        "title": {"text": words.notes["share"]},
        "tickformat": ".0%",
        "rangemode": "tozero",
        "nticks": ticks,
        "tickangle": 0,
    }


def contrast_figure(
    shares: Mapping[str, TimeShare], labels: Sequence[tuple[str, str]], words: TimingWords
) -> go.Figure:
    """One block at several places of a network: its FLOPs and its time as parts of the standard block's, as bars.

    shares: by the place's name, the first at the top. labels: of each place, at its bars of time and of FLOPs.
    """
    places = list(shares)
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": words.notes[name],
            "y": places,
            "x": values,
            "marker": marker,
            "text": [f"<b>{value:.0%}</b> {label[number]}" for value, label in zip(values, labels, strict=True)],
            "textposition": "outside",
            "cliponaxis": False,
            "hovertemplate": "%{y}: %{fullData.name} %{x:.1%}<extra></extra>",
        }
        for number, (name, values, marker) in enumerate(
            (
                (
                    "time",
                    [share.time for share in shares.values()],
                    {"color": BLOCK_COLOURS_ON_BOTH_GROUNDS["separable"]},
                ),
                ("flops", [share.flops for share in shares.values()], _OUTLINED),
            )
        )
    ]
    return go.Figure(
        data,
        {
            "height": 125 + 66 * len(places),
            "legend": {**TIMING_LEGEND, "traceorder": "normal"},
            "barmode": "group",
            "xaxis": _share_axis(words, 3),
            "yaxis": {"autorange": "reversed", "showgrid": False, "title": {"text": ""}},
            "bargap": 0.25,
            "bargroupgap": 0.08,
            # a label at the end of the longest bar needs as much
            "margin": {"t": 20, "r": 125, "b": 100},
        },
    )


def sweep_times_figure(
    values: Sequence[int],
    machines: Mapping[str, Sequence[SweepLine]],
    crossings: Sequence[Crossing],
    field: str,
    current: int,
    words: TimingWords,
) -> go.Figure:
    """Latency of the three blocks over one field, quartiles as bars, estimates dotted, crossing points ringed.

    machines: each one's lines by its name, this server first. current: the field's value that the page is at.
    """
    names = list(machines)
    own_lines, *others = machines.values()
    data = [
        {
            **_sweep_line(values, line, names[0], field, words),
            "error_y": error_bars(line.medians_s, line.p25_s, line.p75_s, thickness=1.5),
            "name": words.names[line.kind],
        }
        for line in own_lines
    ]
    data += [
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(values),
            "y": np.array(line.estimates_s),
            "hoverinfo": "skip",
            "name": words.notes["estimate"],
            "line": {"dash": "dot", "width": 1.5, "color": BLOCK_COLOURS_ON_BOTH_GROUNDS[line.kind]},
            "showlegend": line is own_lines[0],
        }
        for line in own_lines
    ]
    data += [
        {
            **_sweep_line(values, line, machine, field, words),
            "showlegend": False,
            "line": {"dash": style.dash, "width": 2, "color": BLOCK_COLOURS_ON_BOTH_GROUNDS[line.kind]},
            "marker": {"symbol": BLOCK_SYMBOLS[line.kind] + style.marker_suffix, "size": 9, "line": {"width": 2}},
        }
        for machine, lines, style in zip(names[1:], others, machine_styles(len(names))[1:], strict=True)
        for line in lines
    ]
    if others:
        data += machine_legend(names)
    data.append(
        {
            "type": "scatter",
            "mode": "markers+text",
            "name": words.notes["crossing"],
            "x": [crossing.at for crossing in crossings],
            "y": [crossing.seconds for crossing in crossings],
            "text": _ring_labels([crossing.at for crossing in crossings], max(values) / min(values), words),
            "textposition": "bottom center",
            "marker": {"size": 20, "symbol": "circle-open", "color": GREY, "line": {"width": 3}},
            "hoverinfo": "text",
            "showlegend": bool(crossings),
        }
    )
    ticks = {"tickvals": list(values), "ticktext": [str(value) for value in values]}
    return go.Figure(
        data,
        {
            "height": 430,
            "legend": TIMING_LEGEND,
            "xaxis": {"type": "log", "title": {"text": field}, **ticks},
            "yaxis": {"title": {"text": words.notes["latency"]}, **LOG_SECONDS_AXIS},
            "shapes": [vertical_line(current, width=2)],
            # on a logarithmic axis an annotation is placed by the logarithm, a shape is not
            "annotations": [
                {"x": math.log10(current), "y": 1, "yref": "paper", "yanchor": "bottom", "text": words.notes["now"]}
                | {"showarrow": False}
            ],
            "margin": {"t": 30, "r": 20, "b": 120},
        },
    )


def _ring_labels(places: Sequence[float], span: float, words: TimingWords) -> list[str]:
    """A label for each ring; rings so close on a logarithmic axis that their labels would overlap have one together.

    span: of the axis, the greatest value divided by the least.
    """
    labels = [""] * len(places)
    near: list[int] = []  # the rings of one label, from left to right
    order = sorted(range(len(places)), key=places.__getitem__)
    for ring, following in zip_longest(order, order[1:]):
        near.append(ring)
        if following is None or places[following] / places[ring] > span**_LABEL_SHARE:
            low, high = (f"{places[end]:.0f}" for end in (near[0], near[-1]))
            name = "at" if low == high else "at_several"
            labels[near[len(near) // 2]] = words.notes[name].format(places[near[0]], places[near[-1]])
            near = []
    return labels


def _sweep_line(values: Sequence[int], line: SweepLine, machine: str, field: str, words: TimingWords) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(values),
        "y": np.array(line.medians_s),
        "marker": {"symbol": BLOCK_SYMBOLS[line.kind], "size": 9},
        "hovertemplate": f"{words.names[line.kind]}<br>{machine}<br>{field} %{{x}}: %{{y:.3s}}s<extra></extra>",
    }


def operations_figure(
    profiles: Mapping[str, Sequence[Operation]], names: Sequence[str], words: TimingWords
) -> go.Figure:
    """Each block's forward pass as one bar, stacked from torch's own operations.

    names: an operation for every colour of the theme after the blocks' three, "" where this machine has none of that
    colour.
    """
    seconds_by_name = [{operation.name: operation.seconds for operation in profile} for profile in profiles.values()]
    rows = [
        f"{words.names[kind]}<br><b>{format_seconds(sum(spent.values())) if spent else '–'}</b>"
        for kind, spent in zip(profiles, seconds_by_name, strict=True)
    ]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": words.names.get(name, name),
            "y": rows if name else [],
            "x": [spent.get(name, 0.0) for spent in seconds_by_name] if name else [],
            "showlegend": bool(name),
            "hovertemplate": "%{fullData.name}: %{x:.3s}s<extra></extra>",
        }
        # traces without bars take the blocks' three colours
        for name in (*("" for _ in KINDS), *names)
    ]
    return go.Figure(
        data,
        {
            "height": HEIGHT,
            "barmode": "stack",
            "bargap": 0.4,
            "legend": {**TIMING_LEGEND, "traceorder": "normal"},
            "xaxis": {"title": {"text": words.notes["own"]}, **SECONDS_AXIS},
            "yaxis": {"categoryorder": "array", "categoryarray": rows[::-1], "showgrid": False},
            "margin": {"t": 30, "r": 20, "b": 160},
        },
    )


def devices_figure(devices: Sequence[DevicePrediction], words: TimingWords) -> go.Figure:
    """The predicted time of the three blocks on each device with a published peak; TF32 is a row of its own."""
    predicted = [device for device in devices if device.seconds]
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": words.names[kind],
            "x": [device.seconds[kind] for device in predicted if device.seconds],
            "y": [device.name for device in predicted],
            "marker": {"size": 13, "symbol": BLOCK_SYMBOLS[kind]},
            "customdata": [words.notes[device.limits[kind]] for device in predicted if device.limits],
            "hovertemplate": "%{fullData.name}, %{y}<br>%{x:.3s}s, %{customdata}<extra></extra>",
        }
        for kind in KINDS
    ]
    names = [device.name for device in predicted]
    return go.Figure(
        data,
        {
            "height": 150 + 30 * len(names),
            "legend": TIMING_LEGEND,
            "margin": {"t": 30, "r": 20, "b": 110, "l": 160},
            "xaxis": {"title": {"text": words.notes["predicted"]}, **LOG_SECONDS_AXIS},
            "yaxis": {"categoryorder": "array", "categoryarray": names[::-1]},
        },
    )

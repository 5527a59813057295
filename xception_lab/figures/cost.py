"""Charts of what the blocks cost: over the spectrum of segments, and over one field."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.arch.comparison import ComparedBlock, Measure, SpectrumPoint, Sweep
from xception_lab.common.palette import BLOCK_SYMBOLS
from xception_lab.figures.style import GREY, HEIGHT, LEGEND, vertical_line
from xception_lab.spec import KINDS


@dataclass(frozen=True, slots=True)
class CostWords:
    """The texts of a chart in the reader's language. kinds: by the engine's own name."""

    measure: str
    kinds: dict[str, str]
    notes: dict[str, str]


def spectrum_figure(
    points: tuple[SpectrumPoint, ...],
    blocks: tuple[ComparedBlock, ...],
    measure: Measure,
    current: int,
    words: CostWords,
) -> go.Figure:
    """The extreme block over its number of segments, with the other two blocks as level lines."""
    segments = np.array([point.segments for point in points])
    costs = np.array([getattr(point.cost, measure) for point in points], dtype=float)
    lines: list[dict[str, Any]] = []
    for block in blocks:
        line: dict[str, Any] = {"type": "scatter", "name": words.kinds[block.kind]}
        if block.kind == "extreme":
            line["name"] = words.notes["module"]  # only its last point is the extreme block
            line |= {"x": segments, "y": costs, "mode": "lines+markers", "line": {"width": 3}}
            line |= {"marker": {"size": 9, "symbol": BLOCK_SYMBOLS[block.kind]}, "hovertemplate": words.notes["hover"]}
            line |= {"customdata": np.array([point.channels_per_segment for point in points])}
        else:
            level = getattr(block.cost, measure)
            line |= {"x": segments[[0, -1]], "y": [level, level], "mode": "lines", "line": {"dash": "dash"}}
        lines.append(line)
    at = np.flatnonzero(segments == current)
    lines.append(
        {
            "type": "scatter",
            "name": words.notes["current"],
            "x": segments[at],
            "y": costs[at],
            "mode": "markers",
            "marker": {"size": 20, "symbol": "circle-open", "line": {"width": 3}},
            "hoverinfo": "skip",
        }
    )
    levels = [*costs, *(getattr(block.cost, measure) for block in blocks)]
    # of a short range every digit, or there would be one tick or none
    dtick = "D1" if max(levels) < 5 * min(levels) else "D2"
    ticks = [str(number) for number in segments]
    ticks[0] += f"<br>{words.notes['regular']}"
    ticks[-1] += f"<br>{words.notes['one']}"
    # the three or four segments of an Inception module (paper, section 1.2)
    band = {
        "type": "rect",
        "x0": 2.7,
        "x1": 4.4,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "fillcolor": GREY,
        "opacity": 0.15,
        "line": {"width": 0},
    }
    # plotly takes an annotation's place on a logarithmic axis as the logarithm, a shape's as the number
    label = {"x": np.log10(3.45), "y": 1, "yref": "paper", "yanchor": "top", "showarrow": False}
    return _figure(
        lines,
        {"type": "log", "title": {"text": words.measure}, "tickformat": ".2~s", "dtick": dtick},
        xaxis={
            "type": "log",
            "title": {"text": words.notes["axis"]},
            "tickvals": segments,
            "ticktext": ticks,
            "tickangle": 0,
            "ticklabeloverflow": "allow",
        },
        shapes=[band],
        annotations=[{**label, "text": words.notes["inception"]}],
        margin={"t": 34, "r": 50, "b": 120},
    )


def sweep_figure(sweep: Sweep, measure: Measure, scale: str, words: CostWords) -> go.Figure:
    """Cost of the three blocks over one field, with the current value marked. scale: "log" or "linear"."""
    lines = [
        {
            "type": "scatter",
            "name": words.kinds[kind],
            "x": np.array(sweep.values),
            "y": np.array([getattr(cost, measure) for cost in sweep.costs[kind]], dtype=float),
            "mode": "lines+markers",
            "marker": {"symbol": BLOCK_SYMBOLS[kind], "size": 9},
            "hovertemplate": "%{fullData.name}<br>%{xaxis.title.text} %{x}: %{y:,}<extra></extra>",
        }
        for kind in KINDS
    ]
    xaxis: dict[str, Any] = {"type": scale, "title": {"text": sweep.field}}
    yaxis: dict[str, Any] = {"type": scale, "title": {"text": words.measure}, "tickformat": ".2~s"}
    if scale == "log":
        xaxis |= {"tickvals": sweep.values, "ticktext": [str(value) for value in sweep.values]}
        yaxis["dtick"] = 1
    else:
        yaxis["rangemode"] = "tozero"
    mark = vertical_line(sweep.current, width=2)
    return _figure(lines, yaxis, xaxis=xaxis, shapes=[mark], margin={"t": 34, "b": 110})


def _figure(data: list[dict[str, Any]], yaxis: dict[str, Any], **layout: Any) -> go.Figure:
    return go.Figure(data, {"height": HEIGHT, "legend": LEGEND, "yaxis": yaxis, **layout})

# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# plotly ships no types
"""Charts of what the blocks cost. Traces come in block order, so they wear the theme's first three colours."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from xception_lab.comparison import Column, Measure, SpectrumPoint, Sweep
from xception_lab.spec import KINDS
from xception_lab.units import compact

HEIGHT = 400
# the same for every number of layers, so that nothing jumps while a control moves
LAYERS_HEIGHT = 430
# at the foot: on a phone the chart's own menu stands over its head
_LEGEND = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
_SYMBOLS = {"standard": "square", "extreme": "diamond", "separable": "circle"}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a chart in the reader's language. kinds, layers: by the engine's own name."""

    measure: str
    kinds: dict[str, str]
    layers: dict[str, str]
    notes: dict[str, str]


def layers_figure(columns: tuple[Column, ...], measure: Measure, words: Words) -> go.Figure:
    """One bar a layer in running order, the three blocks under each other."""
    figure = go.Figure()
    rows: list[str] = []
    for column in columns:
        values = [getattr(layer, measure) for layer in column.cost.layers]
        rows.append(f"<b>{words.kinds[column.kind]}</b>")
        figure.add_bar(
            y=list(range(len(rows), len(rows) + len(values))),
            x=np.array(values, dtype=float),
            orientation="h",
            name=words.kinds[column.kind],
            text=[compact(value) for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x:,}",
        )
        rows += [words.layers[layer.name] for layer in column.cost.layers]
    figure.update_layout(height=LAYERS_HEIGHT, showlegend=False, bargap=0.25, margin={"t": 34, "r": 70, "b": 40})
    ends = [len(rows) - 0.4, -0.6]
    figure.update_yaxes(range=ends, tickvals=list(range(len(rows))), ticktext=rows, showgrid=False)
    figure.update_xaxes(title=words.measure, tickformat="~s", nticks=5)
    return figure


def spectrum_figure(
    points: tuple[SpectrumPoint, ...], columns: tuple[Column, ...], measure: Measure, current: int, words: Words
) -> go.Figure:
    """The extreme block over its number of segments, with the other two blocks as level lines."""
    segments = np.array([point.segments for point in points])
    costs = np.array([getattr(point.cost, measure) for point in points], dtype=float)
    ends = [segments[0], segments[-1]]
    figure = go.Figure()
    for column in columns:
        kind = column.kind
        if kind == "extreme":
            figure.add_scatter(
                x=segments,
                y=costs,
                mode="lines+markers",
                name=words.kinds[kind],
                marker={"size": 9, "symbol": _SYMBOLS[kind]},
                line={"width": 3},
                customdata=np.array([point.channels_per_segment for point in points]),
                hovertemplate=words.notes["hover"],
            )
        else:
            level = getattr(column.cost, measure)
            figure.add_scatter(
                x=ends,
                y=[level, level],
                mode="lines",
                name=words.kinds[kind],
                line={"dash": "dash"},
                hoverinfo="name+y",
            )
    at = np.flatnonzero(segments == current)
    figure.add_scatter(
        x=segments[at],
        y=costs[at],
        mode="markers",
        name=words.notes["current"],
        marker={"size": 20, "symbol": "circle-open", "line": {"width": 3}},
        hoverinfo="skip",
    )
    figure.add_vrect(x0=2.7, x1=4.4, opacity=0.15, fillcolor="gray", line_width=0)
    figure.add_annotation(
        x=np.log10(3.45), y=1, yref="paper", yanchor="top", text=words.notes["inception"], showarrow=False
    )
    figure.update_layout(height=HEIGHT, legend=_LEGEND, margin={"t": 34, "r": 50, "b": 120})
    ticks = [str(number) for number in segments]
    ticks[0] += f"<br>{words.notes['regular']}"
    ticks[-1] += f"<br>{words.notes['one']}"
    figure.update_xaxes(
        type="log", title=words.notes["axis"], tickvals=segments, ticktext=ticks, tickangle=0, ticklabeloverflow="allow"
    )
    figure.update_yaxes(type="log", title=words.measure, tickformat=".2~s", dtick="D2")
    return figure


def sweep_figure(sweep: Sweep, measure: Measure, scale: str, words: Words) -> go.Figure:
    """Cost of the three blocks over one field, with the current value marked. scale: "log" or "linear"."""
    figure = go.Figure()
    for kind in KINDS:
        figure.add_scatter(
            x=np.array(sweep.values),
            y=np.array([getattr(cost, measure) for cost in sweep.costs[kind]], dtype=float),
            mode="lines+markers",
            name=words.kinds[kind],
            marker={"symbol": _SYMBOLS[kind], "size": 9},
            hovertemplate="%{fullData.name}<br>%{xaxis.title.text} %{x}: %{y:,}<extra></extra>",
        )
    figure.add_vline(x=sweep.current, line_dash="dot", line_width=2, line_color="gray")
    figure.update_layout(height=HEIGHT, legend=_LEGEND, margin={"t": 34, "b": 110})
    figure.update_xaxes(type=scale, title=sweep.field)
    figure.update_yaxes(type=scale, title=words.measure, tickformat=".2~s")
    if scale == "log":
        figure.update_xaxes(tickvals=sweep.values, ticktext=[str(value) for value in sweep.values])
        figure.update_yaxes(dtick=1)
    else:
        figure.update_yaxes(rangemode="tozero")
    return figure

# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# plotly ships no types
"""Charts of a whole network: where its cost lives, what a change does to its blocks, and its relatives."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.network import KINDS, Kind, Network, Weighed, block_kinds, tree
from xception_lab.relatives import Over, Relative
from xception_lab.units import compact

HEIGHT = 430
# one colour a kind on both grounds, in the theme's order; the drawings wear the same
COLOURS: dict[Kind, str] = {
    "standard": "#7d8da3", "depthwise": "#d06a1f", "pointwise": "#1fa093", "shortcut": "#9379c4", "spatial": "#c8588c",
    "linear": "#5b93cc", "other": "#a8983a",
}  # fmt: skip
_LEGEND = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}


def treemap_figure(network: Network, weighed: Weighed, names: Mapping[str, str]) -> go.Figure:
    """Flows, blocks and kinds as nested areas. names: of flows and kinds in the reader's language."""
    nodes = tree(network, weighed)
    shades: dict[str, str] = {**COLOURS}
    colours = [shades.get(node.path[-1], "rgba(128,128,128,0.12)") for node in nodes]
    trace = {
        "type": "treemap",
        "ids": ["/".join(node.path) for node in nodes],
        "parents": ["/".join(node.path[:-1]) for node in nodes],
        "labels": [names.get(node.path[-1], node.path[-1]) for node in nodes],
        "values": np.array([node.amount for node in nodes], dtype=float),
        "branchvalues": "total",
        "sort": False,
        "marker": {"colors": colours, "cornerradius": 3},
        "tiling": {"pad": 2},
        "texttemplate": "%{label}<br>%{percentRoot:.1%}",
        "hovertemplate": "%{label}: %{value:,}, %{percentRoot:.2%}<extra></extra>",
        "pathbar": {"visible": False},
    }
    return go.Figure([trace], {"height": HEIGHT, "margin": {"t": 8, "l": 0, "r": 0, "b": 8}})


def blocks_figure(network: Network, weighed: Weighed, names: Mapping[str, str], measure: str) -> go.Figure:
    """One bar a block, cut by kind."""
    table = block_kinds(network, weighed)
    blocks = list(table)
    bars: list[dict[str, Any]] = []
    for kind in KINDS:
        amounts = np.array([table[block].get(kind, 0) for block in blocks], dtype=float)
        if amounts.any():
            bars.append({
                "type": "bar", "orientation": "h", "y": blocks, "x": amounts, "name": names[kind],
                "marker": {"color": COLOURS[kind]}, "hovertemplate": "%{y}, %{fullData.name}: %{x:,}<extra></extra>",
            })  # fmt: skip
    return go.Figure(bars, {
        "barmode": "stack", "height": HEIGHT, "legend": {**_LEGEND, "traceorder": "normal"}, "bargap": 0.22,
        "yaxis": {"autorange": "reversed", "showgrid": False},
        "xaxis": {"title": {"text": measure}, "tickformat": "~s", "nticks": 6},
        "margin": {"t": 8, "r": 10, "b": 95},
    })  # fmt: skip


def relatives_figure(relatives: Sequence[Relative], over: Over, names: Mapping[str, str]) -> go.Figure:
    """Accuracy over a cost on a logarithmic axis; a bubble's area stands for the other cost.

    names: "accuracy", "macs", "params" and "unknown". A network without a published accuracy is a line at its cost.
    """
    known = [relative for relative in relatives if relative.top1 is not None]
    unknown = [relative for relative in relatives if relative.top1 is None]
    other: Over = "params" if over == "macs" else "macs"
    sizes = np.array([getattr(relative, other) for relative in known], dtype=float)
    order = list(COLOURS.values())
    trace = {
        "type": "scatter", "mode": "markers+text",
        "x": np.array([getattr(relative, over) for relative in known], dtype=float),
        "y": np.array([relative.top1 for relative in known]),
        "text": [relative.name for relative in known],
        "textposition": ["bottom center" if relative.name == "Inception V3" else "top center" for relative in known],
        "marker": {
            "size": sizes, "sizemode": "area", "sizeref": _per_area(sizes), "sizemin": 5,
            "color": [order[2] if relative.name == "Xception" else order[0] for relative in known], "opacity": 0.75,
        },
        "customdata": [[compact(each.params), compact(each.macs), each.accuracy_source] for each in known],
        "hovertemplate": "<b>%{text}</b><br>%{y:.1%} (%{customdata[2]})<br>%{customdata[0]} / %{customdata[1]} MACs"
        "<extra></extra>",
    }  # fmt: skip
    lines: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for relative in unknown:
        at = getattr(relative, over)
        lines.append({
            "type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper",
            "line": {"dash": "dot", "width": 2, "color": "gray"},
        })  # fmt: skip
        notes.append({
            "x": float(np.log10(at)), "y": 0.02, "yref": "paper", "xanchor": "right", "showarrow": False,
            "align": "right", "text": names["unknown"],
        })  # fmt: skip
    ticks = {"macs": [5e8, 1e9, 2e9, 5e9, 1e10, 2e10, 5e10], "params": [5e6, 1e7, 2e7, 5e7, 1e8, 2e8]}[over]
    return go.Figure([trace], {
        "height": HEIGHT, "shapes": lines, "annotations": notes, "showlegend": False,
        "xaxis": {
            "type": "log", "title": {"text": names[over]}, "tickvals": ticks,
            "ticktext": [compact(tick) for tick in ticks],
        },
        "yaxis": {"title": {"text": names["accuracy"]}, "tickformat": ".0%", "range": [0.685, 0.81]},
        "margin": {"t": 12, "r": 20, "b": 55},
    })  # fmt: skip


def _per_area(sizes: "np.ndarray[Any, np.dtype[np.float64]]") -> float:
    """Plotly's sizeref: the largest bubble 60 pixels wide."""
    return float(np.divide(np.multiply(sizes.max(), 2), np.square(60)))

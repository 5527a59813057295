"""Charts of a whole network beside its relatives."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.arch.related_networks import CostAxis, RelatedNetwork
from xception_lab.common.units import format_count

HEIGHT = 430
# on both grounds
_XCEPTION, _OTHERS = "#1fa093", "#7d8da3"


def relatives_figure(relatives: Sequence[RelatedNetwork], over: CostAxis, names: Mapping[str, str]) -> go.Figure:
    """Accuracy over a cost on a logarithmic axis; a bubble's area stands for the other cost.

    names: "accuracy", "macs", "params" and "unknown". A network without a published accuracy is a line at its cost.
    """
    known = [relative for relative in relatives if relative.top1 is not None]
    unknown = [relative for relative in relatives if relative.top1 is None]
    other: CostAxis = "params" if over == "macs" else "macs"
    sizes = np.array([getattr(relative, other) for relative in known], dtype=float)
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": np.array([getattr(relative, over) for relative in known], dtype=float),
        "y": np.array([relative.top1 for relative in known]),
        "text": [relative.name for relative in known],
        "textposition": ["bottom center" if relative.name == "Inception V3" else "top center" for relative in known],
        "marker": {
            "size": sizes,
            "sizemode": "area",
            "sizeref": _per_area(sizes),
            "sizemin": 5,
            "color": [_XCEPTION if relative.name == "Xception" else _OTHERS for relative in known],
            "opacity": 0.75,
        },
        "customdata": [[format_count(each.params), format_count(each.macs), each.accuracy_source] for each in known],
        "hovertemplate": "<b>%{text}</b><br>%{y:.1%} (%{customdata[2]})<br>%{customdata[0]} / %{customdata[1]} MACs"
        "<extra></extra>",
    }
    lines: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    for relative in unknown:
        at = getattr(relative, over)
        lines.append(
            {
                "type": "line",
                "x0": at,
                "x1": at,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"dash": "dot", "width": 2, "color": "gray"},
            }
        )
        notes.append(
            {
                "x": float(np.log10(at)),
                "y": 0.02,
                "yref": "paper",
                "xanchor": "right",
                "showarrow": False,
                "align": "right",
                "text": names["unknown"],
            }
        )
    ticks = {"macs": [5e8, 1e9, 2e9, 5e9, 1e10, 2e10, 5e10], "params": [5e6, 1e7, 2e7, 5e7, 1e8, 2e8]}[over]
    return go.Figure(
        [trace],
        {
            "height": HEIGHT,
            "shapes": lines,
            "annotations": notes,
            "showlegend": False,
            "xaxis": {
                "type": "log",
                "title": {"text": names[over]},
                "tickvals": ticks,
                "ticktext": [format_count(tick) for tick in ticks],
            },
            "yaxis": {"title": {"text": names["accuracy"]}, "tickformat": ".0%", "range": [0.685, 0.81]},
            "margin": {"t": 12, "r": 20, "b": 55},
        },
    )


def _per_area(sizes: "np.ndarray[Any, np.dtype[np.float64]]") -> float:
    """Plotly's sizeref: the largest bubble 60 pixels wide."""
    return float(np.divide(np.multiply(sizes.max(), 2), np.square(60)))

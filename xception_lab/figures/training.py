"""Charts of an experiment: learning curves with the range of the seeds, effects with their intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.experiments.effects import Effect
from xception_lab.experiments.tables import Curve

_COLOURS = ("#0b7f74", "#ab4a10", "#7a5ea8", "#5f6f86", "#a83f6f", "#4477aa", "#8a7a1f", "#2f6b3a")


def curves_figure(curves: Sequence[Curve], names: Sequence[str], accuracy: str, epoch: str) -> go.Figure:
    """Test accuracy over the epochs: one line a variant (mean of the seeds), a band from the lowest to the highest."""
    data: list[dict[str, Any]] = []
    for position, (curve, name) in enumerate(zip(curves, names, strict=True)):
        colour = _COLOURS[position % len(_COLOURS)]
        band = {
            "type": "scatter",
            "x": [*curve.epochs, *reversed(curve.epochs)],
            "y": [*curve.high, *reversed(curve.low)],
        }
        data.append(
            {
                **band,
                "fill": "toself",
                "fillcolor": colour,
                "opacity": 0.15,
                "line": {"width": 0},
                "mode": "lines",
                "showlegend": False,
                "hoverinfo": "skip",
                "legendgroup": name,
            }
        )
        data.append(
            {
                "type": "scatter",
                "x": curve.epochs,
                "y": np.array(curve.mean),
                "name": name,
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2.5},
                "legendgroup": name,
                "hovertemplate": "%{fullData.name}<br>%{x}: %{y:.2f} %<extra></extra>",
            }
        )
    axis = {"title": {"text": epoch}, "dtick": 1}
    return go.Figure(
        data,
        {
            "height": 380,
            "xaxis": axis,
            "yaxis": {"title": {"text": accuracy}, "ticksuffix": " %"},
            "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0},
            "margin": {"t": 34, "b": 110},
            "hovermode": "closest",
        },
    )


def effects_figure(effects: Sequence[Effect], names: Sequence[str], axis: str) -> go.Figure:
    """Each effect in points with its 95 % interval and one dot a seed; nothing is the line at zero."""
    rows = list(range(len(effects)))
    dots = [(difference, row) for row, effect in enumerate(effects) for difference in effect.differences]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [x for x, _ in dots],
            "y": [y for _, y in dots],
            "marker": {"size": 7, "color": "gray", "opacity": 0.55},
            "hovertemplate": "%{x:+.2f}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "x": np.array([effect.points for effect in effects]),
            "y": rows,
            "marker": {"size": 13, "symbol": "diamond", "color": _COLOURS[1]},
            "error_x": {"type": "data", "array": [effect.half_width or 0 for effect in effects], "thickness": 2.5},
            "hovertemplate": "%{x:+.2f} ± %{error_x.array:.2f}<extra></extra>",
        },
    ]
    zero = {
        "type": "line",
        "x0": 0,
        "x1": 0,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "line": {"color": "gray", "width": 1.5},
    }
    labels = {"tickvals": rows, "ticktext": list(names), "range": [len(rows) - 0.5, -0.5], "showgrid": False}
    return go.Figure(
        data,
        {
            "height": 380,
            "showlegend": False,
            "shapes": [zero],
            "yaxis": labels,
            "xaxis": {"title": {"text": axis}},
            "margin": {"t": 34, "r": 20, "b": 50},
        },
    )

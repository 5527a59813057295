"""Charts of an experiment: learning curves with the range of the seeds, effects with their intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.common.palette import CATEGORICAL_COLOURS
from xception_lab.experiments.effects import Effect
from xception_lab.experiments.tables import Curve
from xception_lab.figures.style import GREY, LEGEND, vertical_line

# the baseline first; neighbours far apart
_COLOURS = tuple(CATEGORICAL_COLOURS[place].light for place in (2, 1, 3, 0, 4, 5, 6, 7))


def curves_figure(curves: Sequence[Curve], names: Sequence[str], accuracy: str, epoch: str) -> go.Figure:
    """Test accuracy over the epochs: a line per variant (mean of its seeds), a band from the lowest to the highest."""
    data: list[dict[str, Any]] = []
    for position, (curve, name) in enumerate(zip(curves, names, strict=True)):
        colour = _COLOURS[position % len(_COLOURS)]
        data.append(
            {
                "type": "scatter",
                "x": [*curve.epochs, *reversed(curve.epochs)],
                "y": [*curve.high, *reversed(curve.low)],
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
    return go.Figure(
        data,
        {
            "height": 380,
            "xaxis": {"title": {"text": epoch}, "dtick": 1},
            "yaxis": {"title": {"text": accuracy}, "ticksuffix": " %"},
            "legend": LEGEND,
            "margin": {"t": 34, "b": 110},
            "hovermode": "closest",
        },
    )


def effects_figure(effects: Sequence[Effect], names: Sequence[str], axis: str) -> go.Figure:
    """Each effect in percentage points with its 95 % interval and a dot per seed; the line at zero is no effect."""
    rows = list(range(len(effects)))
    dots = [(difference, row) for row, effect in enumerate(effects) for difference in effect.differences]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [x for x, _ in dots],
            "y": [y for _, y in dots],
            "marker": {"size": 7, "color": GREY, "opacity": 0.55},
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
    labels = {"tickvals": rows, "ticktext": list(names), "range": [len(rows) - 0.5, -0.5], "showgrid": False}
    return go.Figure(
        data,
        {
            "height": 380,
            "showlegend": False,
            "shapes": [vertical_line(0, dash="solid")],
            "yaxis": labels,
            "xaxis": {"title": {"text": axis}},
            "margin": {"t": 34, "r": 20, "b": 50},
        },
    )

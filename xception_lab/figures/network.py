"""The chart of Xception beside related networks: accuracy over cost."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from xception_lab.arch.related_networks import CostAxis, RelatedNetwork
from xception_lab.common.palette import BLOCK_COLOURS_ON_BOTH_GROUNDS
from xception_lab.common.units import format_count
from xception_lab.figures.style import vertical_line

_XCEPTION, _OTHERS = BLOCK_COLOURS_ON_BOTH_GROUNDS["separable"], BLOCK_COLOURS_ON_BOTH_GROUNDS["standard"]
_LARGEST_BUBBLE = 60  # pixels wide


def _name_place(relative: RelatedNetwork, known: Sequence[RelatedNetwork], over: CostAxis) -> str:
    """Where a network's name stands, so that none leaves the chart or lies on another."""
    # the largest network's bubble is wider than its name
    side = "right" if relative == min(known, key=lambda each: getattr(each, over)) else "center"
    return f"{'bottom' if relative.name == 'Inception V3' else 'top'} {side}"


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
        "textposition": [_name_place(relative, known, over) for relative in known],
        "marker": {
            "size": sizes,
            "sizemode": "area",
            # plotly's formula for a largest bubble of that width
            "sizeref": 2 * sizes.max() / _LARGEST_BUBBLE**2,
            "sizemin": 5,
            "color": [_XCEPTION if relative.name == "Xception" else _OTHERS for relative in known],
            "opacity": 0.75,
        },
        "customdata": [
            [format_count(each.params), format_count(each.macs), each.accuracy_source and each.accuracy_source.text]
            for each in known
        ],
        "hovertemplate": "<b>%{text}</b><br>%{y:.1%} (%{customdata[2]})<br>%{customdata[0]} / %{customdata[1]} MACs"
        "<extra></extra>",
    }
    places = [getattr(relative, over) for relative in unknown]
    notes = [
        {
            "x": float(np.log10(place)),
            "y": 0.02,
            "yref": "paper",
            "xanchor": "right",
            "showarrow": False,
            "align": "right",
            "text": names["unknown"],
        }
        for place in places
    ]
    ticks = {"macs": [5e8, 1e9, 2e9, 5e9, 1e10, 2e10, 5e10], "params": [5e6, 1e7, 2e7, 5e7, 1e8, 2e8]}[over]
    return go.Figure(
        [trace],
        {
            "height": 430,
            "shapes": [vertical_line(place, width=2) for place in places],
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

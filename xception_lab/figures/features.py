"""Charts of feature maps: numbers along the depth, explained variance along a block, and the receptive field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from xception_lab.common.palette import BLOCK_COLOURS_ON_BOTH_GROUNDS, PLUS_COLOUR, VARIANT_COLOURS
from xception_lab.features.readings import PLACES, Order, Quartiles
from xception_lab.figures.style import GREY, LEGEND, error_bars, vertical_line
from xception_lab.spec import Activation

# of a block of the paper, or of a variant that is none
_COLOURS = {**BLOCK_COLOURS_ON_BOTH_GROUNDS, "variant": VARIANT_COLOURS[0]}
_SYMBOLS = {"none": "circle", "relu": "diamond"}
# of the three axes under each other, as shares of the height
_DOMAINS = ((0.73, 0.95), (0.38, 0.6), (0.03, 0.25))


@dataclass(frozen=True, slots=True)
class DepthLine:
    """One network's numbers over its layers.

    look: whose colour it has. between: the activation between its two convolutions. curves: share of zeros, share of
    dead channels and effective rank, each as (places along the depth, values, hover texts).
    """

    name: str
    look: str
    between: str
    curves: Sequence[tuple[Sequence[int], Sequence[float], Sequence[str]]]


def depth_figure(lines: Sequence[DepthLine], ticks: Mapping[int, str], words: Sequence[str], current: int) -> go.Figure:
    """Share of zeros, share of dead channels and effective rank along the depth, under each other.

    ticks: text by place. words: titles of the three axes, and the name of the place that is marked.
    current: that place.
    """
    data: list[dict[str, Any]] = []
    for line in lines:
        colour = _COLOURS[line.look]
        for number, (at, values, hover) in enumerate(line.curves, start=1):
            data.append(
                {
                    "type": "scatter",
                    "x": list(at),
                    "y": np.array(values),
                    "mode": "lines+markers",
                    "name": line.name,
                    "legendgroup": line.name,
                    "showlegend": number == 1,
                    "line": {"color": colour, "width": 2, "dash": "solid" if line.between == "none" else "dot"},
                    "marker": {"size": 6, "symbol": _SYMBOLS.get(line.between, "diamond")},
                    "xaxis": "x",
                    "yaxis": f"y{number}",
                    "customdata": list(hover),
                    "hovertemplate": "%{customdata}: %{y:.3~g}<extra>%{fullData.name}</extra>",
                }
            )
    axes = {
        f"yaxis{number}": {
            "domain": list(domain),
            "rangemode": "tozero",
            "anchor": "x",
            "tickformat": ".0%",
            "nticks": 4,
        }
        for number, domain in enumerate(_DOMAINS, start=1)
    }
    # over its axis: beside it, a title is as long as the axis is high
    beside = {"yref": "paper", "yanchor": "bottom", "showarrow": False}
    titles = [
        {**beside, "xref": "paper", "x": 0, "xanchor": "left", "y": top, "text": f"<b>{word}</b>"}
        for (_bottom, top), word in zip(_DOMAINS, words, strict=False)
    ]
    here = {**beside, "x": current, "xanchor": "center", "y": 1, "text": words[3], "font": {"color": GREY}}
    return go.Figure(
        data,
        {
            "height": 560,
            "legend": LEGEND,
            "margin": {"t": 30, "r": 20, "b": 110},
            "hovermode": "closest",
            "annotations": [*titles, here],
            **axes,
            "xaxis": {
                "tickvals": list(ticks),
                "ticktext": list(ticks.values()),
                "tickangle": -35,
                "anchor": "y3",
                "showgrid": False,
            },
            "shapes": [vertical_line(current)],
        },
    )


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """One block's explained variance place by place.

    quartiles: over the draws, at each of PLACES. ends: the smallest and the largest median over all pictures there.
    """

    name: str
    kind: Order
    between: Activation
    quartiles: Sequence[Quartiles]
    ends: Sequence[tuple[float, float]]


# so that the ranges of the four lines stand side by side
_OFFSETS = {
    ("extreme", "none"): -0.15,
    ("extreme", "relu"): -0.05,
    ("separable", "none"): 0.05,
    ("separable", "relu"): 0.15,
}


def information_figure(lines: Sequence[PlaceLine], luminance: float | None, words: Mapping[str, str]) -> go.Figure:
    """Explained variance along the blocks, with the quartiles over the draws and the range over all pictures.

    luminance: of the baseline across the chart; None for no such line. words: by PLACES, and "explained", "luminance",
    "pictures".
    """
    data: list[dict[str, Any]] = []
    for line in lines:
        colour, offset = BLOCK_COLOURS_ON_BOTH_GROUNDS[line.kind], _OFFSETS[line.kind, line.between]
        places = [place + offset for place in range(len(PLACES))]
        medians, lows, highs = ([getattr(q, name) for q in line.quartiles] for name in ("median", "low", "high"))
        shared = {"type": "scatter", "legendgroup": line.name, "name": line.name}
        ends_y = [value for low, high in line.ends for value in (low, high, None)]
        data += [
            {
                **shared,
                "mode": "lines",
                "showlegend": False,
                "x": [place for at in places for place in (at, at, None)],
                "y": ends_y,
                "line": {"color": colour, "width": 9},
                "opacity": 0.25,
                "hovertemplate": f"%{{y:.1%}}<extra>{line.name}, {words['pictures']}</extra>",
            },
            {
                **shared,
                "mode": "lines+markers",
                "x": places,
                "y": np.array(medians),
                "error_y": {**error_bars(medians, lows, highs, thickness=2), "width": 5},
                "line": {"color": colour, "width": 2.5, "dash": "solid" if line.between == "none" else "dot"},
                "marker": {"size": 9, "symbol": _SYMBOLS[line.between], "color": colour},
                "hovertemplate": "%{y:.1%}<extra>%{fullData.name}</extra>",
            },
        ]
    level = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": luminance, "y1": luminance}
    note = {"xref": "paper", "x": 0, "y": luminance, "text": words["luminance"], "showarrow": False, "xanchor": "left"}
    low = min(end for line in lines for end in (*(q.low for q in line.quartiles), *(low for low, _high in line.ends)))
    return go.Figure(
        data,
        {
            "height": 470,
            "legend": LEGEND,
            "margin": {"t": 20, "r": 30, "b": 150},
            "hovermode": "closest",
            "xaxis": {
                "tickvals": [*range(len(PLACES))],
                "ticktext": [words[place] for place in PLACES],
                "range": [-0.4, len(PLACES) - 0.6],
                "showgrid": False,
                # otherwise plotly drops on a phone the labels that would stand over the margin
                "tickangle": 0,
                "ticklabeloverflow": "allow",
            },
            "yaxis": {"title": {"text": words["explained"]}, "tickformat": ".0%", "range": [max(-1, low - 0.05), 1.03]},
            "shapes": [] if luminance is None else [{**level, "line": {"color": GREY, "width": 1.5, "dash": "dash"}}],
            "annotations": [] if luminance is None else [{**note, "yanchor": "top", "font": {"color": GREY}}],
        },
    )


def reach_figure(
    picture: str, gradient: NDArray[np.float32], box: tuple[int, int, int, int], words: Sequence[str]
) -> go.Figure:
    """The picture with the receptive field on it, and the gradient's size with the same box.

    picture: a data URI. gradient: (side, side). box: left, top, right, bottom in pixels, the last ones included.
    """
    side = len(gradient)
    left, top, right, bottom = box
    frame = {
        "type": "rect",
        "x0": left - 0.5,
        "x1": right + 0.5,
        "y0": top - 0.5,
        "y1": bottom + 0.5,
        "line": {"width": 3, "color": PLUS_COLOUR},
    }
    axis = {"range": [-0.5, side - 0.5], "showgrid": False, "zeroline": False, "nticks": 6, "constrain": "domain"}
    axis["ticks"] = ""  # the theme's are on the left picture alone
    upside = {**axis, "range": [side - 0.5, -0.5], "scaleratio": 1, "constraintoward": "top"}
    heat = {
        "type": "heatmap",
        "z": gradient,
        "xaxis": "x2",
        "yaxis": "y2",
        "showscale": False,
        "colorscale": "Cividis",
        "hovertemplate": "%{y}, %{x}: %{z:.3g}<extra></extra>",
    }
    # placed by the axes' domains, which shrink to a square on a phone; above the titles are plotly's own buttons
    title = {"x": 0.5, "y": 1, "yanchor": "bottom", "yshift": 4, "showarrow": False}
    titles = [
        {**title, "xref": f"x{number} domain", "yref": f"y{number} domain", "text": text}
        for number, text in zip(("", "2"), words, strict=True)
    ]
    return go.Figure(
        [heat],
        {
            "height": 470,
            "margin": {"t": 72, "r": 20, "b": 40},
            "xaxis": {**axis, "domain": [0, 0.48]},
            "xaxis2": {**axis, "domain": [0.52, 1]},
            "yaxis": {**upside, "scaleanchor": "x"},
            "yaxis2": {**upside, "scaleanchor": "x2", "anchor": "x2", "showticklabels": False},
            "images": [
                {
                    "source": picture,
                    "xref": "x",
                    "yref": "y",
                    "x": -0.5,
                    "y": -0.5,
                    "sizex": side,
                    "sizey": side,
                    "sizing": "stretch",
                    "layer": "below",
                }
            ],
            "shapes": [{**frame, "xref": "x", "yref": "y"}, {**frame, "xref": "x2", "yref": "y2"}],
            "annotations": titles,
        },
    )

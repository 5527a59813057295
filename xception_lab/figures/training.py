"""Charts of an experiment: learning curves with the seeds' range, effects with intervals, and their trends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from xception_lab.common.palette import CATEGORICAL_COLOURS
from xception_lab.common.units import format_near
from xception_lab.experiments.effects import Effect, Trend
from xception_lab.experiments.tables import Curve
from xception_lab.figures.style import GREY, LEGEND, error_bars, horizontal_line, vertical_line

DOT_OPACITY = 0.85  # so that dots over each other differ from one, and one has a contrast of 3 to either ground
EFFECT_COLOUR = CATEGORICAL_COLOURS[5].light  # a difference belongs to no block
PANEL_GAP = 0.06  # between panels beside each other, of the figure's width
MOST_BANDS = 6  # of seeds' ranges over each other; more are mud


def curves_figure(
    curves: Sequence[Curve],
    names: Sequence[str],
    colours: Sequence[str],
    dashes: Sequence[str],
    accuracy: str,
    epoch: str,
    panels: Sequence[str] = (),
) -> go.Figure:
    """Accuracy over the epochs: a line per variant (mean of its seeds), a band from the lowest to the highest.

    Without the bands where there are so many that one would lie on the other. panels: the title of the panel that each
    curve is drawn in, where they are drawn beside each other; lines of one name have one colour in all of them.
    """
    data: list[dict[str, Any]] = []
    titles = list(dict.fromkeys(panels)) or [""]
    places = [titles.index(panel) for panel in panels] or [0] * len(curves)
    numbers = ["", *map(str, range(2, len(titles) + 1))]  # as Plotly counts axes
    named: set[str] = set()
    for curve, name, colour, dash, place in zip(curves, names, colours, dashes, places, strict=True):
        band = [
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
        ]
        data += band if len(curves) <= MOST_BANDS else []
        data.append(
            {
                "type": "scatter",
                "x": curve.epochs,
                "y": np.array(curve.mean),
                "name": name,
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2.5, "dash": dash},
                "legendgroup": name,
                "showlegend": name not in named,
                "xaxis": f"x{numbers[place]}",
                "hovertemplate": "%{fullData.name}<br>%{x}: %{y:.2f}%<extra></extra>",
            }
        )
        named.add(name)
    width = (1 - PANEL_GAP * (len(titles) - 1)) / len(titles)
    lefts = [place * (width + PANEL_GAP) for place in range(len(titles))]
    axes = {
        f"xaxis{number}": {"title": {"text": epoch}, "dtick": 1, "domain": [left, left + width]}
        for number, left in zip(numbers, lefts, strict=True)
    }
    heads = [
        {"xref": "paper", "yref": "paper", "x": left, "y": 1, "xanchor": "left", "yanchor": "bottom", "text": title}
        | {"showarrow": False}
        for title, left in zip(titles, lefts, strict=True)
        if title
    ]
    return go.Figure(
        data,
        {
            "height": 380,
            **axes,
            "annotations": heads,
            "yaxis": {"title": {"text": accuracy}, "ticksuffix": " %"},
            "legend": LEGEND,
            "margin": {"t": 34, "b": 110},
            "hovermode": "closest",
        },
    )


def effects_figure(
    effects: Sequence[Effect],
    names: Sequence[str],
    axis: str,
    margin: float | None,
    behind: Sequence[Effect] = (),
) -> go.Figure:
    """Each effect in percentage points with its interval and a dot per seed; the line at zero is no effect.

    margin: half the width of a band around zero, where a claim of equivalence is judged by it. behind: the same effects
    of another experiment, whose intervals are pale bars. A diamond is filled where the effect is primary.
    """
    rows = list(range(len(effects)))
    dots = [(difference, row) for row, effect in enumerate(effects) for difference in effect.differences]
    points = [effect.points for effect in effects]
    low = [effect.points if effect.low is None else effect.low for effect in effects]
    high = [effect.points if effect.high is None else effect.high for effect in effects]
    shapes = [vertical_line(0, dash="solid")]
    if margin is not None:
        band = {"type": "rect", "x0": -margin, "x1": margin, "y0": 0, "y1": 1, "yref": "paper", "layer": "below"}
        shapes.append(band | {"fillcolor": GREY, "opacity": 0.12, "line": {"width": 0}})
    shapes += [
        {
            "type": "rect",
            "x0": other.low,
            "x1": other.high,
            "y0": row - 0.24,
            "y1": row + 0.24,
            "layer": "below",
            "fillcolor": EFFECT_COLOUR,
            "opacity": 0.28,
            "line": {"width": 0},
        }
        for row, effect in enumerate(effects)
        for other in behind
        if other.weights == effect.weights and other.low is not None
    ]
    data: list[dict[str, Any]] = [
        _seed_dots(dots, 7, "%{x:+.2f}<extra></extra>"),
        {
            "type": "scatter",
            "mode": "markers",
            "x": np.array(points),
            "y": rows,
            "marker": {
                "size": 13,
                "symbol": ["diamond" if effect.is_primary else "diamond-open" for effect in effects],
                "color": EFFECT_COLOUR,
                "line": {"width": 2, "color": EFFECT_COLOUR},
            },
            "error_x": error_bars(points, low, high, 2.5),
            "hovertext": [_hover(*ends, margin) for ends in zip(points, low, high, strict=True)],
            "hovertemplate": "%{hovertext}<extra></extra>",
        },
    ]
    labels = {"tickvals": rows, "ticktext": list(names), "range": [len(rows) - 0.5, -0.5], "showgrid": False}
    return go.Figure(
        data,
        {
            "height": max(240, 90 + 70 * len(rows)),
            "showlegend": False,
            "shapes": shapes,
            "yaxis": labels,
            "xaxis": {"title": {"text": axis}},
            "margin": {"t": 34, "r": 20, "b": 50},
        },
    )


def _seed_dots(dots: Sequence[tuple[float, float]], size: int, hover: str) -> dict[str, Any]:
    """The trace of the single seeds' differences. dots: (x, y). size: of a dot, px. hover: plotly's template."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [x for x, _ in dots],
        "y": [y for _, y in dots],
        "marker": {"size": size, "color": GREY, "opacity": DOT_OPACITY},
        "hovertemplate": hover,
    }


def _hover(points: float, low: float, high: float, margin: float | None) -> str:
    limits = (0.0,) if margin is None else (0.0, -margin, margin)
    text, *ends = (format_near(value, limits) for value in (points, low, high))
    return f"{text} [{', '.join(ends)}]"


def trend_figure(trend: Trend, ticks: Sequence[str], axes: tuple[str, str], margin: float | None) -> go.Figure:
    """A difference level by level: a mark with its interval and a dot per seed, and the line of a slope with its band.

    ticks: a name for each level. axes: titles of x and y. margin: as in effects_figure. A mark is filled where the
    comparison at that level was fixed beforehand, and open where it is exploratory.
    """
    data: list[dict[str, Any]] = []
    if trend.line:
        places = trend.line.places
        if trend.line.low and trend.line.high:
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": [*places, *reversed(places)],
                    "y": [*trend.line.high, *reversed(trend.line.low)],
                    "fill": "toself",
                    "fillcolor": EFFECT_COLOUR,
                    "opacity": 0.2,
                    "line": {"width": 0},
                    "hoverinfo": "skip",
                }
            )
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": places,
                "y": np.array(trend.line.points),
                "line": {"color": EFFECT_COLOUR, "width": 2.5},
                "hoverinfo": "skip",
            }
        )
    dots = [(point.place, difference) for point in trend.points for difference in point.differences]
    middle = [point.points for point in trend.points]
    low = [point.points if point.low is None else point.low for point in trend.points]
    high = [point.points if point.high is None else point.high for point in trend.points]
    symbols = ["diamond" if point.is_primary else "diamond-open" for point in trend.points]
    data += [
        _seed_dots(dots, 6, "%{y:+.2f}<extra></extra>"),
        {
            "type": "scatter",
            "mode": "markers",
            "x": [point.place for point in trend.points],
            "y": np.array(middle),
            "marker": {
                "size": 13,
                "symbol": symbols,
                "color": EFFECT_COLOUR,
                "line": {"width": 2, "color": EFFECT_COLOUR},
            },
            "error_y": error_bars(middle, low, high, 2.5) | {"color": EFFECT_COLOUR},
            "hovertext": [_hover(*ends, margin) for ends in zip(middle, low, high, strict=True)],
            "hovertemplate": "%{hovertext}<extra></extra>",
        },
    ]
    shapes: list[dict[str, Any]] = [horizontal_line(0)]
    if margin is not None:
        band = {"type": "rect", "x0": 0, "x1": 1, "xref": "paper", "y0": -margin, "y1": margin, "layer": "below"}
        shapes.append(band | {"fillcolor": GREY, "opacity": 0.12, "line": {"width": 0}})
    tickvals = [point.place for point in trend.points]
    return go.Figure(
        data,
        {
            "height": 380,
            "showlegend": False,
            "shapes": shapes,
            "xaxis": {"title": {"text": axes[0]}, "tickvals": tickvals, "ticktext": list(ticks), "showgrid": False},
            "yaxis": {"title": {"text": axes[1]}},
            "margin": {"t": 34, "r": 20, "b": 60},
        },
    )

"""What the charts have in common: the legend's place, axes of seconds, marks, error bars, and how machines differ.

Everything is a plain dict that goes into one construction of a figure: plotly checks every field again on each later
update, which took 7 ms of a page's run. Traces of the three blocks come first and in the order of KINDS, so they wear
the theme's first three colours, which follow its light or dark ground.
"""

from collections.abc import Sequence
from itertools import cycle, islice
from textwrap import wrap
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from xception_lab.common.units import TICKS_S

# pixels
HEIGHT = 400
PROJECTED_PX, PROJECTED_HEIGHT = 18, 520
# at the foot: on a phone the chart's own menu stands over its head
LEGEND: dict[str, Any] = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0}
# marks that stand for no block; legible on a light and on a dark ground
GREY = "gray"
# as legible on a light ground as on a dark one
ERROR_COLOUR = "#d9443f"

# seconds as people read them: plotly's own prefixes, 1.5 ms
SECONDS_AXIS: dict[str, Any] = {"tickformat": ".3~s", "ticksuffix": "s"}
# plotly leaves the suffix out between the powers of ten of a logarithmic axis
LOG_SECONDS_AXIS: dict[str, Any] = {"type": "log", "tickvals": list(TICKS_S), "ticktext": list(TICKS_S.values())}


class MachineStyle(NamedTuple):
    """How a machine's lines and points look. marker_suffix: what follows the name of a plotly symbol."""

    dash: str
    marker_suffix: str


# this server's points are filled and its lines solid; of a machine whose results were uploaded they are open and broken
THIS_MACHINE = MachineStyle("solid", "")
_OTHER_MACHINES = (
    MachineStyle("dash", "-open"),
    MachineStyle("dashdot", "-open-dot"),
    MachineStyle("longdash", "-open"),
    MachineStyle("longdashdot", "-open-dot"),
)


def machine_styles(count: int) -> tuple[MachineStyle, ...]:
    """A style for each of `count` machines, this server's first."""
    return (THIS_MACHINE, *islice(cycle(_OTHER_MACHINES), count - 1))


def machine_legend(machines: Sequence[str]) -> list[dict[str, Any]]:
    """Traces without points whose entries in the legend name the machines, this server first."""
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [None],
            "y": [None],
            "name": wrap_name(machine),
            "line": {"dash": style.dash, "color": GREY, "width": 2},
            "hoverinfo": "skip",
            "marker": {"symbol": f"circle{style.marker_suffix}", "color": GREY, "size": 11, "line": {"width": 2}},
        }
        for machine, style in zip(machines, machine_styles(len(machines)), strict=True)
    ]


def enlarge(figure: go.Figure) -> None:
    """Give a figure the size of type that is read from a classroom's last row, and room for it."""
    layout: Any = figure.layout
    figure.update_layout(
        font={"size": PROJECTED_PX},
        legend={"font": {"size": PROJECTED_PX}},
        height=max(layout.height or HEIGHT, PROJECTED_HEIGHT),
    )
    type_size = {"tickfont": {"size": PROJECTED_PX}, "title": {"font": {"size": PROJECTED_PX}}, "automargin": True}
    figure.update_xaxes(type_size)
    figure.update_yaxes(type_size)
    figure.update_annotations(font={"size": PROJECTED_PX})
    traces: Any = figure.data
    for trace in traces:
        if "textfont" in trace:
            trace.update(textfont={"size": PROJECTED_PX})
        if trace.type == "bar":  # whose numbers would be made smaller to fit beside thin bars
            trace.update(constraintext="none")


def wrap_name(name: str, width: int = 40) -> str:
    """A long name on lines of at most `width` characters."""
    return "<br>".join(wrap(name, width))


def vertical_line(x: float, dash: str = "dot", width: float = 1.5) -> dict[str, Any]:
    """A shape: a grey line at x over the whole height of the plot."""
    line = {"dash": dash, "width": width, "color": GREY}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def horizontal_line(y: float) -> dict[str, Any]:
    """A shape: a grey line at y over the whole width of the plot."""
    line = {"width": 1.5, "color": GREY}
    return {"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": y, "y1": y, "line": line}


def error_bars(
    middle: Sequence[float], low: Sequence[float], high: Sequence[float], thickness: float
) -> dict[str, Any]:
    """error_x or error_y of points at `middle`, each from low to high."""
    centre = np.array(middle)
    return {
        "type": "data",
        "symmetric": False,
        "thickness": thickness,
        "array": np.array(high) - centre,
        "arrayminus": centre - np.array(low),
    }

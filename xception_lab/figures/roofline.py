"""The chart of a roofline: each convolution under the roofs of its machine."""

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from xception_lab.common.palette import BLOCK_COLOURS_ON_BOTH_GROUNDS, BLOCK_SYMBOLS
from xception_lab.figures.style import GREY, THIS_MACHINE, MachineStyle, machine_legend, machine_styles
from xception_lab.figures.timing import TIMING_LEGEND, TimingWords
from xception_lab.spec import KINDS, Kind
from xception_lab.timing.analysis import MachineRoofline, RooflinePoint

NEAR = 1.0  # of two points' logarithms: their names would lie on each other
# by what binds an estimate: the word at its dash, and what makes its point open
_LIMIT_WORDS = {"memory": "data", "compute": "products"}
_LIMIT_SUFFIXES = {"memory": "-open", "compute": ""}
# of a point's name: two blocks have points of nearly the same place
_TEXT_POSITIONS = {"standard": "middle left", "extreme": "bottom left", "separable": "bottom right"}


def roofline_figure(machines: Sequence[MachineRoofline], words: TimingWords) -> go.Figure:
    """FLOP/s over FLOPs per byte: each convolution a point under the roofs of its machine's memory and fastest cache.

    machines: this server first.
    """
    styles = machine_styles(len(machines))
    # this server's points first: they wear the theme's first three colours
    data = [
        _points(kind, machine, style, words) for machine, style in zip(machines, styles, strict=True) for kind in KINDS
    ]
    data += [_gaps(machines[0]), _estimates(machines[0], words)]
    several = len(machines) > 1
    data += _limit_legend(words)
    if several:
        data += machine_legend([machine.machine for machine in machines])
    for machine, style in zip(machines, styles, strict=True):
        data += _roofs(machine, style, words, several)
    return go.Figure(
        data,
        {
            "height": 460,
            "legend": TIMING_LEGEND,
            "xaxis": {"type": "log", "title": {"text": words.notes["intensity"]}, "dtick": 1},
            "yaxis": {"type": "log", "title": {"text": "FLOP/s"}, "tickformat": ".2~s", "dtick": 1},
            "margin": {"t": 30, "r": 20, "b": 120},
        },
    )


def _limit_legend(words: TimingWords) -> list[dict[str, Any]]:
    """What a filled and an open mark of this server mean."""
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [None],
            "y": [None],
            "name": words.notes[f"estimate_{limit}"],
            "marker": {"symbol": f"circle{suffix}", "size": 12, "color": GREY, "line": {"width": 2.5}},
            "hoverinfo": "skip",
        }
        for limit, suffix in _LIMIT_SUFFIXES.items()
    ]


def _roofs(machine: MachineRoofline, style: MachineStyle, words: TimingWords, several: bool) -> list[dict[str, Any]]:
    # with several machines the legend names them, and says once what a dotted roof means
    in_legend = {"memory_roof": not several, "cache_roof": style == THIS_MACHINE}
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y,
            "name": words.notes[roof],
            "hoverinfo": "skip",
            "line": {"dash": style.dash if roof == "memory_roof" else "dot", "color": GREY, "width": 2},
            "showlegend": in_legend[roof],
        }
        for roof, (x, y) in machine.roofs.items()
    ]


def _gaps(machine: MachineRoofline) -> dict[str, Any]:
    """A thin line from each timed layer of a machine to its estimate: which of the roofs is its own."""
    points = [point for point in machine.points if point.estimate.flops and point.measured_s]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [x for point in points for x in (point.estimate.intensity, point.estimate.intensity, None)],
        "y": [y for point in points for y in (point.flops_per_s, point.estimated_flops_per_s, None)],
        "name": "",
        "line": {"width": 1, "color": GREY},
        "zorder": -1,
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _estimates(machine: MachineRoofline, words: TimingWords) -> dict[str, Any]:
    """A dash over each of a machine's points, where its estimate lies: on the roof that holds for its data.

    It has the name of what binds it; the layer's name where the layer was not timed and has no point.
    """
    points = [point for point in machine.points if point.estimate.flops]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "text": [
            ""
            if _is_told_before(point, points)
            else words.notes[_LIMIT_WORDS[point.estimate.limit]]
            if point.measured_s
            else words.names[point.estimate.name]
            for point in points
        ],
        "textposition": ["top center" if point.measured_s else _TEXT_POSITIONS[point.kind] for point in points],
        "name": words.notes["estimate"],
        "x": [point.estimate.intensity for point in points],
        "y": [point.estimated_flops_per_s for point in points],
        "marker": {"symbol": "line-ew-open", "size": 22, "line": {"width": 4}, "color": GREY},
        "hoverinfo": "skip",
    }


def _is_told_before(point: RooflinePoint, points: Sequence[RooflinePoint]) -> bool:
    """Whether the same step of a block before it has its name at nearly the same place: one name is enough there."""
    return any(
        other.estimate.name == point.estimate.name
        and abs(math.log(other.estimate.intensity / point.estimate.intensity)) < NEAR
        and abs(math.log(_speed(other) / _speed(point))) < NEAR
        for other in points[: points.index(point)]
    )


def _speed(point: RooflinePoint) -> float:
    return point.flops_per_s or point.estimated_flops_per_s


def _points(kind: Kind, machine: MachineRoofline, style: MachineStyle, words: TimingWords) -> dict[str, Any]:
    """The timed convolutions of a block on one machine; another machine's have no names and no entry in the legend."""
    points = [point for point in machine.points if point.kind == kind and point.estimate.flops and point.measured_s]
    points.sort(key=lambda point: point.estimate.limit != "compute")  # the legend shows the first mark: a filled one
    measured = [words.notes["seconds"].format(point.measured_s) for point in points]
    estimated = [words.notes["seconds"].format(point.estimate.seconds) for point in points]
    this_machine = style == THIS_MACHINE
    told = ["" if _is_told_before(point, machine.points) else words.names[point.estimate.name] for point in points]
    symbol = BLOCK_SYMBOLS[kind]
    marker: dict[str, Any] = {"size": 13, "symbol": symbol + style.marker_suffix}
    if this_machine:  # what binds a layer that is drawn between the roofs is not to be seen from its place
        marker["symbol"] = [symbol + _LIMIT_SUFFIXES[point.estimate.limit] for point in points]
        marker["line"] = {"width": 2.5}
    else:
        marker |= {"color": BLOCK_COLOURS_ON_BOTH_GROUNDS[kind], "line": {"width": 2}}
    return {
        "type": "scatter",
        "mode": "markers+text" if this_machine else "markers",
        "showlegend": this_machine,
        "name": words.names[kind],
        "x": [point.estimate.intensity for point in points],
        "y": [point.flops_per_s for point in points],
        "text": told,
        "textposition": _TEXT_POSITIONS[kind],
        "marker": marker,
        "customdata": list(
            zip(measured, estimated, (words.names[point.estimate.name] for point in points), strict=True)
        ),
        "hovertemplate": (
            f"{machine.machine}<br>%{{fullData.name}}: %{{customdata[2]}}<br>%{{x:.1f}} {words.notes['intensity']}<br>"
            f"{words.notes['measured']} %{{customdata[0]}}<br>{words.notes['estimate']} %{{customdata[1]}}"
            "<extra></extra>"
        ),
    }

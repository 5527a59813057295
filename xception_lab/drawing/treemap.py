"""A treemap of a network's cost: flows as columns, their blocks squarified in them, and kinds in those."""

from collections.abc import Sequence
from dataclasses import dataclass

from xception_lab.arch.breakdown import AreaMeasure, CostNode, NetworkBreakdown, cost_tree


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle in any unit of length. x, y: of its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Area:
    """A node of the network's tree and its place in the frame."""

    node: CostNode
    place: Rectangle


def squarify(amounts: Sequence[float], frame: Rectangle) -> tuple[Rectangle, ...]:
    """One rectangle per amount, in the same order: they fill the frame with areas proportional to the amounts.

    Their sides are as nearly equal as the method makes them (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000).
    Raises ValueError unless every amount is above 0.
    """
    for amount in amounts:
        if not amount > 0:
            raise ValueError(f"amounts={amount!r}: each must be above 0, an area of none has no place")
    order = sorted(range(len(amounts)), key=lambda i: -amounts[i])
    scale = frame.width * frame.height / sum(amounts) if amounts else 0
    areas = [amounts[i] * scale for i in order]
    placed: list[Rectangle] = []
    rest, start = frame, 0
    while start < len(areas):
        side = min(rest.width, rest.height)
        end = start + 1
        while end < len(areas) and _worst(areas[start : end + 1], side) <= _worst(areas[start:end], side):
            end += 1
        row, rest = _row(areas[start:end], rest)
        placed += row
        start = end
    by_amount = dict(zip(order, placed, strict=True))
    return tuple(by_amount[i] for i in range(len(amounts)))


def _worst(row: Sequence[float], side: float) -> float:
    """The aspect ratio, long side over short, of the row's least square rectangle."""
    thick = sum(row) / side
    return max(max(area / thick / thick, thick * thick / area) for area in row)


def _row(row: Sequence[float], frame: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    """The row's rectangles along the frame's shorter side, and the rest of the frame."""
    placed: list[Rectangle] = []
    if frame.width >= frame.height:
        thick, at = sum(row) / frame.height, frame.y
        for area in row:
            placed.append(Rectangle(frame.x, at, thick, area / thick))
            at += area / thick
        return placed, Rectangle(frame.x + thick, frame.y, frame.width - thick, frame.height)
    thick, at = sum(row) / frame.width, frame.x
    for area in row:
        placed.append(Rectangle(at, frame.y, area / thick, thick))
        at += area / thick
    return placed, Rectangle(frame.x, frame.y + thick, frame.width, frame.height - thick)


def treemap(network: NetworkBreakdown, measure: AreaMeasure, frame: Rectangle) -> tuple[Area, ...]:
    """Every node of cost_tree(network, measure) with its place: flows are columns in running order."""
    nodes = cost_tree(network, measure)
    areas: list[Area] = []
    left = frame.x
    for flow in nodes:
        if len(flow.path) == 1:
            column = Rectangle(left, frame.y, frame.width * flow.share, frame.height)
            left += column.width
            areas += _inside(flow, column, nodes)
    return tuple(areas)


def _inside(node: CostNode, place: Rectangle, nodes: Sequence[CostNode]) -> list[Area]:
    parts = [part for part in nodes if part.path[:-1] == node.path]
    areas = [Area(node, place)]
    for part, inner in zip(parts, squarify([part.amount for part in parts], place), strict=True):
        areas += _inside(part, inner, nodes)
    return areas

"""Where a network's cost lives, drawn in the browser: what a change does to its blocks, areas and bars of its parts.

What one step of each slider would draw goes along, so that a key press shows it before the page has run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xception_lab.arch.breakdown import LAYER_KINDS, AreaMeasure, NetworkBreakdown, amounts_by_block
from xception_lab.drawing.network_cards import Card, network_cards
from xception_lab.drawing.treemap import Area, Rectangle, treemap
from xception_lab.spec import XceptionSpec
from xception_lab.ui.fields.field import state_texts
from xception_lab.ui.fields.network import NetworkState
from xception_lab.ui.network.overview import (
    FLOWS,
    LAYER_KIND_NAMES,
    card_title,
    network_at,
    networks_ahead,
    paper_network,
    percent,
)
from xception_lab.ui.shell import components
from xception_lab.ui.shell.controls import Fields
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import figure_text, measure_name

# places are told in hundredths of the picture's sides; its shape is about that of a column of the page
FRAME = Rectangle(0, 0, 1.6, 1)


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """What the charts are drawn for: the network, the controls' values, the sliders whose next steps go along."""

    network: NetworkBreakdown
    state: NetworkState
    sliders: Fields
    weighed: AreaMeasure


def chart_request(network: NetworkBreakdown, state: NetworkState, sliders: Fields) -> ChartRequest:
    """What the page asks for; the values are options of their fields."""
    return ChartRequest(network, state, sliders, state.weighed)


def _show(asked: ChartRequest, key: str, draw: Callable[[NetworkBreakdown], dict[str, Any]], summary: str) -> None:
    measure, texts = measure_name(asked.weighed), state_texts(asked.state)
    ahead = {
        slider: {option: draw(network) for option, network in steps.items() if option != texts[slider]}
        for slider, steps in networks_ahead(asked.state, asked.sliders).items()
    }
    data = {
        "chart": draw(asked.network),
        "at": {slider.key: texts[slider.key] for slider in asked.sliders},
        "ahead": ahead,
        "title": measure,
        "summary": f"{measure}. {summary}",
        "hint": _("Point at a part, or step through with the arrow keys, for its exact number."),
        "save": _("Save the picture (SVG)"),
        "file": f"xception-lab-{key}.svg",
    }
    components.amounts(data, key)


@lru_cache(maxsize=256)
def _cards(spec: XceptionSpec, size: int) -> tuple[Card, ...]:
    return tuple(network_cards(network_at(spec, size)))


def show_changes(asked: ChartRequest) -> None:
    """Every block of the drawing, this network's against the paper's."""
    weighed = asked.weighed
    told = "; ".join(
        f"{_row_name(card)}: {figure_text(weighed, card.amounts[weighed])}" for card in network_cards(asked.network)
    )
    _show(asked, "changes", lambda network: _changes(network, weighed), told)


def _row_name(card: Card) -> str:
    # the number of the middle blocks changes, and with it the number of the exit block
    return {"middle": _("Middle flow"), "exit": _("Exit block")}.get(card.key) or card_title(card)


def _changes(network: NetworkBreakdown, weighed: AreaMeasure) -> dict[str, Any]:
    reference = paper_network()
    paper = _cards(reference.spec, reference.size)
    now = {card.key: card.amounts[weighed] for card in _cards(network.spec, network.size)}
    longest = max(*(card.amounts[weighed] for card in paper), *now.values())
    series = {"paper": _("the paper's, at 299"), "now": _("this network")}
    rows: list[dict[str, Any]] = []
    for card in paper:
        name = _row_name(card)
        bars = [
            {
                "value": figure_text(weighed, amount),
                "parts": [
                    {
                        "kind": which,
                        "percent": round(100 * amount / longest, 3),
                        "tell": f"{name}, {series[which]}: {amount:,}",
                    }
                ],
            }
            for which, amount in (("paper", card.amounts[weighed]), ("now", now.get(card.key, 0)))
        ]
        rows.append({"name": name, "bars": bars})
    return {"rows": rows, "legend": [{"kind": which, "name": name} for which, name in series.items()]}


def show_areas(asked: ChartRequest, summary: str) -> None:
    """Flows, blocks and kinds as nested areas."""
    _show(asked, "treemap", lambda network: _areas(network, asked.weighed), summary)


@lru_cache(maxsize=256)
def _treemap(spec: XceptionSpec, size: int, weighed: AreaMeasure) -> tuple[Area, ...]:
    return treemap(network_at(spec, size), weighed, FRAME)


def _areas(network: NetworkBreakdown, weighed: AreaMeasure) -> dict[str, Any]:
    flows: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    leaves: list[dict[str, Any]] = []
    flow_names = {str(flow): _(name) for flow, name in FLOWS.items()}
    for area in _treemap(network.spec, network.size, weighed):
        path, share = area.node.path, percent(area.node.share)
        if len(path) == 1:
            flows.append({"name": flow_names[path[0]], "share": share, "place": _place(area.place)})
        elif len(path) == 2:
            blocks.append({"name": path[1], "share": share, "place": _place(area.place)})
        else:
            tell = f"{flow_names[path[0]]}, {path[1]}, {_(LAYER_KIND_NAMES[path[2]])}: {area.node.amount:,} ({share})"
            leaves.append({"kind": path[2], "tell": tell, "place": _place(area.place)})
    held = {leaf["kind"] for leaf in leaves}
    return {"flows": flows, "blocks": blocks, "leaves": leaves, "legend": _legend(held)}


def _place(place: Rectangle) -> list[float]:
    parts = ((place.x, FRAME.width), (place.y, FRAME.height), (place.width, FRAME.width), (place.height, FRAME.height))
    return [round(100 * part / side, 3) for part, side in parts]


def _legend(held: set[str]) -> list[dict[str, str]]:
    return [{"kind": kind, "name": _(LAYER_KIND_NAMES[kind])} for kind in LAYER_KINDS if kind in held]


def show_bars(asked: ChartRequest, summary: str) -> None:
    """One bar a block, cut by kind."""
    _show(asked, "blocks_bars", lambda network: _bars(network, asked.weighed), summary)


def _bars(network: NetworkBreakdown, weighed: AreaMeasure) -> dict[str, Any]:
    table = amounts_by_block(network, weighed)
    longest = max(sum(row.values()) for row in table.values())
    rows: list[dict[str, Any]] = []
    for block, row in table.items():
        parts = [
            {
                "kind": kind,
                "percent": round(100 * row[kind] / longest, 3),
                "tell": f"{block}, {_(LAYER_KIND_NAMES[kind])}: {row[kind]:,}",
            }
            for kind in LAYER_KINDS
            if row.get(kind)
        ]
        rows.append({"name": block, "bars": [{"value": figure_text(weighed, sum(row.values())), "parts": parts}]})
    return {"rows": rows, "legend": _legend({kind for row in table.values() for kind, held in row.items() if held})}

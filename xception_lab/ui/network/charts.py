"""Charts of a network's cost that the browser draws: blocks against the paper's, nested areas, bars by kind of layer.

What each would show one step of each slider away is sent too: the browser shows it at a key press, before the page
runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xception_lab.arch.breakdown import LAYER_KINDS, AreaMeasure, NetworkBreakdown, amounts_by_block, paper_network
from xception_lab.drawing.network_cards import Card, network_cards
from xception_lab.drawing.treemap import Area, Rectangle, treemap
from xception_lab.spec import XceptionSpec
from xception_lab.ui.fields.field import state_texts
from xception_lab.ui.fields.network import NetworkState
from xception_lab.ui.network.names import FLOW_NAMES, card_title, layer_kind_name
from xception_lab.ui.network.overview import network_at, networks_ahead
from xception_lab.ui.shell.charts import show_amounts
from xception_lab.ui.shell.controls import Fields
from xception_lab.ui.shell.language import translate as _
from xception_lab.ui.shell.names import figure_text, measure_name, percent

# about the shape of the page's column; the browser gets places in percent of its sides
FRAME = Rectangle(0, 0, 1.6, 1)


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """What a chart is drawn of: the network, the page's state, and the sliders whose next steps are sent too."""

    network: NetworkBreakdown
    state: NetworkState
    sliders: Fields

    @property
    def measure(self) -> AreaMeasure:
        """The quantity that areas and bars stand for."""
        return self.state.weighed


def _show(request: ChartRequest, key: str, draw: Callable[[NetworkBreakdown], dict[str, Any]], summary: str) -> None:
    title, texts = measure_name(request.measure), state_texts(request.state)
    at = {slider.key: texts[slider.key] for slider in request.sliders}
    ahead = networks_ahead(request.state, request.sliders)
    show_amounts(key, title, summary, draw, request.network, at, ahead)


@lru_cache(maxsize=256)
def _cards(spec: XceptionSpec, size: int) -> tuple[Card, ...]:
    return tuple(network_cards(network_at(spec, size)))


def show_changes(request: ChartRequest) -> None:
    """The blocks of this network against those of the paper's, as pairs of bars."""
    measure = request.measure
    summary = "; ".join(
        f"{_row_name(card)}: {figure_text(measure, card.amounts[measure])}" for card in network_cards(request.network)
    )
    _show(request, "changes", lambda network: _changes(network, measure), summary)


def _row_name(card: Card) -> str:
    # without numbers: those of the exit block and of the middle flow depend on the number of middle blocks
    return {"middle": _("Middle flow"), "exit": _("Exit block")}.get(card.key) or card_title(card)


def _changes(network: NetworkBreakdown, measure: AreaMeasure) -> dict[str, Any]:
    reference = paper_network()
    paper = _cards(reference.spec, reference.size)
    now = {card.key: card.amounts[measure] for card in _cards(network.spec, network.size)}
    longest = max(*(card.amounts[measure] for card in paper), *now.values())
    series = {"paper": _("the paper's, at 299"), "now": _("this network")}
    rows: list[dict[str, Any]] = []
    for card in paper:
        name = _row_name(card)
        bars = [
            {
                "value": figure_text(measure, amount),
                "parts": [
                    {
                        "kind": kind,
                        "percent": round(100 * amount / longest, 3),
                        "tell": f"{name}, {series[kind]}: {amount:,}",
                    }
                ],
            }
            for kind, amount in (("paper", card.amounts[measure]), ("now", now.get(card.key, 0)))
        ]
        rows.append({"name": name, "bars": bars})
    return {"rows": rows, "legend": [{"kind": kind, "name": name} for kind, name in series.items()]}


def show_areas(request: ChartRequest, summary: str) -> None:
    """Flows, in them blocks, in them kinds of layers, as nested areas. summary: the chart as text."""
    _show(request, "treemap", lambda network: _areas(network, request.measure), summary)


@lru_cache(maxsize=256)
def _treemap(spec: XceptionSpec, size: int, measure: AreaMeasure) -> tuple[Area, ...]:
    return treemap(network_at(spec, size), measure, FRAME)


def _areas(network: NetworkBreakdown, measure: AreaMeasure) -> dict[str, Any]:
    flows: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    leaves: list[dict[str, Any]] = []
    flow_names = {str(flow): _(name) for flow, name in FLOW_NAMES.items()}
    for area in _treemap(network.spec, network.size, measure):
        path, share = area.node.path, percent(area.node.share)
        if len(path) == 1:
            flows.append({"name": flow_names[path[0]], "share": share, "place": _place(area.place)})
        elif len(path) == 2:
            blocks.append({"name": path[1], "share": share, "place": _place(area.place)})
        else:
            place = f"{flow_names[path[0]]}, {path[1]}, {layer_kind_name(path[2], network.spec)}"
            tell = f"{place}: {area.node.amount:,} ({share})"
            leaves.append({"kind": path[2], "tell": tell, "place": _place(area.place)})
    legend = _legend({leaf["kind"] for leaf in leaves}, network.spec)
    return {"flows": flows, "blocks": blocks, "leaves": leaves, "legend": legend}


def _place(place: Rectangle) -> list[float]:
    parts = ((place.x, FRAME.width), (place.y, FRAME.height), (place.width, FRAME.width), (place.height, FRAME.height))
    return [round(100 * part / side, 3) for part, side in parts]


def _legend(kinds: set[str], spec: XceptionSpec) -> list[dict[str, str]]:
    return [{"kind": kind, "name": layer_kind_name(kind, spec)} for kind in LAYER_KINDS if kind in kinds]


def show_bars(request: ChartRequest, summary: str) -> None:
    """One bar per block, divided by kind of layer. summary: the chart as text."""
    _show(request, "blocks_bars", lambda network: _bars(network, request.measure), summary)


def _bars(network: NetworkBreakdown, measure: AreaMeasure) -> dict[str, Any]:
    table = amounts_by_block(network, measure)
    longest = max(sum(row.values()) for row in table.values())
    rows: list[dict[str, Any]] = []
    for block, row in table.items():
        parts = [
            {
                "kind": kind,
                "percent": round(100 * row[kind] / longest, 3),
                "tell": f"{block}, {layer_kind_name(kind, network.spec)}: {row[kind]:,}",
            }
            for kind in LAYER_KINDS
            if row.get(kind)
        ]
        rows.append({"name": block, "bars": [{"value": figure_text(measure, sum(row.values())), "parts": parts}]})
    kinds = {kind for row in table.values() for kind, amount in row.items() if amount}
    return {"rows": rows, "legend": _legend(kinds, network.spec)}

"""A network on one HTML page that needs nothing else: what assets/templates/network_report.html is filled with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from xception_lab.arch.breakdown import (
    LAYER_KINDS,
    AreaMeasure,
    CostChange,
    LayerKind,
    NetworkBreakdown,
    amounts_by_block,
    network_layer_rows,
)
from xception_lab.common.files import asset_path
from xception_lab.common.palette import LAYER_KIND_COLOURS
from xception_lab.common.units import format_bytes, format_count

if TYPE_CHECKING:
    from jinja2 import Template

# pixels: the longest bar, the distance from one bar to the next, room for the names before and the amounts after
_BAR, _ROW, _LEFT, _RIGHT = 620, 24, 90, 110


@dataclass(frozen=True, slots=True)
class ReportWords:
    """Every text of a report in its reader's language. names: of quantities, kinds and columns by the engine's name."""

    language: str
    title: str
    lead: str
    settings: str
    against: str
    value: str
    paper: str
    difference: str
    ratio: str
    where: str
    layers: str
    code: str
    source: str
    conventions: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: LayerKind
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class _Bar:
    """One block's bar, cut by kind. left, right: where it begins and ends; top: of its row. All in pixels."""

    block: str
    amount: str
    left: int
    right: float
    top: int
    segments: tuple[_Segment, ...]


@dataclass(frozen=True, slots=True)
class _Chart:
    """A bar per block of one quantity; the longest fills the width."""

    title: str
    width: int
    height: int
    bars: tuple[_Bar, ...]


def network_report(
    network: NetworkBreakdown,
    rows: Iterable[tuple[CostChange, str]],
    settings: Mapping[str, str],
    snippet: str,
    words: ReportWords,
) -> str:
    """The page as HTML.

    rows: each change against the paper's network, with its ratio in words. settings: every control's name and value.
    snippet: code that builds the network.
    """
    layers = network_layer_rows(network.layers)
    return _template().render(
        words=words,
        settings=list(settings.items()),
        changes=[_change_cells(change, ratio, words) for change, ratio in rows],
        charts=[_chart(network, measure, words) for measure in ("macs", "params")],
        colours={kind: LAYER_KIND_COLOURS[kind] for kind in LAYER_KINDS},
        layer_columns=list(layers[0]),
        layer_rows=[[_cell(value) for value in row.values()] for row in layers],
        snippet=snippet,
    )


@cache
def _template() -> "Template":
    # imported with the first report, which few visits ask for
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(asset_path("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("network_report.html")


def _change_cells(change: CostChange, ratio: str, words: ReportWords) -> Sequence[str]:
    difference = f"{change.delta:+,}" if change.delta else "0"
    return words.names[change.measure], f"{change.value:,}", f"{change.reference:,}", difference, ratio


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _chart(network: NetworkBreakdown, measure: AreaMeasure, words: ReportWords) -> _Chart:
    amounts = amounts_by_block(network, measure)
    longest = max(sum(by_kind.values()) for by_kind in amounts.values())
    bars: list[_Bar] = []
    for number, (block, by_kind) in enumerate(amounts.items()):
        segments: list[_Segment] = []
        x = float(_LEFT)
        for kind in LAYER_KINDS:
            width = _BAR * by_kind.get(kind, 0) / longest
            if width:
                segments.append(_Segment(kind, x, width))
            x += width
        amount = _amount(measure, sum(by_kind.values()))
        bars.append(_Bar(block, amount, _LEFT, x, number * _ROW, tuple(segments)))
    return _Chart(words.names[measure], _LEFT + _BAR + _RIGHT, _ROW * len(bars), tuple(bars))


def _amount(measure: AreaMeasure, amount: int) -> str:
    return format_bytes(amount) if measure == "activation_bytes" else format_count(amount)

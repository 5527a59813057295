"""The Network page's own charts: areas against the amounts, bars against torch's count."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from states import NETWORK_KEYS, network_spec
from strategies import examples, least_size, xception_specs

from xception_lab import XceptionSpec, network_cost
from xception_lab.arch.breakdown import AREA_MEASURES, PAPER_SIZE, AreaMeasure, break_down, cost_tree
from xception_lab.drawing.treemap import Rectangle, squarify, treemap
from xception_lab.ui.fields.field import read_state
from xception_lab.ui.fields.network import INPUT_SIZE, MIDDLE_BLOCKS, NETWORK_SEGMENTS, WIDTH_PERCENT, NetworkState
from xception_lab.ui.fields.registry import FIELDS, fit_texts
from xception_lab.ui.network.charts import ChartRequest, show_areas, show_bars, show_changes
from xception_lab.ui.network.overview import network_of
from xception_lab.ui.shell import components

SLIDERS = (INPUT_SIZE, WIDTH_PERCENT, MIDDLE_BLOCKS, NETWORK_SEGMENTS)


def _overlap(one: Rectangle, other: Rectangle) -> float:
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(width, 0) * max(height, 0)


def _inside(inner: Rectangle, outer: Rectangle) -> bool:
    slack = 1e-9 * (outer.width + outer.height + abs(outer.x) + abs(outer.y))
    return (
        inner.x >= outer.x - slack
        and inner.y >= outer.y - slack
        and inner.x + inner.width <= outer.x + outer.width + slack
        and inner.y + inner.height <= outer.y + outer.height + slack
    )


@examples(200)
@given(
    amounts=st.lists(st.integers(1, 10**10), min_size=1, max_size=20),
    frame=st.builds(Rectangle, st.floats(-5, 5), st.floats(-5, 5), st.floats(0.1, 10), st.floats(0.1, 10)),
)
def test_rectangles_are_as_large_as_their_amounts_and_fill_the_frame(amounts: list[int], frame: Rectangle) -> None:
    places = squarify(amounts, frame)
    whole = frame.width * frame.height
    for amount, place in zip(amounts, places, strict=True):
        assert place.width * place.height == pytest.approx(whole * amount / sum(amounts), rel=1e-4, abs=1e-12)
        assert _inside(place, frame)
    assert sum(_overlap(one, other) for one, other in combinations(places, 2)) <= 1e-9 * whole


def test_the_rectangles_are_those_of_the_papers_example() -> None:
    """Bruls, Huizing, van Wijk 2000, section 3.1: areas 6, 6, 4, 3, 2, 2, 1 in a frame of 6 by 4."""
    places = squarify([6, 6, 4, 3, 2, 2, 1], Rectangle(0, 0, 6, 4))
    sizes = [(round(place.width, 2), round(place.height, 2)) for place in places]
    assert sizes == [(3, 2), (3, 2), (1.71, 2.33), (1.29, 2.33), (1.2, 1.67), (1.2, 1.67), (0.6, 1.67)]


@pytest.mark.parametrize("amounts", [[1, 0], [-1], [float("nan")]])
def test_an_amount_of_nothing_has_no_place(amounts: list[float]) -> None:
    with pytest.raises(ValueError, match=r"amounts=.*above 0"):
        squarify(amounts, Rectangle(0, 0, 1, 1))


def test_no_amounts_have_no_rectangles() -> None:
    assert squarify([], Rectangle(0, 0, 1, 1)) == ()


@examples(40)
@given(data=st.data(), spec=xception_specs(), weighed=st.sampled_from(AREA_MEASURES))
def test_every_part_of_a_network_lies_in_its_own(data: st.DataObject, spec: XceptionSpec, weighed: AreaMeasure) -> None:
    network = break_down(spec, data.draw(st.integers(least_size(spec), 40)))
    frame = Rectangle(0, 0, 1.6, 1)
    areas = {area.node.path: area for area in treemap(network, weighed, frame)}
    assert set(areas) == {node.path for node in cost_tree(network, weighed)}
    for path, area in areas.items():
        place = area.place
        assert place.width * place.height == pytest.approx(1.6 * area.node.share, rel=1e-6)
        assert _inside(place, areas[path[:-1]].place if path[:-1] else frame)
    for depth in (1, 2, 3):
        level = [area.place for path, area in areas.items() if len(path) == depth]
        assert sum(area.width * area.height for area in level) == pytest.approx(1.6)
        assert sum(_overlap(one, other) for one, other in combinations(level, 2)) < 1e-9


def _shown(monkeypatch: pytest.MonkeyPatch, values: dict[str, str], key: str) -> dict[str, Any]:
    sent: dict[str, dict[str, Any]] = {}
    monkeypatch.setattr(components, "amounts", lambda data, name: sent.update({name: data}))
    state = read_state(NetworkState, values)
    request = ChartRequest(network_of(state), state, SLIDERS)
    show_changes(request)
    show_areas(request, "")
    show_bars(request, "")
    return sent[key]


def _told(parts: list[dict[str, Any]]) -> int:
    return sum(int(part["tell"].split(": ")[1].split(" ")[0].replace(",", "")) for part in parts)


def _sum(chart: dict[str, Any], kind: str) -> int:
    """The exact numbers that a chart tells, added up; of bars in series only this network's."""
    if "leaves" in chart:
        return _told(chart["leaves"])
    parts = [part for row in chart["rows"] for bar in row["bars"] for part in bar["parts"]]
    return _told([part for part in parts if part["kind"] == kind or kind == "any"])


@pytest.mark.parametrize(("key", "kind"), [("changes", "now"), ("treemap", "any"), ("blocks_bars", "any")])
@pytest.mark.parametrize(
    "query",
    [{}, {"convolution": "standard"}, {"middle_blocks": "0", "weighed": "params"}, {"weighed": "activation_bytes"}],
)
def test_what_a_chart_tells_adds_up_now_and_a_step_ahead(
    monkeypatch: pytest.MonkeyPatch, query: dict[str, str], key: str, kind: str
) -> None:
    values = fit_texts({name: FIELDS[name].default for name in NETWORK_KEYS} | query)
    data = _shown(monkeypatch, values, key)
    charts = [(values, data["chart"])]
    for slider, steps in data["ahead"].items():
        assert data["at"][slider] == values[slider]
        charts += [(fit_texts({**values, slider: option}), chart) for option, chart in steps.items()]
    assert len(charts) >= 5
    for there, chart in charts:
        spec = network_spec(there)
        cost = network_cost(spec.xception, spec.size, spec.size)
        assert _sum(chart, kind) == getattr(cost, values["weighed"])
        worn = {entry["kind"] for entry in chart["legend"]}
        rows = chart.get("rows", [])
        parts = [part for row in rows for bar in row["bars"] for part in bar["parts"]] or chart["leaves"]
        assert {part["kind"] for part in parts} == worn
        lengths = [sum(part["percent"] for part in bar["parts"]) for row in rows for bar in row["bars"]]
        assert max(lengths, default=100) == pytest.approx(100, abs=0.01)


def test_the_papers_bars_stay_while_this_network_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    values = fit_texts({name: FIELDS[name].default for name in NETWORK_KEYS} | {"middle_blocks": "0"})
    chart = _shown(monkeypatch, values, "changes")["chart"]
    parts = [part for row in chart["rows"] for bar in row["bars"] for part in bar["parts"] if part["kind"] == "paper"]
    assert _told(parts) == network_cost(XceptionSpec(), PAPER_SIZE, PAPER_SIZE).macs == 8_357_403_496

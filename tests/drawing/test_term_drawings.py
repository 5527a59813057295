"""The drawings are well-formed, stay on their sheet, and show what their term says."""

import re
import xml.etree.ElementTree as ET
from math import expm1

import pytest

from xception_lab.common.files import asset_path
from xception_lab.common.glossary import glossary
from xception_lab.common.palette import LAYER_KIND_COLOURS
from xception_lab.drawing.term_drawings import HEIGHT, MISSES, SAMPLES, WIDTH, interval_means, term_drawings

DRAWINGS = term_drawings()
SVG = "{http://www.w3.org/2000/svg}"
Point = tuple[float, float]


def _nodes(key: str, kind: str) -> list[ET.Element]:
    """The nodes of a drawing that have a class."""
    return [node for node in ET.fromstring(DRAWINGS[key]).iter() if kind in node.get("class", "").split()]


def _shapes(path: ET.Element) -> list[list[Point]]:
    """The corners of each part of a path of straight lines and quarter arcs."""
    shapes: list[list[Point]] = []
    x = y = 0.0
    for command, text in re.findall(r"([MLHVmhvlaz])([^MLHVmhvlaz]*)", path.get("d", "")):
        values = [float(value) for value in re.findall(r"-?[\d.]+(?:e-?\d+)?", text)]
        match command:
            case "M" | "L":
                x, y = values
            case "m" | "l":
                x, y = x + values[0], y + values[1]
            case "a":
                x, y = x + values[5], y + values[6]
            case "H":
                (x,) = values
            case "V":
                (y,) = values
            case "h":
                x += values[0]
            case "v":
                y += values[0]
            case _:  # z: back to where it began
                continue
        if command == "M":
            shapes.append([])
        shapes[-1].append((x, y))
    return shapes


def _corners(key: str, kind: str) -> list[Point]:
    """The upper left corner of every square of a class."""
    return [min(shape) for node in _nodes(key, kind) for shape in _shapes(node)]


@pytest.mark.parametrize("key", DRAWINGS)
def test_a_drawing_is_well_formed_and_stays_on_its_sheet(key: str) -> None:
    root = ET.fromstring(DRAWINGS[key])
    assert root.tag == f"{SVG}svg"
    assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    for node in root.iter():
        for shape in _shapes(node):
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in shape), shape
    for text in root.iter(f"{SVG}text"):
        assert not re.search("[가-힣]", text.text or ""), "symbols only: one drawing for every language"


def test_every_drawing_is_of_a_term_and_its_classes_have_a_style() -> None:
    assert DRAWINGS.keys() <= glossary().keys()
    style = asset_path("components", "terms", "terms.css").read_text(encoding="utf-8")
    styled = {*re.findall(r"\.term svg \.(\w+)", style), *LAYER_KIND_COLOURS}
    used = {
        name
        for drawing in DRAWINGS.values()
        for names in re.findall('class="([^"]+)"', drawing)
        for name in names.split()
    }
    assert used <= styled


def test_a_stride_of_two_moves_the_window_by_two_cells() -> None:
    second, first = (min(_shapes(node)[0]) for node in _nodes("stride", "window"))
    (column, right), (row, _below) = zip(*sorted(set(_corners("stride", "tap"))), strict=True)
    cell = right - column  # the two outputs lie beside each other
    assert (second[0] - first[0], second[1]) == (2 * cell, first[1])
    assert row == _below


def test_dilated_taps_lie_two_cells_apart() -> None:
    cell = 14
    read = sorted(_corners("dilation", "tap"))[:9]
    assert [x for x, _y in read[::3]] == [read[0][0] + 2 * cell * i for i in range(3)]
    assert [y for _x, y in read[:3]] == [read[0][1] + 2 * cell * i for i in range(3)]


def test_the_window_at_the_corner_covers_five_zeros_of_the_padding() -> None:
    (text,) = ET.fromstring(DRAWINGS["padding"]).iter(f"{SVG}text")
    ring = list(zip(*(map(float, text.get(axis, "").split()) for axis in "xy"), strict=True))
    assert text.text == "0" * 24 == "0" * len(ring), "around 5×5 cells"
    (window,) = _shapes(_nodes("padding", "window")[0])
    (left, right), (top, bottom) = ((min(side), max(side)) for side in zip(*window, strict=True))
    assert sum(left < x < right and top < y < bottom for x, y in ring) == 5


def test_what_a_convolution_reads_and_what_it_writes() -> None:
    def taps(key: str, kind: str) -> int:
        return sum(len(_shapes(node)) for node in _nodes(key, "tap") if kind in node.get("class", ""))

    assert taps("convolution", "standard") == 3 * 9 + 1
    assert taps("depthwise", "depthwise") == 3 * 9 + 3
    assert taps("pointwise", "pointwise") == 3 + 1
    assert (taps("separable", "depthwise"), taps("separable", "pointwise")) == (30, 4)
    assert len(_nodes("depthwise", "beam")) == len(_nodes("convolution", "beam")) == 3


def test_links_stay_within_their_segment_or_group() -> None:
    links = {kind: len(_shapes(_nodes("segment", f"{kind}")[0])) for kind in ("pointwise", "spatial")}
    assert links == {"pointwise": 4 * 6, "spatial": 3 * 2 * 2}
    assert [len(_shapes(node)) for node in _nodes("groups", "link")] == [16, 8, 4]


def test_the_receptive_field_widens_by_two_with_each_layer() -> None:
    assert [len(_shapes(node)) for node in _nodes("receptive_field", "tap")] == [5, 3, 1]


@pytest.mark.parametrize(("key", "below"), [("relu", lambda _x: 0.0), ("elu", expm1)])
def test_a_graph_is_its_function_s(key: str, below: object) -> None:
    (node,) = _nodes(key, "curve")
    for x, y in _shapes(node)[0]:
        value = (x - 120) / 24
        assert callable(below)
        assert (88 - y) / 24 == pytest.approx(max(value, 0) + below(min(value, 0)), abs=0.01)


def test_one_interval_of_twenty_misses() -> None:
    means = interval_means()
    assert (len(means), sum(abs(mean) > 1.96 for mean in means)) == (SAMPLES, MISSES) == (20, 1)
    assert len(_nodes("interval", "spatial")) == MISSES
    for node in _nodes("interval", "curve"):
        (_x, top), (_end, bottom) = _shapes(node)[0]
        misses = not min(top, bottom) <= HEIGHT / 2 <= max(top, bottom)
        assert misses == ("spatial" in node.get("class", ""))


def test_only_the_interval_inside_the_margin_is_called_equivalent() -> None:
    band = [x for x, _y in _shapes(_nodes("equivalence", "beam")[0])[0]]
    inside = [all(min(band) <= x <= max(band) for x, _y in _shapes(node)[0]) for node in _nodes("equivalence", "curve")]
    signs = [text.text for text in ET.fromstring(DRAWINGS["equivalence"]).iter(f"{SVG}text")][:3]
    assert (inside, signs) == ([True, False, False], ["=", "?", "≠"])

"""A QR code as it is drawn: its finders, its quiet zone, and nothing that leads elsewhere."""

import re
from xml.etree import ElementTree

import pytest

from xception_lab.drawing.qr_code import qr_svg


def _modules(svg: str) -> list[list[bool]]:
    """The drawn modules, quiet zone included, from the path's runs."""
    root = ElementTree.fromstring(svg)
    side = int(root.attrib["viewBox"].split()[2])
    grid = [[False] * side for _ in range(side)]
    line = next(node for node in root if "stroke" in node.attrib)
    x = y = 0.0
    for kind, numbers in re.findall(r"([Mmh])([-\d. ]+)", line.attrib["d"]):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if kind == "h":
            for column in range(int(x), int(x + values[0])):
                grid[int(y)][column] = True
            x += values[0]
        else:
            x, y = (values[0], values[1]) if kind == "M" else (x + values[0], y + values[1])
    return grid


def test_the_symbol_has_its_quiet_zone_and_three_finders() -> None:
    grid = _modules(qr_svg("http://10.0.0.5:8501/class?room=BKWTRN"))
    side = len(grid)
    edge = range(4)
    assert not any(grid[row][column] for row in edge for column in range(side))
    for top, left in ((4, 4), (4, side - 11), (side - 11, 4)):
        assert all(grid[top][left + column] and grid[top + 6][left + column] for column in range(7))
        assert grid[top + 3][left + 3]
        assert not grid[top + 1][left + 1]


def test_it_asks_nothing_of_other_hosts_and_holds_no_text() -> None:
    svg = qr_svg("http://10.0.0.5/<script>alert(1)</script>")
    assert "script" not in svg
    assert svg.count("http") == 1  # the name of the SVG's own language
    assert "w3.org/2000/svg" in svg


def test_a_text_that_no_code_holds_is_refused() -> None:
    assert qr_svg("a" * 2000)
    with pytest.raises(ValueError, match="too large"):
        qr_svg("a" * 3000)

"""The network report: every figure in it, and nothing that reaches out of it."""

import re
from html.parser import HTMLParser

import pytest
from reports import HOSTILE, SPEC, report

from xception_lab.arch.breakdown import break_down


class _Page(HTMLParser):
    """What a page links to, its cells and whether its tags close."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "data", "action", "srcset")]

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def test_the_report_holds_every_layer_and_no_link() -> None:
    page = _Page(report())
    network = break_down(SPEC.xception, SPEC.size)
    assert page.links == []
    assert "script" not in page.tags
    assert page.tags.count("svg") == 2
    for layer in network.layers:
        assert f" {layer.cost.name} " in page.text
        assert f"{layer.cost.macs:,}" in page.text
    assert f"{network.cost.params:,}" in page.text
    assert "nn.BatchNorm2d" in page.text


def test_the_bars_of_the_report_are_as_long_as_what_they_stand_for() -> None:
    network = break_down(SPEC.xception, SPEC.size)
    drawn = re.findall(r"<svg.*?</svg>", report())[0]
    widths = {kind: float(width) for kind, width in re.findall(r'class="(\w+)" x="90.00".*?width="([\d.]+)"', drawn)}
    assert widths, "no bar begins at the axis"
    rows = re.findall(r'<rect class="(\w+)" x="[\d.]+" y="(\d+)" width="([\d.]+)"', drawn)
    lengths = [sum(float(width) for _, y, width in rows if y == at) for at in dict.fromkeys(y for _, y, _ in rows)]
    macs = [stage.totals["macs"] for stage in network.stages]
    assert max(lengths) == pytest.approx(620, abs=0.1)
    assert lengths == pytest.approx([620 * each / max(macs) for each in macs], abs=0.1)


def test_a_text_cannot_break_out_of_the_report() -> None:
    page = _Page(report(HOSTILE))
    assert page.links == []
    assert "script" not in page.tags
    assert "default-src 'none'" in report(HOSTILE)

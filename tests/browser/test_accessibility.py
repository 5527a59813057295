"""WCAG 2.2 AA as far as a program can tell: axe-core finds nothing on any page, in either theme or language."""

from collections.abc import Callable
from importlib.resources import files

import pytest
from browsing import Visitor
from playwright.sync_api import expect

Visit = Callable[..., Visitor]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# a page, and what is drawn last on it
PAGES = {
    "/": "h1",
    "/compare": ".st-key-blocks [role=img][aria-label]",
    "/timing": ".st-key-latency .main-svg >> nth=0",
    "/timing?measured_on=nvidia-h100&timing_view=roofline": ".st-key-roofline .main-svg >> nth=0",
    "/features": ".stMain canvas >> nth=0",
    "/training": "h1",
    "/network": ".stMain svg.picture, .stMain svg [role=button] >> nth=0",
    "/questions": ".st-key-questions .stExpander >> nth=3",
    "/class": ".st-key-open_room button",
    "/compare?task=Look&keep=kernel_size": ".st-key-blocks [role=img][aria-label]",
}


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "ko-KR")])
def test_axe_finds_no_violation(visit: Visit, address: str, scheme: str, locale: str) -> None:
    page = visit(color_scheme=scheme, locale=locale, viewport={"width": 1366, "height": 900}).open(
        address, PAGES[address]
    )
    # what a component has not drawn yet has no name yet
    expect(page.locator("button:empty:not([aria-label]), [role=img]:empty:not([aria-label])")).to_have_count(0)
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]] == []
    assert len(found["passes"]) > 15  # it has looked at something

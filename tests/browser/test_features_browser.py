"""The Feature maps page in a browser: its width on a phone, its repaints, and a weight file of the whole network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page

from xception_lab import XceptionSpec, build_xception
from xception_lab.ui.fields.features import LOOK

Visit = Callable[..., Any]

DRAWN = """
() => {
  const host = [...document.querySelectorAll(".st-key-maps *")].find((node) => node.shadowRoot)
  const root = host.shadowRoot.querySelector(".maps")
  return [root.innerHTML, ...[...root.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL())]
}
"""
PAINTED = '() => [...document.querySelectorAll(".st-key-maps *")].find((n) => n.shadowRoot)' + (
    '?.shadowRoot.querySelector(".maps").dataset.painted'
)


def _shown(page: Page, address: str) -> None:
    page.goto(address, wait_until="commit")
    page.locator(".stHeading").first.wait_for()
    page.locator(".st-key-maps canvas, .js-plotly-plot .main-svg").first.wait_for()
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_no_view_is_wider_than_a_phone(visit: Visit, locale: str) -> None:
    visitor = visit(locale=locale, viewport={"width": 390, "height": 844})
    page = visitor.new_tab()
    for query in (*(f"look={look}" for look in LOOK.texts), "filters=trained"):
        _shown(page, f"{visitor.server.url}/features?{query}")
        for box in ("document.documentElement", "document.querySelector('.stMain')"):
            page.wait_for_function(f"() => {box}.scrollWidth <= {box}.clientWidth", timeout=5_000)


def test_a_repaint_in_place_draws_what_a_new_page_does(visit: Visit) -> None:
    visitor = visit()
    page, new = visitor.new_tab(), visitor.new_tab()
    _shown(page, f"{visitor.server.url}/features?filters=random")
    for key, label in (("sort", "strongest first"), ("range", "each map"), ("intermediate", "none")):
        before = page.evaluate(PAINTED)
        page.locator(f".st-key-{key}").get_by_text(label, exact=True).click()
        page.wait_for_function(f"before => ({PAINTED})() !== before", arg=before)
        page.wait_for_function("value => location.search.includes(value)", arg=f"{key}=")
        _shown(new, page.url)
        new.wait_for_function(PAINTED)
        assert page.evaluate(DRAWN) == new.evaluate(DRAWN)


def test_weights_of_the_whole_network_come_through_the_browser(visit: Visit, tmp_path: Path) -> None:
    state = build_xception(XceptionSpec()).state_dict()
    assert len(state) == 276
    torch.save(state, tmp_path / "mine.pth")
    visitor = visit()
    page = visitor.new_tab()
    _shown(page, f"{visitor.server.url}/features?look=network&network=xception")
    maps = page.locator(".st-key-maps")
    maps.locator("h2", has_text="Xception, random weights").wait_for()
    page.locator(".st-key-weights_xception input[type=file]").set_input_files(tmp_path / "mine.pth")
    maps.get_by_text("mine.pth: how well these weights answer is not known here").wait_for()
    # the best of 1,000 classes and the four after it, each with its share
    best, rest = (maps.locator(f".numbers {part}").inner_text() for part in ("strong", "em"))
    assert [text.count("%") for text in (best, rest)] == [1, 4]

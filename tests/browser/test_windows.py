"""Narrow windows and a projector."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from browsing import STILL, Visitor
from playwright.sync_api import Error, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]

FEATURES, TIMING = ".stMain canvas >> nth=0", ".st-key-latency .main-svg >> nth=0"  # what is drawn last


def test_a_phone_shows_the_switch_of_the_relu_and_level_rows_of_all_blocks(visit: Visit) -> None:
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True).open("/features", FEATURES)
    for radio in page.locator(".st-key-intermediate [role=radio]").all():
        box = radio.bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    columns = page.locator(".st-key-maps .columns")
    last_rows = "cards => cards.map(card => [...card.querySelectorAll('.row')].at(-1).getBoundingClientRect().top)"
    tops = columns.locator(".card").evaluate_all(last_rows)
    assert len(tops) == 3
    assert max(tops) - min(tops) < 2
    columns.evaluate("node => node.scrollTo(node.scrollWidth, 0)")
    expect(columns.locator(".card h2").last).to_be_in_viewport()


def test_the_menu_of_a_narrow_window_leads_to_every_lab(visit: Visit) -> None:
    page = visit(viewport={"width": 390, "height": 844}).open("/compare")
    expect(page.locator(".st-key-links")).to_be_hidden()
    page.locator(".st-key-pages button").click()
    page.get_by_role("link", name="Network").click()
    page.locator(".st-key-anatomy").wait_for()


def test_a_row_of_options_fades_where_it_goes_on_and_only_there(visit: Visit) -> None:
    page = visit(viewport={"width": 390, "height": 844}).open("/timing", TIMING)
    row = page.locator(".st-key-timing_view [role=radiogroup]")
    fading = re.compile(r"rgba\(0, 0, 0, 0\)\)$")
    expect(row).to_have_css("mask-image", fading)
    row.evaluate("node => node.scrollTo(node.scrollWidth, 0)")
    expect(row).not_to_have_css("mask-image", fading)
    page.set_viewport_size({"width": 1366, "height": 768})
    page.reload()
    page.locator(TIMING).wait_for()
    expect(row).not_to_have_css("mask-image", fading)


def test_the_row_of_links_keeps_within_the_page(visit: Visit) -> None:
    first = ".st-key-questions .stExpander >> nth=0"
    page = visit(viewport={"width": 1366, "height": 720}).open("/questions?lang=en", first)
    for width in (1366, 1351, 1280, 1160):
        page.set_viewport_size({"width": width, "height": 720})
        overhang = page.locator(".st-key-frame").evaluate(
            "frame => Math.max(...[...frame.querySelectorAll('a, button')].filter(node => node.offsetWidth)"
            ".map(node => node.getBoundingClientRect().right)) - frame.getBoundingClientRect().right"
        )
        assert overhang < 1, width


# Projector

# every text of the page and inside its components that is smaller on the screen than 18 px
_SMALL = """() => {
    const small = []
    const look = root => {
        for (const node of root.querySelectorAll("*")) {
            if (node.shadowRoot) look(node.shadowRoot)
            const parts = [...node.childNodes].filter(child => child.nodeType === 3)
            const text = parts.map(part => part.data.trim()).join("")
            const { width, height } = node.getBoundingClientRect()
            if (!text || width < 2 || height < 2) continue
            // in a drawing that is scaled, its own scale counts too
            const grid = node.ownerSVGElement && node.getScreenCTM()
            const scale = (grid ? Math.hypot(grid.a, grid.b) : 1) * (node.currentCSSZoom ?? 1)
            const size = parseFloat(getComputedStyle(node).fontSize) * scale
            if (size < 17.9) small.push(`${size.toFixed(1)} ${text.slice(0, 40)}`)
        }
    }
    look(document.querySelector(".stMain"))
    return small
}"""
PROJECTED = {
    "/compare": ".st-key-blocks [role=img][aria-label] >> nth=0",
    "/timing": TIMING,
    "/features": FEATURES,
    "/training?guess=show": ".main-svg >> nth=0",
    "/network": ".stMain svg [role=button] >> nth=0",
    "/questions": ".st-key-questions .stExpander >> nth=3",
    "/story?step=2": "h1",
    "/story?step=6&p6=show": "h1",
    "/story?step=8&p8=show": "h1",
}


@pytest.mark.parametrize("address", PROJECTED)
def test_whatever_a_projector_shows_is_18_pixels_or_more(visit: Visit, address: str) -> None:
    projected = f"{address}{'&' if '?' in address else '?'}screen=projector"
    page = visit(viewport={"width": 1280, "height": 720}).open(projected, PROJECTED[address])
    page.wait_for_function(STILL)
    with suppress(Error):  # the assertion says what is too small
        page.wait_for_function(f"() => ({_SMALL})().length === 0", timeout=20_000)
    assert page.evaluate(_SMALL) == []


@pytest.mark.parametrize(
    ("size", "query"), [({"width": 1280, "height": 720}, "&screen=projector"), ({"width": 320, "height": 640}, "")]
)
def test_the_answers_on_a_scale_do_not_cover_each_other(visit: Visit, size: dict[str, int], query: str) -> None:
    visitor = visit(viewport=size, locale="ko-KR")
    for step in ("1", "6", "9"):  # those with two answers
        page = visitor.open(f"/story?step={step}&p{step}=show{query}", ".guess .mark.answer >> nth=1")
        marks = page.locator(".guess .mark.answer")
        marks.last.evaluate("node => Promise.all(node.getAnimations().map(each => each.finished))")
        left, right = sorted(
            marks.evaluate_all("nodes => nodes.map(node => node.getBoundingClientRect()).map(b => [b.left, b.right])")
        )
        assert left[1] <= right[0], step


@pytest.mark.parametrize("query", ["screen=projector", "view=projector"])
def test_a_projector_s_page_is_large_and_has_no_controls(visit: Visit, query: str) -> None:
    page = visit(viewport={"width": 1280, "height": 720}).open(f"/timing?{query}", TIMING)
    for key in ("frame", "controls", "share", "measured_on"):
        expect(page.locator(f".st-key-{key}")).to_be_hidden()
    # whose result it is stays: a class cannot tell that nothing was measured here
    expect(page.locator(".st-key-source")).to_contain_text("A stored result")
    page.wait_for_function("() => new URLSearchParams(location.search).get('screen') === 'projector'")
    page.keyboard.press("p")
    expect(page.locator(".st-key-controls")).to_be_visible()
    page.wait_for_function("() => !location.search.includes('projector')")
    # a click beside the text gives the page itself the focus, which is no control to frame
    page.mouse.click(8, 400)
    page.keyboard.press("p")
    expect(page.locator(".st-key-controls")).to_be_hidden()
    assert page.locator(".stMain").evaluate("node => node === document.activeElement")
    assert page.locator(".stMain").evaluate("node => getComputedStyle(node, '::before').boxShadow") == "none"


def test_what_a_link_sets_in_a_folded_menu_is_said_and_undone_with_a_click(visit: Visit) -> None:
    page = visit().open("/compare?stride=2")
    undo = page.locator(".st-key-also_set button")
    expect(undo).to_have_text("closestride 2")
    undo.click()
    expect(page.locator(".st-key-also_set")).to_have_count(0)
    page.wait_for_function("() => !location.search.includes('stride')")

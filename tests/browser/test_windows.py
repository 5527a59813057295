"""Narrow windows, a projector, and what moves while a page is drawn or a slider dragged."""

from collections.abc import Callable

import pytest
from browsing import Visitor
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]

# a page, and what is drawn last on it
PAGES = {
    "/": "h1",
    "/compare": ".st-key-blocks .figure strong >> nth=8",
    "/timing": ".st-key-latency .main-svg >> nth=0",
    "/features": ".stMain canvas >> nth=0",
    "/training": "h1",
    "/network": ".stMain svg [role=button] >> nth=0",
    "/questions": ".st-key-questions .stExpander >> nth=3",
}


@pytest.mark.parametrize("address", PAGES)
def test_no_page_scrolls_sideways_and_the_navigation_takes_a_row(visit: Visit, address: str) -> None:
    # 683 wide is half of 1366: what a zoom of 200 % leaves
    page = visit(viewport={"width": 320, "height": 640}).open(address, PAGES[address])
    for width in (320, 390, 683, 820, 1024, 1100):
        page.set_viewport_size({"width": width, "height": 768})
        for box in ("document.documentElement", "document.querySelector('.stMain')"):
            page.wait_for_function(f"() => {box}.scrollWidth <= {box}.clientWidth", timeout=5_000)
        if address != "/" or width > 360:
            height = page.locator(".st-key-frame").evaluate("node => node.getBoundingClientRect().height")
            assert height < 60, f"{width} wide, the navigation is {height} high"


def test_a_phone_shows_the_switch_of_the_relu_and_level_rows_of_all_blocks(visit: Visit) -> None:
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True).open(
        "/features", PAGES["/features"]
    )
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


# Projector

_SMALLEST = """() => {
    const sizes = [...document.querySelectorAll(".js-plotly-plot text")]
        .filter(node => node.textContent.trim() && node.getBoundingClientRect().width)
        .map(node => parseFloat(getComputedStyle(node).fontSize))
    return sizes.length ? Math.min(...sizes) : 0
}"""


@pytest.mark.parametrize("query", ["screen=projector", "view=projector"])
def test_a_projector_s_page_is_large_and_has_no_controls(visit: Visit, query: str) -> None:
    page = visit(viewport={"width": 1280, "height": 720}).open(f"/timing?{query}", PAGES["/timing"])
    page.wait_for_function(f"() => ({_SMALLEST})() >= 18")
    for key in ("frame", "controls", "share", "source"):
        expect(page.locator(f".st-key-{key}")).to_be_hidden()
    page.wait_for_function("() => new URLSearchParams(location.search).get('screen') === 'projector'")
    page.keyboard.press("p")
    expect(page.locator(".st-key-controls")).to_be_visible()
    page.wait_for_function("() => !location.search.includes('projector')")
    page.keyboard.press("p")
    expect(page.locator(".st-key-controls")).to_be_hidden()


# What moves

# the questions' columns come with the style sheet, which Streamlit loads after the page's first texts
MOST_ON_LOAD = {"/questions": 0.2, "/training": 0.2}
_WATCH = """() => {
    window.shifts = []
    new PerformanceObserver(list => {
        for (const shift of list.getEntries()) {
            const moved = shift.sources.map(({ node }) => (node?.nodeType === 1 ? node : node?.parentElement))
            // Streamlit's own shell, before it has any of the page: its block is centred and gets wide
            const isOurs = moved.some(node => node?.closest?.("[class*=st-key-]"))
            window.shifts.push({ value: shift.value, byHand: shift.hadRecentInput, isOurs })
        }
    }).observe({ type: "layout-shift", buffered: true })
}"""


def _shift(page: Page, on_load: bool) -> float:
    """The sum of the shifts so far that no input caused; of a load those of the page's own parts."""
    shifts = page.evaluate("() => window.shifts.splice(0)")
    return sum(one["value"] for one in shifts if not one["byHand"] and (one["isOurs"] or not on_load))


@pytest.mark.parametrize("address", PAGES)
def test_what_is_drawn_stays_where_it_is(visit: Visit, address: str) -> None:
    visitor = visit(viewport={"width": 1366, "height": 768})
    visitor.context.add_init_script(f"({_WATCH})()")
    page = visitor.open(address, PAGES[address])
    page.wait_for_timeout(1500)
    assert _shift(page, on_load=True) < MOST_ON_LOAD.get(address, 0.1)
    for slider in page.locator(".st-key-controls .stSlider [role=group] > div > div:has(input)").all()[:2]:
        box = slider.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        for step in (20, 40, 10, -20):
            page.mouse.move(box["x"] + step, box["y"] + box["height"] / 2, steps=3)
            page.wait_for_timeout(150)
        page.mouse.up()
        page.wait_for_timeout(400)
        # below that it is a centred number that got a digit more
        assert _shift(page, on_load=False) < 0.0005


def test_what_a_link_sets_in_a_folded_menu_is_said_and_undone_with_a_click(visit: Visit) -> None:
    page = visit().open("/compare?stride=2")
    undo = page.locator(".st-key-also_set button")
    expect(undo).to_have_text("closestride 2")
    undo.click()
    expect(page.locator(".st-key-also_set")).to_have_count(0)
    page.wait_for_function("() => !location.search.includes('stride')")

"""What the Tab key stops at in the first screen of each lab, and what labels and charts do for the keys."""

from collections.abc import Callable

import pytest
from browsing import Visitor
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]

SCREEN = {"width": 1366, "height": 768}
CHART = ".stMain .main-svg >> nth=0"
# by address: what is drawn last on it, and how many stops of the Tab key its first screen may have below the navigation
MOST_STOPS = {
    "/compare": (".st-key-blocks .figure strong >> nth=8", 14),
    "/timing": (".st-key-ratios .main-svg >> nth=0", 14),
    "/features": (".stMain canvas >> nth=0", 14),
    "/features?look=information": (CHART, 14),
    "/training": ("h1", 13),  # six of them are the question before the answer, one is below it
    "/training?guess=show": (CHART, 12),
    "/network": (".stMain svg [role=button] >> nth=0", 12),
}
# the focused node, of a component's too, with its place on the unscrolled page
_FOCUSED = """() => {
    let node = document.activeElement
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
    if (node.matches("table")) return null // wider than its box, it scrolls with the keys: no control
    const host = document.activeElement.closest("[class*=st-key-]")
    const main = document.activeElement.closest(".stMain")
    if (!main || document.activeElement === main || host?.closest(".st-key-frame")) return null
    // Streamlit's range inputs are one pixel wide: the thumb is their parent's parent
    let box = node.getBoundingClientRect()
    if (node.matches("input") && box.width < 4) box = node.parentElement.parentElement.getBoundingClientRect()
    const key = host?.className.match(/st-key-([\\w-]+)/)?.[1] ?? ""
    const name = `${key} ${node.ariaLabel || node.textContent}`.trim().slice(0, 60)
    return { name, top: Math.round(box.top + main.scrollTop) }
}"""


def first_screen_stops(page: Page) -> list[str]:
    """The names of what the Tab key stops at in the first screen, without the navigation and the page itself."""
    stops: dict[tuple[str, int], None] = {}
    missed = 0
    while missed < 30:
        page.keyboard.press("Tab")
        at = page.evaluate(_FOCUSED)
        if at is None or (at["name"], at["top"]) in stops:
            missed += 1
        else:
            stops[at["name"], at["top"]] = None
    return [name for name, top in stops if top < SCREEN["height"]]


@pytest.mark.parametrize("address", MOST_STOPS)
def test_a_first_screen_has_few_stops(visit: Visit, address: str) -> None:
    drawn, most = MOST_STOPS[address]
    page = visit(viewport=SCREEN).open(address, drawn)
    page.wait_for_timeout(500)  # a chart's tools and what a component draws come a little later
    stops = first_screen_stops(page)
    assert 3 <= len(stops) <= most, "\n".join(stops)


def test_a_label_explains_its_control_to_pointer_keys_and_screen_reader(visit: Visit) -> None:
    page = visit().open("/compare")
    note = page.get_by_role("tooltip")
    slider = page.locator(".st-key-in_channels input[type=range]")
    meaning = "Channels of the picture that enters the block."
    expect(slider).to_have_attribute("aria-description", meaning)
    page.locator(".st-key-in_channels [data-testid=stWidgetLabel]").hover()
    expect(note).to_have_text(meaning)
    page.mouse.move(5, 500)
    expect(note).to_be_hidden()
    page.locator(".st-key-in_channels [data-testid=stWidgetLabel]").click()
    expect(note).to_be_visible()
    page.keyboard.press("Escape")
    expect(note).to_be_hidden()
    page.get_by_role("button", name="More controls").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(note).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(note).to_be_hidden()


def test_the_tools_of_a_chart_come_with_the_keys_as_one_stop(visit: Visit) -> None:
    page = visit().open("/timing", ".st-key-latency .main-svg >> nth=0")
    bar = page.locator(".st-key-latency .modebar")
    expect(bar.locator('[tabindex="0"]')).to_have_count(1)
    expect(bar.locator(".modebar-group").first).to_have_css("opacity", "0")
    bar.locator('[tabindex="0"]').focus()
    expect(bar.locator(".modebar-group").first).to_have_css("opacity", "1")
    page.keyboard.press("ArrowRight")
    expect(bar.locator('[tabindex="0"]')).to_have_accessible_name("Zoom")
    expect(bar.locator('[tabindex="0"]')).to_be_focused()


def test_the_arrows_lead_through_the_maps(visit: Visit) -> None:
    page = visit().open("/features", ".stMain canvas >> nth=0")
    maps = page.locator(".st-key-maps .cell")
    expect(page.locator('.st-key-maps .cell[tabindex="0"]')).to_have_count(1)
    maps.first.focus()
    page.keyboard.press("ArrowRight")
    expect(maps.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(maps.nth(4)).to_be_focused()
    expect(page.locator('.st-key-maps .cell[tabindex="0"]')).to_have_count(1)

"""Every page, opened once in each look, held to all that every page owes.

What it says to a screen reader, WCAG 2.2 AA as far as a program can tell, few stops of the Tab key, no scrolling
sideways, and nothing that moves by itself.
"""

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import pytest
from browsing import BLOCKS, STILL, Visitor
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as Late

from xception_lab.ui.shell.language import LANGUAGES, catalog
from xception_lab.ui.shell.names import PAGE_NAMES

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCREEN = {"width": 1366, "height": 768}
CHART = ".stMain .main-svg >> nth=0"


class Sight(NamedTuple):
    """drawn: what is drawn last. stops: how many the Tab key may have in the first screen, below the navigation."""

    drawn: str
    stops: int | None = None


PAGES = {
    "/": Sight("h1"),
    "/compare": Sight(BLOCKS, 14),
    "/timing": Sight(".st-key-ratios .main-svg >> nth=0", 14),
    "/timing?measured_on=nvidia-h100&timing_view=roofline": Sight(".st-key-roofline .main-svg >> nth=0"),
    "/features": Sight(".stMain canvas >> nth=0", 14),
    "/features?look=information": Sight(CHART, 14),
    "/training": Sight("h1", 12),
    "/training?guess=show": Sight(CHART, 12),
    "/network": Sight(".stMain svg [role=button] >> nth=0", 12),
    "/questions": Sight(".st-key-questions .stExpander >> nth=3"),
    "/class": Sight(".st-key-open_room button"),
    "/compare?task=Look&keep=kernel_size": Sight(".st-key-blocks [role=img][aria-label]"),
}


@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-US"), ("dark", "ko-KR")])
def test_a_page_owes(visit: Visit, address: str, scheme: str, locale: str) -> None:
    visitor, sight = visit(color_scheme=scheme, locale=locale, viewport=SCREEN), PAGES[address]
    page = visitor.new_tab()
    page.add_init_script(f"({_WATCH})()")
    page.goto(visitor.server.url + address, wait_until="commit")
    page.locator(sight.drawn).wait_for()
    page.wait_for_function(STILL)
    faults = [*_moved_on_load(page, address), *_unnamed(page, address, locale[:2]), *_violations(page)]
    if scheme == "light":
        faults += _too_many_stops(page, sight) if sight.stops else []
        faults += _moved_by_a_slider(page)
    faults += _too_wide(page, address)
    assert not faults, "\n".join(faults)


def test_the_pages_have_different_names() -> None:
    for language in LANGUAGES:
        assert len({catalog(language).gettext(name) for name in PAGE_NAMES.values()}) == len(PAGE_NAMES)


# What it says


def _unnamed(page: Page, address: str, language: str) -> Iterator[str]:
    """One heading, the document's language, and the page's name, by which a tab and a screen reader tell it."""
    try:
        page.wait_for_function("lang => document.documentElement.lang === lang", arg=language)
    except Late:
        yield f"the document's language is not {language}"
    if (headings := page.locator("h1").count()) != 1:
        yield f"{headings} headings of the first level"
    path = address.lstrip("/").partition("?")[0]
    name = catalog(language).gettext(PAGE_NAMES[path]) if path else ""
    if not page.title().startswith(name) or not page.title().endswith(" · Xception Lab"):
        yield f"its name is {page.title()}"


def _violations(page: Page) -> list[str]:
    """What axe-core finds."""
    # what a component has not drawn yet has no name yet
    expect(page.locator("button:empty:not([aria-label]), [role=img]:empty:not([aria-label])")).to_have_count(0)
    page.evaluate(AXE)
    found = page.evaluate("rules => axe.run(document, { runOnly: rules })", RULES)
    assert len(found["passes"]) > 15  # it has looked at something
    return [f"{one['id']}: {node['html'][:200]}" for one in found["violations"] for node in one["nodes"]]


# Keys

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


def _too_many_stops(page: Page, sight: Sight) -> list[str]:
    stops = first_screen_stops(page)
    return [] if 3 <= len(stops) <= (sight.stops or 0) else [f"{len(stops)} stops: {stops}"]


# Widths


def _too_wide(page: Page, address: str) -> Iterator[str]:
    """A window in which the page scrolls sideways, or in which the navigation takes more than a row."""
    # 683 wide is half of 1366: what a zoom of 200 % leaves
    for width in (1100, 1024, 820, 683, 390, 320):
        page.set_viewport_size({"width": width, "height": 768})
        for box in ("document.documentElement", "document.querySelector('.stMain')"):
            try:
                page.wait_for_function(f"() => {box}.scrollWidth <= {box}.clientWidth", timeout=5_000)
            except Late:
                yield f"{width} wide, {box} scrolls sideways"
        if address != "/" or width > 360:
            height = page.locator(".st-key-frame").evaluate("node => node.getBoundingClientRect().height")
            if height >= 60:
                yield f"{width} wide, the navigation is {height} high"


# What moves

_WATCH = """() => {
    window.shifts = []
    new PerformanceObserver(list => {
        for (const shift of list.getEntries()) {
            const moved = shift.sources.map(({ node }) => (node?.nodeType === 1 ? node : node?.parentElement))
            const name = moved.map(node => node?.closest?.("[class*=st-key-]")?.className.match(/st-key-[\\w-]+/)[0])
            // Streamlit's own shell moves: its block of all that the page has, which is centred at first and gets wide,
            // and has another padding and other gaps before the style sheet is there, which Streamlit loads late
            const isShell = moved.some(node => node?.matches?.(".stMainBlockContainer, .stMainBlockContainer > *"))
            const isOurs = !isShell && name.some(Boolean)
            window.shifts.push({ value: shift.value, byHand: shift.hadRecentInput, isOurs, name: name.join(" ") })
        }
    }).observe({ type: "layout-shift", buffered: true })
}"""


def _shifts(page: Page) -> list[dict[str, Any]]:
    """The shifts since the last call that no input caused."""
    shifts: list[dict[str, Any]] = page.evaluate("() => window.shifts.splice(0)")
    return [one for one in shifts if not one["byHand"]]


def _moved_on_load(page: Page, address: str) -> list[str]:
    ours = [one for one in _shifts(page) if one["isOurs"]]
    return [] if sum(one["value"] for one in ours) < 0.1 else [f"{address} moved on load: {ours}"]


def _moved_by_a_slider(page: Page) -> Iterator[str]:
    """What moves while a slider is dragged and when it is let go."""
    page.wait_for_function(STILL)
    _shifts(page)
    for slider in page.locator(".st-key-controls .stSlider [role=group] > div > div:has(input)").all()[:2]:
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.wait_for_timeout(550)  # for half a second after a press all that moves counts as moved by hand
        for step in (20, 40, 10, -20):
            page.mouse.move(box["x"] + step, box["y"] + box["height"] / 2, steps=3)
            page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.mouse.up()
        page.wait_for_function(STILL)
        shifts = _shifts(page)
        # below that it is a centred number that got a digit more
        if sum(one["value"] for one in shifts) >= 0.0005:
            yield f"dragging a slider moved {shifts}"

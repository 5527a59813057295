"""Links to a view open where it stands: on a screen and on a phone, once, and never against the person."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import PATIENCE_MS, STILL, Visitor
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as Late

from xception_lab.ui.fields.compare import CompareState
from xception_lab.ui.fields.features import FeaturesState
from xception_lab.ui.fields.field import VIEW_AND_CONTROL, state_fields
from xception_lab.ui.fields.network import STAGE, NetworkState
from xception_lab.ui.fields.timing import TimingState
from xception_lab.ui.fields.training import TrainingState

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
STATES: dict[str, type[Any]] = {
    "compare": CompareState,
    "network": NetworkState,
    "timing": TimingState,
    "features": FeaturesState,
    "training": TrainingState,
}
SIZES = {"screen": {"width": 1366, "height": 768}, "phone": {"width": 390, "height": 844}}

# the script of the page's last component ran, which drops what is at its default from the address, and all is still
SETTLED = f"() => !new URLSearchParams(location.search).has('lang') && ({STILL})()"
SCROLLED = "document.querySelector('.stMain').scrollTop"
POSITION = """
(key) => {
  const main = document.querySelector(".stMain")
  const part = document.querySelector(`.st-key-${key}`).getBoundingClientRect()
  const visible = Math.min(part.bottom, innerHeight) - Math.max(part.top, 0)
  return { scrolled: main.scrollTop, top: part.top, missing: Math.min(300, part.height) - visible }
}"""


def _links(page: str) -> Iterator[tuple[str, str]]:
    """Every link of a page that selects a part of it, and the key of that part."""
    shown = "guess=show&" if page == "training" else ""
    for field in state_fields(STATES[page]):
        options = ("exit",) if field is STAGE else field.texts
        for option in options if field.part else ():
            if option != field.default:
                yield f"/{page}?{shown}{field.key}={option}", field.part


def _open(visitor: Visitor, tab: Page, link: str) -> None:
    tab.goto(f"{visitor.server.url}{link}{'&' if '?' in link else '?'}lang=en", wait_until="commit")
    try:
        tab.wait_for_function(SETTLED, timeout=2 * PATIENCE_MS)
    except Late:
        pytest.fail(f"{link} does not settle")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("page", STATES)
def test_a_link_to_a_view_opens_with_the_view_in_the_first_screen(visit: Visit, page: str, size: str) -> None:
    visitor = visit(viewport=SIZES[size])
    tab = visitor.new_tab()
    out_of_sight = {}
    links = list(_links(page))
    # a phone's pages are built alike: its last view
    for link, part in links if size == "screen" else links[-1:]:
        _open(visitor, tab, link)
        position = tab.evaluate(POSITION, part)
        if not 0 <= position["top"] <= 0.4 * SIZES[size]["height"] or position["missing"] > 0:
            out_of_sight[link] = position
    assert out_of_sight == {}
    _open(visitor, tab, f"/{page}")
    assert tab.evaluate(SCROLLED) == 0


def test_what_a_person_does_afterwards_scrolls_nowhere(visit: Visit) -> None:
    visitor = visit(viewport=SIZES["screen"])
    tab = visitor.new_tab()
    for link, key in (("/compare?view=differences", "segments"), ("/network?network_view=what_if", "middle_blocks")):
        _open(visitor, tab, link)
        tab.mouse.move(700, 400)
        opened_at = tab.evaluate(SCROLLED)
        tab.mouse.wheel(0, -90)
        tab.wait_for_function(f"before => {SCROLLED} < before", arg=opened_at)
        slider = tab.locator(f".st-key-{key} input[type=range]")
        slider.evaluate("node => node.focus({ preventScroll: true })")
        tab.wait_for_function(SETTLED)
        before = tab.evaluate(SCROLLED)
        tab.keyboard.press("ArrowLeft")
        tab.wait_for_function("key => new URLSearchParams(location.search).has(key)", arg=key)
        tab.wait_for_function(SETTLED)
        assert tab.evaluate(SCROLLED) == before


# the first time that the page is scrolled, something above the part grows, as a picture does that comes late
GROWS = """
document.addEventListener("scroll", ({ target }) => {
  if (window.grown || !target.matches?.(".stMain")) return
  window.grown = true
  if (PERSON) {
    target.dispatchEvent(new WheelEvent("wheel", { bubbles: true }))
    target.scrollTop = 0
  }
  document.querySelector(".st-key-frame").style.minHeight = "700px"
}, true)
"""


@pytest.mark.parametrize("person", [False, True], ids=["nobody", "person"])
def test_the_part_stays_in_sight_until_the_person_scrolls(visit: Visit, person: bool) -> None:
    visitor = visit(viewport=SIZES["screen"])
    tab = visitor.new_tab()
    tab.add_init_script(GROWS.replace("PERSON", str(person).lower()))
    _open(visitor, tab, "/compare?view=differences")
    assert tab.evaluate("window.grown")
    position = tab.evaluate(POSITION, VIEW_AND_CONTROL)
    if person:
        assert position["scrolled"] == 0
    else:
        assert 0 <= position["top"] <= 100


def test_a_door_of_the_story_opens_on_its_view_and_the_navigation_does_not(visit: Visit) -> None:
    visitor = visit(viewport=SIZES["phone"])
    tab = visitor.new_tab()
    tab.goto(f"{visitor.server.url}/story?step=6&p6=show", wait_until="commit")
    tab.get_by_role("link", name="Open in the lab").click()
    tab.locator(".st-key-steps").wait_for()
    tab.wait_for_function(f"key => Math.abs(({POSITION})(key).top - 50) <= 50", arg=VIEW_AND_CONTROL)
    tab.get_by_role("button", name="Menu").click()
    tab.get_by_role("link", name="Network", exact=True).click()
    tab.locator(".st-key-anatomy").wait_for()
    tab.get_by_role("button", name="Menu").click()
    tab.get_by_role("link", name="Compare", exact=True).click()
    tab.locator(".st-key-steps").wait_for()
    tab.wait_for_function(SETTLED)
    expect(tab.locator(".st-key-frame")).to_be_in_viewport()

"""The Network page as a person meets it: the drawing by mouse, keys and fingers, a report without a connection."""

from collections.abc import Callable
from pathlib import Path

import pytest
from browsing import Visitor
from playwright.sync_api import Browser, Page, expect
from reports import report

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
CARD = ".st-key-architecture .card"


def _open(visitor: Visitor, query: str = "") -> Page:
    page = visitor.new_tab()
    page.goto(f"{visitor.server.url}/network{query}", wait_until="commit")
    page.locator(".st-key-anatomy .value").first.wait_for()
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
    return page


def test_a_block_is_chosen_by_mouse_and_by_keys_and_the_picture_zooms(visit: Visit) -> None:
    page = _open(visit())
    expect(page.locator(CARD)).to_have_count(7)
    page.locator(f"{CARD}[data-key=middle]").click()
    expect(page.locator(".st-key-chosen")).to_contain_text("Blocks 4–11")
    page.wait_for_function("new URLSearchParams(location.search).get('stage') === 'middle'")
    page.locator(f"{CARD}[data-key=exit]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-chosen")).to_contain_text("Block 12")
    expect(page.locator(f"{CARD}[data-key=exit]")).to_be_focused()
    expect(page.locator(f"{CARD}[data-key=exit]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Tab")
    expect(page.locator(f"{CARD}[data-key=head]")).to_be_focused()

    picture = page.locator(".st-key-architecture svg")
    whole = picture.get_attribute("viewBox")
    page.get_by_role("button", name="Zoom in").click()
    expect(picture).not_to_have_attribute("viewBox", whole or "")
    page.get_by_role("button", name="Whole picture").click()
    expect(picture).to_have_attribute("viewBox", whole or "")
    box = picture.bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(picture).not_to_have_attribute("viewBox", whole or "")


def test_a_key_press_shows_its_figures_before_the_server_answers(visit: Visit) -> None:
    page = _open(visit(), "?network_view=export")
    value = page.locator(".st-key-anatomy .value[data-measure=macs]")
    expect(value).to_have_text("8.36 G")
    page.wait_for_timeout(500)  # the figures ahead are bound once the sliders stand
    page.evaluate("WebSocket.prototype.send = () => {}")
    page.locator(".st-key-middle_blocks input[type=range]").press("ArrowRight")
    expect(value).to_have_text("8.94 G")


def test_the_bars_of_what_if_go_along_tell_their_numbers_and_are_saved(
    visit: Visit, browser: Browser, tmp_path: Path
) -> None:
    page = _open(visit(), "?network_view=what_if")
    picture = page.locator(".st-key-changes svg")
    expect(picture).to_contain_text("4.65 G")
    picture.focus()
    for _ in range(10):
        page.keyboard.press("ArrowDown")
    expect(page.locator(".st-key-changes .tell")).to_have_text("Middle flow, this network: 4,648,547,904")
    page.evaluate("WebSocket.prototype.send = () => {}")
    page.locator(".st-key-middle_blocks input[type=range]").press("ArrowRight")
    expect(picture).to_contain_text("5.23 G")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the picture").click()
    file = tmp_path / "changes.svg"
    saved.value.save_as(file)
    context = browser.new_context(offline=True)
    alone = context.new_page()
    alone.goto(file.as_uri())
    bars = alone.locator("rect.mark")
    assert bars.count() == 14
    # the text's colour: no block's and no kind of layer's
    painted = "node => [getComputedStyle(node).fill, getComputedStyle(node).fillOpacity]"
    assert [bars.nth(place).evaluate(painted) for place in (12, 13)] == [
        ["rgb(31, 41, 51)", "0.5"],
        ["rgb(31, 41, 51)", "0.9"],
    ]
    context.close()


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_nothing_is_cut_on_a_phone(visit: Visit, locale: str) -> None:
    visitor = visit(locale=locale, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for view in ("", "modules&towers=24", "what_if&convolution=standard", "shares&weighed=params"):
        query = f"?network_view={view}" if view else ""
        page = visitor.new_tab()
        page.goto(f"{visitor.server.url}/network{query}", wait_until="commit")
        page.locator(".st-key-anatomy .value, .st-key-modules svg").first.wait_for()
        page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
        wide = "() => document.querySelector('.stMain').scrollWidth <= innerWidth"
        page.wait_for_function(wide, timeout=5_000)
    card = visitor.context.pages[0].locator(f"{CARD}[data-key=head]")
    card.tap()
    expect(visitor.context.pages[0].locator(".st-key-chosen")).to_be_in_viewport()


def test_the_report_opens_without_a_connection(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(report(), encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(file.as_uri())
    assert asked == [file.as_uri()]
    assert errors == []
    for picture in page.locator("svg").all():
        box = picture.bounding_box()
        assert box
        assert box["width"] > 300
        assert box["height"] > 100
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    fill = page.locator("rect.pointwise").first.evaluate("node => getComputedStyle(node).fill")
    assert fill == "rgb(68, 119, 170)"
    context.close()

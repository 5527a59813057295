"""What labels, charts and maps do for pointer, keys and screen reader."""

from collections.abc import Callable

import pytest
from browsing import Visitor
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]


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


# the lightness of a button's text, and of the page on which it lies when it has no ground of its own, 0 to 255
_TEXT_AND_GROUND = """node => [node.querySelector("p"), document.querySelector(".stApp")].map((part, text) => {
  const [red, green, blue, alpha = 1] = getComputedStyle(part)[text ? "backgroundColor" : "color"].match(/[\\d.]+/g)
  return alpha * (0.3 * red + 0.6 * green + 0.1 * blue) + (1 - alpha) * 255
})"""


def test_a_button_that_cannot_be_pressed_now_keeps_its_words(visit: Visit) -> None:
    page = visit().open("/timing", ".st-key-latency .main-svg >> nth=0")
    button = page.locator(".st-key-measure button")
    button.evaluate("node => { node.disabled = true }")
    expect(button).not_to_have_css("background-color", "rgb(10, 118, 107)")
    text, ground = button.evaluate(_TEXT_AND_GROUND)
    assert ground > 250
    assert text < 190


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

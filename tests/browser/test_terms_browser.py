"""A term in the prose as a person meets it: by key, by mouse, by finger, in two languages."""

from collections.abc import Callable

import pytest
from browsing import Visitor
from playwright.sync_api import Locator, Page, expect

from xception_lab.common.glossary import glossary

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
STEP, TITLE = "/story?step=7", ".st-key-story h1"  # it has two terms before its prediction
PHONE = {"width": 390, "height": 844}


def _card(page: Page) -> Locator:
    return page.get_by_role("dialog")


def _word(page: Page, key: str) -> Locator:
    return page.locator(f'a[href="#term-{key}"]').first


def _tab_to(page: Page, word: Locator) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if word.evaluate("node => node === document.activeElement"):
            return
    pytest.fail("the word is not reached by Tab")


def _open_by_key(page: Page, word: Locator) -> None:
    """The script that opens the cards may come after the page's text."""
    word.focus()
    for _ in range(20):
        page.keyboard.press("Enter")
        try:
            expect(_card(page)).to_be_visible(timeout=500)
        except AssertionError:
            continue
        return
    pytest.fail("the card does not open")


def _count_runs(page: Page) -> None:
    """Have the page count, as `runs`, what it asks of the server from now on."""
    page.evaluate("""() => {
        window.runs = 0
        const send = WebSocket.prototype.send
        WebSocket.prototype.send = function (...message) { window.runs += 1; return send.apply(this, message) }
    }""")


def _inside_the_window(card: Locator) -> None:
    """The card's animation is over, it lies in the window, and none of its text is cut."""
    card.evaluate("node => Promise.all(node.getAnimations().map(animation => animation.finished))")
    assert card.evaluate("""node => {
        const { left, right, top, bottom } = node.getBoundingClientRect()
        const inside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight
        return inside && node.scrollHeight <= node.clientHeight && node.scrollWidth <= node.clientWidth
    }"""), card.bounding_box()


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_a_term_is_opened_and_closed_by_keys(visit: Visit, locale: str) -> None:
    page, term = visit(locale=locale).open(STEP, TITLE), glossary()["depthwise"][locale[:2]]
    word, card, address = _word(page, "depthwise"), _card(page), page.url
    _tab_to(page, word)
    _count_runs(page)
    page.keyboard.press("Enter")
    expect(card).to_be_visible()
    expect(card).to_have_accessible_name(term.name)
    expect(card).to_have_accessible_description(term.text)
    expect(card.locator("svg")).to_be_visible()
    _inside_the_window(card)
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(word).to_be_focused()
    assert (page.url, page.evaluate("runs")) == (address, 0)


def test_the_tab_key_leads_through_the_card_and_on(visit: Visit) -> None:
    page = visit().open(STEP, TITLE)
    word, card = _word(page, "relu"), _card(page)
    _open_by_key(page, word)
    page.keyboard.press("Tab")
    expect(card.get_by_role("button")).to_be_focused()
    page.keyboard.press("Tab")
    expect(card).to_be_hidden()
    expect(_word(page, "depthwise")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    expect(card).to_be_hidden()
    expect(_word(page, "depthwise")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(card).to_be_hidden()
    expect(_word(page, "depthwise")).to_be_focused()


def test_a_click_elsewhere_closes_the_card(visit: Visit) -> None:
    page = visit().open(STEP, TITLE)
    word, other, card = _word(page, "depthwise"), _word(page, "relu"), _card(page)
    word.click()
    expect(card).to_be_visible()
    card.locator(".text").click()
    expect(card).to_be_visible()
    other.click()
    expect(card).to_have_accessible_name(glossary()["relu"]["en"].name)
    page.locator("h1").click()
    expect(card).to_be_hidden()
    expect(other).to_be_focused()
    word.click()
    word.click()
    expect(card).to_be_hidden()


def test_a_mouse_that_rests_on_a_word_shows_its_card_until_it_leaves(visit: Visit) -> None:
    page = visit().open(STEP, TITLE)
    word, card = _word(page, "depthwise"), _card(page)
    word.hover()
    expect(card).to_be_visible()
    card.hover()
    page.locator("h1").hover()
    expect(card).to_be_hidden()
    word.hover()
    expect(card).to_be_visible()
    word.click()  # keeps it open
    expect(card).to_be_focused()
    page.locator("h1").hover()
    _word(page, "relu").hover()
    expect(card).to_have_accessible_name(glossary()["depthwise"]["en"].name)
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_a_new_run_leaves_the_card_open(visit: Visit) -> None:
    page = visit().open("/compare")
    _word(page, "mac").click()
    page.locator(".st-key-in_channels input[type=range]").evaluate("node => node.focus()")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("new URLSearchParams(location.search).has('in_channels')")
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
    expect(_card(page)).to_be_visible()


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_every_card_fits_a_phone(visit: Visit, locale: str) -> None:
    visitor = visit(locale=locale, viewport=PHONE, has_touch=True, is_mobile=True)
    page = visitor.open(STEP, TITLE)
    word, card = _word(page, "depthwise"), _card(page)
    word.tap()
    expect(card).to_be_visible()
    _inside_the_window(card)
    box, line = card.bounding_box(), word.bounding_box()
    assert box
    assert line
    assert (box["width"], box["y"] + box["height"]) == (PHONE["width"], PHONE["height"]), "a sheet at the lower edge"
    assert line["y"] + line["height"] <= box["y"], "not over its word"
    for key, names in glossary().items():
        page.keyboard.press("Escape")
        word.evaluate("(node, address) => node.setAttribute('href', address)", f"#term-{key}")
        page.locator(f'a[href="#term-{key}"]').first.tap()
        expect(card).to_have_accessible_name(names[locale[:2]].name)
        _inside_the_window(card)
        word = page.locator(f'a[href="#term-{key}"]').first


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_term_looks_like_text_and_not_like_a_way_elsewhere(visit: Visit, scheme: str) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce").open(STEP, TITLE)
    look = "node => { const { color, textDecorationStyle: line } = getComputedStyle(node); return [color, line] }"
    colour, line = _word(page, "depthwise").evaluate(look)
    assert [colour, "solid"] == page.locator("p:has(> a[href='#term-depthwise'])").evaluate(look)
    assert line == "dotted"
    assert page.locator("p > a[href^=http]").first.evaluate(look)[0] != colour
    _word(page, "depthwise").click()
    assert _card(page).evaluate("node => node.getAnimations().length") == 0


def test_a_word_that_is_drawn_anew_under_a_resting_mouse_opens_nothing(visit: Visit) -> None:
    visitor = visit()
    page = visitor.open(STEP, TITLE)
    word = page.locator('a[href^="#term-"]').first
    _open_by_key(page, word)  # so that the script is there
    page.keyboard.press("Escape")
    expect(_card(page)).to_be_hidden()
    # the page's timer is older, so it has run when the promise is kept
    word.evaluate("""node => {
        const over = { bubbles: true, composed: true, pointerType: "mouse" }
        node.dispatchEvent(new PointerEvent("pointerover", over))
        node.remove()
        return new Promise(resolve => setTimeout(resolve, 500))
    }""")
    expect(_card(page)).to_be_hidden()
    assert visitor.errors == []

"""The story as a person meets it: sealed in what the browser gets, by mouse, keys and finger, back and forth."""

import re
from collections.abc import Callable

import pytest
from browsing import Visitor, settled
from playwright.sync_api import Page, WebSocket, expect
from visits import without_chance

from xception_lab.ui.fields.story import STEPS
from xception_lab.ui.story.steps import STEPS as STORY

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
TITLE = ".st-key-story h1"
FORWARD = ".st-key-forward button"
SCALE = ".st-key-story .axis input"
SIZES = ({"width": 1366, "height": 768}, {"width": 390, "height": 844})
# what can be pressed or moved; terms in the prose are words
CONTROLS = """() => {
    const found = []
    const walk = (root) => {
        for (const node of root.querySelectorAll("*")) {
            if (node.shadowRoot) walk(node.shadowRoot)
            const inTheText = node.closest(".stMarkdown, .stCaptionContainer, [data-testid=stCaptionContainer]")
            const own = !inTheText && !node.closest("header, [data-testid=stHeader]")
            const isControl = node.matches("a[href], button, input, select, textarea")
            if (own && isControl && node.checkVisibility()) found.push(node)
        }
    }
    walk(document.querySelector("[data-testid=stMain]"))
    return found.map((node) => node.outerHTML.slice(0, 80))
}"""
WORDS = """() => {
    let text = document.querySelector(".st-key-story").innerText
    for (const host of document.querySelectorAll(".st-key-story [data-testid=stBidiComponentRegular], .st-key-story *"))
        if (host.shadowRoot) text += " " + [...host.shadowRoot.querySelectorAll("text, span, p, figcaption")]
            .map((node) => node.textContent).join(" ")
    return text.match(/[\\p{L}]{2,}/gu)
}"""


def _title(page: Page, step: str) -> None:
    from xception_lab.ui.shell.language import paragraph

    expect(page.locator(TITLE)).to_have_text(paragraph(f"story_{step}", 0).removeprefix("# "))


def _click_scale(page: Page, part: float) -> None:
    scale = page.locator(SCALE).first
    box = scale.bounding_box()
    assert box
    # by the locator: it waits until the picture above has come and the scale stands still
    scale.click(position={"x": part * box["width"], "y": box["height"] / 2})


def _digits(step: str) -> list[str]:
    """The answer's digits, as a person reads them and as they might stand in data."""
    texts = [re.sub(r"[^\d.]", "", answer.text) for answer in STORY[step].answers()]
    raw = [f"{answer.value:.5g}" for answer in STORY[step].answers()]
    return [text for text in (*texts, *raw) if len(text) > 2]


@pytest.mark.parametrize("step", STEPS[:-1])
def test_a_step_is_calm_fits_and_has_no_answer_before_a_prediction(visit: Visit, step: str) -> None:
    visitor = visit(viewport=SIZES[0])
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: frames.append(_decoded(data)))

    page = visitor.new_tab()
    page.on("websocket", listen)
    page.goto(f"{visitor.server.url}/story?step={step}", wait_until="commit")
    settled(page, TITLE)
    page.locator(".st-key-story .scene > *").first.wait_for()
    for size in SIZES:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        _calm(page, step, size["height"])
    if STORY[step].kind != "choice":
        _sealed(page, step, frames)


def _calm(page: Page, step: str, height: int) -> None:
    """Few controls, few words, no scrolling sideways and little down."""
    controls = page.evaluate(CONTROLS)
    assert len(controls) <= 6, controls
    assert len(page.evaluate(WORDS)) <= 90, step
    page.wait_for_function("() => document.querySelector('[data-testid=stMain]').scrollWidth <= innerWidth")
    guess = page.locator(".st-key-story .guess").bounding_box()
    assert guess
    assert guess["y"] + guess["height"] < 2 * height, "at most one scroll"


def _sealed(page: Page, step: str, frames: list[str]) -> None:
    """Neither the page nor the socket has the answer before it is asked for, and both have it then."""
    sealed = len(frames)
    assert sealed
    # component scripts and style sheets are the same for every step; what they hold is not this step's answer
    for digits in _digits(step):
        number = re.compile(rf"(?<![\d.]){re.escape(digits)}(?!\d|rem)")
        for frame in frames:
            assert not number.search(_without_scripts(frame)), digits
        assert not number.search(page.locator("[data-testid=stMain]").inner_text())
    page.get_by_role("button", name="Show me").click()
    page.locator(FORWARD).wait_for()
    told = "".join(map(_without_scripts, frames[sealed:]))
    for digits in [re.sub(r"[^\d.]", "", answer.text) for answer in STORY[step].answers()]:
        assert digits in told


def _decoded(data: bytes | str) -> str:
    return without_chance(data if isinstance(data, str) else data.decode("utf-8", "ignore"))


def _without_scripts(frame: str) -> str:
    """A frame without the components' scripts and style sheets."""
    kept = [
        line for line in frame.splitlines() if not re.search(r"[;{}]\s*$|^\.|^const |=>|^\s*/[*/]|stop-color", line)
    ]
    return "\n".join(kept)


def test_the_whole_story_by_mouse_and_back_and_by_reload(visit: Visit) -> None:
    page = visit(viewport={"width": 1280, "height": 720}).open("/", TITLE)
    for step in STEPS[:-1]:
        _title(page, step)
        if STORY[step].kind == "number":
            _click_scale(page, 0.6)
        elif STORY[step].kind == "choice":
            page.get_by_role("button", name="almost the same").click()
        else:
            page.get_by_role("button", name="That is my guess").click()
        page.locator(FORWARD).wait_for()
        page.wait_for_function(f"new URLSearchParams(location.search).has('p{step}')")
        page.locator(FORWARD).click()
    expect(page.locator(f"{TITLE}")).to_have_text("What you thought, and what came out")
    expect(page.locator(".st-key-story td")).to_have_count(40)
    page.go_back()
    _title(page, "10")
    page.locator(FORWARD).wait_for()
    page.go_back()
    _title(page, "9")
    page.wait_for_function("new URLSearchParams(location.search).get('step') === '9'")
    page.reload(wait_until="commit")
    settled(page, TITLE)
    _title(page, "9")
    page.locator(FORWARD).wait_for()


def test_by_keys_a_number_is_moved_and_told_with_enter(visit: Visit) -> None:
    page = visit().open("/story?step=2", TITLE)
    scale = page.locator(SCALE).first
    scale.focus()
    before = scale.get_attribute("aria-valuetext")
    scale.press("ArrowRight")
    assert scale.get_attribute("aria-valuetext") != before
    expect(page.locator(FORWARD)).to_have_count(0)
    scale.press("Enter")
    page.locator(FORWARD).wait_for()


def test_the_back_row_can_read_it(visit: Visit) -> None:
    page = visit(viewport={"width": 1280, "height": 720}).open("/story?step=2&p2=4", TITLE)
    page.locator(FORWARD).wait_for()
    sizes = page.evaluate("""() => [...document.querySelectorAll(".st-key-story .stMarkdown p")]
        .filter((node) => !node.closest("[data-testid=stCaptionContainer], button, a"))
        .map((node) => parseFloat(getComputedStyle(node).fontSize))""")
    assert len(sizes) >= 2
    assert min(sizes) >= 22

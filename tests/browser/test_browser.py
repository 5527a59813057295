"""The app as a person meets it: links, keys, mouse and finger, two languages, three widths, two themes."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from browsing import Server, Visitor, settled
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as Late
from states import compare_spec

from xception_lab.arch.comparison import compare
from xception_lab.ui.fields.compare import VIEW
from xception_lab.ui.shell.language import catalog
from xception_lab.ui.shell.names import figure_text

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
FIGURES = ".st-key-blocks .figure strong"
WIDTHS = ({"width": 1440, "height": 1000}, {"width": 1024, "height": 768}, {"width": 390, "height": 844})


def _numbers(**values: str) -> list[str]:
    """The nine figures of the three blocks, from the engine."""
    return [
        figure_text(measure, getattr(column.cost, measure))
        for column in compare(compare_spec(values))
        for measure in ("params", "macs", "moved_bytes")
    ]


def _shows(page: Page, **values: str) -> None:
    """Wait until the page shows the engine's figures for these values."""
    expect(page.locator(FIGURES)).to_have_text(_numbers(**values))


def _address_holds(page: Page, **values: str) -> None:
    """Wait until the address names exactly these parameters."""
    try:
        page.wait_for_function(
            """wanted => {
                const named = new URLSearchParams(location.search)
                return named.size === wanted.length && wanted.every(([key, value]) => named.get(key) === value)
            }""",
            arg=[[key, value] for key, value in values.items()],
        )
    except Late:
        pytest.fail(f"{page.url} does not hold {values}")


def _slider(page: Page, key: str) -> Any:
    return page.locator(f".st-key-{key} input[type=range]")


def _thumb(page: Page, key: str) -> tuple[float, float, float]:
    """(x of the thumb, its y, the rail's width)."""
    rail = page.locator(f".st-key-{key} [role=group] > div").first.bounding_box()
    thumb = page.locator(f".st-key-{key} [role=group] > div > div:has(input)").bounding_box()
    assert rail
    assert thumb
    return thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2, rail["width"]


def _under_pointer(page: Page, key: str) -> str:
    """The slider's text once the moves so far have been drawn; a browser hands them on frame by frame."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return _slider(page, key).get_attribute("aria-valuetext") or ""


# Links


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/compare", {"in_channels": "728", "size": "19", "padding": "valid", "dilation": "2", "bias": "true"}),
    ],
)
def test_a_deep_link_is_right_as_the_first_hit_on_a_fresh_server(
    visit: Visit, start_server: Callable[[], Server], path: str, values: dict[str, str]
) -> None:
    fresh = start_server()
    page = visit(server=fresh).open(f"{path}?" + "&".join(f"{key}={value}" for key, value in values.items()))
    expect(page.get_by_role("link", name="Xception Lab")).to_be_visible()
    expect(page.get_by_role("link", name="Compare", exact=True)).to_be_visible()
    _shows(page, **values)
    _address_holds(page, **values)
    assert "Traceback" not in fresh.log


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_every_view_in_both_languages_at_every_width(visit: Visit, locale: str) -> None:
    # no error and no other host: the fixture holds every visitor to that
    page = visit(locale=locale).open("/compare")
    _right_in_every_width(page)
    expect(page.locator(".st-key-blocks h2").last).to_have_text(catalog(locale[:2]).gettext("Depthwise separable"))
    for view in VIEW.texts:
        page.locator(".st-key-view [role=radio]").nth(VIEW.texts.index(view)).click()
        _address_holds(page, **({"view": view} if view != "layers" else {}))
        if view == "layers":
            assert re.search(r"\d", page.locator(".st-key-layers svg").get_attribute("aria-label") or "")
        if view in ("spectrum", "sweep"):
            chart = page.locator(f".st-key-{view} .stPlotlyChart")
            chart.locator(".main-svg").first.wait_for(state="attached")
            assert re.search(r"\d", chart.get_attribute("aria-label") or "")
        _right_in_every_width(page)
    assert re.search(r"\d", page.locator(".st-key-blocks [role=img]").get_attribute("aria-label") or "")


def test_a_shared_link_shows_the_same_numbers_to_somebody_else(visit: Visit) -> None:
    mine = visit().open("/compare")
    _slider(mine, "out_channels").press("ArrowRight")
    _address_holds(mine, out_channels="144")
    _slider(mine, "segments").press("Home")
    _address_holds(mine, out_channels="144", segments="1")
    mine.get_by_text("FLOPs", exact=True).click()
    _address_holds(mine, out_channels="144", segments="1", convention="FLOPs")
    expect(mine.locator(".st-key-blocks .figure .name").nth(1)).to_have_text("FLOPs")
    theirs = visit(viewport={"width": 800, "height": 900}).open("/compare?" + urlsplit(mine.url).query)
    expect(theirs.locator(FIGURES)).to_have_text(mine.locator(FIGURES).all_text_contents())
    assert urlsplit(theirs.url).query == urlsplit(mine.url).query


def test_a_broken_link_is_noted_and_repaired_once(visit: Visit) -> None:
    page = visit().open("/compare?in_channels=99&stride=%3Cscript%3E&out_channels=128&nonsense=1")
    expect(page.locator(".stAlert")).to_have_count(2)
    expect(page.locator(".stAlert").first).to_contain_text("in_channels=99")
    expect(page.locator(".stAlert").first).to_contain_text("96")
    expect(page.locator(".stAlert code").nth(2)).to_have_text("stride=<script>")
    _shows(page, in_channels="96")
    page.wait_for_function("!new URLSearchParams(location.search).has('stride')")
    named = parse_qs(urlsplit(page.url).query)
    assert named == {"in_channels": ["96"], "nonsense": ["1"]}, "what is not ours is left alone"
    page.reload(wait_until="commit")
    settled(page)
    _shows(page, in_channels="96")
    expect(page.locator(".stAlert")).to_have_count(0)


def test_the_copy_button_copies_the_address(visit: Visit) -> None:
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.open("/compare?in_channels=96")
    _slider(page, "kernel_size").press("ArrowRight")
    _address_holds(page, in_channels="96", kernel_size="5")
    button = page.locator(".st-key-copy_link button")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    expect(button).to_have_text("Copy link")


def test_back_and_forward_between_the_pages_keep_their_state(visit: Visit) -> None:
    page = visit().open("/compare?out_channels=256")
    entries = page.evaluate("history.length")
    _shows(page, out_channels="256")
    _slider(page, "in_channels").press("ArrowLeft")
    _shows(page, out_channels="256", in_channels="56")
    _address_holds(page, out_channels="256", in_channels="56")
    assert page.evaluate("history.length") == entries, "a control makes no history entry"
    page.get_by_role("link", name="Network", exact=True).click()
    page.locator(".st-key-anatomy").wait_for()
    page.go_back()
    _slider(page, "in_channels").wait_for()
    _shows(page, out_channels="256", in_channels="56")
    _address_holds(page, out_channels="256", in_channels="56")


def test_switching_the_language_keeps_the_numbers_and_enters_the_link(visit: Visit) -> None:
    page = visit().open("/compare?out_channels=96&segments=3")
    page.get_by_text("한국어").click()
    expect(page.locator(".st-key-blocks h2").first).to_have_text("표준 합성곱")
    _shows(page, out_channels="96", segments="3")
    _address_holds(page, out_channels="96", segments="3", lang="ko")
    page.get_by_role("link", name="Xception Lab").click()
    page.locator(".st-key-story h1").wait_for()
    page.get_by_role("button", name="English").click()
    expect(page.locator(".st-key-story h1")).to_contain_text("Must a convolution")
    page.go_back()
    page.get_by_text("English").click()
    expect(page.locator(".st-key-blocks h2").first).to_have_text("Standard convolution")
    _address_holds(page, out_channels="96", segments="3")


def test_two_tabs_do_not_disturb_each_other(visit: Visit) -> None:
    visitor = visit()
    one, other = visitor.open("/compare?in_channels=32"), visitor.open("/compare?in_channels=256")
    _slider(one, "in_channels").press("ArrowRight")
    _shows(one, in_channels="40")
    _slider(other, "out_channels").press("ArrowRight")
    _shows(other, in_channels="256", out_channels="144")
    _shows(one, in_channels="40")
    _address_holds(one, in_channels="40")
    _address_holds(other, in_channels="256", out_channels="144")


# Sliders


def test_keys_move_a_slider_and_nothing_jumps(visit: Visit) -> None:
    page = visit().open("/compare")
    slider = _slider(page, "out_channels")
    place = page.locator(".st-key-blocks").bounding_box()
    entries = page.evaluate("history.length")
    for channels in ("144", "160", "176", "192", "208", "224", "240", "256", "288", "320"):
        slider.press("ArrowRight")
        _shows(page, out_channels=channels)
        assert page.locator(".st-key-blocks").bounding_box() == place
    _address_holds(page, out_channels="320")
    slider.press("ArrowLeft")
    _shows(page, out_channels="288")
    slider.press("Home")
    _shows(page, out_channels="8")
    slider.press("End")
    _shows(page, out_channels="2048")
    _address_holds(page, out_channels="2048")
    assert page.evaluate("history.length") == entries


def test_the_numbers_follow_the_mouse_while_it_drags(visit: Visit) -> None:
    page, key = visit().open("/compare"), "in_channels"
    entries, address = page.evaluate("history.length"), page.url
    x, y, width = _thumb(page, key)
    page.mouse.move(x, y)
    page.mouse.down()
    seen: list[str] = []
    for step in (0.15, 0.3, 0.45, 0.2):
        page.mouse.move(x + step * width, y, steps=4)
        seen.append(_under_pointer(page, key))
        _shows(page, **{key: seen[-1]})
        # the layers' bars as well: below the title and the block's name stands its convolution, which has all its MACs
        expect(page.locator(".st-key-layers svg text").nth(3)).to_have_text(_numbers(**{key: seen[-1]})[1])
    assert len(set(seen)) == 4
    assert page.url == address, "what is dragged is not yet chosen"
    page.mouse.up()
    _address_holds(page, **{key: seen[-1]})
    _shows(page, **{key: seen[-1]})
    assert page.evaluate("history.length") == entries


def test_a_drag_that_comes_back_changes_nothing(visit: Visit) -> None:
    page = visit().open("/compare")
    x, y, width = _thumb(page, "size")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.3 * width, y, steps=4)
    _shows(page, size=_under_pointer(page, "size"))
    page.mouse.move(x, y, steps=4)
    page.mouse.up()
    assert _under_pointer(page, "size") == "56"
    _shows(page)
    _address_holds(page)


def test_the_numbers_follow_a_finger(visit: Visit) -> None:
    visitor = visit(has_touch=True, is_mobile=True, viewport=WIDTHS[2])
    page = visitor.open("/compare")
    page.locator(".st-key-in_channels").scroll_into_view_if_needed()
    finger = visitor.context.new_cdp_session(page)
    x, y, width = _thumb(page, "in_channels")

    def touch(kind: str, *points: dict[str, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    for part in range(1, 9):
        touch("touchMove", {"x": x + part / 20 * width, "y": y})
    during = _under_pointer(page, "in_channels")
    assert during != "64"
    _shows(page, in_channels=during)
    assert "in_channels" not in page.url
    touch("touchEnd")
    _address_holds(page, in_channels=during)
    _shows(page, in_channels=during)


def test_nothing_lies_over_the_frame(visit: Visit) -> None:
    page = visit().open("/compare")
    for size in WIDTHS:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert _covered(page) == [], size


def _covered(page: Page) -> list[str]:
    """What another thing lies over, of the frame's links and buttons."""
    # a narrow window has a menu in the place of the links, and a wide one the links
    return page.locator(":is(.st-key-frame a, .st-key-frame button):visible").evaluate_all("""
    nodes => nodes.flatMap(node => {
        const box = node.getBoundingClientRect()
        const heights = [0.1, 0.5, 0.9].map(part => box.top + part * box.height)
        const tops = heights.map(y => document.elementFromPoint(box.left + box.width / 2, y))
        return tops.filter(top => !node.contains(top)).map(top => `${node.textContent} lies under ${top.className}`)
    })""")


def test_every_control_is_reached_by_the_tab_key(visit: Visit) -> None:
    page = visit().open("/compare?view=formula")
    reached: list[str] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("""() => {
                const at = document.activeElement
                const key = at.closest("[class*=st-key-examples], [class*=st-key-copy_link], .stSlider, .stButtonGroup")
                if (at.matches("[data-testid=stPopoverButton]")) return "more"
                if (at.matches("summary, a")) return at.textContent
                return key?.closest("[class*=st-key-]").className.match(/st-key-([\\w-]+)/)[1] ?? at.tagName
            }""")
        )
        if reached[-1] == "BODY":
            break
    sliders = ["in_channels", "out_channels", "kernel_size", "size", "segments"]
    wanted = ["examples", "more", *sliders, "view", "convention", "copy_link", "lang"]
    assert set(wanted) <= set(reached)
    assert [key for key in dict.fromkeys(reached) if key in sliders] == sliders, "in the order they are read"
    page.get_by_role("button", name="More controls").focus()
    page.keyboard.press("Enter")
    page.locator(".st-key-stride").wait_for()
    page.get_by_role("radiogroup", name="stride").get_by_role("radio", name="2").press("Space")
    _shows(page, stride="2")


def test_a_folded_control_keeps_its_value(visit: Visit) -> None:
    page = visit().open("/compare")
    page.get_by_role("button", name="More controls").click()
    page.get_by_role("radiogroup", name="stride").get_by_role("radio", name="2").click()
    _address_holds(page, stride="2")
    page.keyboard.press("Escape")
    page.locator(".st-key-stride").wait_for(state="detached")
    for channels in ("144", "160"):
        _slider(page, "out_channels").press("ArrowRight")
        _address_holds(page, stride="2", out_channels=channels)
        _shows(page, stride="2", out_channels=channels)


def test_a_key_press_shows_its_numbers_before_the_server_answers(visit: Visit) -> None:
    page = visit().open("/compare")
    page.evaluate("WebSocket.prototype.send = () => {}")
    _slider(page, "in_channels").press("ArrowRight")
    _shows(page, in_channels="72")
    assert "in_channels" not in page.url


# Looks


# what a person would see as broken, as a list of faults
_FAULTS = """() => {
    const faults = []
    for (const box of [document.scrollingElement, document.querySelector(".stMain")]) {
        if (box.scrollWidth > box.clientWidth) faults.push(`${box.tagName} is ${box.scrollWidth} wide`)
    }
    const name = node => `${node.className || node.tagName} "${node.textContent}"`
    for (const host of document.querySelectorAll(".st-key-blocks, .st-key-steps")) {
        const root = host.querySelector("[data-testid=stBidiComponentIsolated]").shadowRoot
        const cards = [...root.querySelectorAll(".card")].map(card => card.getBoundingClientRect())
        cards.forEach((card, i) => { if (i && card.left < cards[i - 1].right) faults.push("cards overlap") })
        const texts = [...root.querySelectorAll(".head h2, .head p, .shape, .label, .cost span, .pill, .figure *")]
            .filter(node => node.textContent && node.getBoundingClientRect().width)
            .map(node => {
                const range = document.createRange()
                range.selectNodeContents(node)
                return [node, range.getBoundingClientRect()]
            })
        for (const node of root.querySelectorAll(".figure strong, .head h2, .shape, .pill")) {
            if (node.scrollWidth > node.clientWidth) faults.push(`${name(node)} is clipped`)
        }
        texts.forEach(([node, a], i) => {
            const inside = ({left, right, top, bottom}) =>
                a.left >= left && a.right <= right && a.top >= top && a.bottom <= bottom
            if (!cards.some(inside)) faults.push(`${name(node)} leaves its card`)
            for (const [other, b] of texts.slice(i + 1)) {
                const over = Math.min(a.right, b.right) - Math.max(a.left, b.left)
                const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
                // lines of text stand close: their boxes may touch by their leading
                if (over > 1 && down > 4) faults.push(`${name(node)} and ${name(other)} overlap`)
            }
        })
    }
    return faults
}"""


def _nothing_sticks_out(page: Page) -> None:
    """No sideways scrolling; in each block every text is whole, inside its card, and on no other text."""
    try:
        # a chart follows a new width a little later
        page.wait_for_function(f"() => ({_FAULTS})().length === 0", timeout=5_000)
    except Late:
        pytest.fail("\n".join((str(page.viewport_size), *page.evaluate(_FAULTS))))


def _right_in_every_width(page: Page) -> None:
    for size in reversed(WIDTHS):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        _nothing_sticks_out(page)


LONG = (
    "in_channels=2048&out_channels=2048&size=512&batch_size=256&kernel_size=7&bias=true&batch_norm=every&intermediate=elu"
    "&segments=1024&convention=FLOPs&depth_multiplier=4"
)


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
def test_long_numbers_fit_at_every_width(visit: Visit, locale: str) -> None:
    page = visit(locale=locale).open(f"/compare?{LONG}")
    _right_in_every_width(page)
    page.set_viewport_size({"width": 360, "height": 740})
    _nothing_sticks_out(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_texts_of_the_blocks_stand_out(visit: Visit, scheme: str) -> None:
    page = visit(color_scheme=scheme).open("/compare?intermediate=relu&segments=4&stride=2")
    measured = page.evaluate("""() => {
        const pixel = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
        const paint = (layers) => {
            for (const [colour, alpha] of layers) {
                pixel.globalAlpha = alpha
                pixel.fillStyle = colour
                pixel.fillRect(0, 0, 1, 1)
            }
            return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3)
        }
        const luminance = (rgb) => {
            const [r, g, b] = rgb.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const host = document.querySelector(".st-key-blocks [data-testid=stBidiComponentIsolated]")
        const root = host.shadowRoot
        const ground = getComputedStyle(document.querySelector(".stApp")).backgroundColor
        const result = {ground: luminance(paint([[ground, 1]])), ratios: []}
        const seen = ".head h2, .head p, .shape, .label b, .label span, .cost span, .pill, .figure *"
        for (const node of root.querySelectorAll(seen)) {
            const kind = node.closest(".standard, .extreme, .separable").classList
            const card = [...root.querySelectorAll(".card")].find(card => kind.contains(card.classList[1]))
            const style = getComputedStyle(node)
            const behind = [[ground, 1], [getComputedStyle(card).backgroundColor, 1]]
            let alpha = 1
            for (let at = node; at; at = at.parentElement) alpha *= Number(getComputedStyle(at).opacity)
            const under = [...behind, [style.backgroundColor, alpha]]
            const pair = [luminance(paint(under)), luminance(paint([...under, [style.color, alpha]]))]
            const [dark, light] = pair.sort((a, b) => a - b)
            const what = `${kind[kind.length - 1]} ${node.className || node.tagName} ${node.textContent}`
            result.ratios.push([what, (light + 0.05) / (dark + 0.05)])
        }
        return result
    }""")
    assert (measured["ground"] < 0.2) == (scheme == "dark")
    assert len(measured["ratios"]) > 40
    faint = [f"{what}: {ratio:.2f}" for what, ratio in measured["ratios"] if ratio < 4.5]
    assert not faint, "\n".join(faint)


def test_bars_glide_unless_less_motion_is_wished(visit: Visit) -> None:
    moving = "node => getComputedStyle(node).transitionDuration"
    assert visit().open("/compare").locator(".st-key-blocks .bar i").first.evaluate(moving) != "0s"
    assert (
        visit(reduced_motion="reduce").open("/compare").locator(".st-key-blocks .bar i").first.evaluate(moving) == "0s"
    )


# the last of the file: what the shared server has to say of all the visits above


def test_the_server_had_nothing_to_complain_of(visit: Visit, server: Server) -> None:
    visit().open("/compare")
    assert "server started" in server.log
    assert not re.search(r"(?i)traceback|warn|error|exception|deprecat", server.log), server.log

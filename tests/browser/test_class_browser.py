"""A class in three browsers: a teacher and two students, sealed until the reveal, through reloads and a restart."""

import re
from collections.abc import Callable

import pytest
from browsing import Server, Visitor, settled
from playwright.sync_api import Page, WebSocket, expect
from visits import without_chance

from xception_lab.ui.story.steps import STEPS as STORY

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
PHONE = {"width": 390, "height": 844}
CODE = ".st-key-code p"
TITLE = ".st-key-story h1"
SCALE = ".st-key-story .axis input"
COPIED = "() => { navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve() } }"


def _open_room(visitor: Visitor) -> tuple[Page, str]:
    teacher = visitor.open("/class", ".st-key-open_room button")
    teacher.locator(".st-key-open_room button").click()
    teacher.locator(CODE).wait_for()
    return teacher, teacher.locator(CODE).inner_text()


def _joined(visitor: Visitor, address: str, frames: list[str] | None = None) -> Page:
    page = visitor.new_tab()

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: frames.append(_decoded(data)) if frames is not None else None)

    page.on("websocket", listen)
    page.goto(visitor.server.url + address, wait_until="commit")
    page.locator(".st-key-join button").click()
    settled(page, TITLE)
    return page


def _predict(page: Page, part: float, expected: str) -> None:
    """Click on a part of the scale, and wait until the room has the prediction."""
    scale = page.locator(SCALE).first
    box = scale.bounding_box()
    assert box
    # by the locator: it waits until the picture above has come and the scale stands still
    scale.click(position={"x": part * box["width"], "y": box["height"] / 2})
    expect(page.get_by_text(f"Your prediction: {expected}.")).to_be_visible()


def _decoded(data: bytes | str) -> str:
    return without_chance(data if isinstance(data, str) else data.decode("utf-8", "ignore"))


def _shown_digits(frames: list[str], *unsealed: str) -> list[str]:
    """The digits of step 1's answers that stand in any frame, scripts and style sheets left out."""
    lines = [
        line
        for frame in frames
        for line in frame.splitlines()
        if not re.search(r"[;{}]\s*$|^\.|^const |=>|^\s*/[*/]|stop-color", line)
    ]
    text = "\n".join(lines)
    for own in unsealed:
        text = text.replace(own, "")
    digits = [re.sub(r"[^\d.]", "", answer.text) for answer in STORY["1"].answers()]
    return [found for found in digits if re.search(rf"(?<![\d.]){re.escape(found)}(?!\d|rem)", text)]


def test_a_lesson_of_two_steps(visit: Visit) -> None:
    teacher, code = _open_room(visit(viewport={"width": 1280, "height": 720}))
    teacher.wait_for_function("!new URLSearchParams(location.search).has('key')")  # the browser has kept it
    assert "key" not in teacher.url
    frames: list[str] = []
    students = visit(viewport=PHONE), visit(viewport={"width": 1024, "height": 768})
    ada = _joined(students[0], f"/class?room={code}", frames)
    bob = _joined(students[1], f"/class?room={code.lower()}")
    expect(teacher.locator(".st-key-joined p")).to_have_text("2 joined")
    _predict(ada, 0.6, "250")
    _predict(ada, 0.5, "100")  # another mind
    _predict(bob, 0.4, "40")
    expect(teacher.locator(".st-key-numbers p")).to_have_text("2 of 2 have answered")
    expect(teacher.locator(".st-key-histogram .bar:not(.none)")).to_have_count(2)
    expect(teacher.locator(".st-key-histogram .answer")).to_have_count(0)
    # sealed in every frame and on the page
    seat = re.search(r"seat=(\w+)", ada.url)
    assert seat
    assert _shown_digits(frames, code, seat[1]) == []
    assert not ada.locator(".st-key-story .mark.answer").count()
    # a reload finds the prediction, and nothing more
    ada.reload(wait_until="commit")
    settled(ada, TITLE)
    expect(ada.get_by_text("Your prediction: 100.")).to_be_visible()
    assert _shown_digits(frames, code, seat[1]) == []
    teacher.reload(wait_until="commit")
    teacher.locator(CODE).wait_for()
    teacher.locator(".st-key-reveal button").click()
    for student in (ada, bob):
        expect(student.locator(".st-key-story .mark.answer")).to_have_count(2)
        expect(student.locator(".st-key-story .mark.own")).to_be_visible()
    assert len(_shown_digits(frames, code, seat[1])) == 2
    expect(teacher.locator(".st-key-histogram .answer")).to_have_count(2)
    teacher.locator(".st-key-forward button").click()
    for student in (ada, bob):
        student.wait_for_function("new URLSearchParams(location.search).get('step') === '2'")
    teacher.locator(".st-key-forward button").click()
    for student in (ada, bob):  # the address follows each move, not the first alone
        student.wait_for_function("new URLSearchParams(location.search).get('step') === '3'")
    # who joins again from the same browser has the same seat
    again = _joined(students[1], f"/class?room={code}")
    assert again.url.partition("seat=")[2][:32] == bob.url.partition("seat=")[2][:32]


def test_a_room_outlives_a_restart_of_the_server(visit: Visit, start_server: Callable[[], Server]) -> None:
    first = start_server()
    teacher, code = _open_room(visit(server=first))
    student = _joined(visit(server=first, viewport=PHONE), f"/class?room={code}")
    _predict(student, 0.4, "40")
    address = student.url.removeprefix(first.url)
    for page in (teacher, student):
        page.close()
    first.stop()
    page = visit(server=start_server(), viewport={"width": 800, "height": 900}).open(address, TITLE)
    expect(page.get_by_text("Your prediction: 40.")).to_be_visible()


def test_a_lesson_is_made_in_five_clicks_and_opens_on_a_phone(visit: Visit) -> None:
    visitor = visit(viewport={"width": 1366, "height": 900})
    page = visitor.open("/compare?kernel_size=5")
    page.evaluate(COPIED)
    page.locator(".st-key-make_lesson button").click()  # one
    page.locator(".st-key-lesson_keep").get_by_text("out_channels").click()  # two
    page.locator(".st-key-lesson_task input").click()  # three
    page.keyboard.type("Which block gets cheaper?", delay=5)
    expect(page.locator("[role=dialog] code")).to_contain_text("cheaper")
    page.get_by_role("button", name="Copy the lesson's link").click()  # four
    link = page.evaluate("window.copied")
    phone = visit(viewport=PHONE).open(link[link.index("/compare") :], ".st-key-task")
    settled(phone)
    expect(phone.locator(".st-key-task")).to_contain_text("Which block gets cheaper?")
    expect(phone.locator(".stSlider")).to_have_count(1)
    phone.locator(".st-key-out_channels input[type=range]").press("ArrowRight")
    phone.wait_for_function("new URLSearchParams(location.search).has('out_channels')")
    phone.reload(wait_until="commit")
    settled(phone)
    expect(phone.locator(".st-key-task")).to_contain_text("Which block gets cheaper?")

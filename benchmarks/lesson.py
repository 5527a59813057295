"""Does a lesson go from the teacher's first click to the exported CSV, with nothing lost and nobody waiting?

Three browser pages, a teacher's on a projector of 1280 by 720 and two students' (a phone, a laptop), and so many
websocket sessions: the teacher opens a room, all join by its code, and at each of the story's ten steps everybody
predicts at a time of their own; then the teacher reveals, the class looks, and the teacher moves on. At the third step
one session is cut off for 150 seconds, which is longer than the server keeps it; at the fifth the teacher's page is
loaded again. After the last step the CSV is downloaded and compared with what was sent. Prints one Markdown table; the
exit status is 1 where the CSV is another than what was sent, a page showed an exception or a browser an error.
Run: python -m benchmarks.lesson [--people 30] [--minutes 20] [--gap 150] [--pictures FOLDER] [--locale en-US]
"""

import argparse
import asyncio
import csv
import math
import os
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from benchmarks.interaction import FLAGS
from benchmarks.servers import Server, percentile, serve, table
from benchmarks.sessions import Tab, session, xsrf_token
from xception_lab.ui.fields.story import INTERVALS, NUM_STEPS, PREDICTIONS
from xception_lab.ui.story.steps import STEPS as STORY

WAIT_MS = 120_000
PREDICTING = 0.5  # of a step's time; the rest is for looking at the answer
GAP_STEP, RELOAD_STEP = 3, 5
PROJECTOR, PHONE, LAPTOP = (1280, 720), (390, 844), (1366, 768)
CODE = ".st-key-code p"
TITLE = ".st-key-story h1"
TOLD = ".st-key-story .st-key-class"  # what the class thought, which comes with the answer


@dataclass
class Lesson:
    """What happened, and when each step begins. sent: the last prediction of each student by step."""

    step_s: float
    pictures: Path | None
    waits: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    sent: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    faults: list[str] = field(default_factory=list[str])
    opened: list[asyncio.Event] = field(default_factory=lambda: [asyncio.Event() for _ in range(NUM_STEPS)])

    def note(self, what: str, started: float) -> None:
        """Note that somebody has waited since then."""
        self.waits.setdefault(what, []).append(monotonic() - started)

    def predicted(self, step: int, text: str) -> None:
        """Note what a student sent."""
        self.sent.setdefault(str(step), Counter[str]())[text] += 1

    async def think(self) -> None:
        """Let a student take the time that they need for a prediction."""
        await asyncio.sleep(random.uniform(0.1, 0.8) * PREDICTING * self.step_s)

    async def photograph(self, page: Page, name: str) -> None:
        """Keep a picture of what the page shows, where pictures are wanted."""
        if self.pictures:
            await page.screenshot(path=self.pictures / f"{name}.png")


async def _follow(server: Server, token: str, code: str, lesson: Lesson, gap_s: float) -> None:
    """One student as a session: joins, predicts at each step, and asks for news as a page does."""
    socket = await session(server, token)
    tab = Tab(socket, f"room={code}")
    await tab.open("class")
    await asyncio.sleep(random.uniform(0, 10))
    started = monotonic()
    await tab.press("join")
    lesson.note("join", started)
    news = asyncio.create_task(tab.ask_for_news())
    missed = range(GAP_STEP, GAP_STEP + math.ceil(gap_s / lesson.step_s)) if gap_s else range(0)
    for step in range(1, NUM_STEPS + 1):
        await lesson.opened[step - 1].wait()
        if step in missed:
            if step == missed[0]:
                news.cancel()
                await socket.close()
                await asyncio.sleep(gap_s)
                socket = await session(server, token)
                tab = Tab(socket, tab.query)
                await tab.open("story")
                news = asyncio.create_task(tab.ask_for_news())
            continue
        await lesson.think()
        text = random.choice(PREDICTIONS[step - 1].texts[1:-1])
        started = monotonic()
        try:
            await tab.send(f"guess_{step}", "guess", text)
        except (StopIteration, RuntimeError, TimeoutError) as error:
            lesson.faults.append(f"a session at step {step}: {error!r}")
            continue
        lesson.note("predict", started)
        lesson.predicted(step, text)
    await asyncio.sleep(lesson.step_s)
    news.cancel()
    await socket.close()


async def _open(browser: Browser, lesson: Lesson, size: tuple[int, int], locale: str) -> Page:
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, locale=locale)
    page = await context.new_page()
    page.set_default_timeout(WAIT_MS)

    def hear(message: ConsoleMessage) -> None:
        # Streamlit's own start-up probes of a sub-path are answered with 404
        if message.type == "error" and "404" not in message.text:
            lesson.faults.append(f"console: {message.text[:200]}")

    page.on("console", hear)
    return page


async def _attend(page: Page, name: str, address: str, lesson: Lesson) -> None:
    """One student in a browser."""
    await page.goto(address)
    await page.locator(".st-key-join button").click()
    for step in range(1, NUM_STEPS + 1):
        await lesson.opened[step - 1].wait()
        await page.locator(f".st-key-guess_{step}").wait_for()
        await lesson.photograph(page, f"{step:02}-{name}-asked")
        await lesson.think()
        said = page.locator(".st-key-story .stMarkdown")
        before = await said.count()
        started = monotonic()
        text = await _predict(page, step)
        await expect(said).to_have_count(before + 1)
        lesson.note("predict, in a browser", started)
        lesson.predicted(step, text)
        await page.locator(TOLD).wait_for()
        if step == 1:
            await asyncio.sleep(1)  # the marks move in
        await lesson.photograph(page, f"{step:02}-{name}-told")


async def _predict(page: Page, step: int) -> str:
    """Predict by the keys, or by a click on a choice; returns the text of the prediction."""
    texts = PREDICTIONS[step - 1].texts[1:-1]
    asked = page.locator(f".st-key-guess_{step}")
    kind = STORY[str(step)].kind
    if kind == "choice":
        number = random.randrange(len(texts))
        await asked.locator(".choices button").nth(number).click()
        return texts[number]
    scales = asked.locator(".axis input")
    for _ in range(random.randrange(1, 6)):
        await scales.first.press("ArrowLeft")
    if kind == "number":
        await scales.first.press("Enter")
        return texts[int(await scales.first.input_value())]
    ends = sorted({float(end) for text in INTERVALS for end in text.split(":")})
    low, high = [ends[int(await scales.nth(place).input_value())] for place in range(2)]
    await asked.get_by_role("button").click()
    return f"{low:g}:{high:g}"


async def _teach(page: Page, students: list[Page], lesson: Lesson) -> list[dict[str, str]]:
    """Lead the class through the story, from an open room to the CSV, whose rows are returned."""
    for step in range(1, NUM_STEPS + 1):
        begun = monotonic()
        lesson.opened[step - 1].set()
        await asyncio.sleep(PREDICTING * lesson.step_s)
        if step == RELOAD_STEP:
            await page.reload()
            await page.locator(CODE).wait_for()
        await lesson.photograph(page, f"{step:02}-teacher-asked")
        started = monotonic()
        await page.locator(".st-key-reveal button").click()
        for student in students:
            await student.locator(TOLD).wait_for()
            lesson.note("reveal, in a browser", started)
        await asyncio.sleep(max(1.0, 0.2 * lesson.step_s))
        await lesson.photograph(page, f"{step:02}-teacher-told")
        await asyncio.sleep(max(0.0, begun + lesson.step_s - monotonic()))
        started = monotonic()
        await page.locator(".st-key-forward button").click()
        following = str(step + 1) if step < NUM_STEPS else "end"
        for student in students:
            await student.wait_for_function(f"new URLSearchParams(location.search).get('step') === '{following}'")
            lesson.note("next step, in a browser", started)
    await asyncio.sleep(2)
    for name, each in zip(("teacher", "phone", "laptop"), (page, *students), strict=True):
        await lesson.photograph(each, f"end-{name}")
    await page.locator(".st-key-settings button").click()
    async with page.expect_download() as coming:
        await page.locator(".st-key-export button").click()
    download = await coming.value
    return list(csv.DictReader((await download.path()).read_text(encoding="utf-8-sig").splitlines()))


async def _hold(server: Server, people: int, lesson: Lesson, gap_s: float, locale: str) -> list[dict[str, str]]:
    token = xsrf_token(server)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        teacher, *students = [await _open(browser, lesson, size, locale) for size in (PROJECTOR, PHONE, LAPTOP)]
        await teacher.goto(f"{server.address}/class")
        await teacher.locator(".st-key-open_room button").click()
        code = await teacher.locator(CODE).inner_text()
        await lesson.photograph(teacher, "00-teacher")
        address = f"{server.address}/class?room={code}"
        async with asyncio.TaskGroup() as group:
            for number in range(people):
                group.create_task(_follow(server, token, code, lesson, 0.0 if number else gap_s))
            for name, page in zip(("phone", "laptop"), students, strict=True):
                group.create_task(_attend(page, name, address, lesson))
            await expect(teacher.locator(".st-key-joined strong")).to_have_text(str(people + 2), timeout=WAIT_MS)
            await lesson.photograph(teacher, "00-teacher-joined")
            leading = group.create_task(_teach(teacher, students, lesson))
        for page in (teacher, *students):
            if await page.locator("[data-testid=stException]").count():
                lesson.faults.append("an exception on a page")
        await browser.close()
    return leading.result()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--gap", type=float, default=150, help="seconds for which one student is cut off")
    parser.add_argument("--pictures", type=Path, help="a folder for what the three browsers show")
    parser.add_argument("--locale", default="en-US")
    options = parser.parse_args()
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    lesson = Lesson(60 * options.minutes / NUM_STEPS, options.pictures)
    with TemporaryDirectory() as home:
        os.environ["XCEPTION_LAB_HOME"] = home
        with serve("app.py") as server:
            rows = asyncio.run(_hold(server, options.people, lesson, options.gap, options.locale))
    kept = {step: Counter(row["prediction"] for row in rows if row["step"] == step) for step in lesson.sent}
    if kept != lesson.sent or len(rows) != sum(counts.total() for counts in lesson.sent.values()):
        lesson.faults.append(f"the CSV has {kept}, sent was {lesson.sent}")
    figures = [
        (
            what,
            str(len(waits)),
            *(f"{1e3 * each:,.0f} ms" for each in (median(waits), percentile(waits, 0.95), max(waits))),
        )
        for what, waits in lesson.waits.items()
    ]
    print(table(("what", "how often", "median", "p95", "max"), figures))
    print(f"\n{len(rows)} predictions in the CSV, {len({row['student'] for row in rows})} students")
    for fault in lesson.faults[:20]:
        print(f"- {fault}")
    sys.exit(bool(lesson.faults))


if __name__ == "__main__":
    main()

"""Does everything at once disturb a class: one trains, one measures, one uploads 100 MB, and thirty read the story?

The readers are websocket sessions that open another step of the story, told or not, every few seconds; each has a
marker in its address, and no other's may be in what it is sent. The other three are browser pages: Train starts an
experiment as soon as the last one has ended or been stopped, Time measures again and again, and the third uploads a new
archive of pictures whenever the last one has been read. Their browsers would run on machines of their own, so here they
give way to the server, as its own children do. Prints one Markdown table; the exit status is 1 where a session
failed, a page showed an exception or a marker was sent to somebody else.
Run: python -m benchmarks.whole_class [--people 30] [--minutes 15] [--pause 5] [--rest 30] [--what trained ...]
"""

import argparse
import asyncio
import io
import os
import random
import re
import secrets
import sys
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic

import numpy as np
from PIL import Image
from playwright.async_api import Browser, Error, Page, async_playwright
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.interaction import FLAGS
from benchmarks.load import _slope
from benchmarks.servers import Server, percentile, serve, table
from benchmarks.sessions import Tab, session, xsrf_token
from xception_lab.common.child_process import NICENESS

STEPS = range(1, 11)
SETTLED_S = 300.0  # the memory's slope is taken from then on
SAMPLE_S = 2.0
UPLOAD_MB = 100
ARCHIVES = ("noise0.zip", "noise1.zip")
WAIT_MS = 120_000
MARKER = re.compile(rb"marker-[0-9a-f]{12}")
HEAD = (
    "people",
    "steps",
    "failed",
    "median",
    "p95",
    "max",
    "trained",
    "measured",
    "uploaded",
    "RSS start / end",
    "slope",
)

Act = Callable[[Page, str, int], Awaitable[None]]
WHAT = ("trained", "measured", "uploaded")


@dataclass
class Class:
    """What happened.

    waits: how long each reader waited at each step. beside: of each wait, what else was under way. busy: what is under
    way now. rss_mb: (seconds, of the server's process).
    """

    waits: list[float] = field(default_factory=list[float])
    beside: list[frozenset[str]] = field(default_factory=list[frozenset[str]])
    busy: set[str] = field(default_factory=set[str])
    faults: list[str] = field(default_factory=list[str])
    rss_mb: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    done: dict[str, int] = field(default_factory=lambda: {"trained": 0, "measured": 0, "uploaded": 0})


class _MarkedTab(Tab):
    """A tab that notes what it is sent of others."""

    def __init__(self, *arguments: object, marker: str, faults: list[str]) -> None:
        super().__init__(*arguments)  # pyright: ignore[reportArgumentType]
        self._marker, self._faults = marker.encode(), faults

    def _resolved(self, message: ForwardMsg) -> ForwardMsg:
        if foreign := set(MARKER.findall(message.SerializeToString())) - {self._marker}:
            self._faults.append(f"sent to another: {foreign}")
        return super()._resolved(message)


async def _read(server: Server, token: str, pause_s: float, end: float, found: Class) -> None:
    """One reader of the story."""
    marker = f"marker-{secrets.token_hex(6)}"
    async with session(server, token) as socket:
        tab = _MarkedTab(socket, marker=marker, faults=found.faults)
        await tab.open("story", f"step=1&task={marker}")
        due = monotonic() + random.uniform(0, pause_s)
        while due < end:
            await asyncio.sleep(max(0.0, due - monotonic()))
            before = frozenset(found.busy)
            step = random.choice(STEPS)
            told = random.choice(("", f"&p{step}=show"))
            try:
                await tab.open("story", f"step={step}{told}&task={marker}")
            except (TimeoutError, RuntimeError) as error:
                found.faults.append(f"step {step}: {error!r}")
            found.waits.append(monotonic() - due)
            found.beside.append(before | found.busy)
            due = max(due + random.uniform(0.6, 1.4) * pause_s, monotonic())


async def _train(page: Page, address: str, number: int) -> None:
    await page.goto(f"{address}/training?preset=figure-9&guess=show&seeds=1&epochs={2 + number % 2}")
    await page.get_by_role("button", name="Run it here").click()
    await page.get_by_role("button", name="Start", exact=True).click()
    stop = page.locator(".stMain").get_by_role("button", name="Stop", exact=True)  # the header has Streamlit's own
    await stop.wait_for()
    await stop.wait_for(state="hidden", timeout=5 * WAIT_MS)


async def _measure(page: Page, address: str, number: int) -> None:
    await page.goto(f"{address}/timing?size={14 * (1 + number % 2)}")
    await page.get_by_role("button", name="Measure", exact=True).click()
    await page.locator(".st-key-latency .main-svg").first.wait_for()
    await page.get_by_role("button", name="Measure", exact=True).wait_for()


def _archive(number: int) -> bytes:
    """A zip of two classes of noise, which no compression makes smaller, of UPLOAD_MB together."""
    noise = np.random.default_rng(number)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        size = 0
        place = 0
        while size < UPLOAD_MB * 10**6:
            picture = io.BytesIO()
            Image.fromarray(noise.integers(0, 256, (256, 256, 3), np.uint8)).save(picture, "png")
            archive.writestr(f"{'ab'[place % 2]}/{place}.png", picture.getvalue())
            size += len(picture.getvalue())
            place += 1
    return packed.getvalue()


async def _upload(page: Page, address: str, number: int) -> None:
    if number == 1:
        await page.goto(f"{address}/training?dataset=own")
    file = Path(os.environ["XCEPTION_LAB_HOME"]) / ARCHIVES[number % 2]
    await page.locator("input[type=file]").first.set_input_files(file)
    await page.locator(".st-key-own_data strong", has_text=f"noise{number % 2}").wait_for()


async def _again(
    browser: Browser, server: Server, what: str, act: Act, rest_s: float, end: float, found: Class
) -> None:
    """One person who does one thing again and again, in a browser of their own."""
    context = await browser.new_context(locale="en-US", viewport={"width": 1366, "height": 768})
    page = await context.new_page()
    page.set_default_timeout(WAIT_MS)
    await page.goto(f"{server.address}/")
    number = 0
    while monotonic() < end:
        number += 1
        found.busy.add(what)
        try:
            await asyncio.wait_for(act(page, server.address, number), max(1.0, end - monotonic()))
            found.done[what] += 1
        except TimeoutError:
            break  # the lesson is over
        except Error as error:
            found.faults.append(f"{what}: {str(error)[:200]}")
        finally:
            found.busy.discard(what)
        await asyncio.sleep(min(rest_s, max(0.0, end - monotonic())))
        if await page.locator("[data-testid=stException]").count():
            found.faults.append(f"{what}: an exception on the page")
    await context.close()


async def _watch(server: Server, begin: float, end: float, found: Class) -> None:
    while monotonic() < end:
        found.rss_mb.append((monotonic() - begin, server.rss_mb()))
        await asyncio.sleep(SAMPLE_S)


async def _lesson(
    server: Server, people: int, seconds: float, pause_s: float, rest_s: float, whats: Sequence[str]
) -> Class:
    acts: dict[str, Act] = {"trained": _train, "measured": _measure, "uploaded": _upload}
    found, token = Class(), xsrf_token(server)
    async with session(server, token) as socket:
        tab = Tab(socket)
        for step in STEPS:  # a class comes to a server that has shown the story once
            await tab.open("story", f"step={step}&p{step}=show")
    begin = monotonic()
    end = begin + seconds
    nice_chromium = Path(os.environ["XCEPTION_LAB_HOME"]) / "nice-chromium"
    nice_chromium.write_text(f'#!/bin/sh\nexec nice -n {NICENESS} /usr/bin/chromium "$@"\n', encoding="utf-8")
    nice_chromium.chmod(0o755)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=nice_chromium, args=FLAGS)
        await asyncio.gather(
            _watch(server, begin, end, found),
            *(_read(server, token, pause_s, end, found) for _ in range(people)),
            *(_again(browser, server, what, acts[what], rest_s, end, found) for what in whats),
        )
        await browser.close()
    return found


def _rows_beside(found: Class) -> list[tuple[str, ...]]:
    """The readers' waits by what else was under way."""
    rows: list[tuple[str, ...]] = []
    for beside in sorted(set(found.beside), key=lambda each: (len(each), sorted(each))):
        waits = [wait for wait, other in zip(found.waits, found.beside, strict=True) if other == beside]
        figures = (f"{1e3 * each:,.0f} ms" for each in (median(waits), percentile(waits, 0.95)))
        rows.append((", ".join(sorted(beside)) or "nothing else", str(len(waits)), *figures))
    return rows


def _rows_of_memory(found: Class) -> list[tuple[str, ...]]:
    """The server's memory in each minute: the least is what stays when no upload is under way."""
    minutes: dict[int, list[float]] = {}
    for seconds, size in found.rss_mb:
        minutes.setdefault(int(seconds // 60) + 1, []).append(size)
    return [(str(minute), f"{min(sizes):.0f} MB", f"{max(sizes):.0f} MB") for minute, sizes in minutes.items()]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--pause", type=float, default=5, help="seconds from one step of a reader to the next")
    parser.add_argument("--rest", type=float, default=30, help="seconds in which the others look at what they got")
    parser.add_argument("--what", nargs="*", choices=WHAT, default=WHAT, help="what else is done meanwhile")
    options = parser.parse_args()
    with TemporaryDirectory() as home:
        os.environ["XCEPTION_LAB_HOME"] = home
        for number, name in enumerate(ARCHIVES):
            (Path(home) / name).write_bytes(_archive(number))
        with serve("app.py") as server:
            found = asyncio.run(
                _lesson(server, options.people, 60 * options.minutes, options.pause, options.rest, options.what)
            )
    late = [point for point in found.rss_mb if point[0] > min(SETTLED_S, found.rss_mb[-1][0] / 2)]
    times = (median(found.waits), percentile(found.waits, 0.95), max(found.waits))
    row = (
        str(options.people),
        str(len(found.waits)),
        str(len(found.faults)),
        *(f"{1e3 * wait:,.0f} ms" for wait in times),
        *(str(count) for count in found.done.values()),
        f"{found.rss_mb[0][1]:.0f} / {found.rss_mb[-1][1]:.0f} MB",
        f"{_slope(late):+.2f} MB/min",
    )
    print(table(HEAD, [row]))
    print("\n" + table(("while", "steps", "median", "p95"), _rows_beside(found)) + "\n")
    print(table(("minute", "least RSS", "most RSS"), _rows_of_memory(found)) + "\n")
    for fault in found.faults[:20]:
        print(f"- {fault}")
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()

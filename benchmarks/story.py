"""How soon does the story's first step stand, how long from step to step, and how long does a class wait?

First visits alternate between "/" and benchmarks/minimal_page.py, each in a browser with an empty cache, both servers
warm. The steps are walked in the same browser: "Show me", then "Next". The class is so many websocket sessions, each at
a step of its own, that open another step every two seconds, told or not. Prints three Markdown tables.
Run: python -m benchmarks.story [--loads 7] [--rounds 3] [--people 30] [--seconds 40]
"""

import argparse
import asyncio
import random
from statistics import median
from time import monotonic
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from benchmarks.interaction import FLAGS, WAIT_MS
from benchmarks.load import PERIOD
from benchmarks.servers import Server, percentile, serve, table
from benchmarks.sessions import Tab, session, xsrf_token

STEPS = range(1, 11)
MINIMAL_DRAWN = """() => document.querySelector("[data-testid=stMetricValue]")
    && document.querySelector(".js-plotly-plot .main-svg .trace")"""
# the question, its picture and the scale
STEP_DRAWN = """() => {
    const roots = [...document.querySelectorAll(".st-key-story *")].map((node) => node.shadowRoot).filter(Boolean)
    const has = (selector) => roots.some((root) => root.querySelector(selector))
    return document.querySelector(".st-key-story h1") && has(".scene > *") && (has(".axis") || has(".choices"))
}"""
FORWARD = ".st-key-forward button"


def _first_paint_ms(browser: Browser, server: Server, drawn: str) -> float:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US")
    page = context.new_page()
    page.goto(server.address, wait_until="commit")
    page.wait_for_function(drawn, polling=20, timeout=WAIT_MS)
    elapsed = page.evaluate("performance.now()")
    context.close()
    return elapsed


def _walk_ms(browser: Browser, server: Server) -> tuple[list[float], list[float]]:
    """(from "Show me" to the answer, from "Next" to the next question) of each step, in the page's own clock."""
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US")
    page = context.new_page()
    page.goto(server.address, wait_until="commit")
    told: list[float] = []
    onward: list[float] = []
    for _step in STEPS:
        page.wait_for_function(STEP_DRAWN, timeout=WAIT_MS)
        page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
        told.append(_click_ms(page, ".st-key-show button", f"() => document.querySelector('{FORWARD}')"))
        page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
        title = page.locator(".st-key-story h1").inner_text()
        changed = f"() => !document.querySelector('.st-key-story h1')?.innerText.startsWith({title!r})"
        onward.append(_click_ms(page, FORWARD, changed))
    context.close()
    return told, onward


def _click_ms(page: Any, selector: str, until: str) -> float:
    return page.evaluate(
        """async ([selector, until]) => {
            const done = eval(until)
            const start = performance.now()
            document.querySelector(selector).click()
            while (!done()) await new Promise(requestAnimationFrame)
            return performance.now() - start
        }""",
        [selector, until],
    )


async def _walk_alone(server: Server, token: str, end: float, waits: list[float]) -> None:
    async with session(server, token) as socket:
        tab = Tab(socket)
        await tab.open("story", "step=1")
        due = monotonic() + random.uniform(0, PERIOD[1])
        while due < end:
            await asyncio.sleep(max(0.0, due - monotonic()))
            step = random.choice(STEPS)
            await tab.open("story", random.choice((f"step={step}", f"step={step}&p{step}=show")))
            waits.append(monotonic() - due)
            due += random.uniform(*PERIOD)


async def _class_waits(server: Server, people: int, seconds: float) -> list[float]:
    token = xsrf_token(server)
    async with session(server, token) as socket:
        tab = Tab(socket)
        await tab.open("story", "step=1")
        for step in STEPS:  # a class comes to a server that has shown the story once
            await tab.open("story", f"step={step}&p{step}=show")
    waits: list[float] = []
    end = monotonic() + seconds
    await asyncio.gather(*(_walk_alone(server, token, end, waits) for _ in range(people)))
    return waits


def main() -> None:
    """Run the three measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("--loads", 7), ("--rounds", 3), ("--people", 30), ("--seconds", 40)):
        parser.add_argument(name, type=int, default=value)
    options = parser.parse_args()
    with serve("app.py") as app:
        with serve("benchmarks/minimal_page.py") as minimal, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            _print_first_paint(browser, app, minimal, options.loads)
            _print_walk(browser, app, options.rounds)
            browser.close()
        waits = asyncio.run(_class_waits(app, options.people, options.seconds))
    row = (str(options.people), str(len(waits)), f"{1000 * median(waits):.0f} ms")
    print("\n" + table(("people", "steps", "median", "p95"), [(*row, f"{1000 * percentile(waits, 0.95):.0f} ms")]))


def _print_first_paint(browser: Browser, app: Server, minimal: Server, loads: int) -> None:
    times: dict[str, list[float]] = {"/": [], "minimal": []}
    for load in range(loads + 1):
        for name, server, drawn in (("/", app, STEP_DRAWN), ("minimal", minimal, MINIMAL_DRAWN)):
            elapsed = _first_paint_ms(browser, server, drawn)
            if load:  # the first visit pays for the imports
                times[name].append(elapsed)
    ratio = median(times["/"]) / median(times["minimal"])
    rows = [(name, f"{median(values):.0f} ms", f"{max(values):.0f} ms") for name, values in times.items()]
    print(table(("first paint", "median", "max"), rows))
    print(f"\n/ takes {ratio:.2f} times the minimal page's first paint; torch loaded: {app.has_torch()}\n")


def _print_walk(browser: Browser, app: Server, rounds: int) -> None:
    told: list[float] = []
    onward: list[float] = []
    for number in range(rounds + 1):
        shown, nexts = _walk_ms(browser, app)
        if number:  # the first walk pays for torch and the stored files
            told += shown
            onward += nexts
    rows = [
        (name, str(len(values)), f"{median(values):.0f} ms", f"{percentile(values, 0.95):.0f} ms")
        for name, values in (("show me to answer", told), ("next to question", onward))
    ]
    print(table(("step to step", "clicks", "median", "p95"), rows))


if __name__ == "__main__":
    main()

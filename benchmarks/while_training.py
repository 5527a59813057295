"""How much slower does Compare answer while an experiment trains on every core?

One server, two tabs: the lab starts an experiment and stops it again, and Compare's slider is moved in both states,
alternating. Times are taken inside the page, as in interaction.py. Prints one Markdown table.
Run: python -m benchmarks.while_training [--presses 20] [--rounds 2]
"""

import argparse
import os
import tempfile
from contextlib import ExitStack
from statistics import median

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.interaction import COMPARE, FLAGS, WAIT_MS, WARM_UP, _opened, _press
from benchmarks.servers import Server, percentile, serve, table

STATES = ("idle", "training")


def _start(lab: Page) -> None:
    """Start the default experiment and wait until its first epoch is done, so that every worker is at work."""
    lab.get_by_role("button", name="Run it here").click()
    lab.get_by_role("button", name="Start", exact=True).click(timeout=4 * WAIT_MS)
    lab.locator(".stMain").get_by_role("button", name="Stop", exact=True).wait_for(timeout=WAIT_MS)
    lab.get_by_text("s left").wait_for(timeout=8 * WAIT_MS)


def _stop(lab: Page) -> None:
    lab.locator(".stMain").get_by_role("button", name="Stop", exact=True).click()
    lab.get_by_role("button", name="Go on", exact=True).wait_for(timeout=WAIT_MS)
    lab.get_by_role("button", name="Show the stored result", exact=True).click()


def _workers(server: Server) -> float:
    """The processor time of the server's children, to check that they are at work."""
    children = psutil.Process(server.pid).children(recursive=True)
    return sum(sum(child.cpu_times()[:2]) for child in children)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    times: dict[str, list[tuple[float, float]]] = {state: [] for state in STATES}
    with sync_playwright() as playwright, ExitStack() as stack:
        os.environ["XCEPTION_LAB_HOME"] = stack.enter_context(tempfile.TemporaryDirectory())
        browser = stack.enter_context(playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS))
        server = stack.enter_context(serve("app.py"))
        lab = browser.new_context(locale="en-US").new_page()
        lab.goto(server.address + "/training?seeds=10&epochs=8")
        page = stack.enter_context(_opened(browser, COMPARE, server))
        used = 0.0
        for _ in range(arguments.rounds):
            for state in STATES:
                if state == "training":
                    _start(lab)
                    page.bring_to_front()
                begin = _workers(server)
                for number in range(WARM_UP + arguments.presses):
                    press = _press(page, COMPARE, "ArrowLeft" if number % 2 else "ArrowRight")
                    if number >= WARM_UP:
                        times[state].append(press)
                if state == "training":
                    used += _workers(server) - begin
                    lab.bring_to_front()
                    _stop(lab)
    rows: list[tuple[str, ...]] = []
    for place, what in enumerate(("key press → numbers", "key press → last visible chart")):
        idle, training = ([press[place] for press in times[state]] for state in STATES)
        ratio = median(training) / median(idle)
        spreads = (f"{median(values):,.0f} / {percentile(values, 0.95):,.0f} ms" for values in (idle, training))
        rows.append((what, str(len(idle)), *spreads, f"{ratio:.2f}", "≤ 1.5", "yes" if ratio <= 1.5 else "**no**"))
    head = ("what", "times", "idle, median / p95", "while training, median / p95", "ratio", "target", "met")
    print(table(head, rows))
    print(f"\nThe workers used {used:.0f} s of processor time meanwhile.")


if __name__ == "__main__":
    main()

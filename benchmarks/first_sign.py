"""How soon after Start does a person see that the network learns?

A fresh server each time and a browser on Train: the time from the press of Start to the first loss and accuracy of a
run's first epoch, with nothing else at work. Prints one Markdown table.
Run: python -m benchmarks.first_sign [--rounds 3]
"""

import argparse
import os
import tempfile
from statistics import median
from time import monotonic

from playwright.sync_api import Page, sync_playwright

from benchmarks.interaction import FLAGS, WAIT_MS
from benchmarks.servers import Server, serve, table


def _first_sign_s(page: Page, server: Server) -> float:
    page.goto(f"{server.address}/training?preset=figure-9&guess=show&epochs=2&seeds=1")
    page.get_by_role("button", name="Run it here").click()
    start = page.locator(".stMain, [data-testid=stPopoverBody]").get_by_role("button", name="Start", exact=True)
    start.wait_for(timeout=WAIT_MS)
    begin = monotonic()
    start.click()
    page.get_by_text("% right").first.wait_for(timeout=4 * WAIT_MS)
    return monotonic() - begin


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="How soon after Start does a person see that the network learns?")
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    found: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as home:
                os.environ["XCEPTION_LAB_HOME"] = home
                with serve("app.py") as server:
                    page = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US").new_page()
                    found.append(_first_sign_s(page, server))
                    page.context.close()
        browser.close()
    row = ("the server's first experiment", f"{median(found):.1f} s", f"{max(found):.1f} s")
    print(table(("from Start to the first loss", "median", "max"), [row]))


if __name__ == "__main__":
    main()

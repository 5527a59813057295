"""Does an hour of clicking leave the server and the browser as they were, without a fault?

One browser walks over all pages by a seeded random walk: it presses what can be pressed, moves sliders and switches by
key, types, follows links inside the app, goes back, reloads, changes window and language. Training and measuring are
started and stopped like everything else, in a store of their own. Counted are exceptions on the page, tracebacks in the
server's log, console errors, requests to other hosts, and the memory of the server's processes and the browser's. The
exit status is 1 where there was a fault. Prints two Markdown tables.
Run: python -m benchmarks.soak [--minutes 30] [--seed 1]
"""

import argparse
import os
import random
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic

import psutil
from playwright.sync_api import Error, Page, sync_playwright

from benchmarks.interaction import FLAGS
from benchmarks.servers import Server, serve, table

PAGES = ("", "story", "compare", "network", "timing", "features", "training", "questions", "class")
SIZES = ((1366, 768), (390, 844), (1024, 768))
# what a person can press or move; a link to another host is none of the app's
PRESSED = (
    ".stApp button:visible:not([disabled]), .stApp [role=radio]:visible, .stApp [role=switch]:visible, "
    ".stApp [role=tab]:visible, .stApp summary:visible, .stApp label:has(input[type=checkbox]):visible, "
    ".stApp a[href^='#term-']:visible, .stPageLink a:visible:not([href^=http])"
)
MOVED = ".stApp input[type=range]:visible:not([disabled]), .stApp [role=slider]:visible"
TYPED = ".stApp input[type=text]:visible, .stApp input[type=number]:visible, .stApp textarea:visible"
WORDS = ("relu", "왜 느린가", "3", "-1", "1e9", "<b>", "%00", "")
KEYS = ("ArrowRight", "ArrowLeft", "Home", "End", "PageUp", "PageDown")
RUN_MS = 60_000
SAMPLE_S = 5.0


@dataclass
class Findings:
    """What went wrong, and the memory in MiB over time: (seconds, server, browser)."""

    faults: Counter[str] = field(default_factory=Counter[str])
    actions: Counter[str] = field(default_factory=Counter[str])
    memory: list[tuple[float, float, float]] = field(default_factory=list[tuple[float, float, float]])


def _memory_mib(pid: int, name: str = "") -> float:
    """Resident memory of a process and its children; name: only of those whose program has it in its name."""
    total = 0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        try:
            total += process.memory_info().rss if name in process.name() else 0
        except psutil.NoSuchProcess:
            continue  # it ended meanwhile
    return total / 2**20


def _watch(page: Page, server: Server, findings: Findings) -> None:
    def on_console(text: str) -> None:
        # Streamlit's own start-up probes of a sub-path are answered with 404
        if "404" not in text:
            findings.faults[f"console: {text[:120]}"] += 1

    def on_request(url: str) -> None:
        home = server.address.removeprefix("http")
        if not url.startswith((f"http{home}", f"ws{home}", "data:", f"blob:http{home}", "about:")):
            findings.faults[f"request to another host: {url[:80]}"] += 1

    page.on("console", lambda message: on_console(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: findings.faults.update([f"page: {str(error)[:120]}"]))
    page.on("request", lambda request: on_request(request.url))
    page.on("dialog", lambda dialog: dialog.dismiss())


def _act(page: Page, server: Server, dice: random.Random) -> str:
    """One thing that a person might do. Returns its name."""
    action = dice.choices(("press", "move", "type", "open", "back", "reload", "size"), (50, 30, 4, 8, 4, 2, 2))[0]
    match action:
        case "press" | "move" | "type":
            targets = page.locator({"press": PRESSED, "move": MOVED, "type": TYPED}[action])
            count = targets.count()
            if not count:
                return "nothing there"
            target = targets.nth(dice.randrange(count))
            target.scroll_into_view_if_needed(timeout=2_000)
            if action == "press":
                target.click(timeout=2_000)
            elif action == "move":
                target.focus(timeout=2_000)
                for _ in range(dice.randint(1, 4)):
                    page.keyboard.press(dice.choice(KEYS))
            else:
                target.fill(dice.choice(WORDS), timeout=2_000)
                page.keyboard.press("Enter")
        case "open":
            language = dice.choice(("", "?lang=ko", "?lang=en"))
            page.goto(f"{server.address}/{dice.choice(PAGES)}{language}", wait_until="commit")
        case "back":
            page.go_back(wait_until="commit")
        case "reload":
            page.reload(wait_until="commit")
        case _:
            width, height = dice.choice(SIZES)
            page.set_viewport_size({"width": width, "height": height})
    return action


def _check(page: Page, server: Server, findings: Findings) -> None:
    """The page comes to rest, inside the app, without an exception."""
    if not page.url.startswith(server.address):  # back to before the first page, or to a download
        page.goto(server.address, wait_until="commit")
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for(timeout=RUN_MS)
    # a projector's view hides it
    page.locator(".st-key-frame").wait_for(state="attached", timeout=RUN_MS)
    for text in page.locator(".stException").all_inner_texts():
        findings.faults[f"exception on {page.url.partition('?')[0].rpartition('/')[2]}: {text[:160]}"] += 1


def _tracebacks(log: str) -> list[str]:
    """Of each traceback in the server's log, where it comes from at last and what it says."""
    found: list[str] = []
    log = re.sub(r"\x1b\[[\d;]*m", "", log)  # Streamlit colours them
    for block in log.split("Traceback")[1:]:
        places = re.findall(r"xception_lab\S*?(?:py)\S*", block)
        said = re.search(r"^[\w.]*(?:Error|Exception|Interrupt)\b.*", block, re.MULTILINE)
        found.append(f"Traceback: {said[0][:200] if said else block[-200:]} ({places[-1] if places else ''})")
    return found


def soak(minutes: float, seed: int, log: Path) -> Findings:
    """Walk for so many minutes."""
    findings, dice = Findings(), random.Random(seed)
    with serve("app.py", log) as server, sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_context(viewport={"width": 1366, "height": 768}, locale="en-US").new_page()
        _watch(page, server, findings)
        page.goto(server.address, wait_until="commit")
        start = monotonic()
        due = start
        while (now := monotonic()) < start + 60 * minutes:
            if now >= due:
                sizes = _memory_mib(server.pid), _memory_mib(os.getpid(), "chrom")
                findings.memory.append((now - start, *sizes))
                due = now + SAMPLE_S
            try:
                findings.actions[_act(page, server, dice)] += 1
            except Error:
                # the page was drawn anew under the finger, or something lay above it: a person tries something else
                findings.actions["missed"] += 1
            try:
                _check(page, server, findings)
            except Error as error:
                findings.faults[f"no rest at {page.url[:120]}: {str(error)[:80]}"] += 1
                page.goto(server.address, wait_until="commit")
        browser.close()
    findings.faults.update(_tracebacks(log.read_text(encoding="utf-8")))
    return findings


def _memory_rows(memory: list[tuple[float, float, float]]) -> list[tuple[str, ...]]:
    """Medians of the walk's quarters: what grows without end grows in each."""
    rows: list[tuple[str, ...]] = []
    for quarter in range(4):
        part = memory[quarter * len(memory) // 4 : (quarter + 1) * len(memory) // 4]
        if part:
            name = f"{part[0][0] / 60:.0f} to {part[-1][0] / 60:.0f} min"
            rows.append((name, *(f"{median(sizes):,.0f}" for sizes in list(zip(*part, strict=True))[1:])))
    return rows


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="One browser on a seeded random walk over the whole app.")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["XCEPTION_LAB_HOME"] = home
        findings = soak(options.minutes, options.seed, Path(home) / "server.log")
    print(table(("memory, MiB", "server and its workers", "browser"), _memory_rows(findings.memory)))
    print()
    rows = [(name, str(count)) for name, count in findings.actions.most_common()]
    rows += [(f"**fault** {name}", str(count)) for name, count in findings.faults.most_common()]
    print(table((f"seed {options.seed}, {options.minutes:g} minutes", "times"), rows))
    if findings.faults:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

"""Is the moving picture smooth, does it answer a pointer within a frame, and what does it weigh?

Opens Compare in headless Chromium, lets the picture play at its highest speed, and takes every frame's time with
requestAnimationFrame; the peer is the same page with the picture paused, which has nothing to draw. A hover is timed
from the pointer's event to the first frame after which its numbers stand in the page, while the socket is watched.
Prints one Markdown table. Run: python -m benchmarks.moving [--seconds 8] [--hovers 60]
"""

import argparse
from statistics import median
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.servers import percentile, serve, table
from xception_lab.common.files import asset_path

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FRAME_MEDIAN_MS, FRAME_P95_MS = 17, 34
WEIGHT_BYTES = 60_000
COMPONENT = asset_path("components", "worked_example")

FRAMES = """milliseconds => new Promise(done => {
    const times = []
    let last = 0
    const look = now => {
        if (last) times.push(now - last)
        last = now
        if (times.length && now - start > milliseconds) done(times)
        else requestAnimationFrame(look)
    }
    const start = performance.now()
    requestAnimationFrame(look)
})"""

# from the pointer's event to the frame in which the picture's own drawing has run
HOVERS = """async count => {
    const host = document.querySelector(".st-key-moving")
    const root = [...host.querySelectorAll("*")].map(e => e.shadowRoot).find(r => r?.querySelector(".moving"))
    const moving = root.querySelector(".moving")
    const stages = [...root.querySelectorAll(".stage")]
    const frame = () => new Promise(done => requestAnimationFrame(done))
    const seen = []
    for (let turn = 0; turn < count; turn++) {
        const stage = stages[turn % 3]
        const box = stage.getBoundingClientRect()
        const before = `${moving.dataset.pixel} ${moving.dataset.out}`
        const [x, y] = [box.left + 20 + (turn * 47) % (box.width - 40), box.top + 190 + (turn % 5) * 4]
        await frame()
        const start = performance.now()
        stage.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }))
        let frames = 0
        while (`${moving.dataset.pixel} ${moving.dataset.out}` === before && frames < 10) {
            await frame()
            frames += 1
        }
        // a cell that was already under the pointer changes nothing
        if (frames < 10) seen.push([frames, performance.now() - start])
    }
    return seen
}"""


def _open(page: Page, address: str) -> None:
    page.goto(address, wait_until="commit")
    page.locator(".moving[data-pixel]").wait_for()
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
    page.wait_for_timeout(1500)


def _play(page: Page, seconds: float) -> dict[str, list[float]]:
    """Frame times while it plays at 1x, at 8x, and while it is paused."""
    times = {"plays at 1×": page.evaluate(FRAMES, seconds * 1000)}
    for _ in range(3):
        page.locator(".moving .pace").click()
    times["plays at 8×"] = page.evaluate(FRAMES, seconds * 1000)
    page.locator(".moving .play").click()
    page.wait_for_timeout(600)
    times["paused (floor)"] = page.evaluate(FRAMES, seconds * 1000)
    return times


def _frame_row(name: str, times: list[float]) -> tuple[str, ...]:
    middle, tail = median(times), percentile(times, 0.95)
    met = "yes" if middle <= FRAME_MEDIAN_MS and tail <= FRAME_P95_MS else "**no**"
    target = f"≤ {FRAME_MEDIAN_MS} / {FRAME_P95_MS} ms"
    return f"frames, {name}", str(len(times)), f"{middle:.1f} / {tail:.1f} ms", target, met


def _hover_row(hovers: list[list[float]], sent: int) -> tuple[str, ...]:
    frames = [int(turn[0]) for turn in hovers]
    middle, tail = median(turn[1] for turn in hovers), percentile([turn[1] for turn in hovers], 0.95)
    met = "yes" if max(frames) <= 1 and not sent else "**no**"
    measured = f"{middle:.1f} / {tail:.1f} ms, at most {max(frames)} frame, {sent} messages to the server"
    return "hover → painted", str(len(hovers)), measured, "1 frame, no message", met


def _weight_row() -> tuple[str, ...]:
    files = sorted(COMPONENT.iterdir())
    weight = sum(file.stat().st_size for file in files)
    met = "yes" if weight <= WEIGHT_BYTES else "**no**"
    return "js + css, unpacked", str(len(files)), f"{weight / 1000:.1f} kB", f"≤ {WEIGHT_BYTES / 1000:.0f} kB", met


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--hovers", type=int, default=60)
    arguments = parser.parse_args()
    sent: list[Any] = []
    with sync_playwright() as playwright, serve("app.py") as server:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-US")
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
        _open(page, server.address + "/compare")
        times = _play(page, arguments.seconds)
        before = len(sent)
        hovers = page.evaluate(HOVERS, arguments.hovers)
        rows = [*(_frame_row(name, values) for name, values in times.items()), _hover_row(hovers, len(sent) - before)]
        browser.close()
    print(table(("what", "times", "median / p95", "target", "met"), [*rows, _weight_row()]))


if __name__ == "__main__":
    main()

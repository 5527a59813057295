"""How much slower is a page of the app than a minimal Streamlit page, as its reader experiences it?

One run alternates between the app and benchmarks/minimal_page.py, both under the project's own config, in one real
Chromium; every time is taken inside the page. Prints one Markdown table and, for Compare, one sentence on the drag.
Run: python -m benchmarks.interaction [--page compare|network|shares] [--presses 40] [--loads 7] [--colds 3]
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.servers import Server, percentile, serve, table
from xception_lab import BlockSpec, block_cost
from xception_lab.common.units import format_count

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WARM_UP = 8
WAIT_MS = 30_000
DRAG_MS = 2_000

# Everything that is timed, in the page's own clock. The numbers of Compare stand in a shadow root. What runs during a
# press is kept small: the probe must not slow the page that it measures.
PROBE = """
const bench = (window.bench = { first: {}, press: null, drag: null })
let home = document
const text = () => home.querySelector(NUMBERS)?.textContent ?? ""
const seek = () => {
  if (home.querySelector(NUMBERS) && (home === document || home.host.isConnected)) return
  const hosts = document.querySelectorAll(".stBidiComponent, .stBidiComponent *")
  home = [...hosts].map((host) => host.shadowRoot).find((root) => root?.querySelector(NUMBERS)) ?? document
}
// a drawing of our own is the last visible one in a shadow root; it may be replaced whole
const marks = () => {
  const hosts = [...document.querySelectorAll(".stBidiComponent, .stBidiComponent *")]
  const pictures = hosts.flatMap((host) => [...(host.shadowRoot?.querySelectorAll(MARKS) ?? [])])
  return pictures.findLast((picture) => picture.getClientRects().length)?.outerHTML ?? ""
}
const chart = () => [...document.querySelectorAll(".js-plotly-plot")].findLast((e) => e.getClientRects().length)
// where a page has several charts, the last one is recognised by the types of its traces
const types = (plot) => JSON.stringify(plot?.calcdata?.map((trace) => trace[0]?.trace?.type))
const drawn = (plot) => JSON.stringify(plot?.calcdata?.map((trace) => trace.map((p) => [p.x, p.y, p.s, p.p])))

// An update replaces the whole chart, so its own event is caught where Plotly gives an element its emitter.
const plotted = (plot) => {
  if (MARKS) return
  const { first, press } = bench
  const now = performance.now()
  first.chart ||= now
  if (!press?.start || press.chart || types(plot) !== press.types) return
  if (drawn(plot) !== press.drawn) press.chart = now - press.start
}
Object.defineProperty(HTMLElement.prototype, "_ev", {
  configurable: true,
  get: () => undefined,
  set(emitter) {
    Object.defineProperty(this, "_ev", { value: emitter, writable: true, configurable: true, enumerable: true })
    emitter.on("plotly_afterplot", () => plotted(this))
  },
})

// first paint: the first frame with numbers, and the first drawn chart
const look = () => {
  seek()
  const now = performance.now()
  if (text()) bench.first.numbers ||= now
  if (MARKS && marks()) bench.first.chart ||= now
  if (!bench.first.numbers || (MARKS && !bench.first.chart)) requestAnimationFrame(look)
}
requestAnimationFrame(look)

const changed = () => {
  const { press, drag } = bench
  const now = performance.now()
  if (MARKS && press?.start && !press.chart && marks() !== press.marks) press.chart = now - press.start
  if (press?.start && !press.numbers && text() && text() !== press.text) press.numbers = now - press.start
  if (drag && text() && text() !== drag.text) {
    drag.text = text()
    drag.shown.push([now, drag.text])
  }
}
const watched = new WeakSet()
const watch = () => {
  seek()
  const root = home === document ? home.querySelector(NUMBERS) : home
  if (watched.has(root)) return
  watched.add(root)
  new MutationObserver(changed).observe(root, { childList: true, characterData: true, subtree: true })
}
// an update may replace the numbers' element too; a look every frame finds the new one
const follow = () => {
  watch()
  changed()
  if (!bench.done() || bench.drag) requestAnimationFrame(follow)
}
bench.arm = () => {
  const before = { drawn: drawn(chart()), types: types(chart()), marks: MARKS && marks() }
  bench.press = { text: text(), ...before, start: 0, numbers: 0, chart: 0 }
  follow()
}
const down = () => { if (bench.press && !bench.press.start) bench.press.start = performance.now() }
addEventListener("keydown", down, true)
bench.done = () => Boolean(bench.press?.numbers && bench.press?.chart)
bench.idle = () => document.querySelector(".stApp")?.dataset.testScriptState === "notRunning"
bench.follow = (slider) => {
  const drag = (bench.drag = { text: text(), thumb: [], shown: [] })
  const input = document.querySelector(slider)
  new MutationObserver(() => drag.thumb.push([performance.now(), input.getAttribute("aria-valuetext")]))
    .observe(input, { attributes: true, attributeFilter: ["aria-valuetext"] })
  follow()
}
"""


@dataclass(frozen=True)
class Subject:
    """A page under test. slider, numbers, marks: CSS selectors of its control and of what depends on it.

    marks is empty where the chart is Plotly's.
    """

    name: str
    script: str
    path: str
    slider: str
    numbers: str
    marks: str = ""

    @property
    def probe(self) -> str:
        """The probe for this page."""
        return f"(() => {{ const NUMBERS = {self.numbers!r}, MARKS = {self.marks!r}; {PROBE} }})()"


COMPARE = Subject(
    "Compare",
    "app.py",
    "/compare",
    ".st-key-out_channels input[type=range]",
    ".figure[data-measure=macs] strong",
    ".amounts svg",
)
MINIMAL = Subject(
    "minimal", "benchmarks/minimal_page.py", "/", ".st-key-value input[type=range]", "[data-testid=stMetricValue]"
)
PAGES = {
    "compare": COMPARE,
    **{
        page: Subject(
            f"Network, {view}",
            "app.py",
            f"/network?network_view={view}",
            ".st-key-middle_blocks input[type=range]",
            ".value[data-measure=macs]",
            ".amounts svg",
        )
        for page, view in (("network", "what_if"), ("shares", "shares"))
    },
}


@dataclass
class Times:
    """Milliseconds of one subject, one entry per press or load."""

    numbers: list[float] = field(default_factory=list[float])
    chart: list[float] = field(default_factory=list[float])
    warm: list[float] = field(default_factory=list[float])
    cold: list[float] = field(default_factory=list[float])
    torch: list[bool] = field(default_factory=list[bool])


@contextmanager
def _opened(browser: Browser, subject: Subject, server: Server) -> Iterator[Page]:
    """The subject, completely painted, in a browser with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    try:
        page = context.new_page()
        page.add_init_script(subject.probe)
        page.goto(server.address + subject.path, wait_until="commit")
        page.wait_for_function("bench.first.numbers && bench.first.chart", timeout=WAIT_MS)
        yield page
    finally:
        context.close()


def _first_paint(browser: Browser, subject: Subject, server: Server) -> float:
    """Milliseconds until a first visit shows both the numbers and the chart."""
    with _opened(browser, subject, server) as page:
        first = page.evaluate("bench.first")
        return max(first["numbers"], first["chart"])


def _press(page: Page, subject: Subject, key: str) -> tuple[float, float]:
    """(until the numbers, until the chart) after one key press."""
    page.locator(subject.slider).focus()
    page.evaluate("bench.arm()")
    page.keyboard.press(key)
    page.wait_for_function("bench.done()", timeout=WAIT_MS)
    press = page.evaluate("bench.press")
    page.wait_for_function("bench.idle()", timeout=WAIT_MS)
    # what the browser still has to do after an answer must not fall into the other page's next press
    page.wait_for_timeout(150)
    return press["numbers"], press["chart"]


def _presses(
    browser: Browser, subjects: tuple[Subject, ...], servers: dict[str, Server], times: dict[str, Times], presses: int
) -> None:
    with ExitStack() as stack:
        pages = {s.name: stack.enter_context(_opened(browser, s, servers[s.name])) for s in subjects}
        for number in range(WARM_UP + presses):
            for subject in subjects:
                key = "ArrowLeft" if number % 2 else "ArrowRight"
                numbers, chart = _press(pages[subject.name], subject, key)
                if number >= WARM_UP:
                    times[subject.name].numbers.append(numbers)
                    times[subject.name].chart.append(chart)


def _drag(browser: Browser, server: Server) -> dict[str, Any]:
    """Drag Compare's slider for two seconds; what the thumb and the numbers showed while the button was down."""
    with _opened(browser, COMPARE, server) as page:
        page.wait_for_function("bench.idle()", timeout=WAIT_MS)
        slider = page.locator(COMPARE.slider)
        share = slider.evaluate("e => (e.value - e.min) / (e.max - e.min)")
        box = slider.locator("xpath=ancestor::*[contains(@class, 'stSlider')]").bounding_box()
        thumb = slider.evaluate("e => e.parentElement.getBoundingClientRect().toJSON()")
        if not box:
            raise RuntimeError("the slider is not in sight")
        # a native range input may be as small as its thumb or as wide as the track
        wide = thumb["width"] > 60
        left = thumb["x"] + (thumb["width"] * share if wide else thumb["width"] / 2)
        top = thumb["y"] + thumb["height"] / 2
        page.mouse.move(left, top)
        page.mouse.down()
        page.evaluate("selector => bench.follow(selector)", COMPARE.slider)
        steps = DRAG_MS // 40
        for step in range(1, steps + 1):
            page.mouse.move(left + 0.4 * box["width"] * step / steps, top)
            page.wait_for_timeout(40)
        drag = page.evaluate("bench.drag")
        page.mouse.up()
        return drag


def _drag_sentence(drag: dict[str, Any]) -> str:
    """How the numbers followed the thumb; the number on the page is unique to one value of the slider."""
    values = {value for _, value in drag["thumb"]}
    text = {
        value: format_count(block_cost(BlockSpec("standard", out_channels=int(value)), 56, 56).macs) for value in values
    }
    delays: list[float] = []
    for at, shown in drag["shown"]:
        asked = [moved for moved, value in drag["thumb"] if moved <= at and text[value] == shown]
        if asked:
            delays.append(at - asked[-1])
    followed = len({shown for _, shown in drag["shown"]})
    behind = f"median {median(delays):.0f} ms, longest {max(delays):.0f} ms behind" if delays else "never"
    return (
        f"Drag of {DRAG_MS / 1000:.0f} s, button down: the thumb stood on {len(text)} values, "
        f"the numbers showed {followed} distinct MACs, {behind}."
    )


def _cold(browser: Browser, subjects: tuple[Subject, ...], times: dict[str, Times], colds: int) -> None:
    for _ in range(colds):
        for subject in subjects:
            with serve(subject.script) as server:
                times[subject.name].cold.append(_first_paint(browser, subject, server))
                times[subject.name].torch.append(server.has_torch())


def _row(what: str, times: dict[str, Times], of: Callable[[Times], list[float]], target: float) -> tuple[str, ...]:
    ours, least = (of(each) for each in times.values())
    ratio = median(ours) / median(least)
    verdict = "yes" if ratio <= target else "**no**"
    return (what, str(len(ours)), _spread(ours), _spread(least), f"{ratio:.2f}", f"≤ {target}", verdict)


def _spread(values: list[float]) -> str:
    return f"{median(values):,.0f} / {percentile(values, 0.95):,.0f} ms"


def _rows(times: dict[str, Times]) -> list[tuple[str, ...]]:
    loaded = ["loaded" if any(seen.torch) else "not loaded" for seen in times.values()]
    ours = next(iter(times.values()))
    verdict = "yes" if loaded[0] == "not loaded" else "**no**"
    return [
        _row("key press → numbers", times, lambda t: t.numbers, 1.5),
        _row("key press → last visible chart", times, lambda t: t.chart, 1.5),
        _row("first complete paint, warm server", times, lambda t: t.warm, 1.5),
        _row("first complete paint, cold server", times, lambda t: t.cold, 1.3),
        (
            "torch after the first paint",
            str(len(ours.torch)),
            *loaded,
            "",
            "not loaded",
            verdict,
        ),
    ]


def main() -> None:
    """Print the table and the sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=40)
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--colds", type=int, default=3)
    parser.add_argument("--page", choices=PAGES, default="compare")
    arguments = parser.parse_args()
    ours = PAGES[arguments.page]
    subjects = (ours, MINIMAL)
    times = {subject.name: Times() for subject in subjects}
    with sync_playwright() as playwright, ExitStack() as stack:
        browser = stack.enter_context(playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS))
        _cold(browser, subjects, times, arguments.colds)
        servers = {subject.name: stack.enter_context(serve(subject.script)) for subject in subjects}
        # one load each that does not count: the server's first
        for load in range(1 + arguments.loads):
            for subject in subjects:
                complete = _first_paint(browser, subject, servers[subject.name])
                if load:
                    times[subject.name].warm.append(complete)
        _presses(browser, subjects, servers, times, arguments.presses)
        drag = _drag(browser, servers[ours.name]) if ours is COMPARE else None
    head = ("what", "times", f"{ours.name}, median / p95", "minimal, median / p95", "ratio", "target", "met")
    print(table(head, _rows(times)))
    if drag:
        print(f"\n{_drag_sentence(drag)}")


if __name__ == "__main__":
    main()

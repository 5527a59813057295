"""How long does the Feature maps page take for a new picture in every view, and for a change of layer, order or scale?

The engine gets a new picture each time; presses alternate with benchmarks/minimal_page.py in one run and one real
Chromium, both under the project's own config, timed inside the page. Prints two Markdown tables.
Run: python -m benchmarks.features [--presses 20] [--pictures 5]
"""

import argparse
from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from time import perf_counter

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.servers import percentile, serve, table

WAIT_MS = 30_000
WARM_UP = 4

# the time from a key or pointer going down to the first frame that shows something else, in the page's own clock;
# our component keeps its nodes, so it counts its repaints behind the last one of its maps
PROBE = """
(select, inner) => {
  const shown = () => {
    const host = document.querySelector(select)
    if (!inner) return host?.textContent
    const ours = [host, ...(host?.querySelectorAll("*") ?? [])].find((e) => e?.shadowRoot)
    return ours?.shadowRoot.querySelector(inner)?.dataset.painted
  }
  const before = shown()
  window.bench = { start: 0, time: 0 }
  const down = () => { window.bench.start ||= performance.now() }
  addEventListener("keydown", down, { capture: true, once: true })
  addEventListener("pointerdown", down, { capture: true, once: true })
  const look = () => {
    const now = shown()
    if (window.bench.start && now && now !== before) window.bench.time = performance.now() - window.bench.start
    else requestAnimationFrame(look)
  }
  look()
}
"""


def engine_rows(pictures: int) -> list[tuple[str, ...]]:
    """A new picture through the blocks, the small networks with their numbers, the readings, and the full Xception."""
    from xception_lab.features.activations import hand_maps, input_gradient, summaries
    from xception_lab.features.block_readings import relu_readings
    from xception_lab.features.filters import HandFilters, make_kernel, make_mix
    from xception_lab.features.image_models import load_shipped, make_untrained, run_model
    from xception_lab.features.readings import ORDERS, WIDTH
    from xception_lab.features.sample_pictures import resize
    from xception_lab.features.weight_files import KERAS

    filters = HandFilters(make_kernel("sharpen", 3), make_mix("colours"))
    twins = [load_shipped("emoji", variant) for variant in ("none", "relu")]
    full = make_untrained(KERAS)

    def every_view(picture: np.ndarray) -> None:
        small = resize(picture, 64)
        hand_maps(small, filters, None)
        for model in twins:
            output = run_model(model, picture)
            summaries(output.maps, model.layers)
        input_gradient(twins[0].network, twins[0].input(picture), "block2", 3, 3)
        for order in ORDERS:
            relu_readings(small, order, WIDTH, "input")

    return [
        _timed("new picture, small Xceptions (both twins) and all views", every_view, pictures, 1.0),
        _timed("new picture, full Xception at 299, every layer kept", lambda p: run_model(full, p), pictures, 3.0),
    ]


def _timed(what: str, work: Callable[[np.ndarray], object], pictures: int, target_s: float) -> tuple[str, ...]:
    draw = np.random.default_rng(0)
    times: list[float] = []
    for _ in range(pictures + 1):
        picture = draw.integers(0, 256, (320, 320, 3), np.uint8)
        begin = perf_counter()
        work(picture)
        times.append(perf_counter() - begin)
    warm = times[1:]
    verdict = "yes" if median(warm) < target_s else "**no**"
    return what, f"{median(warm):.2f} s", f"{min(warm):.2f} s", f"{max(warm):.2f} s", f"< {target_s:g} s", verdict


def _settled(page: Page) -> None:
    page.wait_for_selector('.stApp[data-test-script-state="notRunning"]', timeout=WAIT_MS)
    page.wait_for_timeout(150)


def _press(page: Page, watch: str, act: Callable[[Page], None], inner: str = "") -> float:
    """Milliseconds from the press to the first frame in which the watched element has changed."""
    page.evaluate(f"([a, b]) => ({PROBE})(a, b)", [watch, inner])
    act(page)
    page.wait_for_function("bench.time", timeout=WAIT_MS)
    time = page.evaluate("bench.time")
    _settled(page)
    return time


def _slide(key: str) -> Callable[[Page], None]:
    turn = [0]

    def act(page: Page) -> None:
        page.locator(f".st-key-{key} input[type=range]").focus()
        turn[0] += 1
        page.keyboard.press("ArrowLeft" if turn[0] % 2 else "ArrowRight")

    return act


def _choose(key: str, *labels: str) -> Callable[[Page], None]:
    turn = [0]

    def act(page: Page) -> None:
        page.locator(f".st-key-{key}").get_by_text(labels[turn[0] % len(labels)], exact=True).click()
        turn[0] += 1

    return act


def press_rows(presses: int) -> list[tuple[str, ...]]:
    """Layer, order and scale in the view of the two small networks against the minimal page's slider, alternating."""
    acts = {
        "layer": _slide("layer"),
        "order": _choose("sort", "strongest first", "by number"),
        "scale": _choose("range", "each map", "shared"),
    }
    times: dict[str, list[float]] = {name: [] for name in ("minimal", *acts)}
    with sync_playwright() as playwright, ExitStack() as stack:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        stack.callback(browser.close)
        servers = [stack.enter_context(serve(script)) for script in ("app.py", "benchmarks/minimal_page.py")]
        maps, least = (browser.new_page(viewport={"width": 1440, "height": 900}) for _ in servers)
        maps.goto(f"{servers[0].address}/features?look=network")
        least.goto(servers[1].address)
        maps.wait_for_selector(".st-key-maps", timeout=WAIT_MS)
        least.wait_for_selector("[data-testid=stMetricValue]", timeout=WAIT_MS)
        _settled(maps)
        _settled(least)
        slide = _slide("value")
        for number in range(WARM_UP + presses):
            for name, act in acts.items():
                took = _press(maps, ".st-key-maps", act, ".maps")
                floor = _press(least, "[data-testid=stMetricValue]", slide)
                if number >= WARM_UP:
                    times[name].append(took)
                    times["minimal"].append(floor)
    floor = median(times["minimal"])
    return [
        (
            f"a change of {name}",
            f"{median(times[name]):.0f} / {percentile(times[name], 0.95):.0f} ms",
            f"{floor:.0f} ms",
            f"{median(times[name]) / floor:.2f}",
            "≤ 2",
            "yes" if median(times[name]) <= 2 * floor else "**no**",
        )
        for name in acts
    ]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=20)
    parser.add_argument("--pictures", type=int, default=5)
    arguments = parser.parse_args()
    print(table(("what", "median", "fastest", "slowest", "target", "met"), engine_rows(arguments.pictures)))
    print()
    print(table(("what", "median / p95", "minimal page", "ratio", "target", "met"), press_rows(arguments.presses)))


if __name__ == "__main__":
    main()

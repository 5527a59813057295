"""How much processor time does a page with a stored result take, against a minimal Streamlit page?

Both without a browser, by Streamlit's own AppTest, alternating: a first visit, and another run of the same visit, as
after a press of a control. Prints one Markdown table.
Run: python -m benchmarks.stored_result [--visits 6] [--runs 30]
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from streamlit.testing.v1 import AppTest

from benchmarks.servers import table

ROOT = Path(__file__).parents[1]
PRESETS = ("figure-10", "two-differences", "batch-norm", "dose", "figure-9")


def cpu_s(action: Callable[[], object]) -> float:
    """The processor time of all threads that the action takes."""
    start = time.process_time()
    action()
    return time.process_time() - start


def open_minimal() -> AppTest:
    """A first visit of benchmarks/minimal_page.py."""
    return AppTest.from_file(str(ROOT / "benchmarks" / "minimal_page.py"), default_timeout=60).run()


def open_stored(preset: str) -> AppTest:
    """A first visit of the training page with a preset's stored result."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update({"preset": preset, "guess": "show"})
    app = app.switch_page("pages/training.py").run()
    assert not app.exception
    assert app.get("plotly_chart"), "a stored result is on the page"
    return app


def ratio_text(times_s: dict[str, list[float]], name: str) -> str:
    """A page's median in milliseconds, and how many times the minimal page's that is."""
    own_s, minimal_s = median(times_s[name]), median(times_s["minimal"])
    return f"{1e3 * own_s:.0f} ms ({own_s / minimal_s:.1f}×)"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=6)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    minimal, pages = open_minimal(), {preset: open_stored(preset) for preset in PRESETS}
    visits: dict[str, list[float]] = {"minimal": [], **{preset: [] for preset in PRESETS}}
    runs: dict[str, list[float]] = {name: [] for name in visits}
    for _ in range(options.visits):
        visits["minimal"].append(cpu_s(open_minimal))
        for preset in PRESETS:
            visits[preset].append(cpu_s(lambda preset=preset: open_stored(preset)))
    for _ in range(options.runs):
        runs["minimal"].append(cpu_s(minimal.run))
        for preset, page in pages.items():
            runs[preset].append(cpu_s(page.run))
    rows = [(name, ratio_text(visits, name), ratio_text(runs, name)) for name in visits]
    print(table(("page", "first visit", "another run"), rows))


if __name__ == "__main__":
    main()

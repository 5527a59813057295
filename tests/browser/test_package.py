"""The package, built and installed in an environment of its own: every page with its components, and the terminal.

The environment holds this package alone. What it depends on is read from the environment that runs the tests, so that
nothing is downloaded; the checkout is not on its path.
"""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import Server, Visitor
from paths import ROOT
from playwright.sync_api import Page, expect

from xception_lab.ui.shell.language import catalog

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
PATIENCE_MS = 60_000  # the first paint of a page also writes the bytecode of what it imports
COST = ("cost", "block", "kind=separable", "in_channels=64", "out_channels=128", "--size", "56", "--json")
CHART = ".js-plotly-plot .main-svg >> nth=0"
COPY = ".st-key-copy_link button"
# what a browser has drawn on each page, by its components and charts
DRAWN = {
    "/": (".scene svg >> nth=0", ".axis input >> nth=0"),
    "/story?step=7": (".scene canvas >> nth=1",),
    "/compare": (
        ".st-key-blocks .figure strong >> nth=8",
        ".moving[data-pixel]",
        ".st-key-layers .mark >> nth=8",
        COPY,
    ),
    "/timing": (CHART, COPY),
    "/features": (".st-key-maps canvas >> nth=0", ".st-key-grids input >> nth=0", COPY),
    "/training?guess=show": (CHART, COPY),
    "/network": (".st-key-anatomy .value >> nth=0", ".st-key-architecture .card >> nth=0", COPY),
    "/network?network_view=what_if": (".st-key-changes svg",),
    "/network?network_view=modules": (".st-key-modules svg >> nth=0",),
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("package")
    wheels, environment = folder / "wheels", folder / "environment"
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    offline = ("--no-deps", "--no-index")
    _run(*pip, "wheel", *offline, "--no-build-isolation", f"--wheel-dir={wheels}", str(ROOT))
    (wheel,) = wheels.iterdir()
    venv.create(environment)
    paths = sysconfig.get_paths(vars={"base": str(environment), "platbase": str(environment)})
    Path(paths["purelib"], "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    python = Path(paths["scripts"], "python")
    _run(*pip, f"--python={python}", "install", *offline, str(wheel))
    found = _run(str(python), "-c", "import xception_lab; print(xception_lab.__file__)", cwd=folder)
    assert Path(found.strip()) == Path(paths["purelib"], "xception_lab", "__init__.py")
    return python.parent


def _run(*command: str, cwd: Path = ROOT) -> str:
    """What a program prints, run without the paths of this process."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def server(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The installed app, started outside the checkout."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONPATH", raising=False)
        patch.setenv("XCEPTION_LAB_HOME", str(elsewhere / "home"))
        served = Server(elsewhere, (str(programs / "xception-lab"), "run"), elsewhere)
    yield served
    served.stop()


@pytest.mark.parametrize("path", DRAWN)
def test_every_page_is_drawn_with_its_components(path: str, visit: Visit, server: Server) -> None:
    page = _opened(visit(), path)
    for drawn in DRAWN[path]:
        page.locator(drawn).wait_for(state="attached")
    expect(page.locator(".stException")).to_have_count(0)
    assert "Traceback" not in server.log


def test_a_stroke_can_be_drawn(visit: Visit) -> None:
    page = _opened(visit(), "/features?picture=draw")
    page.locator(".st-key-picking button").click()
    expect(page.locator(".st-key-stroke canvas")).to_be_visible()


def test_it_speaks_korean_in_its_own_colours(visit: Visit) -> None:
    page = _opened(visit(locale="ko-KR"), "/compare")
    title = page.locator(".st-key-blocks h2").last
    expect(title).to_have_text(catalog("ko").gettext("Depthwise separable"), timeout=PATIENCE_MS)
    # from the app's own config.toml, which is not in the folder in which the app was started
    figure = page.locator(".st-key-blocks .figure").first
    assert figure.evaluate("node => getComputedStyle(node).getPropertyValue('--st-primary-color')") == "#0a766b"


def _opened(visitor: Visitor, path: str) -> Page:
    page = visitor.new_tab()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(visitor.server.url + path, wait_until="commit")
    page.locator(".st-key-frame").wait_for()
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
    return page


def test_the_terminal_prints_what_the_checkout_prints(programs: Path, tmp_path: Path) -> None:
    installed = str(programs / "xception-lab")
    assert _run(installed, *COST, cwd=tmp_path) == _run(sys.executable, "-m", "xception_lab", *COST)

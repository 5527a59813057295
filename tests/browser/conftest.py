"""A server on a free port, and Chromium that may talk to nothing else."""

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import Server, Visitor
from paths import ROOT
from playwright.sync_api import Browser, sync_playwright

LOOKS = ("viewport", "color_scheme", "reduced_motion")


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Server]]:
    """Start servers on one home that end with the session; one that is stopped before is none the worse."""
    servers: list[Server] = []
    home = str(tmp_path_factory.mktemp("home"))

    def start() -> Server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XCEPTION_LAB_HOME", home)
            servers.append(Server(tmp_path_factory.mktemp("server")))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server: Callable[[], Server]) -> Server:
    """The one server that most tests share, as a class does."""
    return start_server()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's headless Chromium, a third of the work of the one with a window, or that one, or what CHROMIUM names.

    Not of the session: Playwright's event loop would stand in the way of other tests.
    """
    path = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if not path:
        said = re.search(
            r'echo "(The browser tests need .*)" >&2',
            (ROOT / "tests" / "browser" / "install.sh").read_text(encoding="utf-8"),
        )
        assert said
        pytest.fail(said[1])
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def rested() -> dict[str, list[Visitor]]:
    """The browsers of tests before, by their options: they remember nobody, but have the page's scripts at hand."""
    return defaultdict(list)


@pytest.fixture
def visit(browser: Browser, server: Server, rested: dict[str, list[Visitor]]) -> Iterator[Callable[..., Visitor]]:
    """Make visitors, each with a browser of their own; after the test none saw an error or was sent to another host."""
    visitors: list[tuple[str, Visitor]] = []

    def make(**options: Any) -> Visitor:
        on = options.pop("server", server)
        look = {name: options.pop(name) for name in LOOKS if name in options}
        kind = f"{on.url} {sorted(options.items())}"
        visitor = rested[kind].pop() if rested[kind] else Visitor(browser, on, **options)
        visitor.look(**look)
        visitors.append((kind, visitor))
        return visitor

    yield make
    faults: list[str] = []
    for kind, visitor in visitors:
        if visitor.server is server:
            visitor.forget()
            rested[kind].append(visitor)
        else:
            visitor.context.close()
        faults += [*visitor.errors, *visitor.strangers]
        visitor.errors.clear()
        visitor.strangers.clear()
    assert faults == []

"""A server on a free port, and Chromium that may talk to nothing else."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browsing import Server, Visitor
from paths import ROOT
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="module")
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Server]]:
    """Start servers that end with the session; one that is stopped before is none the worse."""
    servers: list[Server] = []

    def start() -> Server:
        servers.append(Server(tmp_path_factory.mktemp("server")))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server(start_server: Callable[[], Server]) -> Server:
    """The one server that most tests share, as a class does."""
    return start_server()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
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
def regular(browser: Browser, server: Server) -> Visitor:
    """A browser that is kept, so that it parses the page's scripts once; each of its tabs is a session of its own."""
    return Visitor(browser, server)


@pytest.fixture
def visit(browser: Browser, server: Server, regular: Visitor) -> Iterator[Callable[..., Visitor]]:
    """Make visitors, new ones where they are special; after the test none saw an error or was sent to another host."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        on = options.pop("server", server)
        visitors.append(Visitor(browser, on, **options) if options or on is not server else regular)
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.close_tabs()
        if visitor is not regular:
            visitor.context.close()
    faults = [fault for visitor in visitors for fault in (*visitor.errors, *visitor.strangers)]
    regular.errors.clear()
    regular.strangers.clear()
    assert faults == []

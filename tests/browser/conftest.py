"""A server on a free port, and Chromium that may talk to nothing else."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PATIENCE_MS = 15_000


class Server:
    """The app as `make run` starts it; `log` is what it wrote to stderr."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"{port}.log"
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true",
                    f"--server.port={port}", "--server.address=127.0.0.1",
                ],
                cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        assert self._process.stdout
        # it prints its address when it listens; the pipe ends if it dies before
        if not any("http://" in line for line in self._process.stdout):
            pytest.fail(f"the server did not start:\n{self.log}")

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


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
        said = re.search(r'echo "(The browser tests need .*)" >&2', (HERE / "install.sh").read_text(encoding="utf-8"))
        assert said
        pytest.fail(said[1])
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Visitor:
    """One person's browser: their pages, and whatever went wrong in any of them."""

    def __init__(self, browser: Browser, server: Server, **options: Any) -> None:
        self.server = server
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.context = browser.new_context(
            **({"viewport": {"width": 1440, "height": 1000}, "locale": "en-US"} | options)
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("page", self._watch)

    def open(self, address: str) -> Page:
        """A new tab on this address, its first run done."""
        page = self.context.new_page()
        page.goto(self.server.url + address, wait_until="commit")
        settled(page)
        return page

    def close_tabs(self) -> None:
        for page in self.context.pages:
            page.close()

    def _watch(self, page: Page) -> None:
        # a page's sub-path answers Streamlit's start-up probes with 404
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" and "404" not in m.text else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._ours(request.url))
        page.on("websocket", lambda socket_: self._ours(socket_.url))

    def _ours(self, url: str) -> None:
        home = self.server.url.removeprefix("http")
        if not url.startswith((f"http{home}", f"ws{home}", "data:", f"blob:http{home}")):
            self.strangers.append(url)


def settled(page: Page) -> None:
    """Wait until the script has run and the blocks are drawn."""
    page.locator(".st-key-blocks .figure strong").nth(8).wait_for()
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()


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

"""A server on a free port, and a person's browser that may talk to nothing else."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from paths import ROOT
from playwright.sync_api import Browser, Page

PATIENCE_MS = 15_000
BLOCKS = ".st-key-blocks .figure strong >> nth=8"  # the last figure of the three blocks


# from the checkout, without a build
FROM_CHECKOUT = (sys.executable, "-m", "streamlit", "run", "app.py")


class Server:
    """The app; `log` is what it wrote to stderr, in `folder`. command: what starts it in `cwd`. port: None for any."""

    def __init__(
        self, folder: Path, command: Sequence[str] = FROM_CHECKOUT, cwd: Path = ROOT, port: int | None = None
    ) -> None:
        if port is None:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / f"{port}.log"
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*command, "--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"],
                cwd=cwd,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        assert self._process.stdout
        # it prints its address when it listens; the pipe ends if it dies before
        if not any("http://" in line for line in self._process.stdout):
            pytest.fail(f"the server did not start:\n{self.log}")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=20)


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

    def open(self, address: str, drawn: str = BLOCKS) -> Page:
        """A new tab on this address, its first run done and what is asked for drawn."""
        page = self.context.new_page()
        page.goto(self.server.url + address, wait_until="commit")
        settled(page, drawn)
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


def settled(page: Page, drawn: str = BLOCKS) -> None:
    """Wait until the script has run and what is asked for, by default the three blocks, is drawn."""
    page.locator(drawn).wait_for()
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()

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
WINDOW = {"width": 1440, "height": 1000}
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
    """One person's browser: their pages, and whatever went wrong in any. options: Playwright's, of a context."""

    def __init__(self, browser: Browser, server: Server, **options: Any) -> None:
        self.server = server
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.context = browser.new_context(**({"locale": "en-US"} | options))
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("page", self._watch)
        self.look()

    def look(
        self, viewport: dict[str, int] | None = None, color_scheme: Any = "light", reduced_motion: Any = "no-preference"
    ) -> None:
        """Give the tabs that are opened from now on this size, and this wish for colours and for motion."""
        self._viewport: Any = viewport or WINDOW
        self._media = {"color_scheme": color_scheme, "reduced_motion": reduced_motion}

    def new_tab(self) -> Page:
        """An empty tab."""
        page = self.context.new_page()
        page.set_viewport_size(self._viewport)
        page.emulate_media(**self._media)
        return page

    def open(self, address: str, drawn: str = BLOCKS) -> Page:
        """A new tab on this address, its first run done and what is asked for drawn."""
        page = self.new_tab()
        page.goto(self.server.url + address, wait_until="commit")
        settled(page, drawn)
        return page

    def forget(self) -> None:
        """Close the tabs and forget all that pages have kept but their scripts."""
        for page in self.context.pages:
            page.close()
        blank = self.context.new_page()
        what = {"origin": self.server.url, "storageTypes": "cookies,indexeddb,local_storage"}
        self.context.new_cdp_session(blank).send("Storage.clearDataForOrigin", what)
        blank.close()

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


# nothing runs, every part is there, and nothing has moved or changed its size for a while
STILL = """
() => {
  const main = document.querySelector(".stMain")
  if (!main || document.querySelector(".stApp").dataset.testScriptState !== "notRunning") return false
  if (document.querySelector(".stMain [data-testid=stSkeleton]")) return false
  const layout = `${main.scrollHeight} ${main.scrollTop} ${window.shifts?.length}`
  if (window.layout !== layout) [window.layout, window.since] = [layout, performance.now()]
  return performance.now() - window.since > 400
}"""


def settled(page: Page, drawn: str = BLOCKS) -> None:
    """Wait until the script has run and what is asked for, by default the three blocks, is drawn."""
    page.locator(drawn).wait_for()
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()

"""A page run without a browser, as a new visitor first sees it."""

from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]
START = "app.py"


def opened(page: str, query: dict[str, Any] | None = None, locale: str = "en-US", timeout_s: float = 60) -> AppTest:
    """A new visitor's first sight of a page."""
    at = AppTest.from_file(str(ROOT / START), default_timeout=timeout_s)
    at.context = {"locale": locale}
    if page != START:
        at.switch_page(page)
    at.query_params.update(query or {})
    return ran(at)


def ran(at: AppTest) -> AppTest:
    """The page after another run, which raised nothing."""
    at.run()
    assert not at.exception, at.exception
    return at

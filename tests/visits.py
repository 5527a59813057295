"""A page run without a browser, as a new visitor first sees it."""

import json
import re
from typing import Any

from paths import ROOT
from streamlit.testing.v1 import AppTest

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


def sent_text(at: AppTest) -> str:
    """Everything that the page has sent to the browser; of the components their data."""
    texts = [str(node.proto) for node in at._tree if getattr(node, "proto", None) is not None]
    data = [json.dumps(json.loads(element.proto.json), ensure_ascii=False) for element in at.get("bidi_component")]
    return "\n".join([*texts, *data])


def told_text(at: AppTest) -> str:
    """What the page has sent without keys and QR codes: drawn by chance, they hold any three digits now and then."""
    return without_chance(sent_text(at))


def without_chance(text: str) -> str:
    """A text without its keys, identifiers and encoded pictures."""
    return re.sub(r"[0-9a-f]{16,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|base64,[\w+/=]+", "", text)


def signed(number: float) -> str:
    """A number of points as the pages write it, with the minus sign of the charts."""
    return f"{number:+.2f}".replace("-", "\N{MINUS SIGN}")


def features_page(**parameters: str) -> AppTest:
    """The page as a first visit with these query parameters."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params.update(parameters)
    app = app.switch_page("pages/features.py").run()
    assert not app.exception, app.exception
    return app


def component_data(app: AppTest, key: str = "maps") -> dict[str, Any]:
    """What a component of ours was given."""
    (component,) = [element for element in app.get("bidi_component") if element.key == key]
    return json.loads(component.proto.json)

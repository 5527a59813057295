"""The person in a real browser: kept over reloads and restarts, unknown to others; no run is lost with a session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import Server, Visitor
from playwright.sync_api import Browser, Page, expect
from tiny_data import TINY

from xception_lab.experiments.ownership import is_secret, make_secret, owner_of
from xception_lab.experiments.spec import ExperimentSpec
from xception_lab.experiments.store import Store

SECRET = make_secret()
KEY = "xception-lab.person"
# it runs in empty documents too, which have no storage
REMEMBER = f"try {{ localStorage.setItem('{KEY}', '{SECRET}') }} catch {{}}"
TRAIN = ".st-key-my_runs"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def experiment(home: Path) -> str:
    """An experiment of the person with SECRET that was stopped before it began."""
    store = Store(home)
    key = store.add(ExperimentSpec("figure-9", 1, TINY), owner_of(SECRET), 100)
    assert key
    store.move([run.id for run in store.experiment(key).runs], "cancelled")
    return key


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XCEPTION_LAB_HOME", str(home))
        served = Server(home)
        yield served
    served.stop()


@pytest.fixture
def visitor(browser: Browser, server: Server) -> Iterator[Visitor]:
    made = Visitor(browser, server)
    yield made
    made.context.close()


def _kept(page: Page) -> str | None:
    return page.evaluate(f"localStorage.getItem('{KEY}')")


def _open_list(page: Page) -> None:
    page.locator(TRAIN).get_by_role("button").first.click()


def test_a_newcomer_is_given_a_secret_that_a_reload_finds_again(visitor: Visitor) -> None:
    page = visitor.open("/training", TRAIN)
    assert _kept(page) is None  # nobody asked yet
    _open_list(page)
    expect(page.get_by_text("No run yet")).to_be_visible()
    page.wait_for_function(f"() => localStorage.getItem('{KEY}')")
    secret = _kept(page)
    assert is_secret(secret)
    page.reload()
    page.locator(TRAIN).wait_for()
    _open_list(page)
    expect(page.get_by_text("No run yet")).to_be_visible()
    assert _kept(page) == secret
    assert visitor.errors == []


def test_the_owners_browser_may_go_on_and_another_may_read(
    visitor: Visitor, browser: Browser, server: Server, experiment: str
) -> None:
    visitor.context.add_init_script(REMEMBER)
    page = visitor.open(f"/training?run={experiment}&guess=show", TRAIN)
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    expect(page.get_by_text("its link is for reading")).to_have_count(0)
    assert _kept(page) == SECRET
    other = Visitor(browser, server)
    reading = other.open(f"/training?run={experiment}&guess=show", TRAIN)
    expect(reading.get_by_text("its link is for reading")).to_be_visible()
    expect(reading.get_by_role("button", name="Go on")).to_have_count(0)
    _open_list(reading)
    expect(reading.get_by_text("No run yet")).to_be_visible()
    assert visitor.errors == other.errors == []
    other.context.close()


def test_a_browser_that_keeps_nothing_has_a_person_for_the_session(visitor: Visitor) -> None:
    refuse = "() => { throw new DOMException('denied', 'SecurityError') }"
    visitor.context.add_init_script(f"Storage.prototype.getItem = Storage.prototype.setItem = {refuse}")
    page = visitor.open("/training", TRAIN)
    _open_list(page)
    expect(page.get_by_text("your runs are yours until this tab is closed")).to_be_visible()


def test_a_tab_finds_its_run_again_after_the_server_was_restarted(
    browser: Browser, home: Path, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCEPTION_LAB_HOME", str(home))
    first = Server(home)
    servers = [first]
    visitor = Visitor(browser, first)
    visitor.context.add_init_script(REMEMBER)
    try:
        # the address of the link has no run: Streamlit asks with it again when the connection is back
        page = visitor.open("/training", TRAIN)
        _open_list(page)
        page.locator(f".st-key-show_{experiment} button").click()
        page.wait_for_url(f"**run={experiment}*")
        first.stop()
        servers = [Server(home, port=first.port)]
        page.locator('[data-testid="stConnectionStatus"]').wait_for(state="detached", timeout=60_000)
        page.wait_for_timeout(1000)
        with page.expect_event("load", timeout=60_000):
            _open_list(page)
        page.locator(TRAIN).wait_for()
        expect(page.get_by_role("button", name="Go on")).to_be_visible()
        assert f"run={experiment}" in page.url
    finally:
        visitor.context.close()
        for server in servers:
            server.stop()

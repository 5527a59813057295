"""What a server of the app answers to whom, as SECURITY.md says it: asked over the wire, without a browser."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from browsing import FROM_CHECKOUT, Server

UPLOAD = "/_stcore/upload_file/session/file"
STREAM = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()


@dataclass(frozen=True)
class Answer:
    status: int
    allowed_origin: str | None
    body: str


def _ask(server: Server, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with closing(connection), connection.getresponse() as answer:
        # a stream that was opened has no end
        body = "" if answer.status == 101 else answer.read().decode("utf-8", "replace")
        return Answer(answer.status, answer.getheader("Access-Control-Allow-Origin"), body)


def test_a_page_of_another_origin_gets_no_session(server: Server) -> None:
    own = _ask(server, "/_stcore/stream", **STREAM, Origin=server.url)
    assert own.status == 101
    for origin in ("http://evil.example", "null", "http://127.0.0.1.evil.example"):
        assert _ask(server, "/_stcore/stream", **STREAM, Origin=origin).status == 403, origin


def test_a_page_of_another_origin_may_read_nothing(server: Server) -> None:
    for path in ("/", "/_stcore/health", "/_stcore/host-config"):
        assert _ask(server, path, Origin="http://evil.example").allowed_origin in (None, server.url), path


def test_names_that_the_server_was_not_given_can_be_refused(tmp_path: Path) -> None:
    command = (*FROM_CHECKOUT, "--server.allowedHosts=127.0.0.1")
    strict = Server(tmp_path, command)
    rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert _ask(strict, "/_stcore/stream", **STREAM, **rebound).status == 403
    assert _ask(strict, "/_stcore/stream", **STREAM, Origin=strict.url).status == 101
    strict.stop()


def test_an_upload_needs_a_session_and_its_token(server: Server) -> None:
    assert _ask(server, UPLOAD, "PUT", Origin="http://evil.example").status == 403
    assert _ask(server, UPLOAD, "PUT").status == 403


@pytest.mark.parametrize("route", ["interact", "mcp"])
def test_programs_are_served_no_other_way(server: Server, route: str) -> None:
    answer = _ask(server, f"/_stcore/agent/{route}", "POST", Content_Type="application/json")
    assert answer.status in (400, 403, 404)
    assert "does not serve the agent API" in answer.body


@pytest.mark.parametrize(
    "path", ["/media/", "/media/0", "/media/" + "0" * 32, "/media/../pages/compare.py", "/app/app.py"]
)
def test_files_are_served_by_a_name_that_is_known_only_from_the_page(server: Server, path: str) -> None:
    answer = _ask(server, path)
    # an unknown path is answered with the app's shell, which holds nothing of anybody
    assert answer.status in (400, 403, 404) or "<!DOCTYPE html>" in answer.body
    assert "xception_lab" not in answer.body


def test_the_server_listens_where_it_was_told_to(server: Server) -> None:
    listening = [at.laddr for at in psutil.Process(server.pid).net_connections("inet") if at.status == "LISTEN"]
    assert {f"http://{address.ip}:{address.port}" for address in listening} == {server.url}

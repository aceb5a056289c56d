"""`butler serve` at its doors: what strangers get, and what a page without controls cannot do."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("plotly")

from tests.process.cli import SECONDS
from tests.serving import Served, serving

PATHS = (
    "/", "/events", "/events/0/s", "/session/0/s", "/report/0/s", "/study/0/odds/x",
    "/static/plotly.js", "/static/site.css", "/command/0/s", "/enter", "/nothing", "/../etc",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of an empty folder of results, without controls."""
    with serving(tmp_path_factory.mktemp("results")) as served:
        yield served


@pytest.fixture
def stranger(server: Served) -> Served:
    return Served(server.process, server.url)


@pytest.fixture
def visitor(server: Served) -> Served:
    own = Served(server.process, server.url)
    assert own.enter().status == 204
    return own


def test_without_its_fragment_the_address_is_refused(stranger: Served) -> None:
    """Every address alike: nobody learns which there are."""
    for path in PATHS:
        reply = stranger.ask(path)
        assert reply.status == 403, path
        assert "content-security-policy" in reply.headers
    refusals = {stranger.ask(path).body for path in PATHS if path != "/"}
    assert len(refusals) == 1


def test_a_browser_that_opens_the_address_gets_the_door_and_nothing_else(stranger: Served) -> None:
    """The page that reads the fragment is told from other requests by headers no script can
    send."""
    opened = stranger.ask("/", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    assert opened.status == 200
    assert opened.body == stranger.ask("/").body
    assert stranger.token not in opened.text
    assert "'unsafe-inline'" not in opened.headers["content-security-policy"].split("style-src")[0]


def test_wrong_hosts_and_foreign_origins_get_403_with_a_cookie_too(visitor: Served) -> None:
    for path in PATHS:
        for headers in (
            {"Host": "evil.example"}, {"Host": f"evil.example:{visitor.port}"}, {"Host": None},
            {"Origin": "http://evil.example"}, {"Origin": "null"},
        ):  # fmt: skip
            reply = visitor.ask(path, **headers)
            assert reply.status in (400, 403), (path, headers)
            assert reply.status == 403 or headers == {"Host": None}
    for headers in ({"Origin": "https://evil.example"}, {"Origin": None}):
        reply = visitor.post("/enter", {"token": visitor.token}, **headers)
        assert (reply.status, "set-cookie" in reply.headers) == (403, False)


def test_a_cookie_of_before_a_restart_opens_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as before:
        assert before.enter().status == 204
        assert before.ask("/").status == 200
        port, cookie, token = before.port, before.cookie, before.token
    with serving(tmp_path, port=port) as after:
        after.cookie = cookie
        for path in PATHS:
            assert after.ask(path).status == 403, path
        assert after.post("/enter", {"token": token}).status == 403


def test_the_exchange_is_the_only_post_without_controls(visitor: Served) -> None:
    for path in PATHS:
        if path == "/enter":
            continue
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            content = json.dumps({"action": "flatten", "reason": "x", "confirm": "s"}).encode()
            headers = {"Origin": visitor.origin, "Content_Type": "application/json"}
            reply = visitor.ask(path, method, content, **headers)
            assert reply.status in (404, 405), (path, method)


def test_pages_carry_the_policy_that_lets_only_our_scripts_run(visitor: Served) -> None:
    reply = visitor.ask("/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"
    assert "<script>" not in reply.text


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400), (b"{", 400), (b"[]", 400), (b'{"token": 1}', 400), (b'{"token": ""}', 403),
        (b'{"token": "x", "more": 1}', 400), (b"\xff\xfe", 400), (b"[" * 3_000, 400),
        (b" " * 5_000, 413), (b'{"token": "' + b"x" * 101 + b'"}', 400),
    ],
)  # fmt: skip
def test_an_exchange_that_is_none_is_refused_in_words(
    stranger: Served, content: bytes, status: int
) -> None:
    reply = stranger.ask("/enter", "POST", content)
    assert reply.status == status
    assert reply.text.startswith(str(status))
    assert "set-cookie" not in reply.headers


def test_the_port_is_of_the_loopback_interface_alone(server: Served) -> None:
    """Whoever asks for another address of this machine finds nobody."""
    others = {
        item[4][0] for item in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    } - {"127.0.0.1"}
    for address in others:
        if str(address).startswith("127."):
            continue
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((str(address), server.port), timeout=SECONDS).close()


def test_a_port_that_is_taken_is_a_wrong_option(server: Served, tmp_path: Path) -> None:
    from tests.process.cli import butler_process, complaint

    said = butler_process("serve", "--port", server.port, "--results-dir", tmp_path)
    assert said.code == 2
    assert complaint(said).startswith(f"--port {server.port}: it cannot be listened on")


def test_the_address_can_be_kept_from_the_output(tmp_path: Path) -> None:
    """For a service, whose output is a log: the file is its owner's alone, and gone at the end."""
    import stat
    import subprocess
    import sys

    from tests.process.cli import COMMAND, ROOT, environment

    file = tmp_path / "address"
    command = [*COMMAND, "serve", "--port", "0", "--results-dir", str(tmp_path)]
    command += ["--url-file", str(file)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = process.stdout.readline()
        url = file.read_text().strip()
        assert (url not in said, str(file) in said) == (True, True)
        assert Served(process, url).enter().status == 204
        if sys.platform != "win32":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        process.terminate()
        process.communicate(timeout=SECONDS)
    assert not file.exists() or sys.platform == "win32"

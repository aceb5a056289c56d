"""Whatever is sent to `butler serve`: it answers in its own words, serves on, and changes nothing.

`serving` holds at its end that the server reported no fault of its own.
"""

from __future__ import annotations

import socket
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette")
pytest.importorskip("plotly")

from tests.process.cli import SECONDS, everything
from tests.process.test_serve_streams import Session
from tests.serving import Served, serving

ANSWERS = {200, 204, 304, 307, 400, 403, 404, 405, 408, 409, 413, 415, 503}
OFTEN = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

SEGMENTS = st.one_of(
    st.sampled_from(
        [
            "events", "session", "report", "study", "static", "command", "enter", "0", "s-1",
            "odds", "..", ".", "%2e%2e", "%00", "%ff", "9" * 30, "-1", "site.css", "plotly.js",
        ]
    ),
    st.text(string.ascii_letters + string.digits + "%.-_~!$&'()*+,;=:@", max_size=12),
)  # fmt: skip
PATHS = st.lists(SEGMENTS, max_size=5).map(lambda parts: "/" + "/".join(parts))
BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"{}", b"null", b"[]", b'{"action":"stop","reason":"x","confirm":"s-1"}']),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    """A server with controls over one session whose control channel nobody serves."""
    results = tmp_path_factory.mktemp("results")
    session = Session(results)
    session.grow(50)
    session.seal()
    with serving(results, controls=True) as served:
        assert served.enter().status == 204
        yield served, results


@OFTEN
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"]),
    path=PATHS,
    query=st.text(string.ascii_letters + "=&%?;0123456789", max_size=30),
    body=BODIES,
    known=st.booleans(),
    kind=st.sampled_from([None, "application/json", "text/plain", "\u00fc;;=", "x" * 200]),
)
@example("POST", "/command/0/s-1", "", b'{"action":"pause","reason":" "}', True, "application/json")
def test_any_request_is_answered(
    server: tuple[Served, Path],
    method: str,
    path: str,
    query: str,
    body: bytes,
    known: bool,
    kind: str | None,
) -> None:
    """Streams are left out: they have no end."""
    served, results = server
    if path.startswith("/events") and known:
        return
    before = everything(results / "sessions" / "s-1")
    own = Served(served.process, served.url, served.cookie if known else "")
    headers: dict[str, Any] = {"Origin": served.origin, "Content_Type": kind}
    reply = own.ask(f"{path}?{query}", method, body, **headers)
    assert reply.status in ANSWERS
    assert known or reply.status in (403, 400, 413, 415) or reply.status == 204
    assert everything(results / "sessions" / "s-1") == before


@OFTEN
@given(
    st.one_of(
        st.binary(max_size=400),
        st.lists(
            st.sampled_from(
                [
                    b"GET / HTTP/1.1\r\n", b"POST /enter HTTP/1.1\r\n", b"Host: 127.0.0.1\r\n",
                    b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"\r\n", b"hello",
                    b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"\x00",
                    b"Connection: upgrade\r\nUpgrade: websocket\r\n", b"Expect: 100-continue\r\n",
                    b"GET http://evil.example/ HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    b"X: " + b"y" * 20_000 + b"\r\n", b"CONNECT a:1 HTTP/1.1\r\n",
                ]
            ),
            max_size=8,
        ).map(b"".join),
    )
)  # fmt: skip
def test_any_bytes_leave_the_server_as_it_was(server: tuple[Served, Path], content: bytes) -> None:
    served, _ = server
    with socket.create_connection(("127.0.0.1", served.port), timeout=SECONDS) as raw:
        raw.sendall(content)
        raw.shutdown(socket.SHUT_WR)
        answer = bytearray()
        try:
            while part := raw.recv(4_096):
                answer += part
        except ConnectionError:
            pass
    assert served.token.encode() not in answer
    assert b" 200 " not in answer.partition(b"\r\n")[0]
    assert served.ask("/").status == 200


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        ({"action": "pause", "reason": ""}, 400, "reason"),
        ({"action": "pause", "reason": " \t"}, 400, "reason"),
        ({"action": "pause", "reason": "two\nlines"}, 400, "reason"),
        ({"action": "pause", "reason": "x" * 201}, 400, "reason"),
        ({"action": "sell", "reason": "x"}, 400, "action"),
        ({"action": "stop", "reason": "x"}, 400, "type the session's name, s-1"),
        ({"action": "flatten", "reason": "x", "confirm": "S-1"}, 400, "type the session's name"),
        ({"action": "pause", "reason": "x", "force": True}, 400, "force"),
        ({"action": "pause", "reason": "x"}, 503, "s-1"),
        ({"action": "stop", "reason": "x", "confirm": "s-1"}, 503, "s-1"),
    ],
)
def test_a_command_that_is_none_is_refused_with_its_field(
    server: tuple[Served, Path], content: object, status: int, said: str
) -> None:
    """One for a session that does not run says so."""
    reply = server[0].post("/command/0/s-1", content)
    assert reply.status == status
    assert said in reply.text


def test_a_command_needs_cookie_origin_and_json(server: tuple[Served, Path]) -> None:
    """A form of another site can send none of it."""
    served, _ = server
    order = {"action": "pause", "reason": "x"}
    stranger = Served(served.process, served.url)
    assert stranger.post("/command/0/s-1", order).status == 403
    assert served.post("/command/0/s-1", order, Origin="http://evil.example").status == 403
    assert served.post("/command/0/s-1", order, Origin=None).status == 403
    assert served.post("/command/0/s-1", order, Sec_Fetch_Site="cross-site").status == 403
    assert served.post("/command/0/s-1", order, Content_Type="text/plain").status == 415
    assert served.ask("/command/0/s-1").status == 405
    assert served.post("/command/0/s-2", order).status == 404

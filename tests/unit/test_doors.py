"""Who may come in: by host, origin and cookie, before anything else of a request is looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("starlette")

from adapters.web.doors import Doors

OWN = (b"host", b"127.0.0.1:8765")


def doors(*names: str) -> Doors:
    return Doors(8765, names)


def cookie_of(value: str | None) -> tuple[bytes, bytes]:
    assert value is not None
    return (b"cookie", value.partition(";")[0].encode())


@pytest.mark.parametrize("host", [b"127.0.0.1:8765", b"localhost:8765", b"LocalHost:8765"])
def test_names_of_this_machine_with_its_port_are_taken(host: bytes) -> None:
    assert doors().objection("GET", [(b"Host", host)]) is None


@pytest.mark.parametrize(
    "hosts",
    [
        [], [b"127.0.0.1"], [b"127.0.0.1:80"], [b"evil.example:8765"], [b""],
        [b"127.0.0.1:8765", b"127.0.0.1:8765"], [b"127.0.0.1:8765.evil.example"],
        [b"127.0.0.1:8765@evil.example"], [b"127.0.0.1:08765"], [b"0.0.0.0:8765"], [b"\xff"],
    ],
)  # fmt: skip
def test_any_other_host_is_refused(hosts: list[bytes]) -> None:
    """A name that somebody else's DNS leads here (rebinding) is never one of ours."""
    found = doors().objection("GET", [(b"host", host) for host in hosts])
    assert found is not None
    assert "wrong Host" in found


@given(st.binary(max_size=40))
def test_no_other_host_or_origin_is_taken(text: bytes) -> None:
    hosts = {b"127.0.0.1:8765", b"localhost:8765"}
    assert (doors().objection("GET", [(b"host", text)]) is None) == (text.lower() in hosts)
    origins = {b"http://" + host for host in hosts}
    assert (doors().objection("POST", [OWN, (b"origin", text)]) is None) == (text in origins)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "X"])
def test_a_foreign_origin_is_refused_whatever_it_asks(method: str) -> None:
    for origin in (b"null", b"http://evil.example", b"https://127.0.0.1:8765", b""):
        found = doors().objection(method, [OWN, (b"origin", origin)])
        assert found is not None
        assert "foreign Origin" in found


def test_what_may_change_something_must_say_its_origin() -> None:
    assert doors().objection("GET", [OWN]) is None
    assert "no Origin" in (doors().objection("POST", [OWN]) or "")
    own = (b"origin", b"http://127.0.0.1:8765")
    assert doors().objection("POST", [OWN, own]) is None
    for site in (b"cross-site", b"same-site", b"none"):
        assert doors().objection("POST", [OWN, own, (b"sec-fetch-site", site)]) is not None


def test_a_proxys_name_is_taken_over_https_only() -> None:
    named = doors("box.ts.net")
    host = (b"host", b"box.ts.net")
    assert named.objection("POST", [host, (b"origin", b"https://box.ts.net")]) is None
    assert named.objection("POST", [host, (b"origin", b"http://box.ts.net")]) is not None
    assert doors().objection("GET", [host]) is not None


def test_the_token_opens_and_a_wrong_one_does_not() -> None:
    own = doors()
    for wrong in ("", own.token[:-1], own.token + "x", "\u00e9", "\ud800"):
        assert own.enter(wrong) is None
    cookie = own.enter(own.token)
    assert cookie is not None
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert own.token not in cookie
    assert own.visitor([cookie_of(cookie)]) == 1
    assert own.visitor([cookie_of(own.enter(own.token))]) == 2


def test_a_cookie_opens_no_other_server() -> None:
    """After a restart the token and every cookie are others, on the same port too."""
    first, second = doors(), doors()
    replayed = cookie_of(first.enter(first.token))
    assert first.visitor([replayed]) == 1
    assert second.visitor([replayed]) is None
    assert second.enter(first.token) is None


@pytest.mark.parametrize(
    "value", [b"", b"butler_8765=", b"butler_8765", b"butler_8765=x; butler_8765=", b"=;=", b"\xff"]
)
def test_no_other_cookie_opens(value: bytes) -> None:
    own = doors()
    own.enter(own.token)
    assert own.visitor([(b"cookie", value)]) is None
    assert own.visitor([]) is None


def test_visitors_are_bounded_the_oldest_is_forgotten() -> None:
    own = doors()
    cookies = [cookie_of(own.enter(own.token)) for _ in range(65)]
    assert own.visitor([cookies[0]]) is None
    assert [own.visitor([item]) for item in cookies[1:]] == list(range(2, 66))


def test_secrets_are_in_no_representation() -> None:
    own = doors()
    assert own.token not in repr(own)
    assert own.url == f"http://127.0.0.1:8765/#{own.token}"

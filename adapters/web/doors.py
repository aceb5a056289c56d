"""Who may come in: a name of this machine, a page of ours, a visitor who once showed the token.

Pure but for the random numbers. The token stands in the address behind `#`, which no browser sends;
the page's own script exchanges it for a cookie that no script can read. Tokens and cookies live as
long as the server: after a restart the old ones open nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_BYTES: Final = 32
_MOST_VISITORS: Final = 64

Headers = Iterable[tuple[bytes, bytes]]


class Doors:
    """The token of one server, and the visitors that were let in."""

    def __init__(self, port: int, names: Iterable[str] = ()) -> None:
        """`names` are those by which a proxy on this machine passes requests on, over https."""
        self.token = secrets.token_urlsafe(_BYTES)
        own = (f"{LOOPBACK}:{port}", f"localhost:{port}")
        told = tuple(name.lower() for name in names)
        self.address = f"http://{own[0]}/"
        self._hosts = frozenset((*own, *told))
        self._origins = frozenset(
            (*(f"http://{host}" for host in own), *(f"https://{name}" for name in told))
        )
        self._cookie = f"butler_{port}"
        self._visitors: dict[str, int] = {}
        self._entered = 0

    def __repr__(self) -> str:
        return f"Doors({self.address}, token hidden)"

    @property
    def url(self) -> str:
        """The address with its token: whoever has it may look, and order where that is allowed."""
        return f"{self.address}#{self.token}"

    def objection(self, method: str, headers: Headers) -> str | None:
        """Why a request is not even looked at, or None: its host and its origin."""
        found = [(name.lower(), value) for name, value in headers]
        hosts = [_text(value) for name, value in found if name == b"host"]
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return "wrong Host: open the address that butler serve printed, with its own port"
        origins = [_text(value) for name, value in found if name == b"origin"]
        if any(origin not in self._origins for origin in origins):
            return "foreign Origin: this page takes requests of its own pages only"
        if method in ("GET", "HEAD"):
            return None
        sites = [_text(value) for name, value in found if name == b"sec-fetch-site"]
        if not origins or any(site != "same-origin" for site in sites):
            return "no Origin: this page takes requests of its own pages only"
        return None

    def enter(self, token: str) -> str | None:
        """A new visitor's cookie, as the header's value; None for a wrong token."""
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode()):
            return None
        secret = secrets.token_urlsafe(_BYTES)
        self._entered += 1
        while len(self._visitors) >= _MOST_VISITORS:
            del self._visitors[next(iter(self._visitors))]
        self._visitors[_digest(secret)] = self._entered
        return f"{self._cookie}={secret}; Path=/; HttpOnly; SameSite=Strict"

    def visitor(self, headers: Headers) -> int | None:
        """The number of the visitor whose cookie a request carries; None without a valid one."""
        for name, value in headers:
            if name.lower() != b"cookie":
                continue
            try:
                found = SimpleCookie(_text(value)).get(self._cookie)
            except CookieError:
                continue
            if found is not None and (number := self._visitors.get(_digest(found.value))):
                return number
        return None


def _digest(secret: str) -> str:
    """Looked up instead of the secret, so that how long it takes tells nothing of it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _text(value: bytes) -> str:
    return value.decode("latin-1")

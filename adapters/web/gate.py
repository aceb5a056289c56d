"""The gate in front of every route: strangers learn nothing, not even which addresses there are."""

from __future__ import annotations

from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web.connections import Connections
from adapters.web.doors import Doors
from adapters.web.files import door_page

ENTER: Final = "/enter"
"""Where the token is exchanged for a cookie."""

_REFUSED: Final = (
    "403: this address needs its token. Open the address that butler serve printed when it was "
    "started, with everything behind #.\n"
)

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""With every answer, unless it says otherwise."""

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the chart library writes style elements
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What pages of ours may do: run our scripts, ask this server, nothing else."""


class Gate:
    """Lets visitors through to `app` and tells `connections` of them."""

    def __init__(self, app: ASGIApp, doors: Doors, connections: Connections) -> None:
        self._app = app
        self._doors = doors
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = self._answer(scope)
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _answer(self, scope: Scope) -> Response | None:
        """What a stranger gets; None where the request goes on to its route."""
        method, path, headers = scope["method"], scope["path"], scope["headers"]
        if (objection := self._doors.objection(method, headers)) is not None:
            return _refusal(f"403: {objection}.\n")
        if (visitor := self._doors.visitor(headers)) is not None:
            scope["state"]["visitor"] = visitor
            if scope["client"] is not None:
                self._connections.admit(scope["client"], stream=path.startswith("/events"))
            return None
        if path == ENTER and method == "POST":
            return None
        if path == "/" and method in ("GET", "HEAD"):
            return _door(opened_by_browser=_is_navigation(headers))
        return _refusal(_REFUSED)


def _is_navigation(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether a browser opens a page; no script can send these headers."""
    found = dict(headers)
    return (
        found.get(b"sec-fetch-mode") == b"navigate" and found.get(b"sec-fetch-dest") == b"document"
    )


def _door(*, opened_by_browser: bool) -> Response:
    """The page that shows its token, which no server sees in an address; it says nothing else.

    To a browser it is a page like any other. Without a token in the address it leads to a refusal.
    """
    content, policy = door_page()
    return Response(
        content,
        200 if opened_by_browser else 403,
        {"Content-Security-Policy": policy, "Connection": "close"},
        "text/html; charset=utf-8",
    )


def _refusal(text: str) -> Response:
    return PlainTextResponse(text, 403, {"Connection": "close"})


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message["headers"]}
            more = {**HEADERS, "Content-Security-Policy": POLICY}
            message["headers"] = [
                *message["headers"],
                *(
                    (name.lower().encode(), value.encode())
                    for name, value in more.items()
                    if name.lower().encode() not in given
                ),
            ]
        await send(message)

    return wrapped

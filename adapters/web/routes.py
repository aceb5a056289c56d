"""The routes. Without `controls` the only one that takes a POST exchanges the token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any, Final, Literal

import msgspec
from sse_starlette import ServerSentEvent
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from adapters.web.content import CommandRefused, NotNow, Site, Unknown
from adapters.web.doors import Doors
from adapters.web.files import Assets
from adapters.web.gate import ENTER
from adapters.web.streams import (
    VIEWERS,
    Viewers,
    overview_events,
    response_of,
    session_events,
)
from engine.decoding import from_json

_LONGEST_BODY: Final = 4096
_BODY_SECONDS: Final = 10.0
_COMMANDS: Final = 4
"""Commands under way at once."""

_MADE_PAGE: Final = "; ".join(
    (
        "sandbox allow-scripts",  # a page of its own origin: it can ask nothing of this server
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data: blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_Text = Annotated[str, msgspec.Meta(max_length=200)]


class _Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(max_length=100)]


class _Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`confirm` is the session's name as the user typed it, for what cannot be undone."""

    action: Literal["pause", "resume", "flatten", "stop"]
    reason: _Text
    confirm: _Text = ""


_CONFIRMED: Final = frozenset({"flatten", "stop"})


class Pages:
    """Answers of the server for one site."""

    def __init__(self, site: Site, doors: Doors, *, controls: bool) -> None:
        self._site = site
        self._doors = doors
        self._controls = controls
        self._assets = Assets()
        self._viewers = Viewers()
        self._commands = asyncio.Semaphore(_COMMANDS)

    def app(self) -> Starlette:
        """The routes as an ASGI application."""
        at = "/{place:int}/{session:str}"
        routes = [
            Route("/", self.overview),
            Route(ENTER, self.enter, methods=["POST"]),
            Route("/events", self.overview_stream),
            Route("/events" + at, self.session_stream),
            Route("/session" + at, self.session),
            Route("/report" + at, self.report),
            Route("/study/{place:int}/{kind:str}/{name:str}", self.study),
            Route("/static/{name:str}", self.static),
        ]
        if self._controls:
            routes.append(Route("/command" + at, self.command, methods=["POST"]))
        handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
            HTTPException: _plain_error,
            Unknown: _unknown,
            NotNow: _not_now,
        }
        return Starlette(routes=routes, exception_handlers=handlers)

    # --- the door ---

    async def enter(self, request: Request) -> Response:
        """Exchange the token for a cookie."""
        given = await _body(request, _Token)
        cookie = self._doors.enter(given.token)
        if cookie is None:
            return PlainTextResponse("403: wrong token.\n", 403, {"Connection": "close"})
        return Response(status_code=204, headers={"Set-Cookie": cookie})

    # --- pages ---

    async def overview(self, _: Request) -> Response:
        return self._page("overview.html")

    async def session(self, request: Request) -> Response:
        if not self._site.known(*_at(request)):
            raise Unknown("there is no such session")
        return self._page("session.html")

    def _page(self, name: str) -> Response:
        return Response(
            self._assets.page(name, controls=self._controls), media_type="text/html; charset=utf-8"
        )

    async def static(self, request: Request) -> Response:
        """A script or a style of ours, or the chart library's; compressed where that is taken."""
        asset = await asyncio.to_thread(self._assets.static, request.path_params["name"])
        if asset is None:
            raise Unknown("there is no such file")
        headers = {"Cache-Control": "private, no-cache", "ETag": asset.etag}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        content = asset.content
        if asset.packed is not None and _takes_gzip(request):
            content, headers["Content-Encoding"] = asset.packed, "gzip"
        return Response(content, media_type=asset.kind, headers=headers)

    async def report(self, request: Request) -> Response:
        return _made(await self._site.report(*_at(request)))

    async def study(self, request: Request) -> Response:
        found = request.path_params
        page = self._site.study(found["place"], found["kind"], found["name"])
        try:
            return _made(await asyncio.to_thread(page.read_bytes), html=page.suffix == ".html")
        except OSError as error:
            raise NotNow(f"it cannot be read ({error.strerror})") from error

    # --- streams ---

    async def overview_stream(self, _: Request) -> Response:
        self._check_room()
        return response_of(self._counted(self._site.overview(), overview_events))

    async def session_stream(self, request: Request) -> Response:
        self._check_room()
        place, session = _at(request)
        if not self._site.known(place, session):
            raise Unknown("there is no such session")
        after = _after(request)
        return response_of(
            self._counted(
                self._site.session(place, session), lambda topics: session_events(topics, after)
            )
        )

    def _check_room(self) -> None:
        if self._viewers.full:
            raise HTTPException(503, f"{VIEWERS} pages are open already: close some")

    async def _counted(
        self,
        site: AbstractContextManager[Any],
        events: Callable[[Any], AsyncIterator[ServerSentEvent]],
    ) -> AsyncIterator[ServerSentEvent]:
        if self._viewers.full:
            return  # another one took the last place meanwhile
        self._viewers.count += 1
        try:
            with site as topics:
                async for event in events(topics):
                    yield event
        finally:
            self._viewers.count -= 1

    # --- commands ---

    async def command(self, request: Request) -> Response:
        """Order a session; what cannot be undone needs the session's name."""
        place, session = _at(request)
        given = await _body(request, _Command)
        reason = given.reason.strip()
        if not reason or not reason.isprintable():
            raise HTTPException(400, "reason: say why in one line")
        if given.action in _CONFIRMED and given.confirm != session:
            raise HTTPException(400, f"confirm: type the session's name, {session}")
        origin = f"page, viewer {request.state.visitor}"
        async with self._commands:
            try:
                text = await self._site.command(place, session, given.action, reason, origin)
            except CommandRefused as error:
                return JSONResponse({"done": False, "text": str(error)}, 409)
        return JSONResponse({"done": True, "text": text})


def _at(request: Request) -> tuple[int, str]:
    return request.path_params["place"], request.path_params["session"]


def _after(request: Request) -> int:
    """The last record that the viewer has: what the browser says on connecting again comes first.

    What is no number of a record is none: then everything is sent.
    """
    for text in (request.headers.get("last-event-id"), request.query_params.get("after")):
        if text is not None and re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
            return int(text)
    return 0


def _takes_gzip(request: Request) -> bool:
    return "gzip" in request.headers.get("accept-encoding", "")


def _made(content: bytes, *, html: bool = True) -> Response:
    """A page that another command wrote; whatever stands in it reaches nothing of this server."""
    return Response(
        content,
        media_type=f"text/{'html' if html else 'plain'}; charset=utf-8",
        headers={"Content-Security-Policy": _MADE_PAGE},
    )


async def _body(request: Request, kind: type[Any]) -> Any:
    """The JSON of a request, bounded in size and time; raises HTTPException."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send JSON")
    content = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for part in request.stream():
                content += part
                if len(content) > _LONGEST_BODY:
                    raise HTTPException(413, f"a request has at most {_LONGEST_BODY} bytes")
    except TimeoutError as error:
        raise HTTPException(408, "the request did not come to its end") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the request was cut off") from error
    try:
        return from_json(bytes(content), kind)
    except msgspec.DecodeError as error:
        raise HTTPException(400, f"not a request: {error}") from error


async def _plain_error(_: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    return PlainTextResponse(f"{error.status_code}: {error.detail}\n", error.status_code, headers)


async def _unknown(_: Request, error: Unknown) -> Response:
    return PlainTextResponse(f"404: {error}\n", 404)


async def _not_now(_: Request, error: NotNow) -> Response:
    return PlainTextResponse(f"503: {error}\n", 503)

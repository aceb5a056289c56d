"""`butler serve` as a process of its own, and requests to it as a browser makes them."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.process.cli import COMMAND, ROOT, SECONDS, environment


@dataclass
class Reply:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


@dataclass
class Served:
    """A running server; `cookie` is that of a visitor once `enter` was called."""

    process: subprocess.Popen[str]
    url: str
    cookie: str = ""
    port: int = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        assert parts.port is not None
        self.port, self.token = parts.port, parts.fragment

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        **headers: str | None,
    ) -> Reply:
        """One request on a connection of its own; a header of None is left out."""
        given: dict[str, str | None] = {"Host": f"127.0.0.1:{self.port}"}
        if self.cookie:
            given["Cookie"] = self.cookie
        if method == "POST":
            given |= {"Origin": self.origin, "Content-Type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def post(self, path: str, content: object, **headers: str | None) -> Reply:
        return self.ask(path, "POST", json.dumps(content).encode(), **headers)

    def enter(self) -> Reply:
        """Exchange the token, and keep the cookie as a browser does."""
        reply = self.post("/enter", {"token": self.token})
        if "set-cookie" in reply.headers:
            self.cookie = reply.headers["set-cookie"].partition(";")[0]
        return reply


def _ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """End it, if it does not do so by itself; what it wrote to its outputs."""
    process.terminate()
    try:
        return process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextmanager
def serving(
    *results: Path, controls: bool = False, port: int = 0, faults: str | None = None
) -> Iterator[Served]:
    """A server of these folders of results; ended at the end, and what it said is checked.

    With `faults` it says some, all different, each of which has that in it.
    """
    places = [part for place in results for part in ("--results-dir", str(place))]
    command = [*COMMAND, "serve", "--port", str(port), *places]
    process = subprocess.Popen(
        [*command, *(["--controls"] if controls else [])],
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, process.communicate()
        yield Served(process, url)
    except BaseException as error:
        _, said = _ended(process)
        error.add_note(f"butler serve ended with {process.returncode} and said:\n{said}")
        raise
    out, said = _ended(process)
    expected = "" if sys.platform == "win32" else "stopping in order; once more to leave at once"
    assert out == ""
    assert expected in said
    told = [line for line in said.splitlines() if "serve:" in line and "works again" not in line]
    assert len(told) == len(set(told)), said
    assert all(faults is not None and faults in line for line in told), said
    assert faults is None or told
    assert "Traceback" not in said


@dataclass
class Event:
    """One server-sent event."""

    kind: str = "message"
    id: str = ""
    data: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.data)


class Stream:
    """A stream as a browser reads it; `events` waits for the next with a deadline for each."""

    def __init__(self, served: Served, path: str, last: str | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", served.port), timeout=SECONDS)
        resumed = "" if last is None else f"Last-Event-ID: {last}\r\n"
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nCookie: {served.cookie}\r\n"
            f"Accept: text/event-stream\r\n{resumed}\r\n".encode()
        )
        self._answer = http.client.HTTPResponse(self._socket)
        self._answer.begin()
        self.status = self._answer.status

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()
        self._socket.close()

    def events(self) -> Iterator[Event]:
        event = Event()
        while line := self._answer.readline():
            text = line.decode().rstrip("\r\n")
            if not text:
                if event.data:
                    yield event
                event = Event()
                continue
            name, _, value = text.partition(": ")
            if name == "event":
                event.kind = value
            elif name == "id":
                event.id = value
            elif name == "data":
                event.data += value

    def records(self) -> Iterator[Event]:
        """Those that carry records."""
        return (event for event in self.events() if event.kind == "records")

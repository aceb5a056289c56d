"""A real HTTP service on this machine that keeps what it is sent, fails, or hangs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HttpService:
    """Answers with `status`; while `hangs` is set it answers nothing until `close`."""

    def __init__(self, *, status: int = 200, hangs: bool = False) -> None:
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.asked = threading.Semaphore(0)
        self._free = threading.Event()
        if not hangs:
            self._free.set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.paths.append(self.path)
                service.bodies.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
                service.asked.release()
                service._free.wait()
                try:
                    self.send_response(status)
                    self.end_headers()
                except OSError:
                    return  # whoever asked has left

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._free.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def http_service(*, status: int = 200, hangs: bool = False) -> Iterator[HttpService]:
    """A service for as long as the block lasts."""
    service = HttpService(status=status, hangs=hangs)
    try:
        yield service
    finally:
        service.close()

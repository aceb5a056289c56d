"""The web server behind a session's metrics; whoever connects to it holds up nothing but itself.

Anybody on this machine may read the figures, so connections are bounded, the oldest making room for
the next, and each has its time: masses of them take neither threads nor descriptors of the session.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

_AT_ONCE: Final = 8
_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.2


class _Handler(WSGIRequestHandler):
    timeout = _SECONDS

    def log_message(self, *_: Any) -> None:
        """A scrape is no news."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """Answers in threads of its own from `start` to `end`. Raises OSError for a port in use."""

    daemon_threads = True
    request_queue_size = 128
    """Who finds no room in the queue waits a second and longer."""

    def __init__(self, address: tuple[str, int], app: Any) -> None:
        self._open: dict[socket.socket, None] = {}
        self._change = threading.Lock()
        super().__init__(address, _Handler)
        self.set_app(app)
        self._thread = threading.Thread(target=self.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Returns once nobody can connect any more."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def get_request(self) -> Any:
        try:
            return super().get_request()
        except OSError:
            time.sleep(_PAUSE_SECONDS)  # no descriptor is left: it would be tried without a pause
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._change:
            if len(self._open) >= _AT_ONCE:
                oldest = next(iter(self._open))
                del self._open[oldest]
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)  # its thread then closes it
            self._open[request] = None
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._change:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left, or took too long, is no news either."""

"""The terminal host: a small program that owns one terminal and serves one client.

    python -m adapters.mt5.host [--port PORT] < CONFIG

Every call into the MetaTrader5 package blocks its whole process, and only ending that process
frees a call that hangs. So the package lives here, and the engine stays alive next door. The
configuration (`HostConfig` as JSON) comes on standard input, since arguments and environment can
be read by others; the answer is one line of JSON on standard output with the port.

Started by the engine, the configuration is one line and the host ends as soon as standard input
does, which means that its parent is gone. With ``--port`` it is on its own (another machine,
behind an SSH tunnel): it reads the whole of standard input and then serves until it is stopped.
It listens on the loopback interface only.

It needs msgspec, numpy and the backend, nothing more, so that it also runs under Wine.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hmac
import importlib
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import IO, Any, Final

import msgspec

from adapters.mt5.host.service import HostConfig, Service
from adapters.mt5.host.wire import (
    TOKEN_BYTES,
    Deadline,
    Peer,
    RpcReply,
    Trouble,
    WireError,
    decode_request,
    encode_reply,
    peer_of,
    receive_frame,
    send_frame,
)
from engine.decoding import from_json

EXIT_UNUSABLE: Final = 4
"""Exit code when configuration, backend or port are of no use."""

WATCHDOG_GRACE: Final = 1.0
"""Seconds after a call's deadline at which the host ends itself, if nobody else has ended it."""

_FRAME_SECONDS: Final = 10.0  # for a frame that has begun, in either direction
_MAX_STRANGERS: Final = 8
_BACKLOG: Final = 64
_CONFIG_BYTES: Final = 64 * 1024


class Unusable(Exception):
    """The host cannot work; ``kind`` is a word for programs, the text for people."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail

    def __str__(self) -> str:
        return self.detail


# --- backends ------------------------------------------------------------------------------------


def _genuine(spec: str) -> Any:
    del spec  # the package needs none
    try:
        return importlib.import_module("MetaTrader5")
    except ImportError as error:
        raise Unusable(
            "backend-missing",
            f"the MetaTrader5 package cannot be loaded ({error}); it exists for Windows only:"
            " install it there (pip install MetaTrader5), or run the host under Wine",
        ) from error


def _paper(spec: str) -> Any:
    try:
        return importlib.import_module("adapters.paper.terminal.spec").build(spec)
    except ValueError as error:
        raise Unusable("config", f"backend paper: {error}") from error


BACKENDS: Final[dict[str, Callable[[str], Any]]] = {"MetaTrader5": _genuine, "paper": _paper}


def load_backend(config: HostConfig) -> Any:
    """The backend that the configuration names. Raises Unusable when there is none."""
    name, _, spec = config.backend.partition(":")
    if name not in BACKENDS:
        raise Unusable("config", f"backend {name!r} is unknown; known: {', '.join(BACKENDS)}")
    return BACKENDS[name](spec)


# --- the program ---------------------------------------------------------------------------------


def read_config(stream: IO[bytes], *, whole: bool) -> HostConfig:
    """The configuration: the first line of an unbuffered stream, or with `whole` all of it.

    Raises Unusable with the field at fault; no value is quoted.
    """
    text = stream.read() if whole else stream.readline(_CONFIG_BYTES)
    try:
        return from_json(text, HostConfig)
    except msgspec.DecodeError as error:
        raise Unusable("config", f"configuration on standard input: {error}") from None


def main(
    argv: Sequence[str] | None = None, load: Callable[[HostConfig], Any] = load_backend
) -> int:
    """Run a host over the backend that `load` gives; returns what its process ends with."""
    parser = argparse.ArgumentParser(prog="python -m adapters.mt5.host", description=__doc__)
    parser.add_argument("--port", type=int, help="serve on this port without a parent")
    port: int | None = parser.parse_args(argv).port
    stdin = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115 - read until the very end
    try:
        config = read_config(stdin, whole=port is not None)
        listener = listen(port or 0)
        backend = load(config)
    except Unusable as error:
        _announce({"error": str(error), "kind": error.kind})
        return EXIT_UNUSABLE
    if port is None:
        live_with_parent(stdin)
    serve(backend, config, listener, stop_on_ctrl_c=port is not None)
    return 0


def live_with_parent(stdin: IO[bytes]) -> None:
    """End this process when `stdin` does, even in the middle of a call: nobody is left to answer.

    Ctrl+C in the parent's console is the parent's affair.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while stdin.read(4096):
            pass
        os._exit(0)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def serve(
    backend: Any, config: HostConfig, listener: socket.socket, *, stop_on_ctrl_c: bool = False
) -> None:
    """Announce the port on standard output and serve clients until one asks to stop.

    With `stop_on_ctrl_c` an interrupt stops it too, after the call that is being served.
    """
    service = Service(backend, config)
    with contextlib.closing(listener), contextlib.closing(_Door(service, config, listener)) as door:
        if stop_on_ctrl_c:
            door.stop_on_ctrl_c()
        facts = msgspec.to_builtins(service.hello())
        _announce({"port": listener.getsockname()[1], "pid": os.getpid(), **facts})
        door.run()
    backend.shutdown()


def listen(port: int = 0) -> socket.socket:
    """A listening socket on the loopback interface; port 0 takes any free one.

    Raises Unusable when the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform == "win32":
        # Windows would otherwise let another program bind the same port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    elif port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or error
        raise Unusable("port", f"port {port} cannot be used: {why}") from error
    listener.listen(_BACKLOG)
    return listener


def _announce(facts: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
    sys.stdout.flush()
    # The parent stops reading here; whatever a backend prints later must not fill the pipe.
    os.dup2(2, 1)


class _Door:
    """Lets in whoever shows the token first, one at a time, and carries frames for him.

    Strangers may connect and stay silent: they keep nobody waiting.
    """

    def __init__(self, service: Service, config: HostConfig, listener: socket.socket) -> None:
        self._service = service
        self._token = config.token_bytes
        self._listener = listener
        self._bell, self._bell_rope = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._strangers: dict[socket.socket, bytes] = {}
        self._client: socket.socket | None = None

    def stop_on_ctrl_c(self) -> None:
        """Let an interrupt end `run` between two requests instead of anywhere in one."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self._service.stopped = True

        self._bell_rope.setblocking(False)
        signal.signal(signal.SIGINT, stop)
        # The bell wakes the selector, which on Windows no signal does.
        signal.set_wakeup_fd(self._bell_rope.fileno())

    def run(self) -> None:
        """Serve until the service is stopped."""
        while not self._service.stopped:
            for key, _ in self._selector.select():
                self._attend(key.fileobj)

    def close(self) -> None:
        """Hang up on everybody."""
        for sock in [*self._strangers, *filter(None, [self._client])]:
            self._drop(sock)
        self._selector.close()
        self._bell.close()
        self._bell_rope.close()

    def _attend(self, sock: Any) -> None:
        if sock is self._listener:
            self._accept()
        elif self._client is not None and sock is self._client:
            self._serve_request(self._client)
        elif sock is self._bell:
            self._bell.recv(64)
        elif sock in self._strangers:
            self._hear(sock)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # it hung up before it was let in
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self._strangers) == _MAX_STRANGERS:
            self._drop(next(iter(self._strangers)))
        self._strangers[sock] = b""
        self._selector.register(sock, selectors.EVENT_READ)

    def _hear(self, sock: socket.socket) -> None:
        """Collect the token; nothing of a stranger is decoded before it is complete and right."""
        try:
            heard = sock.recv(TOKEN_BYTES - len(self._strangers[sock]))
        except OSError:
            heard = b""
        said = self._strangers[sock] + heard
        self._strangers[sock] = said
        if not heard:
            self._drop(sock)
        elif len(said) == TOKEN_BYTES:
            if hmac.compare_digest(said, self._token):
                self._welcome(sock)
            else:
                self._drop(sock)

    def _welcome(self, sock: socket.socket) -> None:
        if self._client is not None and peer_of(self._client) is Peer.GONE:
            self._drop(self._client)
        if self._client is not None:
            busy = RpcReply(id=0, trouble=Trouble.BUSY, detail="it serves another client")
            if self._send(sock, encode_reply(busy)):
                self._drop(sock)
            return
        hello = RpcReply(id=0, value=msgspec.to_builtins(self._service.hello()))
        if self._send(sock, encode_reply(hello)):
            del self._strangers[sock]
            self._client = sock

    def _serve_request(self, sock: socket.socket) -> None:
        try:
            request = decode_request(receive_frame(sock, Deadline(_FRAME_SECONDS)))
        except (OSError, WireError):
            # A peer that is gone, or that does not speak this language: the client sees its
            # connection end and decides. The host stays for the next one.
            self._drop(sock)
            return
        # The watchdog works even while the package holds the interpreter lock.
        faulthandler.dump_traceback_later(request.deadline + WATCHDOG_GRACE, exit=True)
        reply = self._service.answer(request)
        faulthandler.cancel_dump_traceback_later()
        self._send(sock, reply)

    def _send(self, sock: socket.socket, body: bytes) -> bool:
        """Whether it could be sent; a peer that does not take it is dropped."""
        try:
            send_frame(sock, body, Deadline(_FRAME_SECONDS))
        except OSError:
            self._drop(sock)
            return False
        return True

    def _drop(self, sock: socket.socket) -> None:
        self._selector.unregister(sock)
        self._strangers.pop(sock, None)
        if sock is self._client:
            self._client = None
        sock.close()

"""A reply counts for the request whose number it carries, and for no other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from adapters.mt5.api.errors import CallOutcomeUnknown, NotSent
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import RemoteHost
from adapters.mt5.host.service import Hello
from adapters.mt5.host.wire import (
    PROTOCOL,
    TOKEN_BYTES,
    Deadline,
    RpcReply,
    decode_request,
    encode_reply,
    receive_frame,
    send_frame,
)
from tests.process.hosts import SECONDS, config

HELLO = Hello(
    protocol=PROTOCOL, python="3", package="5", backend="MetaTrader5", login=config().login,
    server=config().server, trading=True,
)  # fmt: skip


class Mistaken:
    """A host that lets one client in and numbers its replies wrongly by `shift`."""

    def __init__(self, shift: int) -> None:
        self._shift = shift
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        sock, _ = self._listener.accept()
        with sock:
            sock.recv(TOKEN_BYTES, socket.MSG_WAITALL)
            self._answer(sock, RpcReply(0, msgspec.to_builtins(HELLO)))
            while True:
                try:
                    request = decode_request(receive_frame(sock, Deadline(SECONDS)))
                except OSError:
                    return  # the client has hung up
                self.asked.append(request.function)
                self._answer(
                    sock, RpcReply(request.id + self._shift, (500, 1, "x"), (1, "Success"))
                )

    @staticmethod
    def _answer(sock: socket.socket, reply: RpcReply) -> None:
        send_frame(sock, encode_reply(reply), Deadline(SECONDS))

    def close(self) -> None:
        self._listener.close()
        self._thread.join()


@pytest.fixture(params=[-1, 1, 1_000])
def mistaken(request: pytest.FixtureRequest) -> Iterator[Mistaken]:
    host = Mistaken(request.param)
    yield host
    host.close()


def test_a_reply_to_another_request_is_no_answer(mistaken: Mistaken) -> None:
    """The outcome is unknown, and nothing is asked over that connection any more."""
    with TerminalClient(RemoteHost(mistaken.port, config())) as client:
        client.start()
        with pytest.raises(CallOutcomeUnknown, match=r"reply .* to request"):
            client.call("version", deadline=SECONDS)
        with pytest.raises(NotSent):
            client.call("version", deadline=SECONDS)
    assert mistaken.asked == ["version"]


def test_a_reply_with_its_number_is_one() -> None:
    host = Mistaken(0)
    with TerminalClient(RemoteHost(host.port, config())) as client:
        client.start()
        assert list(client.call("version", deadline=SECONDS).value) == [500, 1, "x"]
    host.close()

"""Who gets into a terminal host, and what a stranger can make it do: nothing."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.mt5.api.errors import HostStartFailed
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import RemoteHost
from adapters.mt5.host.service import STOP, HostConfig
from adapters.mt5.host.wire import MAX_FRAME, Deadline, RpcRequest, encode_request, receive_frame
from tests.process.hosts import SECONDS, command, config, local_host

NEEDS_SIGINT = pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to one process")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running host without a client."""
    launcher = local_host(tmp_path_factory.mktemp("state"))
    yield launcher.start(Deadline(SECONDS)).port
    launcher.close()


@contextmanager
def remote(port: int, **changed: object) -> Iterator[TerminalClient]:
    with TerminalClient(RemoteHost(port, config(**changed))) as client:
        client.start()
        yield client


def refusal(port: int, wanted: HostConfig) -> HostStartFailed:
    client = TerminalClient(RemoteHost(port, wanted))
    with client, pytest.raises(HostStartFailed) as failed:
        client.start()
    return failed.value


def raw(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


def hangs_up(sock: socket.socket) -> bool:
    """Whether the host ends the connection without a word."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def is_well(port: int) -> bool:
    with remote(port) as client:
        return not client.call("version", deadline=SECONDS).failed


def test_a_wrong_token_is_hung_up_on_and_what_follows_it_is_not_read(port: int) -> None:
    stop = frame(encode_request(RpcRequest(1, STOP, [], None, 1.0)))
    with raw(port) as sock:
        sock.sendall(b"\x5b" * 32 + stop)
        assert hangs_up(sock)
    assert is_well(port)


@pytest.mark.parametrize("right", [1, 16, 31])
def test_a_token_is_compared_to_its_last_byte(port: int, right: int) -> None:
    with raw(port) as sock:
        sock.sendall(b"\x5a" * right + b"\x5b" * (32 - right))
        assert hangs_up(sock)
    assert is_well(port)


def test_a_client_with_a_wrong_token_is_told_what_to_look_at(port: int) -> None:
    error = refusal(port, config(token="00" * 32))
    assert error.kind == "token"
    assert "same token" in str(error)


def test_a_token_may_come_in_pieces(port: int) -> None:
    with raw(port) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(32):
            sock.sendall(b"\x5a")
        assert receive_frame(sock, Deadline(SECONDS))


def test_silent_strangers_keep_nobody_out(port: int) -> None:
    external_items = [raw(port) for _ in range(20)]
    assert is_well(port)
    for external_item in external_items:
        external_item.close()


def test_a_second_client_is_refused_and_the_first_one_served_on(port: int) -> None:
    with remote(port) as first:
        error = refusal(port, config())
        assert (error.kind, "serves another client" in str(error)) == ("busy", True)
        assert first.call("version", deadline=SECONDS).value[0] == 500
    assert is_well(port)


@pytest.mark.parametrize(
    "garbage",
    [
        (MAX_FRAME + 1).to_bytes(4, "big"),
        b"\xff\xff\xff\xff",
        frame(b""),
        frame(b"\xc1"),
        frame(b"\x91" * 5000),
        frame(b"GET / HTTP/1.1"),
    ],
    ids=["oversize", "huge", "empty", "no-msgpack", "deep", "http"],
)
def test_a_frame_that_is_no_request_ends_the_connection_only(port: int, garbage: bytes) -> None:
    with raw(port) as sock:
        sock.sendall(b"\x5a" * 32)
        receive_frame(sock, Deadline(SECONDS))
        sock.sendall(garbage)
        assert hangs_up(sock)
    assert is_well(port)


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [(config(login=42), "account"), (config(server="Other-Demo"), "account")],
)
def test_a_host_for_another_account_is_not_used(port: int, wanted: HostConfig, kind: str) -> None:
    assert refusal(port, wanted).kind == kind


def test_a_read_only_host_is_not_used_for_trading(tmp_path: Path) -> None:
    launcher = local_host(tmp_path, trading=False)
    port = launcher.start(Deadline(SECONDS)).port
    assert refusal(port, config(trading=True)).kind == "read-only"
    launcher.close()


def test_nobody_at_the_port_is_a_failed_start() -> None:
    with socket.socket() as taken:  # bound but not listening: it stays ours, and nobody answers
        taken.bind(("127.0.0.1", 0))
        assert refusal(taken.getsockname()[1], config()).kind == "connection"


@pytest.mark.skipif(sys.platform == "darwin", reason="has no second loopback address")
def test_a_host_listens_on_the_loopback_interface_only(port: int) -> None:
    with pytest.raises(OSError, match=r"refused|unreachable"):
        socket.create_connection(("127.0.0.2", port), timeout=SECONDS)


# --- a host on its own, as on another machine ----------------------------------------------------


@contextmanager
def standalone(told: bytes, port: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """A host that was started by hand, its configuration redirected from a file."""
    process = subprocess.Popen(
        [*command(), "--port", str(port)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(told)
    process.stdin.close()
    with process:
        yield process
        process.wait(SECONDS)


def said(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    facts: dict[str, Any] = json.loads(process.stdout.readline())
    return facts


def test_a_host_on_its_own_outlives_its_input_and_its_clients() -> None:
    with standalone(msgspec.json.format(msgspec.json.encode(config()))) as process:
        port = said(process)["port"]
        assert is_well(port)
        assert is_well(port)
        with remote(port) as client:
            assert client.call(STOP, deadline=SECONDS).value is True
    assert process.returncode == 0


@NEEDS_SIGINT
def test_a_host_on_its_own_ends_on_ctrl_c() -> None:
    with standalone(msgspec.json.encode(config())) as process:
        assert is_well(said(process)["port"])
        process.send_signal(signal.SIGINT)
    assert process.returncode == 0


@NEEDS_SIGINT
def test_the_announcement_holds_no_secret() -> None:
    with standalone(msgspec.json.encode(config())) as process:
        facts = said(process)
        process.send_signal(signal.SIGINT)
    assert facts.keys() == {
        *("port", "pid", "protocol", "python", "package", "backend", "login", "server", "trading")
    }
    assert facts["package"] == "1.2.3"


@pytest.mark.parametrize(
    ("told", "field"),
    [
        (b"", "truncated"),
        (b'{"login": 1, "server": "S", "token": "s3cret"}', "token is not hexadecimal"),
        (b'{"login": 1, "server": "S", "token": "abcd"}', "token must be 64"),
        (b'{"login": "s3cret", "server": "S", "token": "abcd"}', "$.login"),
        (b'{"login": 1, "passwort": "s3cret"}', "passwort"),
        (b'{"login": 1, "server": "S", "password": "s3cret\xfc", "token": "ab"}', "not UTF-8"),
    ],
)
def test_a_bad_configuration_is_named_without_its_values(told: bytes, field: str) -> None:
    with standalone(told) as process:
        facts = said(process)
    assert process.returncode == 4
    assert field in facts["error"]
    assert "s3cret" not in str(facts)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with standalone(msgspec.json.encode(config()), port) as process:
            facts = said(process)
    assert (process.returncode, facts["kind"]) == (4, "port")
    assert facts["error"].startswith(f"port {port} cannot be used: ")


def test_a_port_that_does_not_exist_is_named() -> None:
    with standalone(msgspec.json.encode(config()), 70_000) as process:
        facts = said(process)
    assert (process.returncode, facts["kind"]) == (4, "port")
    assert facts["error"].startswith("port 70000 cannot be used: ")

"""The terminal host under Wine by itself: its guard, its token, and a send that ends oddly."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.genuine import product
from tests.genuine.audit import audit
from tests.genuine.engine import Trader
from tests.genuine.product import contract as mt5
from tests.genuine.rig.hosts import ToldHost, WineHost
from tests.genuine.rig.played import LOGIN, SERVER, PlayedTerminal, wait_for
from tests.genuine.rig.prefix import Prefix
from tests.genuine.rig.tunnel import Tunnel, sshd

SECONDS = 20.0
ENTRY = {
    "action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.1,
    "type": mt5.ORDER_TYPE_BUY, "type_filling": mt5.ORDER_FILLING_FOK, "comment": "abcdef-1",
}  # fmt: skip


@pytest.fixture
def client(host: WineHost) -> Iterator[Any]:
    """The engine's own client, attached."""
    made = product.client(host.port, host.token, LOGIN, SERVER)
    with made:
        made.start()
        assert made.call("initialize", deadline=SECONDS).value is True
        yield made


OTHERS: list[dict[str, Any]] = [
    {"server": "RIG-DEMO"}, {"server": "rig-demo"}, {"server": "Rig-Demo2"}, {"server": "Rig"},
    {"login": 123456}, {"login": 12345678}, {"login": 1}, {"trade_mode": 1}, {"trade_mode": 2},
    {"server": ""}, {"server": "Rig-Demo "},
]  # fmt: skip


@pytest.mark.core
@pytest.mark.parametrize("account", OTHERS, ids=str)
def test_the_guard_refuses_every_account_that_is_not_exactly_ours(
    client: Any, terminal: PlayedTerminal, account: dict[str, Any]
) -> None:
    """Login and server are compared whole and as they are written; nothing reaches order_send."""
    terminal.tell(account=account)
    with pytest.raises(product.HostRefused, match=r"demo|logged in|server"):
        client.call("order_send", dict(ENTRY), deadline=SECONDS)
    assert terminal.sends() == []


@pytest.mark.parametrize("code", [-1, -10_002, -10_004])
def test_an_account_that_cannot_be_told_gets_no_order(
    client: Any, terminal: PlayedTerminal, code: int
) -> None:
    """The guard's own look fails: refused, never sent."""
    terminal.fault("account_info", "status", code)
    with pytest.raises(product.NotSent):
        client.call("order_send", dict(ENTRY), deadline=SECONDS)
    assert terminal.sends() == []


def test_a_send_that_raises_after_it_took_effect_is_of_unknown_outcome(
    client: Any, terminal: PlayedTerminal
) -> None:
    """The host lives and cannot tell the result: unknown, and sent once."""
    terminal.fault("order_send", "answer", {"comment": "\ud800"})
    with pytest.raises(product.CallOutcomeUnknown):
        client.call("order_send", dict(ENTRY), deadline=SECONDS)
    assert len(terminal.sends()) == 1
    assert len(terminal.book()["positions"]) == 1
    assert client.call("account_info", deadline=SECONDS).value.login == LOGIN


@pytest.mark.core
def test_an_unknown_outcome_is_not_sent_again(client: Any, terminal: PlayedTerminal) -> None:
    """What carries a request out makes one call of it, whatever comes back."""
    terminal.fault("order_send", "answer", {"comment": "\ud800"})
    reply = product.carry_out_remotely(client, dict(ENTRY))
    assert reply.result is None
    assert len(terminal.sends()) == 1


@pytest.mark.parametrize("kept", [0, 1, 16, 31])
def test_a_token_counts_to_its_last_byte(host: WineHost, kept: int) -> None:
    """A token that only begins like the host's is nobody's: the host hangs up without a word."""
    right = bytes.fromhex(host.token)
    wrong = right[:kept] + bytes(byte ^ 0xFF for byte in right[kept:])
    with socket.create_connection(("127.0.0.1", host.port), SECONDS) as stranger:
        stranger.sendall(wrong)
        assert stranger.recv(100) == b""


@pytest.mark.parametrize("do", ["hang", "hang_after"])
def test_a_call_that_hangs_is_ended_at_its_deadline(
    host: WineHost, client: Any, terminal: PlayedTerminal, do: str
) -> None:
    """The package holds the interpreter; the host's watchdog ends it, another can be started."""
    starts = host.starts
    terminal.fault("order_send", do, 6)
    with pytest.raises(product.CallOutcomeUnknown):
        client.call("order_send", dict(ENTRY), deadline=2.0)
    with pytest.raises(product.NotSent):
        client.call("account_info", deadline=2.0)
    wait_for(lambda: host.starts > starts, 30, "another host")
    host.wait_until_up()
    client.restart()
    assert client.call("initialize", deadline=SECONDS).value is True
    assert len(terminal.sends()) <= 1  # a call that hung before its effect is logged afterwards


PAGE = (product.ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")


def recipe(folder: Path) -> list[str]:
    """The page's line for a host under Wine, as a user's shell runs it in that folder."""
    (line,) = re.findall(r"^cat host\.json .*$", PAGE, re.MULTILINE)
    files = {"host.json": folder / "host.json", "python.exe": folder / "windows-python/python.exe"}
    for name, path in files.items():
        line = line.replace(name, shlex.quote(str(path)))
    return ["/bin/sh", "-c", line]


def unit(folder: Path) -> list[str]:
    """The program and arguments of the page's systemd unit, whose home is that folder."""
    (text,) = re.findall(r"^```ini\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (folder / "butler-host.service").write_text(text, encoding="utf-8")
    (command,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    assert "Restart=always" in text  # which a host does that is started again by the test
    (folder / ".config").mkdir()
    (folder / ".config" / "butler-host.json").symlink_to(folder / "host.json")
    return shlex.split(command.replace("%h", str(folder)))


@pytest.mark.parametrize("told", [recipe, unit])
def test_the_documented_ways_to_start_a_host(
    prefix: Prefix, terminal: PlayedTerminal, tmp_path: Path, told: Callable[[Path], list[str]]
) -> None:
    """As the page has it: doctor and smoke test; it ends at a call that hangs, and is used again
    once it is started again."""
    (tmp_path / "windows-python").symlink_to(prefix.python.parent)
    host = ToldHost(prefix, terminal, told(tmp_path))
    (tmp_path / "host.json").write_text(json.dumps(host.config), encoding="utf-8")
    host.start()
    try:
        user = Trader(tmp_path, terminal, host)
        said = user.on_account("doctor")
        assert said.code == 0, said
        said = user.on_account("smoke-test", "--no-dry-run", "--hold-seconds", 0)
        assert said.code == 0, said
        assert len(terminal.sends()) == 2
        starts = host.starts
        terminal.fault("positions_get", "hang", 60)
        said = user.on_account("smoke-test")
        assert said.code != 0, said
        wait_for(lambda: host.starts > starts, 60, "another host")
        host.wait_until_up()
        said = user.on_account("doctor")
        assert said.code == 0, said
    finally:
        host.stop()


def test_systemd_takes_the_documented_unit(tmp_path: Path) -> None:
    """Every key is known to it, and the unit names programs that are there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    unit(tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(tmp_path / "butler-host.service")],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_a_host_behind_an_ssh_tunnel(
    trader: Trader, host: WineHost, terminal: PlayedTerminal, tmp_path: Path
) -> None:
    """The documented tunnel: doctor, and a session that outlives its being cut."""
    if sshd() is None:
        pytest.skip("needs openssh-server")
    tunnel = Tunnel(tmp_path / "ssh", host.port)
    tunnel.serve()
    try:
        tunnel.dig()
        trader.write_accounts(host=f"127.0.0.1:{tunnel.port}")
        said = trader.on_account("doctor")
        assert said.code == 0, said
        session = trader.shadow()
        session.ready()
        tunnel.cut()
        session.await_rows(2, "HALT")
        tunnel.dig()
        session.await_rows(2, "RESUME")
        trader.signal("long", stop_loss=1.08, volume=0.1)
        session.await_rows(1, "OPEN")
        said = trader.order("flatten", session)
        assert said.code == 0, said
        assert trader.order("stop", session).code == 0
        assert session.wait().code == 0
    finally:
        tunnel.close()
    assert len(terminal.sends()) == 2
    audit(session, terminal)


def test_a_host_for_reading_sends_nothing(
    prefix: Prefix, terminal: PlayedTerminal, tmp_path: Path
) -> None:
    """A host without `trading` lets nobody send, and the command says what to do."""
    host = WineHost(prefix, terminal, product.HOST, trading=False)
    host.start()
    try:
        said = Trader(tmp_path, terminal, host).on_account("smoke-test", "--no-dry-run")
        assert said.code != 0, said
        assert "trading" in said.err
        assert terminal.sends() == []
    finally:
        host.stop()

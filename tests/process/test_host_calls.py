"""What comes back from a terminal host, over a real process and socket."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import (
    ArgumentsRefused,
    BackendRaised,
    CallOutcomeUnknown,
    HostRefused,
    NotSent,
    TerminalError,
)
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.wire import Trouble
from tests.process.backend_clock import LOGIN, PASSWORD, SERVER
from tests.process.hosts import SECONDS, config, host_pid, running

REQUEST = {"action": 1, "symbol": "EURUSD", "volume": 0.1, "type": 0, "price": 1.1}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TerminalClient]:
    with running(tmp_path_factory.mktemp("state")) as started:
        yield started


def test_a_struct_arrives_as_the_same_struct(client: TerminalClient) -> None:
    answer = client.call("symbol_info_tick", "EURUSD", deadline=SECONDS)
    assert type(answer.value) is mt5.MqlTick
    assert answer.value == mt5.MqlTick.of(time=1_700_000_000, bid=1.1, ask=1.2)
    assert answer.last_error == (1, "Success")
    assert not answer.failed


def test_a_failure_arrives_with_the_error_of_the_same_call(client: TerminalClient) -> None:
    answer = client.call("symbol_info_tick", "NONE", deadline=SECONDS)
    assert answer.failed
    assert (answer.value, answer.last_error) == (None, (-4, "Terminal: Not found"))


def test_none_found_is_not_a_failure(client: TerminalClient) -> None:
    assert client.call("positions_get", symbol="NONE", deadline=SECONDS).failed
    found = client.call("positions_get", deadline=SECONDS)
    assert (type(found.value), found.failed) == (tuple, False)


def test_a_result_holds_the_request_as_a_struct(client: TerminalClient) -> None:
    answer = client.call("order_send", REQUEST, deadline=SECONDS)
    assert type(answer.value) is mt5.OrderSendResult
    assert answer.value.request == mt5.TradeRequest.of(**REQUEST)


@pytest.mark.parametrize("count", [0, 3])
def test_rates_arrive_as_a_read_only_array(client: TerminalClient, count: int) -> None:
    rates = client.call("copy_rates_from_pos", "EURUSD", 1, 5, count, deadline=SECONDS).value
    assert rates.dtype == mt5.rates_dtype()
    assert rates["time"].tolist() == [60 * (5 + i) for i in range(count)]
    assert not rates.flags.writeable
    assert isinstance(rates, np.ndarray)


def test_a_result_above_the_frame_limit_is_refused_and_the_host_goes_on(
    client: TerminalClient,
) -> None:
    with pytest.raises(HostRefused, match="ask for less at a time") as refused:
        client.call("copy_rates_from_pos", "EURUSD", 1, 0, 300_000, deadline=SECONDS)
    assert refused.value.kind == Trouble.TOO_LARGE
    assert client.call("version", deadline=SECONDS).value == (500, 5000, "1 Jan 2025")


@pytest.mark.parametrize("name", ["shutdown_all", "__class__", "eval", "_sent", "login"])
def test_functions_off_the_list_are_refused(client: TerminalClient, name: str) -> None:
    with pytest.raises(HostRefused) as refused:
        client.call(name, deadline=SECONDS)
    assert refused.value.kind == Trouble.NOT_ALLOWED


def test_an_argument_that_the_package_refuses_is_no_failure_of_the_link(
    client: TerminalClient,
) -> None:
    """The package raises SystemError; function, arguments and cause are named."""
    told = r"symbol_info_tick\('RAISE'\): SystemError: as the package does.* \(too large\)"
    with pytest.raises(ArgumentsRefused, match=told) as refused:
        client.call("symbol_info_tick", "RAISE", deadline=SECONDS)
    assert not isinstance(refused.value, TerminalError)
    assert client.call("version", deadline=SECONDS).value == (500, 5000, "1 Jan 2025")


def test_an_exception_in_a_trading_function_leaves_the_outcome_unknown(
    client: TerminalClient,
) -> None:
    before = sent(client)
    with pytest.raises(CallOutcomeUnknown, match="SystemError"):
        client.call("order_send", {**REQUEST, "symbol": "RAISE"}, deadline=SECONDS)
    assert sent(client) == before + 1  # it has taken effect, and is not sent again


def test_a_result_that_cannot_travel_is_no_answer(client: TerminalClient) -> None:
    with pytest.raises(BackendRaised, match=r"builtins\.object does not travel"):
        client.call("symbol_info", "ODD", deadline=SECONDS)


@pytest.mark.parametrize("argument", [object(), 2**70, "\ud800", {1: 2}, np.int64(3)])
def test_arguments_that_cannot_travel_are_never_sent(
    client: TerminalClient, argument: object
) -> None:
    with pytest.raises(NotSent):
        client.call("symbol_info_tick", argument, deadline=SECONDS)
    assert client.call("symbol_info_tick", "EURUSD", deadline=SECONDS).value.bid == 1.1


@pytest.mark.parametrize("seconds", [0, -1, 1e9, float("nan")])
def test_a_deadline_out_of_range_is_never_sent(client: TerminalClient, seconds: float) -> None:
    with pytest.raises(NotSent, match="deadline"):
        client.call("version", deadline=seconds)


# --- the account ---------------------------------------------------------------------------------


def sent(client: TerminalClient) -> int:
    """How many orders have reached the backend."""
    count: int = client.call("orders_total", deadline=SECONDS).value
    return count


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("login=42", "account 42 is logged in, not 7001"),
        ("server=Other-Demo", "on server 'Other-Demo', not 'Clock-Demo'"),
        ("trade_mode=2", "no demo account"),
        ("trade_mode=1", "no demo account"),
        ("name=none", "does not say which account"),
        ("name=raise", "OSError: no account today"),
    ],
)
def test_an_account_switched_between_calls_stops_the_next_send(
    client: TerminalClient, change: str, why: str
) -> None:
    field = change.split("=")[0]
    usual = {"login": LOGIN, "server": SERVER, "trade_mode": 0, "name": "Clock"}
    client.call("order_send", REQUEST, deadline=SECONDS)
    before = sent(client)
    client.call("symbol_select", change, deadline=SECONDS)
    with pytest.raises(HostRefused) as refused:
        client.call("order_send", REQUEST, deadline=SECONDS)
    client.call("symbol_select", f"{field}={usual[field]}", deadline=SECONDS)
    assert refused.value.kind == Trouble.GUARD
    assert why in str(refused.value)
    assert sent(client) == before
    client.call("order_send", REQUEST, deadline=SECONDS)
    assert sent(client) == before + 1


def test_a_read_only_host_sends_nothing(tmp_path: Path) -> None:
    with running(tmp_path, trading=False) as client:
        with pytest.raises(HostRefused, match="not started for trading") as refused:
            client.call("order_send", REQUEST, deadline=SECONDS)
        assert refused.value.kind == Trouble.READ_ONLY
        assert sent(client) == 0


def test_a_funded_server_is_refused_although_it_is_the_expected_one(tmp_path: Path) -> None:
    with running(tmp_path, server="FTMO-Server3") as client:
        client.call("symbol_select", "server=FTMO-Server3", deadline=SECONDS)
        with pytest.raises(HostRefused, match="funded accounts"):
            client.call("order_send", REQUEST, deadline=SECONDS)
        assert sent(client) == 0


def test_initialize_only_attaches_unless_the_terminal_is_our_own(client: TerminalClient) -> None:
    assert client.call("initialize", deadline=SECONDS).value is True
    told = client.call("terminal_info", deadline=SECONDS).value
    assert told == {"args": [], "timeout": 60_000}


def test_initialize_logs_in_at_a_terminal_of_our_own(tmp_path: Path) -> None:
    with running(tmp_path, terminal_path="C:/mt5/terminal64.exe") as client:
        assert client.call("initialize", deadline=SECONDS).value is True
        told = client.call("terminal_info", deadline=SECONDS).value
    assert told == {
        "args": ["C:/mt5/terminal64.exe"],
        "login": LOGIN,
        "password": PASSWORD,
        "server": SERVER,
        "timeout": 60_000,
    }


def test_attaching_to_another_account_is_refused(client: TerminalClient) -> None:
    client.call("symbol_select", "login=42", deadline=SECONDS)
    with pytest.raises(HostRefused, match="account 42 is logged in, not 7001"):
        client.call("initialize", deadline=SECONDS)
    client.call("symbol_select", f"login={LOGIN}", deadline=SECONDS)


def test_a_failed_initialize_is_an_answer_with_its_error(tmp_path: Path) -> None:
    with running(tmp_path, timeout_ms=1) as client:
        answer = client.call("initialize", deadline=SECONDS)
        assert (answer.failed, answer.last_error) == (True, (-10005, "IPC timeout"))


def test_clients_cannot_choose_the_account(client: TerminalClient) -> None:
    with pytest.raises(HostRefused, match="takes no arguments"):
        client.call("initialize", login=42, deadline=SECONDS)


# --- secrets -------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_secrets_are_in_neither_arguments_nor_environment_nor_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMEGA_MT5_PASSWORD", PASSWORD)
    with running(tmp_path):
        seen = [Path(f"/proc/{host_pid(tmp_path)}/{name}") for name in ("cmdline", "environ")]
        for place in [*seen, *tmp_path.iterdir()]:
            text = place.read_bytes()
            assert PASSWORD.encode() not in text, place
            assert config().token.encode() not in text, place


def test_an_exception_text_does_not_carry_the_password(tmp_path: Path) -> None:
    own = running(tmp_path, terminal_path="C:/mt5/terminal64.exe", password="raise")  # noqa: S106
    with own as client, pytest.raises(CallOutcomeUnknown, match=r"cannot use '\(hidden\)'"):
        client.call("initialize", deadline=SECONDS)


def test_a_configuration_does_not_show_its_secrets() -> None:
    assert PASSWORD not in repr(config())
    assert config().token not in repr(config())

"""The paper terminal in a real host process, through the real channel, with and without faults."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import CallOutcomeUnknown, HostRefused, HostStartFailed
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.host.service import HostConfig
from adapters.mt5.host.wire import Trouble
from adapters.paper.terminal.spec import MADE_UP_START
from tests.builders import EURUSD, USDJPY
from tests.paper_terminals import BUY
from tests.process.hosts import FAULTY_HOST, SECONDS, local_host

LOGIN, SERVER = 26_111, "Paper-Demo"
START_MS = MADE_UP_START * 1000
MINUTE = 60_000
OPEN = {**BUY, "sl": 0.0, "tp": 0.0}


def config(trading: bool = True, **spec: Any) -> HostConfig:
    usual = {
        "symbols": [EURUSD, USDJPY], "login": LOGIN, "server": SERVER,
        "prices": {"EURUSD": 1.1, "USDJPY": 150.0}, "swing": 60,
    }  # fmt: skip
    backend = msgspec.json.encode({**usual, **spec}).decode()
    return HostConfig(
        token=os.urandom(32).hex(), login=LOGIN, server=SERVER, backend=f"paper:{backend}",
        trading=trading,
    )  # fmt: skip


@contextmanager
def running(folder: Path, trading: bool = True, **spec: Any) -> Iterator[TerminalClient]:
    """A client with a started and initialized paper host; restarts do not wait."""
    host = LocalHost(config(trading, **spec), folder, FAULTY_HOST)
    client = TerminalClient(host, sleep=lambda _: None)
    with client:
        client.start()
        assert ask(client, "initialize") is True
        yield client


def ask(client: TerminalClient, function: str, *args: Any, **kwargs: Any) -> Any:
    """The value of a call that succeeded."""
    answer = client.call(function, *args, deadline=SECONDS, **kwargs)
    assert not answer.failed, answer
    return answer.value


def restarted(client: TerminalClient) -> None:
    client.restart()
    assert ask(client, "initialize") is True


def test_a_session_from_the_account_to_the_last_deal(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        account = ask(client, "account_info")
        assert (account.login, account.server, account.balance) == (LOGIN, SERVER, 100_000.0)
        assert [info.name for info in ask(client, "symbols_get")] == ["EURUSD", "USDJPY"]
        bars = ask(client, "copy_rates_from_pos", "EURUSD", mt5.TIMEFRAME_M15, 1, 200)
        assert (len(bars), bars.dtype, bars.flags.writeable) == (200, mt5.rates_dtype(), False)

        tick = ask(client, "symbol_info_tick", "EURUSD")
        assert (tick.bid, tick.time_msc) == (1.1006, START_MS)
        assert ask(client, "order_check", OPEN).retcode == mt5.ORDER_CHECK_PASSED
        bought = ask(client, "order_send", OPEN)
        assert (bought.retcode, bought.price) == (mt5.TRADE_RETCODE_DONE, tick.ask)
        (position,) = ask(client, "positions_get", symbol="EURUSD")
        assert (position.ticket, position.volume) == (bought.order, 0.5)

        stops = {"action": mt5.TRADE_ACTION_SLTP, "position": bought.order}
        moved = ask(client, "order_send", {**stops, "symbol": "EURUSD", "sl": 1.0999, "tp": 1.2})
        assert moved.retcode == mt5.TRADE_RETCODE_DONE
        # The wave falls from 1.1006 to 1.0994 in half an hour and meets the stop on its way.
        now, _, happened, _, _ = ask(client, "paper_advance", START_MS + 30 * MINUTE)
        assert (now, happened) == (START_MS + 30 * MINUTE, 1)
        assert ask(client, "positions_get") == ()

        sold = ask(client, "order_send", {**OPEN, "type": mt5.ORDER_TYPE_SELL})
        close = ask(client, "order_send", {**OPEN, "position": sold.order})
        assert close.price == ask(client, "symbol_info_tick", "EURUSD").ask
        deals = ask(client, "history_deals_get", 0, MADE_UP_START + 86_400)
        assert [(deal.entry, deal.reason) for deal in deals[1:]] == [
            (mt5.DEAL_ENTRY_IN, mt5.DEAL_REASON_EXPERT),
            (mt5.DEAL_ENTRY_OUT, mt5.DEAL_REASON_SL),
            (mt5.DEAL_ENTRY_IN, mt5.DEAL_REASON_EXPERT),
            (mt5.DEAL_ENTRY_OUT, mt5.DEAL_REASON_EXPERT),
        ]
        total = sum(deal.profit + deal.commission + deal.swap for deal in deals)
        assert ask(client, "account_info").balance == pytest.approx(total, abs=1e-6)


def test_a_waiting_order_is_placed_filled_and_told(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        limit = {**OPEN, "action": mt5.TRADE_ACTION_PENDING, "type": mt5.ORDER_TYPE_BUY_LIMIT}
        limit |= {"price": 1.0998, "type_filling": mt5.ORDER_FILLING_RETURN}
        ticket = ask(client, "order_send", limit).order
        assert [order.ticket for order in ask(client, "orders_get")] == [ticket]
        ask(client, "paper_advance", START_MS + 30 * MINUTE)
        assert ask(client, "orders_get") == ()
        (order,) = ask(client, "history_orders_get", ticket=ticket)
        assert (order.state, order.position_id) == (mt5.ORDER_STATE_FILLED, ticket)
        assert [item.price_open for item in ask(client, "positions_get")] == [1.0998]


def test_a_running_clock_moves_by_itself_and_cannot_be_moved(tmp_path: Path) -> None:
    with running(tmp_path, clock="real", speed=1000.0) as client:
        first = ask(client, "symbol_info_tick", "EURUSD").time
        while ask(client, "symbol_info_tick", "EURUSD").time == first:
            pass
        with pytest.raises(HostRefused, match="not on the list") as refused:
            client.call("paper_advance", START_MS, deadline=SECONDS)
        assert refused.value.kind == Trouble.NOT_ALLOWED


def test_a_reading_host_of_a_paper_account_sends_nothing(tmp_path: Path) -> None:
    with running(tmp_path, trading=False) as client:
        with pytest.raises(HostRefused) as refused:
            client.call("order_send", OPEN, deadline=SECONDS)
        assert refused.value.kind == Trouble.READ_ONLY
        assert ask(client, "order_check", OPEN).retcode == mt5.ORDER_CHECK_PASSED


def test_the_guard_works_on_paper_too(tmp_path: Path) -> None:
    client = TerminalClient(LocalHost(config(trade_mode="real"), tmp_path))
    with client:
        client.start()
        with pytest.raises(HostRefused, match="no demo account"):
            client.call("initialize", deadline=SECONDS)


def test_someone_elses_login_stops_orders_at_the_guard(tmp_path: Path) -> None:
    other = {"function": "account_info", "call": 2, "fault": {"kind": "other_account", "span": 2}}
    with running(tmp_path, faults={"script": [other]}) as client:
        with pytest.raises(HostRefused, match=f"account {LOGIN + 1} is logged in"):
            client.call("order_send", OPEN, deadline=SECONDS)
        ask(client, "version")
        assert ask(client, "order_send", OPEN).retcode == mt5.TRADE_RETCODE_DONE


def test_a_spec_of_no_use_is_told_before_the_host_serves(tmp_path: Path) -> None:
    client = TerminalClient(LocalHost(config(prices={}), tmp_path))
    with client, pytest.raises(HostStartFailed, match="has no price for") as failed:
        client.start()
    assert failed.value.kind == "config"


# --- faults over the channel ---------------------------------------------------------------------


def test_a_lost_reply_looks_like_a_failure_but_is_in_the_books(tmp_path: Path) -> None:
    fault = {"function": "order_send", "fault": {"kind": "lost_reply", "code": -10002}}
    with running(tmp_path, faults={"script": [fault]}) as client:
        answer = client.call("order_send", OPEN, deadline=SECONDS)
        assert (answer.failed, answer.last_error) == (True, (-10002, "IPC recv failed"))
        assert len(ask(client, "positions_get")) == 1


@pytest.mark.parametrize(
    ("kind", "positions"),
    [("hang_before", 0), ("hang_after", 1), ("die_before", 0), ("die_after", 1)],
)
def test_after_a_hang_or_death_the_account_is_found_as_it_was(
    tmp_path: Path, kind: str, positions: int
) -> None:
    script = [{"function": "order_send", "fault": {"kind": kind}}]
    state = str(tmp_path / "account.json")
    with running(tmp_path, faults={"script": script}, state=state) as client:
        seconds = 3.0 if kind.startswith("hang") else SECONDS
        with pytest.raises(CallOutcomeUnknown):
            client.call("order_send", OPEN, deadline=seconds)
        restarted(client)
        assert len(ask(client, "positions_get")) == positions
        assert ask(client, "order_send", OPEN).retcode == mt5.TRADE_RETCODE_DONE
        assert len(ask(client, "positions_get")) == positions + 1


def test_stale_books_show_the_position_late(tmp_path: Path) -> None:
    fault = {"function": "order_send", "fault": {"kind": "stale", "span": 3}}
    with running(tmp_path, faults={"script": [fault]}) as client:
        ticket = ask(client, "order_send", OPEN).order
        seen = [ask(client, "history_deals_get", position=ticket) for _ in range(3)]
        assert [len(deals) for deals in seen] == [0, 0, 1]


def test_seeded_faults_are_the_same_in_another_process(tmp_path: Path) -> None:
    faults = {"seed": 11, "chances": {"fail": 0.3, "reject": 0.3}, "functions": ["order_send"]}

    def outcomes(folder: Path) -> list[Any]:
        folder.mkdir()
        with running(folder, faults=faults) as client:
            answers = [client.call("order_send", OPEN, deadline=SECONDS) for _ in range(20)]
        return [answer.last_error if answer.failed else answer.value.retcode for answer in answers]

    found = outcomes(tmp_path / "first")
    assert found == outcomes(tmp_path / "second")
    assert len(set(found)) > 2


def test_no_backend_but_paper_can_be_moved(tmp_path: Path) -> None:
    with TerminalClient(local_host(tmp_path)) as client:
        client.start()
        with pytest.raises(HostRefused, match="not on the list"):
            client.call("paper_advance", START_MS, deadline=SECONDS)

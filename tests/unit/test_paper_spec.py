"""A paper terminal from its JSON text: what it may say, its clocks, and its account in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from adapters.mt5.api import contract as mt5
from adapters.paper.terminal.hosted import HostedTerminal, RunningClock
from adapters.paper.terminal.market import PaperMarket
from adapters.paper.terminal.sources import made_up_bars
from adapters.paper.terminal.spec import MADE_UP_START, build
from tests.builders import EURUSD, USDJPY
from tests.paper_terminals import BUY, terminal_at_ticks
from tests.simulation import faulty_spec
from tests.simulation.fault_injector import Effects, FaultyTerminal

EURUSD_ALONE = msgspec.to_builtins(EURUSD)
MINUTE = 60_000
START_MS = MADE_UP_START * 1000
NOTHING = Effects(hang=lambda: None, die=lambda: None, wait=lambda _: None)
ORDER = {**BUY, "sl": 0.0, "tp": 0.0}


def text(**changes: Any) -> str:
    usual = {
        "symbols": [EURUSD, USDJPY], "login": 7, "server": "Paper-Demo",
        "prices": {"EURUSD": 1.1, "USDJPY": 150.0},
    }  # fmt: skip
    return msgspec.json.encode({**usual, **changes}).decode()


def started(**changes: Any) -> Any:
    faulty = "faults" in changes
    told = text(**changes)
    terminal: Any = faulty_spec.build(told, NOTHING) if faulty else build(told)
    assert terminal.initialize(timeout=1000) is True
    return terminal


class TestSpec:
    def test_it_makes_an_account_with_quotes_and_history_at_once(self) -> None:
        terminal: Any = build(text(balance=5000.0, leverage=30, netting=True, stop_out=50))
        assert terminal.account_info() is None
        terminal.initialize()
        info = terminal.account_info()
        assert (info.login, info.server, info.balance, info.leverage) == (7, "Paper-Demo", 5e3, 30)
        assert (info.margin_mode, info.margin_so_so, info.trade_mode) == (0, 50.0, 0)
        tick = terminal.symbol_info_tick("EURUSD")
        assert (tick.time, tick.bid, tick.ask) == (MADE_UP_START, 1.1, 1.10024)
        assert len(terminal.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_H1, 0, 300)) == 300

    def test_bars_come_from_files_and_set_the_clock(self, tmp_path: Path) -> None:
        bars = made_up_bars(EURUSD, 1.2, 5, 1_700_000_000)
        np.save(tmp_path / "eurusd.npy", bars)
        files = {"EURUSD": str(tmp_path / "eurusd.npy")}
        terminal = started(bars=files)
        assert terminal.symbol_info_tick("EURUSD").time == int(bars["time"][0])
        later = started(bars=files, start=1_700_000_030)
        assert later.symbol_info_tick("EURUSD").time == 1_699_999_980

    def test_rules_and_trade_mode_are_the_servers(self) -> None:
        rules = {"EURUSD": {"trade_mode": mt5.SYMBOL_TRADE_MODE_CLOSEONLY, "freeze_level": 5}}
        terminal = started(rules=rules, trade_mode="real")
        assert terminal.order_send(ORDER).retcode == mt5.TRADE_RETCODE_CLOSE_ONLY
        assert terminal.symbol_info("EURUSD").trade_freeze_level == 5
        assert terminal.account_info().trade_mode == mt5.ACCOUNT_TRADE_MODE_REAL

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"login": 0}, "login must be above 0"),
            ({"login": "7"}, r"Expected `int`, got `str` - at `\$.login`"),
            ({"server": ""}, "server must not be empty"),
            ({"symbols": []}, "symbols must be given"),
            ({"symbols": [EURUSD, EURUSD]}, "each once"),
            ({"symbols": [{**EURUSD_ALONE, "digit": 5}]}, "unknown field `digit`"),
            ({"prices": {"EURUSD": 1.1}}, r"no price for \['USDJPY'\]"),
            ({"rules": {"GBPUSD": {}}}, r"rules names symbols .*\['GBPUSD'\]"),
            ({"rules": {"EURUSD": {"freeze": 1}}}, "unknown field `freeze`"),
            ({"balance": -1.0}, "balance must be above 0"),
            ({"speed": 0.0}, "speed must be above 0"),
            ({"clock": "sundial"}, "sundial"),
            ({"bars": {"EURUSD": "/nowhere/bars.npy"}}, "/nowhere/bars.npy"),
            ({"faults": {"seed": 1}}, "unknown field `faults`"),
            ({"stop_out": 0}, "stop_out must be above 0 or null"),
            ({"slippage": -1}, "slippage must not be below 0"),
            ({"prices": {"EURUSD": 1.1, "USDJPY": 0.0}}, "prices.USDJPY must be above 0"),
            ({"surprise": 1}, "unknown field `surprise`"),
        ],
    )
    def test_what_cannot_be_used_is_named_in_one_line(
        self, changes: dict[str, Any], says: str
    ) -> None:
        with pytest.raises(ValueError, match=says) as caught:
            build(text(**changes))
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("faults", "says"),
        [
            ({"chances": {"gremlin": 0.5}}, "gremlin"),
            ({"chances": {"fail": 1.5}}, "chances.fail must be from 0 to 1"),
            ({"functions": ["order_snd"]}, r"do not exist: \['order_snd'\]"),
            ({"script": [{"function": "x", "fault": {"kind": "fail"}}]}, "exist"),
        ],
    )
    def test_faults_that_do_not_exist_are_named(self, faults: dict[str, Any], says: str) -> None:
        with pytest.raises(ValueError, match=says) as caught:
            faulty_spec.build(text(faults=faults))
        assert "\n" not in str(caught.value)

    def test_text_that_is_no_json_is_named(self) -> None:
        with pytest.raises(ValueError, match="the paper terminal's spec"):
            build("EURUSD")


class TestLockstep:
    def test_time_stands_until_it_is_moved(self) -> None:
        terminal = started(swing=60)
        assert terminal.symbol_info_tick("EURUSD") == terminal.symbol_info_tick("EURUSD")
        progress = terminal.paper_advance(START_MS + 15 * MINUTE)
        assert (progress.now, progress.steps) == (START_MS + 15 * MINUTE, 2 * 2 * 15)
        assert terminal.symbol_info_tick("EURUSD").bid == 1.1
        assert terminal.last_error() == (1, "Success")

    def test_it_can_be_moved_step_by_step(self) -> None:
        terminal = started()
        first, second = (terminal.paper_advance(START_MS + MINUTE, 1) for _ in range(2))
        assert first[1:] == (1, 0, "EURUSD", "end")
        assert second[1:] == (1, 0, "USDJPY", "end")

    @pytest.mark.parametrize("args", [(), ("soon",), (1.5,), (1, -1), (1, "x")])
    def test_it_takes_whole_numbers_only(self, args: tuple[Any, ...]) -> None:
        terminal = started()
        assert terminal.paper_advance(*args) is None
        assert terminal.last_error() == (-2, "Invalid arguments")
        terminal.version()
        assert terminal.last_error() == (1, "Success")

    def test_it_is_offered_by_this_backend_alone(self) -> None:
        assert list(started().extra_functions) == ["paper_advance", "paper_step"]
        assert list(started(faults={"seed": 1}).extra_functions) == ["paper_advance", "paper_step"]
        assert started(clock="real").extra_functions == {}
        assert started(clock="real").paper_advance(START_MS) is None


class TestRealClock:
    def test_the_market_is_up_to_date_in_every_call(self) -> None:
        terminal = terminal_at_ticks()
        market = PaperMarket(terminal.account, {"EURUSD": made_up_bars(EURUSD, 1.2, 30, 1_000_020)})
        market.skip(1_000_020_000)
        elapsed = [0.0]
        clock = RunningClock(1_000_020_000, 10.0, seconds=lambda: elapsed[0])
        hosted = HostedTerminal(terminal, market, clock=clock)
        assert hosted.symbol_info_tick("EURUSD").bid == 1.2003
        elapsed[0] = 90.0  # 15 minutes at ten times the speed
        assert hosted.symbol_info_tick("EURUSD").bid == 1.2
        assert terminal.account.now == 1_000_920_000

    def test_it_begins_with_this_machines_time(self) -> None:
        terminal = started(clock="real")
        assert terminal.symbol_info_tick("EURUSD").time > MADE_UP_START

    def test_what_is_no_function_is_no_attribute(self) -> None:
        with pytest.raises(AttributeError):
            _ = started().order_snd


class TestState:
    def test_an_account_outlives_its_terminal(self, tmp_path: Path) -> None:
        state = str(tmp_path / "account.json")
        first = started(state=state)
        ticket = first.order_send({**ORDER, "sl": 1.09, "comment": "kept"}).order
        waiting = {**ORDER, "action": mt5.TRADE_ACTION_PENDING, "type": 2, "price": 1.05}
        first.order_send({**waiting, "type_filling": mt5.ORDER_FILLING_RETURN})
        first.order_send({**ORDER, "symbol": "USDJPY", "volume": 0.2})
        first.paper_advance(START_MS + 90 * MINUTE)
        again = started(state=state)
        for function in ("positions_get", "orders_get", "account_info"):
            assert getattr(again, function)() == getattr(first, function)()
        for function in ("history_deals_get", "history_orders_get"):
            whole = (0, mt5.LATEST_DATE)
            assert getattr(again, function)(*whole) == getattr(first, function)(*whole)
        assert again.symbol_info_tick("EURUSD").time == MADE_UP_START + 90 * 60
        close = {**ORDER, "type": mt5.ORDER_TYPE_SELL, "position": ticket}
        assert again.order_send(close).order == 4
        assert again.history_deals_get(position=ticket)[0].comment == "kept"

    def test_an_order_in_flight_lands_in_the_next_life(self, tmp_path: Path) -> None:
        state = str(tmp_path / "account.json")
        placed = {"function": "order_send", "fault": {"kind": "placed", "span": 99}}
        first = started(state=state, faults={"script": [placed]})
        assert first.order_send(ORDER).retcode == mt5.TRADE_RETCODE_PLACED
        again = started(state=state, faults={"script": [placed]})
        assert [position.ticket for position in again.positions_get()] == [1]

    def test_a_scripted_fault_strikes_once_over_all_lives(self, tmp_path: Path) -> None:
        state = str(tmp_path / "account.json")
        script = [{"function": "order_send", "fault": {"kind": "hang_before"}}]
        hangs = []
        effects = Effects(hang=lambda: hangs.append(1), die=lambda: None, wait=lambda _: None)
        for _ in range(2):
            terminal = faulty_spec.build(text(state=state, faults={"script": script}), effects)
            assert isinstance(terminal, FaultyTerminal)
            terminal.initialize()
            terminal.order_send(ORDER)
        assert hangs == [1]
        assert terminal.calls["order_send"] == 2

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"{}", "missing required field"),
            (b"\xff", "delete the file"),
            (b"", "truncated"),
            (b'{"server": "f\xc3\xbcr \xfc"}', "not UTF-8"),
            (b"[" * 100_000, "delete the file"),
        ],
    )
    def test_a_damaged_file_is_named_with_the_remedy(
        self, tmp_path: Path, content: bytes, says: str
    ) -> None:
        state = tmp_path / "account.json"
        state.write_bytes(content)
        with pytest.raises(ValueError, match=says) as caught:
            build(text(state=str(state)))
        assert str(state) in str(caught.value)

    def test_a_file_of_another_account_is_refused(self, tmp_path: Path) -> None:
        state = str(tmp_path / "account.json")
        started(state=state).order_send(ORDER)
        with pytest.raises(ValueError, match="account 7 on 'Paper-Demo'"):
            build(text(state=state, login=8))

    def test_fewer_symbols_than_before_are_refused(self, tmp_path: Path) -> None:
        state = str(tmp_path / "account.json")
        started(state=state).order_send(ORDER)
        with pytest.raises(ValueError, match="EURUSD"):
            build(text(state=state, symbols=[USDJPY], prices={"USDJPY": 150.0}))


ALONE: dict[str, Any] = {"symbols": [EURUSD], "prices": {"EURUSD": 1.1}}
ON_USDJPY = {**ORDER, "symbol": "USDJPY", "price": 150.0}


class TestBooksOfOtherSymbols:
    """The next run of an account may offer fewer symbols than the last one."""

    def test_what_is_over_reads_as_before(self, tmp_path: Path) -> None:
        books = str(tmp_path / "books.json")
        both = started(state=books)
        ticket = both.order_send(ON_USDJPY).order
        closing = {**ON_USDJPY, "type": mt5.ORDER_TYPE_SELL, "position": ticket}
        assert both.order_send(closing).retcode == mt5.TRADE_RETCODE_DONE
        alone = started(state=books, **ALONE)
        span = (0, MADE_UP_START + 86_400)
        assert alone.history_deals_get(*span) == both.history_deals_get(*span)
        again = started(state=books, **ALONE)
        assert again.history_deals_get(*span) == both.history_deals_get(*span)

    def test_what_is_open_on_one_of_them_is_told_with_the_remedy(self, tmp_path: Path) -> None:
        books = str(tmp_path / "books.json")
        ticket = started(state=books).order_send(ON_USDJPY).order
        with pytest.raises(ValueError, match=f"{ticket} is open on USDJPY") as caught:
            build(text(state=books, **ALONE))
        assert "add USDJPY, or close it with butler flatten" in str(caught.value)

"""Any symbol that a terminal knows: a yen pair, a metal, an index and a cross, end to end."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.journal import StoredJournal
from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.observation import BarRequest, quotes_of
from adapters.mt5.execution.remote import RemoteTerminal
from adapters.mt5.execution.symbol_specs import instrument
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.host.service import HostConfig
from config.loader import load_symbols
from engine import events as ev
from engine.types import Conversion, Side, lots
from risk.limits import vet
from risk.valuation import valuation_of
from tests import synthetic
from tests.builders import LIMITS, START, intent
from tests.commands import butler
from tests.process.hosts import SECONDS
from tests.process.shadows import books_of, kill_at, played, shadow_process
from tests.risk_steps import desk

SYMBOLS = {"USDJPY": 150.0, "XAUUSD": 2650.0, "US30": 42_500.0, "EURGBP": 0.86, "GBPUSD": 1.25}
NOON = synthetic.SPRING + 12 * 3600
LOCKSTEP = ("--speed", "max", "--quiet")


@pytest.fixture
def client(tmp_path: Path) -> Any:
    """A paper terminal in a host process of its own."""
    known = load_symbols()
    spec = {
        "symbols": [known[name] for name in SYMBOLS], "login": 7, "server": "Paper-Demo",
        "prices": SYMBOLS, "swing": 60,
    }  # fmt: skip
    config = HostConfig(
        token=os.urandom(32).hex(), login=7, server="Paper-Demo",
        backend=f"paper:{msgspec.json.encode(spec).decode()}",
    )  # fmt: skip
    with TerminalClient(LocalHost(config, tmp_path), sleep=lambda _: None) as client:
        client.start()
        client.call("initialize", deadline=SECONDS)
        yield client


def test_each_is_sized_within_its_budget_by_the_terminals_own_figure(client: Any) -> None:
    """Observed, vetted, and what it may lose asked of the same terminal once more."""
    terminal = RemoteTerminal(client)
    for name in SYMBOLS:
        info, owner = terminal.symbol_info(name), terminal.account_info()
        spec = instrument(name, info, owner, load_symbols()[name]).spec
        (quoted,) = quotes_of(terminal, [BarRequest(name, quote_time(terminal, name), spec)])
        assert quoted.valuation is not None
        tick = ev.Tick(name, spec.points(quoted.tick.bid), spec.points(quoted.tick.ask))
        for side, kind in ((Side.LONG, mt5.ORDER_TYPE_BUY), (Side.SHORT, mt5.ORDER_TYPE_SELL)):
            entry = tick.ask if side is Side.LONG else tick.bid
            stop = entry - side * max(tick.ask // 200, 2 * (tick.ask - tick.bid))
            order = intent(symbol=name, side=side, price=entry, stop_loss=stop, take_profit=0)
            made = vet(order, desk(spec, tick, quoted.valuation.at(name, 0)))
            assert isinstance(made, ev.OrderApproved), made
            at = (kind, name, lots(made.volume), spec.price(entry))
            lost = -100 * terminal.order_calc_profit(*at, spec.price(stop))
            budget = LIMITS.per_trade_risk_fraction * START
            assert budget / 2 < lost <= budget
            assert 100 * terminal.order_calc_margin(*at) <= made.margin + 1


def quote_time(terminal: RemoteTerminal, name: str) -> int:
    time: int = terminal.symbol_info_tick(name).time
    return time


def test_a_terminal_that_reckons_otherwise_than_the_formula_is_not_traded_on(client: Any) -> None:
    """As when its contract is not the one that we know."""
    terminal = RemoteTerminal(client)
    spec = load_symbols()["XAUUSD"]
    other = msgspec.structs.replace(spec, contract=10)
    (quoted,) = quotes_of(terminal, [BarRequest("XAUUSD", quote_time(terminal, "XAUUSD"), other)])
    assert quoted.valuation is not None
    valuation = valuation_of(other, quoted.valuation.at("XAUUSD", 0), 0, broker_valued=True)
    assert valuation.objection is not None
    assert valuation.objection[0] is ev.DenyReason.VALUATION_MISMATCH


def cross_bars(folder: Path, *names: str) -> tuple[object, ...]:
    """A day of EURGBP, made of EURUSD's bars, beside those of other symbols, as options."""
    made = synthetic.feed(5, days=1, first=synthetic.SPRING)
    euro = made["EURUSD"]
    scaled = {name: getattr(euro, name) * 78 // 100 for name in ("open", "high", "low", "close")}
    made["EURGBP"] = replace(euro, **scaled)
    paths = {name: synthetic.write_parquet(made[name], folder / f"{name}.parquet") for name in made}
    return tuple(part for name in names for part in ("--bars", f"{name}={paths[name]}"))


def records(results: Path, session: str) -> list[ev.Record]:
    with StoredJournal(results / "sessions" / session / "journal.sqlite") as stored:
        return list(stored.records())


def decided(results: Path, session: str) -> list[Any]:
    """What was opened and closed at which price and for how much, in order."""
    return [
        (event.symbol, event.side, event.volume, event.price, event.account.balance)
        for record in records(results, session)
        if isinstance(event := record.event, (ev.PositionOpened, ev.PositionClosed))
    ]


@pytest.mark.deep
@pytest.mark.parametrize("dry", ["--dry-run", "--no-dry-run"])
def test_a_session_on_a_cross_is_killed_resumed_and_run_again(tmp_path: Path, dry: str) -> None:
    """It trades what the undisturbed session trades, and its journal replays."""
    results, undivided = tmp_path / "results", tmp_path / "undivided"
    bars = (*cross_bars(tmp_path, "EURGBP", "GBPUSD"), *LOCKSTEP, dry)
    with shadow_process(results, *bars, "--session-id", "killed") as process:
        journal = results / "sessions" / "killed" / "journal.sqlite"
        kill_at(process, books_of(results, "killed", dry), NOON, journal)
    code, said = played(results, *bars, "--resume", "killed")
    assert code == 0, said
    code, said = played(undivided, *bars, "--session-id", "whole")
    assert code == 0, said
    whole = decided(undivided, "whole")
    assert {"EURGBP", "GBPUSD"} == {symbol for symbol, *_ in whole}
    assert decided(results, "killed") == whole
    for folder, session in ((results, "killed"), (undivided, "whole")):
        again = butler("journal", "replay", session, "--results-dir", folder)
        assert (again.code, again.err) == (0, []), again
    check_sizes(records(undivided, "whole"))


def check_sizes(journal: list[ev.Record]) -> None:
    """Every order on the cross was worth what the last told value says, within its budget."""
    told: dict[str, ev.SymbolValuation] = {}
    checked = 0
    for record in journal:
        event = record.event
        if isinstance(event, ev.SymbolValuation):
            told[event.symbol] = event
        elif isinstance(event, ev.OrderApproved) and event.order.terms.action is ev.Action.OPEN:
            order, value = event.order, told[event.order.terms.symbol]
            points = abs(order.terms.price - order.terms.stop_loss)
            lost = value.loss * points * event.volume / (value.move * value.volume)
            assert lost <= event.risk <= 0.004 * order.terms.scale * START * 1.05
            checked += order.terms.symbol == "EURGBP"
    assert checked


WRONG = {
    "a pair is missing": (
        ("shadow", "--account-profile", "PAPER"),
        "EURGBP: its profit is in GBP and the account in USD: give the bars of GBPUSD too "
        "(--bars GBPUSD=FILE)",
    ),
    "a replay of files": (
        ("replay",),
        "EURGBP: its profit is in GBP and the account in USD: give the bars of GBPUSD too "
        "(--bars GBPUSD=FILE)",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_where_a_cross_cannot_be_traded_one_line_says_what_to_do(tmp_path: Path, name: str) -> None:
    command, words = WRONG[name]
    said = butler(*command, *cross_bars(tmp_path, "EURGBP"), "--results-dir", tmp_path / "out")
    assert said.code == 2
    assert words in said.err[-1]
    assert not (tmp_path / "out" / "sessions").exists()


def test_the_history_of_a_cross_is_replayed_with_that_of_its_pair(tmp_path: Path) -> None:
    said = butler(
        "replay", "--account-profile", "PAPER", "--symbol", "EURGBP", "--results-dir", tmp_path
    )
    assert said.code == 2
    assert "EURGBP: its profit is in GBP and the account in USD" in said.line
    assert "(--symbol GBPUSD)" in said.line


@pytest.mark.parametrize("symbol", ["EURGBP", "GBPJPY"])
def test_the_smoke_test_sends_and_closes_an_order_on_a_cross(tmp_path: Path, symbol: str) -> None:
    assert load_symbols()[symbol].conversion is Conversion.FROM_BROKER
    said = butler(
        "smoke-test", "--account-profile", "PAPER", "--symbol", symbol, "--no-dry-run",
        "--hold-seconds", 0, "--results-dir", tmp_path,
    )  # fmt: skip
    assert said.code == 0, said
    assert "order sent True, closed True" in said.out[-1]

"""The same bars and signals, simulated in this process and traded through a terminal host."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.gateway import Gateway
from adapters.mt5.execution.remote import RemoteTerminal, carry_out_remotely
from adapters.mt5.execution.requests import Instrument, Requests
from adapters.mt5.execution.snapshot import Deals, fetch_snapshot
from adapters.mt5.execution.terminal_port import TerminalPort
from adapters.mt5.execution.translation import snapshot_of
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.host.service import HostConfig
from adapters.paper.terminal.functions import PaperTerminal
from engine import events as ev
from engine.bus import Bus
from engine.exits import Exits
from engine.journal import MemoryJournal
from engine.orders import OrderManager
from engine.portfolio import Portfolio
from risk.actor import RiskActor
from scripts.app.sessions.replay import (
    DEVIATION,
    MAGIC,
    REPLAY_TAG,
    concluding,
    connect,
    replay_feed,
    schedule_of,
)
from scripts.app.sessions.replay import started as session_started
from scripts.app.terms.replay_terms import Terms
from signals.user_signals import UserSignals
from tests.user_signal_runs import PERIOD, Ohlc, Told, at, bar_file, signal_file, terms_of

BARS = 56
"""From 08:00 to 22:00 UTC: within one trading day, so that no reset falls between."""

LOGIN, SERVER = 26_111, "Paper-Demo"
SEEDS = (3, 4)


def walk(rng: Random) -> list[Ohlc]:
    """Bars that go up and down by about 40 points, now and then with a gap between two."""
    bars = []
    price = 108_000
    for _ in range(BARS):
        opening = price + rng.choice((0, 0, 0, rng.randint(-60, 60)))
        price = opening + rng.randint(-40, 40)
        high = max(opening, price) + rng.randint(0, 30)
        bars.append((opening, high, min(opening, price) - rng.randint(0, 30), price))
    return bars


def signals(rng: Random, bars: list[Ohlc]) -> Iterator[dict[str, Any]]:
    """An entry every second bar, stop and target near enough to be met; some are left by time."""
    for place in range(0, BARS - 9, 2):
        side = rng.choice((1, -1))
        price = bars[place][0]
        yield {
            "time": at(place),
            "symbol": "EURUSD",
            "direction": "long" if side > 0 else "short",
            "stop_loss": (price - side * rng.randint(60, 150)) / 1e5,
            "take_profit": (price + side * rng.randint(60, 150)) / 1e5,
            **({"exit_time": at(place + rng.randint(1, 9))} if rng.random() < 0.4 else {}),
        }


def simulated(terms: Terms) -> tuple[Told, Deals]:
    """The replay's own way; also the deals as its paper terminal tells them."""
    journal = MemoryJournal()
    parts = connect(journal, terms)
    feed = replay_feed(parts, terms)
    parts.bus.time = min(item.ref.first for item in terms.inputs)
    parts.bus.publish(session_started(terms))

    async def run() -> None:
        async for _ in feed.slices():
            await parts.bus.flush()

    asyncio.run(run())
    parts.bus.conclude(concluding(parts.portfolio, parts.risk)(ev.SessionOutcome.DONE, ""))
    return Told(journal.records), _deals(PaperTerminal(parts.account))


def _deals(terminal: Any) -> Deals:
    deals: Deals = terminal.history_deals_get(0, mt5.LATEST_DATE)
    return deals


class OverTheWire:
    """The replay's actors with their venue in a host, whose market moves only when told."""

    def __init__(self, client: TerminalClient, terms: Terms) -> None:
        (item,) = terms.inputs
        self.terminal = RemoteTerminal(client)
        self.journal = MemoryJournal()
        self.bus = Bus(self.journal)
        self.portfolio = Portfolio({item.spec.name: item.spec})
        self.requests = requests = Requests(
            {item.spec.name: Instrument(item.spec, item.spec.name, mt5.ORDER_FILLING_FOK)},
            magic=MAGIC,
            tag=REPLAY_TAG,
            deviation=DEVIATION,
            to_server=lambda moment: moment // 1000,
        )
        orders = OrderManager(self.bus)
        self.gateway = Gateway(
            self.bus,
            self.portfolio,
            orders,
            requests,
            TerminalPort(
                self.terminal, requests, lambda _, request: carry_out_remotely(client, request)
            ),
        )
        risk = RiskActor(self.bus, self.portfolio, orders, terms.limits)
        user_signals = UserSignals(
            self.bus, self.portfolio, Exits(self.bus, self.portfolio, orders)
        )
        for actor in (self.portfolio, orders, risk, user_signals):
            self.bus.attach(actor.routes())
        self.gateway.attach()
        self.bus.time = item.ref.first
        self.bus.publish(session_started(terms))

    def play(self, terms: Terms) -> None:
        """Bar by bar: what the venue did meanwhile, the opening tick, then what is due."""
        schedule = schedule_of(terms)
        for moment in range(at(0), at(BARS + 1), PERIOD):
            assert self.terminal.call("paper_advance", moment) is not None
            self.bus.time = moment
            seen = fetch_snapshot(self.terminal, self.gateway.snapshot_query())
            self.gateway.reconcile(snapshot_of(seen, self.requests))
            self._quote()
            for what in schedule.due("EURUSD", moment):
                self.bus.feed(what)

    def _quote(self) -> None:
        spec = self.portfolio.specs["EURUSD"]
        tick, info = self.terminal.symbol_info_tick("EURUSD"), self.terminal.account_info()
        self.bus.feed(ev.Tick("EURUSD", spec.points(tick.bid), spec.points(tick.ask)))
        figures = (round(cash * 100) for cash in (info.balance, info.equity, info.margin))
        self.bus.feed(ev.AccountSeen(*figures))


def host_of(folder: Path, terms: Terms, bars: list[Ohlc]) -> LocalHost:
    """A host whose paper terminal has the very bars and symbol of the simulation."""
    (item,) = terms.inputs
    rates = np.zeros(len(bars), dtype=mt5.rates_dtype())
    rates["time"] = [at(place) // 1000 for place in range(len(bars))]
    for column, name in enumerate(("open", "high", "low", "close")):
        rates[name] = [bar[column] / 1e5 for bar in bars]
    np.save(folder / "rates.npy", rates)
    spec = {
        "symbols": [item.spec], "login": LOGIN, "server": SERVER,
        "bars": {"EURUSD": str(folder / "rates.npy")}, "balance": terms.starting_balance / 100,
        "start": at(0) // 1000 - 1,
    }  # fmt: skip
    backend = f"paper:{msgspec.json.encode(spec).decode()}"
    config = HostConfig(token="5a" * 32, login=LOGIN, server=SERVER, backend=backend, trading=True)
    return LocalHost(config, folder / "host")


def money(told: Told) -> list[tuple[Any, ...]]:
    return [
        (item.position, item.volume, item.price, item.reason, item.profit, item.net, item.swap)
        for item in told.of(ev.PositionClosed)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_simulation_and_host_give_identical_deals_and_sums(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)  # noqa: S311 - a seed, not a secret
    bars = walk(rng)
    files = {"EURUSD": bar_file(tmp_path, "EURUSD", bars)}
    terms = terms_of(files, signal_file(tmp_path, signals(rng, bars)))
    told, deals = simulated(terms)
    assert len(deals) > 10

    with TerminalClient(host_of(tmp_path, terms, bars)) as client:
        client.start()
        wire = OverTheWire(client, terms)
        assert wire.terminal.call("initialize") is True
        wire.play(terms)
        assert _deals(wire.terminal)[1:] == deals[1:]
        balance = wire.terminal.account_info().balance
    assert {reason for *_, reason, _, _, _ in money(told)} == {"SL", "TP", "END"}
    assert money(Told(wire.journal.records)) == money(told)
    booked = sum(deal.profit + deal.commission + deal.swap for deal in deals)
    assert round(balance * 100) == round(booked * 100) == told.end.account.balance

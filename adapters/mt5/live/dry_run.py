"""A dry run: the terminal gives prices and facts, a paper account in this process fills orders.

Its books are a file of the session's, so it outlives the engine as a real account does, and a
session that goes on after a crash is compared with it in the same way. Every function blocks and
runs in the worker thread, one at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.account_guard import objection
from adapters.mt5.api.errors import SnapshotFailed
from adapters.mt5.execution.conditions import trading_conditions
from adapters.mt5.execution.observation import BarRequest, MarketSnapshot, Prices, Quote, quotes_of
from adapters.mt5.execution.remote import Caller, RemoteTerminal
from adapters.mt5.execution.requests import Instrument, Requests
from adapters.mt5.execution.snapshot import SnapshotQuery, a_day_past
from adapters.mt5.execution.valuation import BrokerValuation, broker_valuation
from adapters.paper.broker import state_file
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.direct import PaperExecution
from adapters.paper.terminal.functions import PaperTerminal
from adapters.paper.terminal.market import MarketPace
from adapters.paper.terminal.rules import AccountTerms
from adapters.paper.terminal.ticks import PaperTick, TickPlayer
from engine.events import AccountSnapshot, OrderIntent
from engine.fields import ExecutionResult
from engine.inputs import AccountSeen
from engine.types import Conversion, Millis, Units
from engine.valuation import broker_rate

_ALL = 1 << 62  # more ticks than share a millisecond


class DryRun:
    """Orders of one session on a paper account that sees every tick of the real terminal."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        requests: Requests,
        account: mt5.AccountInfo,
        books: Path,
        *,
        pace: MarketPace | None = None,
        bars: Mapping[str, int] | None = None,
        since: Millis = 0,
    ) -> None:
        """Begins with the real account's balance, or goes on with `books`.

        Where the terminal plays recorded `bars`, of so many seconds by symbol, its ticks only stand
        for them, and `pace` is how it moves; an earlier part of the session has seen the bars that
        ended by `since` (server ms). Raises ValueError for books that are damaged or of
        another account.
        """
        self._real = account
        self._books = books
        self._recorded = bars is not None
        self._bars = dict(bars or {}) if pace is MarketPace.BARS else {}
        self._specs = {item.name: item.spec for item in instruments}
        self._judged: set[str] = set()
        self._waiting: dict[str, deque[list[PaperTick]]] = {}
        self._since = since
        self._seen: dict[str, tuple[int, int]] = {}  # last tick's time in ms, and how many had it
        specs = {spec.name: spec for spec in self._specs.values()}
        self.account = PaperAccount(specs, round(account.balance * 100), currency=account.currency)
        state_file.load(books, self.account, account.login, account.server)
        terms = AccountTerms(
            login=account.login, server=account.server, leverage=max(account.leverage, 1)
        )
        self._paper = PaperExecution(PaperTerminal(self.account, terms=terms), requests)
        self._names = {item.spec.name: item.name for item in instruments}
        self._players = {
            item.name: TickPlayer(
                self.account, item.spec.name, pace=pace, seconds=(bars or {}).get(item.spec.name, 0)
            )
            for item in instruments
        }
        self._go_on()

    def _go_on(self) -> None:
        """What happened while nobody looked is still to come for a symbol that is held.

        Ticks that were played after the books were written are played again: they changed nothing.
        """
        account = self.account
        held = {position.spec.name for position in account.positions.values()}
        held |= {order.spec.name for order in account.orders.values()}
        for symbol in held & account.quoted.keys():
            self._seen[self._names[symbol]] = (account.quoted[symbol], _ALL)

    def execute(self, _client: Caller, order: OrderIntent, volume: Units) -> ExecutionResult:
        """Fill an order on paper; nothing is sent."""
        result = self._paper.execute(order, volume)
        self._save()
        return result

    def cancel(self, _client: Caller, order: OrderIntent, ticket: int) -> ExecutionResult:
        """Take an order back that waits on the paper account."""
        result = self._paper.cancel(order, ticket)
        self._save()
        return result

    def check(self, _terminal: RemoteTerminal, order: OrderIntent, volume: Units) -> int:
        """What the paper account says to an order; nothing is filled."""
        return self._paper.check(order, volume)

    def fetch_snapshot(self, terminal: RemoteTerminal, query: SnapshotQuery) -> AccountSnapshot:
        """What the paper account holds, once the real account was proven to be the right one."""
        self._insist_on_the_real_account(terminal)
        self._ask_for_rates(terminal)
        return self._paper.everything(query)

    def observe(
        self, terminal: RemoteTerminal, gaps: Sequence[BarRequest], query: SnapshotQuery
    ) -> MarketSnapshot:
        """Take every tick since the last look to the paper account, then look at it."""
        quotes = quotes_of(terminal, gaps)
        for request, quoted in zip(gaps, quotes, strict=True):
            self._learn(request.name, quoted.valuation)
            self._receive(terminal, request.name, quoted)
        worst = self._worst()
        if worst is None:
            self._play()
        snapshot = self.fetch_snapshot(terminal, query)
        # Nothing is sent, so no permission to send is missed.
        conditions = trading_conditions(terminal, [gap.name for gap in gaps], account=None)
        return MarketSnapshot(quotes, snapshot, conditions, worst)

    def _receive(self, terminal: Prices, name: str, quoted: Quote) -> None:
        """Queue the ticks of a symbol since the last look, in the parts that are played."""
        points, waiting = self._specs[name].points, self._waiting.setdefault(name, deque())
        waiting.extend(
            self._players[name].grouped(
                PaperTick(points(bid), points(ask), moment)
                for bid, ask, moment in self._new_ticks(terminal, name, quoted)
            )
        )

    def _worst(self) -> AccountSeen | None:
        """The account at the worst of the bar whose range comes next, once; else None.

        Who has missed more than one move cannot say how the account stood between them.
        """
        parts = [(name, part) for name, waiting in self._waiting.items() for part in waiting]
        if len(parts) != 1 or parts[0][0] in self._judged:
            return None
        ((name, part),) = parts
        player = self._players[name]
        if not player.ends_after(part, self._since) or (worst := player.worst(part)) is None:
            return None
        self._judged.add(name)
        return AccountSeen(*worst)

    def _play(self) -> None:
        """Take what waits to the account."""
        happened = 0
        for name, waiting in self._waiting.items():
            while waiting:
                happened += self._players[name].play(waiting.popleft())
        self._judged.clear()
        if happened:
            self._save()

    def _new_ticks(
        self, terminal: Prices, name: str, quoted: Quote
    ) -> list[tuple[float, float, int]]:
        """The ticks since the last look, in order; at first only the last one."""
        last = quoted.tick
        if name not in self._seen:
            if not (last.bid > 0 and last.ask > 0):
                return []  # a symbol that was just selected has no price yet
            # The close of a recorded bar is shown with the time of the next one's opening.
            self._seen[name] = (last.time_msc - 1, 0) if self._bars else (last.time_msc, 1)
            return [(last.bid, last.ask, last.time_msc)]
        since, known = self._seen[name]
        if last.time_msc <= since:
            return []
        until = a_day_past(last.time)
        answer = terminal.copy_ticks_range(name, since // 1000, until, mt5.COPY_TICKS_ALL)
        if answer is None:
            raise SnapshotFailed(f"copy_ticks_range {name}: {terminal.last_error()}")
        fresh = answer[answer["time_msc"] >= since]
        repeated = int(np.count_nonzero(fresh["time_msc"] == since))
        fresh = fresh[min(known, repeated) :]
        if not len(fresh):  # its tick history lags behind the tick itself
            return []
        newest = int(fresh["time_msc"][-1])
        again = int(np.count_nonzero(fresh["time_msc"] == newest))
        self._seen[name] = (newest, again + (known if newest == since else 0))
        priced = fresh[(fresh["bid"] > 0) & (fresh["ask"] > 0)]
        return list(
            zip(
                priced["bid"].tolist(),
                priced["ask"].tolist(),
                priced["time_msc"].tolist(),
                strict=True,
            )
        )

    def _ask_for_rates(self, terminal: RemoteTerminal) -> None:
        """Positions of an earlier life are shown before anything was observed: ask for their rates.

        Raises SnapshotFailed where nobody knows what a position is worth.
        """
        account = self.account
        for spec in [position.spec for position in account.positions.values()]:
            if (
                spec.conversion is not Conversion.FROM_BROKER
                or spec.name in account.converter.from_broker
            ):
                continue
            name = self._names[spec.name]
            valuation = broker_valuation(
                terminal, name, spec, account.bids[spec.name], account.asks[spec.name]
            )
            if valuation is None:
                raise SnapshotFailed(f"order_calc_profit {name}: {terminal.last_error()}")
            self._learn(name, valuation)

    def _learn(self, name: str, valuation: BrokerValuation | None) -> None:
        """The real terminal says what converts the symbol's money; the last word counts."""
        spec = self._specs[name]
        if self._recorded and self.account.converter.converts(spec):
            return  # by the same prices as the terminal that plays them
        if valuation is not None and spec.conversion is Conversion.FROM_BROKER:
            rate = broker_rate(spec, valuation.at(spec.name, 0))
            self.account.converter.from_broker[spec.name] = rate

    def _insist_on_the_real_account(self, terminal: RemoteTerminal) -> None:
        why = objection(terminal.account_info(), self._real.login, self._real.server)
        if why is not None:
            raise SnapshotFailed(why)

    def _save(self) -> None:
        state_file.save(self._books, self.account, self._real.login, self._real.server, {})

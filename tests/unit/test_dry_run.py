"""A dry run: every tick of the terminal meets the paper account once, and nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import SnapshotFailed
from adapters.mt5.execution.observation import BarRequest
from adapters.mt5.execution.requests import Instrument, Requests
from adapters.mt5.execution.snapshot import SnapshotQuery
from adapters.mt5.live.dry_run import DryRun
from adapters.paper.terminal.market import MarketPace
from adapters.paper.terminal.ticks import PaperTick, TickPlayer
from engine import events as ev
from engine.fields import ExecutionResult, VenueOutcome
from engine.types import Side, SymbolSpec
from tests.builders import EURGBP, EURUSD, SPECS
from tests.paper_terminals import account_at_ticks

NAME = "EURUSD.r"
BEGIN = 1_736_251_200_000
"""Tuesday, 2025-01-07 12:00 of the server's clock, in milliseconds."""

INFO = mt5.AccountInfo.of(
    login=7, server="Demo", trade_mode=mt5.ACCOUNT_TRADE_MODE_DEMO, leverage=100,
    balance=50_000.0, equity=50_000.0, currency="USD", trade_allowed=True,
)  # fmt: skip


def buy(
    symbol: str = "EURUSD", price: int = 110_010, stop: int = 109_900, target: int = 110_200
) -> ev.OrderIntent:
    """An order to buy, in the engine's units."""
    terms = ev.OrderTerms(
        signal_id="s:1", strategy_id="test", symbol=symbol, action=ev.OPEN, side=Side.LONG,
        reason="TEST", price=price, stop_loss=stop, take_profit=target,
    )  # fmt: skip
    return ev.OrderIntent(order_id=1, terms=terms)


class Tape:
    """A terminal whose ticks are written by the test; `lag` ticks are missing in its history."""

    def __init__(self) -> None:
        self.ticks: list[tuple[int, float]] = []
        self.info = INFO
        self.lag = 0
        self.sent: list[Any] = []
        self.until: list[int] = []

    def tick(self, moment: int, bid: float) -> None:
        self.ticks.append((BEGIN + moment, bid))

    def symbol_info_tick(self, symbol: str) -> Any:
        assert symbol == NAME
        moment, bid = self.ticks[-1]
        return mt5.MqlTick.of(time=moment // 1000, time_msc=moment, bid=bid, ask=bid + 0.0001)

    def copy_rates_from_pos(self, *_asked: Any) -> Any:
        return np.zeros(0, dtype=mt5.rates_dtype())

    def copy_ticks_range(self, symbol: str, start: int, end: int, flags: int) -> Any:
        assert (symbol, flags) == (NAME, mt5.COPY_TICKS_ALL)
        self.until.append(end)
        known = self.ticks[: len(self.ticks) - self.lag]
        found = [(time, bid) for time, bid in known if start <= time // 1000 <= end]
        answer = np.zeros(len(found), dtype=mt5.ticks_dtype())
        answer["time_msc"] = [time for time, _ in found]
        answer["bid"] = [bid for _, bid in found]
        answer["ask"] = [bid + 0.0001 for _, bid in found]
        return answer

    def terminal_info(self) -> Any:
        return mt5.TerminalInfo.of(connected=True)  # AutoTrading is off: nothing is sent

    def symbol_info(self, symbol: str) -> Any:
        assert symbol == NAME
        return mt5.SymbolInfo.of(trade_mode=mt5.SYMBOL_TRADE_MODE_FULL)

    def account_info(self) -> mt5.AccountInfo:
        return self.info

    def last_error(self) -> tuple[int, str]:
        return (mt5.RES_S_OK, "")

    def order_send(self, request: Any) -> Any:
        self.sent.append(request)


def dry_run(spec: SymbolSpec, books: Path) -> DryRun:
    """A dry run whose symbol has another name at the real terminal."""
    instrument = Instrument(spec, NAME, mt5.ORDER_FILLING_FOK)
    requests = Requests(
        {spec.name: instrument}, magic=26, tag="ab", deviation=10, to_server=lambda ms: ms // 1000
    )
    return DryRun([instrument], requests, INFO, books)


class Desk:
    """A dry run over a tape."""

    def __init__(self, books: Path) -> None:
        self.tape: Any = Tape()
        self.books = books
        self.begin()

    def begin(self) -> None:
        """Begin, or begin again as after a crash."""
        self.dry = dry_run(EURUSD, self.books)
        self.bids: list[int] = []
        quote = self.dry.account.quote

        def noted(symbol: str, bid: int, ask: int, now: int) -> None:
            self.bids.append(bid)
            quote(symbol, bid, ask, now)

        self.dry.account.quote = noted  # type: ignore[method-assign]

    def fetch_snapshot(self) -> Any:
        request = BarRequest(NAME, self.tape.ticks[-1][0] // 1000 // 900 * 900)
        return self.dry.observe(self.tape, [request], SnapshotQuery()).snapshot

    def buy(self) -> ExecutionResult:
        return self.dry.execute(self.tape, buy(), 5_000)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "books.json")
    made.tape.tick(0, 1.1)
    made.fetch_snapshot()
    return made


class TestTicks:
    def test_a_stop_between_two_looks_is_hit_although_no_look_saw_its_price(
        self, desk: Desk
    ) -> None:
        desk.buy()
        for moment, bid in ((100, 1.1), (200, 1.0989), (300, 1.1)):
            desk.tape.tick(moment, bid)
        assert desk.fetch_snapshot().positions == ()
        assert desk.dry.account.deals[-1].reason == mt5.DEAL_REASON_SL

    @given(
        ticks=st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1, max_size=40
        )
    )
    def test_every_tick_is_matched_once_and_in_order(
        self, ticks: list[tuple[int, int, bool]], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Also when ticks share a millisecond and when the history lags behind the last tick."""
        desk = Desk(tmp_path_factory.mktemp("dry") / "books.json")
        desk.tape.tick(0, 1.1)
        desk.fetch_snapshot()
        moment = 0
        for number, (later, lag, looks) in enumerate(ticks, 1):
            moment += later
            desk.tape.tick(moment, (110_000 + number) / 1e5)
            if looks:
                desk.tape.lag = min(lag, number)
                desk.fetch_snapshot()
        desk.tape.lag = 0
        desk.tape.tick(moment + 1, 1.2)
        desk.fetch_snapshot()
        assert desk.bids == [*range(110_000, 110_001 + len(ticks)), 120_000]

    def test_ticks_are_asked_for_up_to_a_day_past_the_servers_clock(self, desk: Desk) -> None:
        desk.tape.tick(100_000, 1.1)
        desk.fetch_snapshot()
        assert desk.tape.until == [BEGIN // 1000 + 100 + 86_400]

    def test_no_date_beyond_what_the_package_takes_is_asked_for(self, desk: Desk) -> None:
        """On 2038-01-18, 12:00, less than a day of the package's dates is left."""
        desk.tape.tick(2_147_428_800_000 - BEGIN, 1.1)
        desk.fetch_snapshot()
        assert desk.tape.until == [2_147_483_647]

    def test_a_tick_without_a_price_is_passed_over(self, desk: Desk) -> None:
        desk.tape.tick(100, 0.0)
        desk.tape.tick(200, 1.1001)
        desk.fetch_snapshot()
        assert desk.bids == [110_000, 110_010]

    def test_a_history_that_cannot_be_had_is_a_failed_look(self, desk: Desk) -> None:
        desk.tape.copy_ticks_range = lambda *_asked: None
        desk.tape.tick(100, 1.2)
        with pytest.raises(SnapshotFailed, match="copy_ticks_range"):
            desk.fetch_snapshot()


class TestBooks:
    def test_nothing_is_sent_and_the_fill_is_that_of_the_tick(self, desk: Desk) -> None:
        result = desk.buy()
        assert result.outcome is VenueOutcome.EXECUTED
        assert [deal.price for deal in result.deals] == [110_010]
        assert desk.tape.sent == []

    def test_a_symbol_with_a_suffix_is_ours_in_the_books(self, desk: Desk) -> None:
        desk.buy()
        (position,) = desk.fetch_snapshot().positions
        assert position.symbol == position.traded == "EURUSD"

    def test_they_begin_with_the_real_accounts_balance(self, desk: Desk) -> None:
        assert desk.fetch_snapshot().account.balance == 5_000_000

    def test_they_survive_a_restart(self, desk: Desk) -> None:
        desk.buy()
        before = desk.fetch_snapshot()
        desk.begin()
        after = desk.fetch_snapshot()
        assert after.positions == before.positions
        assert after.account == before.account

    def test_a_stop_that_was_reached_while_nobody_looked_is_hit(self, desk: Desk) -> None:
        desk.buy()
        desk.tape.tick(100, 1.1002)
        desk.fetch_snapshot()
        for moment, bid in ((3_600_000, 1.0989), (3_700_000, 1.1)):
            desk.tape.tick(moment, bid)
        desk.begin()
        assert desk.fetch_snapshot().positions == ()
        assert desk.dry.account.deals[-1].reason == mt5.DEAL_REASON_SL

    def test_damaged_books_are_refused(self, desk: Desk) -> None:
        desk.books.write_text("{")
        with pytest.raises(ValueError, match=r"books\.json"):
            desk.begin()

    def test_the_books_of_another_account_are_refused(self, desk: Desk) -> None:
        desk.buy()
        written = msgspec.json.decode(desk.books.read_bytes())
        desk.books.write_bytes(msgspec.json.encode({**written, "login": 8}))
        with pytest.raises(ValueError, match="account 8"):
            desk.begin()

    def test_another_account_in_the_terminal_is_a_failed_look(self, desk: Desk) -> None:
        desk.tape.info = INFO._with(login=8)
        with pytest.raises(SnapshotFailed, match="8"):
            desk.fetch_snapshot()


class CrossTape(Tape):
    """A terminal that reckons EURGBP in dollars, at `pound` dollars a pound."""

    pound: float | None = 1.25

    def order_calc_profit(
        self, kind: int, _name: str, volume: float, opened: float, closed: float
    ) -> float | None:
        if self.pound is None:
            return None
        moved = closed - opened if kind == mt5.ORDER_TYPE_BUY else opened - closed
        return round(moved * volume * 100_000 * self.pound, 2)

    def order_calc_margin(self, _kind: int, _name: str, volume: float, _price: float) -> float:
        return volume * 1_075.0


class TestCross:
    """The paper account converts as the real terminal says."""

    GAP = BarRequest(NAME, BEGIN // 1000 // 900 * 900, EURGBP)

    @pytest.fixture
    def cross(self, tmp_path: Path) -> Desk:
        made = Desk(tmp_path / "books.json")
        made.tape = CrossTape()
        made.tape.tick(0, 0.86)
        self.begin(made)
        self.look(made)
        made.dry.execute(made.tape, buy("EURGBP", 86_010, 85_000, 0), 10_000)
        return made

    def begin(self, desk: Desk) -> None:
        desk.dry = dry_run(EURGBP, desk.books)

    def look(self, desk: Desk) -> Any:
        return desk.dry.observe(desk.tape, [self.GAP], SnapshotQuery()).snapshot

    def test_profits_are_the_real_terminals(self, cross: Desk) -> None:
        """Bought at 0.86010: at 0.86110 a lot earns 100.00 GBP, less 2.50 USD of commission."""
        cross.tape.tick(100, 0.8611)
        assert self.look(cross).account.equity == 5_012_250
        cross.tape.pound = 1.30
        assert self.look(cross).account.equity == 5_012_750

    def test_after_a_restart_the_rate_is_asked_for_before_anything_is_shown(
        self, cross: Desk
    ) -> None:
        before = self.look(cross)
        self.begin(cross)
        after = cross.dry.fetch_snapshot(cross.tape, SnapshotQuery())
        assert (after.account, after.positions) == (before.account, before.positions)

    def test_what_nobody_can_convert_is_a_failed_look(self, cross: Desk) -> None:
        self.begin(cross)
        cross.tape.pound = None
        with pytest.raises(SnapshotFailed, match="order_calc_profit"):
            cross.dry.fetch_snapshot(cross.tape, SnapshotQuery())

    def test_the_last_rate_stands_while_the_terminal_cannot_tell(self, cross: Desk) -> None:
        cross.tape.tick(100, 0.8611)
        cross.tape.pound = None
        assert self.look(cross).account.equity == 5_012_250


class TestRecordedBars:
    """Four ticks stand for a bar: open, extremes, close."""

    LENGTH = 900
    OPEN, STOP = 110_000, 109_900
    TICKS = tuple(
        PaperTick(bid, bid + 10, BEGIN + moment)
        for moment, bid in (
            (0, OPEN), (225_000, 109_800), (450_000, 110_050), (899_999, 110_020),
        )
    )  # fmt: skip

    def exit_price(self, pace: MarketPace | None, ticks: tuple[PaperTick, ...], split: int) -> int:
        account = account_at_ticks(BEGIN - 1)
        account.quote("EURUSD", self.OPEN, self.OPEN + 10, BEGIN)
        deal = account.open("EURUSD", Side.LONG, 5_000, self.STOP, 0, 26, "")
        player = TickPlayer(account, "EURUSD", pace=pace, seconds=self.LENGTH)
        player.play(ticks[:split])
        player.play(ticks[split:])
        assert deal.position not in account.positions
        assert account.bids["EURUSD"] == ticks[-1].bid
        return account.deals[-1].price

    @pytest.mark.parametrize("split", range(5))
    def test_a_stop_is_filled_at_its_price_and_not_at_the_bars_extreme(self, split: int) -> None:
        assert self.exit_price(MarketPace.TICKS, self.TICKS, split) == self.STOP

    def test_whole_bars_are_matched_as_in_a_replay(self) -> None:
        assert self.exit_price(MarketPace.BARS, self.TICKS, 1) == self.STOP

    def test_real_ticks_fill_at_the_tick_that_passed_the_stop(self) -> None:
        assert self.exit_price(None, self.TICKS, 1) == 109_800

    @pytest.mark.parametrize("pace", list(MarketPace))
    def test_a_gap_between_two_bars_fills_at_the_opening(self, pace: MarketPace) -> None:
        opening = PaperTick(109_700, 109_710, BEGIN + self.LENGTH * 1000)
        rest = tuple(
            PaperTick(bid, bid + 10, opening.moment + moment)
            for moment, bid in ((225_000, 109_690), (450_000, 109_720), (899_999, 109_710))
        )
        calm = (self.TICKS[0], PaperTick(110_010, 110_020, BEGIN + 899_999))
        assert self.exit_price(pace, (*calm, opening, *rest), 2) == 109_700


def test_the_specs_of_the_books_are_those_of_the_session(tmp_path: Path) -> None:
    """An order for a symbol that is not traded cannot reach the paper account."""
    dry = Desk(tmp_path / "books.json").dry
    assert set(dry.account.specs) == {"EURUSD"} < set(SPECS)
    with pytest.raises(KeyError):
        dry.execute(Tape(), buy("GBPUSD"), 5_000)  # type: ignore[arg-type]

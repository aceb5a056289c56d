"""The ledger's figures against a plain model that lives through the account day by day."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.account.history import AccountNow, DealType, HistoryDeal, OpenPosition, PriceBar
from engine.fields import LedgerFigures, LedgerOutcome
from engine.types import Cents, Millis
from risk.ledger.fold import fold
from risk.ledger.inputs import Carried, ChallengeStatement, FirmRules, PastBars
from tests.ledger_cases import exit_of
from tests.ledger_history import FTMO, MAGIC, ONE_STEP, THE5ERS, History, at, stated

START = at("06-14 22:00")  # midnight in Prague
DAY = 86_400_000
HOUR = 3_600_000

TRADES = st.lists(
    st.tuples(
        st.integers(0, 6),  # day of entry
        st.integers(1, 23 * 60),  # minute of entry
        st.integers(1, 3 * 24 * 60),  # minutes held
        st.integers(-90_000, 90_000),  # cents
        st.sampled_from([0, MAGIC]),
    ),
    min_size=1,
    max_size=12,
)
PAYMENTS = st.lists(
    st.tuples(st.integers(0, 7 * 24 * 60), st.integers(-200_000, 200_000)), max_size=3
)
Trade = tuple[int, int, int, int, int]


def lived_through(trades: list[Trade], payments: list[tuple[int, int]]) -> History:
    """An account of 100,000 whose trades overlap as they come; entries cost 3.50."""
    events: list[tuple[Millis, int, tuple[int, ...]]] = []
    for number, (day, minute, held, cents, magic) in enumerate(trades):
        begun = START + day * DAY + minute * 60_000
        events.append((begun, 1, (number, magic)))
        events.append((begun + held * 60_000, 2, (number, cents)))
    first = min(moment for moment, _, _ in events)
    events += [(first + 1 + minute * 60_000, 0, (cents,)) for minute, cents in payments if cents]
    history = History()
    history.book(START + 1, DealType.BALANCE, 100_000.0)
    positions: dict[int, int] = {}
    for moment, kind, detail in sorted(events):
        if kind == 0:
            history.book(moment, DealType.BALANCE, detail[0] / 100)
        elif kind == 1:
            positions[detail[0]] = history.enter(moment, magic=detail[1], commission=-3.5)
        else:
            history.leave(moment, positions[detail[0]], detail[1] / 100)
    return history


class Model:
    """Lives through the deals in order and remembers what a trader would write down."""

    def __init__(self, history: History, now: Millis) -> None:
        self.today = (now - START) // DAY
        self.balance: Cents = 0
        self.starts: dict[int, Cents] = {}
        self.closed: dict[int, Cents] = {}
        self.paid: dict[int, Cents] = {}
        self.opened: dict[int, int] = {}
        self.first: int | None = None
        self._day = 0
        for deal in history.deals:
            day = (deal.time_msc - START) // DAY
            self._turn_to(day)
            self._take(deal.trade, deal.entry == 0, day, round(deal.profit * 100),
                       round(deal.commission * 100))  # fmt: skip
        self._turn_to(self.today)

    def _turn_to(self, day: int) -> None:
        while self._day < day:
            self._day += 1
            self.starts[self._day] = self.balance

    def _take(self, trade: bool, entry: bool, day: int, profit: Cents, commission: Cents) -> None:
        self.balance += profit + commission
        if trade:
            self.first = day if self.first is None else self.first
            self.closed[day] = self.closed.get(day, 0) + profit + commission
            self.opened[day] = self.opened.get(day, 0) + entry
        elif self.first is not None:
            self.paid[day] = self.paid.get(day, 0) + profit

    def high(self) -> Cents:
        best, paid = 10_000_000, 0
        for day in range((self.first or 0) + 1, self.today + 1):
            paid += self.paid.get(day - 1, 0)
            best = max(best, self.starts[day] - max(0, paid))
        return best


def noon_after(history: History) -> Millis:
    last = history.deals[-1].time_msc
    return last + DAY - (last - START) % DAY + DAY // 2


def figures_of(history: History, now: Millis) -> LedgerFigures:
    report = history.report(now, ONE_STEP, statement=stated(rules="ftmo_1step"))
    assert report.figures.initial is not None, report.findings
    return report.figures


def compared(figures: LedgerFigures, model: Model) -> None:
    today = model.today
    paid = sum(model.paid.values())
    start = 10_000_000 if model.first == today else model.starts[today]
    assert figures.day_start == start
    assert figures.closed_today == model.closed.get(today, 0)
    assert figures.transfers == paid
    assert figures.trading_days == sum(count > 0 for count in model.opened.values())
    assert figures.positions_today == model.opened.get(today, 0)
    assert figures.best_day == max(0, *model.closed.values(), 0)
    assert figures.good_days == sum(max(0, profit) for profit in model.closed.values())
    assert figures.high_water == model.high()
    assert figures.floor_today == start - 300_000 + max(0, model.paid.get(today, 0))
    assert figures.floor_overall == model.high() - 1_000_000 + max(0, paid)


def without_resets(history: History) -> bool:
    """Whether no payment happens to set the balance back to 100,000: that is another story."""
    balance = 0
    for deal in history.deals:
        balance += round(deal.profit * 100) + round(deal.commission * 100)
        if not deal.trade and deal.ticket > history.deals[0].ticket and balance == 10_000_000:
            return False
    return True


@given(TRADES, PAYMENTS)
def test_the_figures_are_those_of_somebody_who_lived_through_the_account(
    trades: list[Trade], payments: list[tuple[int, int]]
) -> None:
    """Folding backward gives what adding up forward gives, today and on a later day."""
    history = lived_through(trades, payments)
    if without_resets(history):
        for now in (history.deals[-1].time_msc, noon_after(history)):
            compared(figures_of(history, now), Model(history, now))


@given(TRADES, PAYMENTS, st.data())
def test_a_history_told_in_two_parts_is_the_history_told_at_once(
    trades: list[Trade], payments: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Sessions end anywhere: what one stored and the next one read give the same standing."""
    history = lived_through(trades, payments)
    now = noon_after(history)
    whole = history.inputs(now, FTMO, statement=stated(accept_transfers=True))
    split = data.draw(st.integers(0, len(history.deals)))
    again = data.draw(st.integers(0, split))
    since = history.deals[again].time_msc if again < len(history.deals) else 0
    told = msgspec.structs.replace(
        whole,
        stored=tuple(history.deals[:split]),
        deals=tuple(deal for deal in history.deals if deal.time_msc >= since),
        told_since=since,
    )
    assert fold(told) == fold(whole)


@given(TRADES, st.data())
def test_what_is_missing_at_the_beginning_changes_nothing_of_today(
    trades: list[Trade], data: st.DataObject
) -> None:
    """The balance is folded backward: a cut history gives the same day start, floors and target."""
    history = lived_through(trades, [])
    now = noon_after(history)
    whole = history.report(now, statement=stated()).figures
    cut = data.draw(st.integers(1, len(history.deals)))
    before = sum(
        round(deal.profit * 100) + round(deal.commission * 100) for deal in history.deals[:cut]
    )
    late = History(opening=before)
    late.deals = history.deals[cut:]
    report = late.report(now, statement=stated(started="05-04 00:00"), stored_opening=before)
    assert report.codes[0].severity > 0, report.findings
    for name in ("day_start", "floor_today", "closed_today", "target", "transfers", "date"):
        assert getattr(report.figures, name) == getattr(whole, name), name


@given(TRADES, st.data())
def test_a_history_told_late_never_lets_an_order_out_before_it_adds_up(
    trades: list[Trade], data: st.DataObject
) -> None:
    """A read that lacks the newest deals is refused until they come, once the account is known."""
    history = lived_through(trades, [])
    lacking = data.draw(st.integers(1, len(history.deals) - 1))
    missing = history.deals[-lacking:]
    whole = history.inputs(noon_after(history), FTMO, stored_opening=0)
    stale = fold(msgspec.structs.replace(whole, deals=whole.deals[:-lacking]))
    changed = sum(round(deal.profit * 100) + round(deal.commission * 100) for deal in missing)
    if changed or any(deal.trade for deal in missing[-1:]):
        assert exit_of(stale) in (0, 4)
    if changed:
        assert exit_of(stale) == 4
    assert exit_of(fold(whole)) in (0, 2)


@given(st.integers(-10_000_000, 10_000_000), st.integers(0, 500))
def test_the_floor_is_the_higher_one_and_the_target_is_never_below_its_share(
    cents: int, hundreds: int
) -> None:
    """Limits round up: never a cent more to lose than the percentage gives."""
    initial = 1_000_00 + hundreds * 100_00
    history = History()
    history.book(START + 1, DealType.BALANCE, initial / 100)
    position = history.enter(START + HOUR)
    profit = max(cents, -initial + 1) / 100
    history.leave(START + 2 * HOUR, position, profit)
    figures = history.report(START + 3 * HOUR).figures
    assert figures.floor_today is not None
    assert figures.floor_overall is not None
    assert figures.floor == max(figures.floor_today, figures.floor_overall)
    assert (initial - figures.floor_overall) * 10_000 <= initial * 1_000
    assert figures.target is not None
    assert (figures.target - initial) * 10_000 >= initial * 1_000


ANY_DEAL = st.builds(
    HistoryDeal,
    ticket=st.integers(1, 40),
    time_msc=st.integers(START, START + 5 * DAY),
    type=st.integers(0, 17),
    entry=st.integers(0, 3),
    order=st.integers(0, 40),
    magic=st.sampled_from([0, MAGIC]),
    position_id=st.integers(0, 4),
    reason=st.integers(0, 9),
    volume=st.sampled_from([0.0, 0.01, 1.0]),
    price=st.just(1.1),
    commission=st.sampled_from([0.0, -3.5]),
    profit=st.sampled_from([0.0, 100.0, -100_000.0, 100_000.0, 0.125]),
    symbol=st.sampled_from(["EURUSD", "GBPUSD"]),
)
ANY_POSITION = st.builds(
    OpenPosition,
    identifier=st.integers(0, 4),
    time_msc=st.integers(START - DAY, START + 5 * DAY),
    type=st.integers(0, 1),
    volume=st.sampled_from([0.01, 1.0]),
    price_open=st.just(1.1),
    symbol=st.just("EURUSD"),
)
ANY_STATEMENT = st.none() | st.builds(
    ChallengeStatement,
    rules=st.sampled_from(["ftmo_2step", "ftmo_1step"]),
    initial=st.none() | st.sampled_from([10_000_000, 1]),
    started=st.none() | st.integers(START - DAY, START + 6 * DAY),
    phase=st.none() | st.sampled_from(["challenge", "final"]),
    accept_transfers=st.booleans(),
    carried=st.none() | st.builds(Carried, as_of=st.integers(START - DAY, START + 5 * DAY)),
)
WIDE = PastBars(
    minutes=1440,
    by_symbol={
        symbol: [
            PriceBar(time=(START + number * DAY) // 1000, open=1.1, high=1.2, low=1.0, close=1.1)
            for number in range(-1, 7)
        ]
        for symbol in ("EURUSD", "GBPUSD")
    },
    points={"EURUSD": Decimal("0.00001"), "GBPUSD": Decimal("0.00001")},
    profit=lambda _, volume, opened, price: (price - opened) * volume / 1000,
)


@given(
    st.lists(ANY_DEAL, max_size=14),
    st.lists(ANY_POSITION, max_size=3, unique_by=lambda held: held.identifier),
    ANY_STATEMENT,
    st.none() | st.sampled_from([0, 10_000_000]),
    st.sampled_from([None, FTMO, ONE_STEP, THE5ERS]),
    st.none() | st.just(WIDE),
    st.integers(-(10**7), 10**8),
)
def test_whatever_a_terminal_tells_there_is_a_verdict(
    deals: list[HistoryDeal],
    positions: list[OpenPosition],
    statement: ChallengeStatement | None,
    opening: int | None,
    firm: FirmRules | None,
    bars: PastBars | None,
    balance: int,
) -> None:
    """No history breaks the fold, and no figure is told that nothing supports."""
    report = History().report(
        START + 5 * DAY + HOUR,
        firm,
        account=AccountNow(balance=balance, equity=balance),
        deals=tuple(deals),
        positions=tuple(positions),
        statement=statement,
        stored_opening=opening,
        bars=bars,
    )
    figures = report.figures
    assert exit_of(report) in (0, 2, 4)
    if exit_of(report) == 4 or firm is None:
        assert figures.floor is None
    elif figures.floor is not None:
        assert figures.floor_today is not None
        assert figures.floor_overall is not None
        assert figures.floor == max(figures.floor_today, figures.floor_overall)
        assert figures.initial is not None
    if report.outcome is LedgerOutcome.OK:
        assert figures.past is None or figures.past.startswith("clean")

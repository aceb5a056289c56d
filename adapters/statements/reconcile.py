"""A statement against what we hold: the ledger's deals, or a session's trades. Pure.

Each row is matched once: by its ticket; else by symbol, side, volume, time and price, the nearest
time first; capital by amount and time. A row with two equally good partners is ambiguous and never
guessed. Rows outside the period that both sides cover are counted, and are no differences.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import islice

import msgspec

from adapters.statements.shape import (
    DealKind,
    Statement,
    StatementDeal,
    StatementKind,
    StatementPosition,
)

_NEAR = 2_000
_CAPITAL_NEAR = 60_000
_HALF_HOUR = 1_800_000

Row = StatementDeal | StatementPosition


class Tolerance(msgspec.Struct, frozen=True, kw_only=True):
    """What still counts as equal: points of the price, cents, milliseconds."""

    price_points: int = 0
    money: int = 0
    time: int = 1_000


class Ours(msgspec.Struct, frozen=True, kw_only=True):
    """Our side: deals of an account, with position ids, from `since` to `until` (server ms).

    `opening` is the balance before the first deal, where it is known.
    """

    deals: tuple[StatementDeal, ...]
    since: int | None = None
    until: int | None = None
    opening: int | None = None


class StatementDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a matched pair that differs; for money, `cents` is theirs less ours."""

    row: int
    ticket: int
    field: str
    ours: str
    theirs: str
    cents: int | None = None


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found. `shift` is how far the statement's clock is ahead, in ms.

    `currency` is the account's, empty where the statement does not name it.
    """

    since: int | None
    until: int | None
    shift: int
    matched: int
    outside_ours: int
    outside_theirs: int
    only_statement: tuple[Row, ...]
    only_ours: tuple[Row, ...]
    differs: tuple[StatementDifference, ...]
    ambiguous: tuple[Row, ...]
    sums: dict[str, tuple[int, int]]
    opening: tuple[int | None, int | None]
    closing: tuple[int | None, int | None]
    explained: tuple[str, ...]
    currency: str = ""

    @property
    def equal(self) -> bool:
        """Whether both sides agree within the tolerances; not where nothing could be compared."""
        if not self.matched and (self.outside_ours or self.outside_theirs):
            return False
        return not (self.only_statement or self.only_ours or self.differs or self.ambiguous)


class _MatchedPairs(msgspec.Struct):
    pairs: list[tuple[Row, Row]]
    ours: list[Row]
    theirs: list[Row]
    ambiguous: list[Row]


def reconcile(
    ours: Ours,
    statement: Statement,
    tolerance: Tolerance | None = None,
    symbols: Mapping[str, str] | None = None,
) -> Reconciliation:
    """Compare a statement with our side; `symbols` are the broker's names by ours."""
    tolerance = tolerance or Tolerance()
    names = {theirs: mine for mine, theirs in (symbols or {}).items()}
    left: list[Row]
    right: list[Row]
    if statement.deals:
        left, right = list(ours.deals), list(statement.deals)
    else:
        left, right = list(positions_of(ours.deals)), list(statement.positions)
    by_ticket = statement.kind is not StatementKind.STRATEGY_TESTER
    shift = _shift(left, right) if by_ticket else 0
    since, until = _period(ours, statement, left, right, shift)
    found = _matched(left, right, shift, names, by_ticket=by_ticket)
    differs = [
        item
        for mine, theirs in found.pairs
        for item in _differences(mine, theirs, shift, tolerance)
    ]
    only_ours = [row for row in found.ours if _within(_time(row), since, until)]
    only_theirs = [row for row in found.theirs if _within(_time(row) - shift, since, until)]
    return Reconciliation(
        since=since,
        until=until,
        shift=shift,
        matched=len(found.pairs),
        outside_ours=len(found.ours) - len(only_ours),
        outside_theirs=len(found.theirs) - len(only_theirs),
        only_statement=tuple(only_theirs),
        only_ours=tuple(only_ours),
        differs=tuple(differs),
        ambiguous=tuple(found.ambiguous),
        sums=_sums(
            [*(mine for mine, _ in found.pairs), *only_ours],
            [*(theirs for _, theirs in found.pairs), *only_theirs],
        ),
        opening=(ours.opening, statement.opening),
        closing=(
            None if ours.opening is None else ours.opening + sum(d.net for d in ours.deals),
            statement.closing,
        ),
        explained=_explained(statement, ours, shift, compared=bool(found.pairs)),
        currency=statement.account.currency or "",
    )


def positions_of(deals: Sequence[StatementDeal]) -> list[StatementPosition]:
    """Closed positions from deals that name theirs, by the time of their close.

    Prices are averages by volume; commissions and fees of both sides are one figure.
    """
    grouped: defaultdict[int, list[StatementDeal]] = defaultdict(list)
    for deal in deals:
        if deal.kind is DealKind.TRADE and deal.position:
            grouped[deal.position].append(deal)
    made = [_position(position, rows) for position, rows in grouped.items()]
    return sorted((one for one in made if one is not None), key=lambda one: one.closed or 0)


def _position(position: int, deals: list[StatementDeal]) -> StatementPosition | None:
    entries = [deal for deal in deals if deal.entry == "in"]
    exits = [deal for deal in deals if deal.entry in ("out", "out by")]
    volume = sum(deal.volume for deal in entries)
    if not entries or volume != sum(deal.volume for deal in exits):
        return None
    return StatementPosition(
        ticket=position,
        symbol=entries[0].symbol,
        side=entries[0].side,
        volume=volume,
        opened=entries[0].time,
        open_price=_average(entries),
        closed=exits[-1].time,
        close_price=_average(exits),
        commission=sum(deal.commission + deal.fee for deal in deals),
        swap=sum(deal.swap for deal in deals),
        profit=sum(deal.profit for deal in deals),
    )


def _average(deals: Sequence[StatementDeal]) -> Decimal | None:
    prices = {deal.price for deal in deals}
    if len(prices) == 1:
        return deals[0].price
    if None in prices:
        return None
    total = sum((deal.price or Decimal(0)) * deal.volume for deal in deals)
    return Decimal(repr(float(total / sum(deal.volume for deal in deals))))


# --- the period and the clock ---


def _time(row: Row) -> int:
    return row.time if isinstance(row, StatementDeal) else row.closed or row.opened


def _within(at: int, since: int | None, until: int | None) -> bool:
    return (since is None or at >= since) and (until is None or at <= until)


def _shift(left: Sequence[Row], right: Sequence[Row]) -> int:
    """How far the statement's clock is ahead: whole half hours, the same for every ticket."""
    times = {row.ticket: _time(row) for row in left}
    offsets = Counter(_time(row) - times[row.ticket] for row in right if row.ticket in times)
    if len(offsets) == 1:
        (offset,) = offsets
        if offset and offset % _HALF_HOUR == 0:
            return offset
    return 0


def _period(
    ours: Ours, statement: Statement, left: list[Row], right: list[Row], shift: int
) -> tuple[int | None, int | None]:
    """The time that both sides cover, by our clock."""
    mine, theirs = [_time(row) for row in left], [_time(row) - shift for row in right]
    made = None if statement.made is None else statement.made - shift
    starts = [ours.since if ours.since is not None else min(mine, default=None)]
    starts.append(min(theirs, default=None))
    ends = [ours.until if ours.until is not None else max(mine, default=None)]
    ends.append(max(theirs, default=None) if made is None else max([made, *theirs]))
    known_starts = [at for at in starts if at is not None]
    known_ends = [at for at in ends if at is not None]
    return max(known_starts, default=None), min(known_ends, default=None)


# --- matching ---


def _matched(
    left: list[Row],
    right: list[Row],
    shift: int,
    names: Mapping[str, str],
    *,
    by_ticket: bool,
) -> _MatchedPairs:
    found = _MatchedPairs([], left, right, [])
    if by_ticket:
        _match_by_tickets(found)
    _match_by_terms(found, shift, _NEAR, lambda a, b: _same_trade(a, b, names))
    _match_by_terms(found, shift, _CAPITAL_NEAR, _same_capital)
    return found


def _match_by_tickets(found: _MatchedPairs) -> None:
    tickets = {row.ticket: row for row in found.ours}
    theirs, used = [], set()
    for row in found.theirs:
        partner = tickets.get(row.ticket)
        if partner is None or row.ticket in used:
            theirs.append(row)
        else:
            used.add(row.ticket)
            found.pairs.append((partner, row))
    found.theirs = theirs
    found.ours = [row for row in found.ours if row.ticket not in used]


def _match_by_terms(
    found: _MatchedPairs, shift: int, reach: int, same: Callable[[Row, Row], bool]
) -> None:
    """Pair what is left, the nearest times first; equally near partners are ambiguous."""
    near = _near(found, shift, reach, same)
    by_end: defaultdict[tuple[str, int], list[tuple[int, int, int]]] = defaultdict(list)
    for distance, place, other in near:
        by_end["theirs", place].append((distance, place, other))
        by_end["ours", other].append((distance, place, other))
    used_theirs: set[int] = set()
    used_ours: set[int] = set()
    unsure: set[int] = set()
    for distance, place, other in near:
        if place in used_theirs or other in used_ours or place in unsure:
            continue
        rivals = [
            (a, b)
            for d, a, b in by_end["theirs", place] + by_end["ours", other]
            if d == distance
            and (a, b) != (place, other)
            and a not in used_theirs
            and b not in used_ours
        ]
        if rivals:
            unsure.update((place, *(a for a, _ in rivals)))
            continue
        used_theirs.add(place)
        used_ours.add(other)
        found.pairs.append((found.ours[other], found.theirs[place]))
    partners = {other for _, place, other in near if place in unsure}
    _keep_rest(found, used_theirs, unsure, used_ours | partners)


def _keep_rest(
    found: _MatchedPairs, used_theirs: set[int], unsure: set[int], used_ours: set[int]
) -> None:
    gone = used_theirs | unsure
    found.ambiguous += [found.theirs[place] for place in sorted(unsure)]
    found.theirs = [row for place, row in enumerate(found.theirs) if place not in gone]
    found.ours = [row for place, row in enumerate(found.ours) if place not in used_ours]


def _near(
    found: _MatchedPairs, shift: int, reach: int, same: Callable[[Row, Row], bool]
) -> list[tuple[int, int, int]]:
    """Possible pairs within reach: distance in time, place of theirs, place of ours."""
    ordered = sorted((_opened(row), place) for place, row in enumerate(found.ours))
    near = []
    for place, theirs in enumerate(found.theirs):
        at = _opened(theirs) - shift
        first = bisect_left(ordered, (at - reach, 0))
        for time, other in islice(ordered, first, bisect_left(ordered, (at + reach + 1, 0))):
            if same(found.ours[other], theirs):
                near.append((abs(time - at), place, other))
    return sorted(near)


def _opened(row: Row) -> int:
    return row.time if isinstance(row, StatementDeal) else row.opened


def _same_trade(mine: Row, theirs: Row, names: Mapping[str, str]) -> bool:
    if isinstance(mine, StatementDeal) and isinstance(theirs, StatementDeal):
        if mine.kind is not DealKind.TRADE or theirs.kind is not DealKind.TRADE:
            return False
        if mine.entry and theirs.entry and mine.entry != theirs.entry:
            return False
        price, other = mine.price, theirs.price
    elif isinstance(mine, StatementPosition) and isinstance(theirs, StatementPosition):
        price, other = mine.open_price, theirs.open_price
    else:
        return False
    return (
        _same_symbol(mine.symbol, theirs.symbol, names)
        and (mine.side is None or theirs.side is None or mine.side == theirs.side)
        and mine.volume == theirs.volume
        and price is not None
        and other is not None
        and abs(price - other) <= _point(price, other)
    )


def _same_symbol(mine: str, theirs: str, names: Mapping[str, str]) -> bool:
    """Through the profile's names; a suffix after a point is the broker's."""
    return (
        names.get(theirs, theirs) == mine
        or names.get(mine, mine) == names.get(theirs, theirs)
        or mine.partition(".")[0] == theirs.partition(".")[0]
    )


def _same_capital(mine: Row, theirs: Row) -> bool:
    return (
        isinstance(mine, StatementDeal)
        and isinstance(theirs, StatementDeal)
        and mine.kind is not DealKind.TRADE
        and theirs.kind is not DealKind.TRADE
        and mine.profit == theirs.profit
    )


def _point(*prices: Decimal) -> Decimal:
    """One point: the last decimal of the more precise price."""
    exponents = [price.as_tuple().exponent for price in prices]
    return Decimal(1).scaleb(min(0, *(one for one in exponents if isinstance(one, int))))


# --- comparing ---

_MONEY = ("commission", "fee", "swap", "profit")


def _differences(
    mine: Row, theirs: Row, shift: int, tolerance: Tolerance
) -> list[StatementDifference]:
    """The fields in which a pair differs."""
    found = []
    for name in _MONEY:
        own, other = getattr(mine, name, None), getattr(theirs, name, None)
        if own is not None and other is not None and abs(own - other) > tolerance.money:
            found.append(_difference(theirs, name, _amount(own), _amount(other), other - own))
    for name in ("price", "open_price", "close_price"):
        own, other = getattr(mine, name, None), getattr(theirs, name, None)
        if own is None or other is None:
            continue
        if abs(own - other) > tolerance.price_points * _point(own, other):
            found.append(_difference(theirs, name, str(own), str(other)))
    for name in ("time", "opened", "closed"):
        own, other = getattr(mine, name, None), getattr(theirs, name, None)
        if own is not None and other is not None and abs(other - shift - own) > tolerance.time:
            found.append(_difference(theirs, name, str(own), str(other - shift)))
    for name in ("volume", "side"):
        own, other = getattr(mine, name), getattr(theirs, name)
        if own is not None and other is not None and own != other:
            found.append(_difference(theirs, name, str(own), str(other)))
    return found


def _difference(
    row: Row, field: str, ours: str, theirs: str, cents: int | None = None
) -> StatementDifference:
    return StatementDifference(
        row=row.row, ticket=row.ticket, field=field, ours=ours, theirs=theirs, cents=cents
    )


def _amount(cents: int) -> str:
    return f"{Decimal(cents).scaleb(-2):.2f}"


def _sums(left: Sequence[Row], right: Sequence[Row]) -> dict[str, tuple[int, int]]:
    return {
        name: (
            sum(getattr(row, name, 0) for row in left),
            sum(getattr(row, name, 0) for row in right),
        )
        for name in (*_MONEY, "net")
    }


def _explained(statement: Statement, ours: Ours, shift: int, *, compared: bool) -> tuple[str, ...]:
    """Sentences on what is known to differ without anything being wrong."""
    lines: list[str] = []
    if not compared:
        lines.append("no row of the statement has a partner: another account, or another time?")
    if not (statement.deals or statement.positions):
        lines = ["the statement holds no deal and no closed position"]
    if shift:
        lines.append(f"the statement's clock is {shift / 3_600_000:+g} h from the ledger's")
    first = statement.deals[0].time if statement.deals else 0
    if older := sum(one.opened < first for one in statement.positions):
        plural = "" if older == 1 else "s"
        lines.append(f"{older} exit{plural} without entry: the statement begins later")
    if statement.breaks:
        lines.append(
            f"{len(statement.breaks)} rows of the statement whose balance is not the running sum "
            f"(the first is row {statement.breaks[0]})"
        )
    mine, theirs = ours.opening, statement.opening
    if mine is not None and theirs is not None and mine != theirs:
        told = f"{_amount(theirs - mine)} {statement.account.currency or ''}".strip()
        lines.append(f"the statement opens {told} apart from the ledger")
    return tuple(lines)

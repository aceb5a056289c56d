"""Which clock an account's server follows, as far as one look can tell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from engine.types import ClockName, Millis
from risk.ledger.inputs import ClockRule
from signals.market_data.clocks import SERVER_CLOCKS, is_clock, server_of, utc_of

_FRESH = 120
"""Seconds by which a tick may be older than now to tell the server's offset."""

Clock = tuple[ClockRule, ...]


def named_rule(name: ClockName, since: Millis = 0) -> ClockRule:
    """A known clock as the ledger reads it."""
    return ClockRule(since=since, to_utc=partial(_utc, name), to_server=partial(server_of, name))


def _utc(name: ClockName, server: int) -> int:
    """A time that the server's clock showed; one of before 1970 in UTC is taken as its beginning.

    A paper account is founded at 0 by its server's clock.
    """
    return max(0, utc_of(name, server))


def standing_still(server: int, now: Millis) -> Clock:
    """The clock of a market that stands still: what it last showed (seconds) is now."""
    ahead = server - now // 1000
    return (
        ClockRule(
            since=0,
            to_utc=lambda seconds: seconds - ahead,
            to_server=lambda seconds: seconds + ahead,
        ),
    )


def fitting(tick: int, now: Millis) -> tuple[ClockName, ...]:
    """The clocks that a tick of this time (server's seconds) fits; none where it is an old one."""
    utc = now // 1000
    return tuple(name for name in SERVER_CLOCKS if abs(server_of(name, utc) - tick) <= _FRESH)


def candidates(
    tick: int, now: Millis, known: Sequence[tuple[Millis, str]]
) -> list[tuple[str, Clock]]:
    """The clocks that the history may be read by: those of a fresh tick, else the one known.

    Never none: with neither, every clock that a server may have.
    """
    known = [(since, name) for since, name in known if is_clock(name)]
    before = tuple(named_rule(name, since) for since, name in known)
    fits = fitting(tick, now)
    if known and (not fits or known[-1][1] in fits):
        return [(known[-1][1], before)]
    since = now if before else 0
    return [(name, (*before, named_rule(name, since))) for name in fits or SERVER_CLOCKS]

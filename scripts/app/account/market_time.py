"""The time of a paper account: that to which its market has come, where a session played one."""

from __future__ import annotations

from adapters.state.store import AccountStore
from engine.types import ClockName, Millis
from risk.ledger.inputs import ClockRule
from scripts.app.account.books import AccountBooks
from scripts.app.account.clocks import named_rule
from signals.market_data.clocks import is_clock

SHADOW = "shadow"
"""The mode of sessions that play a market of recorded bars on the paper account."""


async def played_until(
    books: AccountBooks, server: Millis | None
) -> tuple[Millis, ClockRule] | None:
    """The moment (ms UTC) of a played market whose server shows `server`, and how that is read.

    None where no market was played last: the account's market stands still, now is its time.
    """
    played = await books.run(_played_clock)
    if server is None or played is None:
        return None
    rule = named_rule(played)
    return rule.to_utc(server // 1000) * 1000 + server % 1000, rule


def _played_clock(store: AccountStore) -> ClockName | None:
    """The clock of the market that the last session played; None where it looked at one that
    stands still."""
    last = next((row for row in store.sessions() if not row.dry), None)
    clock = [name for _, name in store.clock() if is_clock(name)]
    return clock[-1] if clock and last is not None and last.mode == SHADOW else None

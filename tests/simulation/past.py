"""What an account lived through before the simulated session: trades, payments, other hands."""

from __future__ import annotations

from random import Random

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.records import PaperDeal
from engine.types import ClockName, Millis
from scripts.app.sessions.replay import MAGIC
from signals.market_data.clocks import server_of

_DAY: Millis = 86_400_000
_LEAST_APART: Millis = 60_000
_LONGEST_DAYS = 6
_MOST_TRADES = 4
_LARGEST_RESULT = 20_000
_LARGEST_PAYMENT = 300_000
_PAYS = 0.15
_CLOCK: ClockName = "new-york+7"
_TICKETS = 900_000
"""Where the past's orders and positions begin, so that none of the session's is taken for one."""


def live_through(rng: Random, account: PaperAccount, now: Millis) -> None:
    """Put some days before `now` (ms UTC) into the account's books.

    The last trades may be of the day on which the session begins, its first hours included.
    """
    deals = list(account.deals)
    for day in range(rng.choice((0, 0, 1, _LONGEST_DAYS)), -1, -1):
        begin = now - day * _DAY - rng.randrange(2, 20) * 3_600_000
        for _ in range(rng.randrange(_MOST_TRADES) if day or rng.random() < 0.5 else 0):
            begin += rng.randrange(_LEAST_APART, 20 * _LEAST_APART)
            if begin < now - 3 * _LEAST_APART:
                deals += _happened(rng, len(deals), begin)
    account.take_over(deals, [], [], [])


def _shown(at: Millis) -> Millis:
    """What the server's clock shows."""
    return server_of(_CLOCK, at // 1000) * 1000 + at % 1000


def _happened(rng: Random, count: int, at: Millis) -> list[PaperDeal]:
    """A trade of ours or of another hand, or, once there was one, a payment."""
    if count > 1 and rng.random() < _PAYS:
        paid = rng.randint(-_LARGEST_PAYMENT, _LARGEST_PAYMENT) or 1
        return [PaperDeal(count + 1, 0, 0, _shown(at), mt5.DEAL_TYPE_BALANCE, 0, 0, profit=paid)]
    magic = rng.choice((MAGIC, MAGIC, 0, 7))
    ticket = _TICKETS + count
    result = rng.randint(-_LARGEST_RESULT, _LARGEST_RESULT)
    opened = PaperDeal(
        count + 1, ticket, ticket, _shown(at), mt5.DEAL_TYPE_BUY, mt5.DEAL_ENTRY_IN, 0, "EURUSD",
        10_000, 110_000, 0, -250, 0, magic, "",
    )  # fmt: skip
    closed = PaperDeal(
        count + 2, ticket + 1, ticket, _shown(at + rng.randrange(_LEAST_APART)),
        mt5.DEAL_TYPE_SELL, mt5.DEAL_ENTRY_OUT, 0, "EURUSD", 10_000, 110_000 + result // 100,
        result, -250, rng.choice((0, 0, -35)), magic, "",
    )  # fmt: skip
    return [opened, closed]

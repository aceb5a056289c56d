"""The MetaTrader5 functions over a paper account: the package's names, results and return codes.

The execution adapter talks to a `PaperTerminal` as it would to the package. What moves prices and
time is not here: whoever plays the market does that on `account`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.charts import BarSource, Recorded
from adapters.paper.terminal.history import HistoryFunctions
from adapters.paper.terminal.info import AccountFunctions
from adapters.paper.terminal.orders import OrderFunctions
from adapters.paper.terminal.rates import RateFunctions
from adapters.paper.terminal.rules import AccountTerms


class _StillBars:
    """Bars as they were once."""

    def __init__(self, seen: Mapping[str, Recorded | None]) -> None:
        self._seen = seen

    def recorded(self, symbol: str) -> Recorded | None:
        return self._seen.get(symbol)


class PaperTerminal(AccountFunctions, RateFunctions, HistoryFunctions, OrderFunctions):
    """A terminal with the whole surface of the package over one demo account.

    `terms` say whose account it is and how its symbols may be traded; without them it is the demo
    account `login` on `server`. `bars` are what `copy_rates_*` and `copy_ticks_*` show. A terminal
    that is not `attached` must be initialized first. Functions raise nothing, but for the
    SystemError that the package raises for a negative magic or position.
    """

    def __init__(
        self,
        account: PaperAccount,
        *,
        login: int = 1,
        server: str = "Paper-Demo",
        terms: AccountTerms | None = None,
        bars: BarSource | None = None,
        attached: bool = True,
    ) -> None:
        terms = terms or AccountTerms(login=login, server=server)
        super().__init__(account, terms, bars=bars, attached=attached)

    def still(self) -> PaperTerminal:
        """A terminal that goes on showing the account, prices and bars of this moment."""
        account = self.account
        shared: dict[int, Any] = {id(spec): spec for spec in account.specs.values()}
        seen = {symbol: self._bars.recorded(symbol) for symbol in account.specs if self._bars}
        copied = PaperTerminal(deepcopy(account, shared), terms=self.terms, bars=_StillBars(seen))
        copied.conditions, copied.attached = self.conditions, self.attached
        return copied

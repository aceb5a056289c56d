"""How the package's functions are called and how they fail, for the paper terminal's.

A function that fails returns its failure value, and `last_error` tells why; where the package
raises TypeError or SystemError, so does it (see `arguments`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from math import isfinite
from typing import Any, Final, TypeVar, cast

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.arguments import Failure as Failure
from adapters.paper.terminal.arguments import Unconvertible, is_long, reader_of
from adapters.paper.terminal.arguments import invalid as invalid
from adapters.paper.terminal.rules import USUAL, AccountTerms, Conditions, SymbolRules
from engine.types import SymbolSpec

SUCCESS: Final = (mt5.RES_S_OK, "Success")
_NEVER_CALLED: Final = (0, "")

F = TypeVar("F", bound=Callable[..., Any])


def invalid_params() -> Failure:
    """A value that the package takes and the terminal does not."""
    return Failure(mt5.RES_E_INVALID_PARAMS, "Terminal: Invalid params")


def not_found() -> Failure:
    return Failure(mt5.RES_E_NOT_FOUND, "Terminal: Not found")


class Surface:
    """What all groups of functions share: the account, the conditions, the last error.

    A terminal that is not `attached` has no connection: only `initialize` works.
    """

    def __init__(
        self, account: PaperAccount, terms: AccountTerms, *, attached: bool = True
    ) -> None:
        self.account = account
        self.terms = terms
        self.conditions = Conditions(
            hidden={name for name, rules in terms.rules.items() if not rules.selected}
        )
        self.attached = attached
        self.error = SUCCESS if attached else _NEVER_CALLED

    def last_error(self) -> tuple[int, str]:
        """Code and text of the last call: (1, "Success") unless it failed."""
        return self.error

    def _spec(self, symbol: Any) -> SymbolSpec:
        if not isinstance(symbol, str) or len(symbol) > mt5.SYMBOL_MAX_CHARS:
            raise invalid("symbol")
        spec = self.account.specs.get(symbol)
        if spec is None:
            raise not_found()
        return spec

    def _rules(self, symbol: str) -> SymbolRules:
        return self.terms.rules.get(symbol, USUAL)


def function(method: F) -> F:
    """Make `method` behave as the package's function of its name when called wrongly or failing.

    Raises TypeError and SystemError where the package does.
    """
    contract = mt5.FUNCTIONS[method.__name__]
    read = reader_of(contract.name)
    attaches = contract.name == "initialize"

    @wraps(method)
    def call(self: Surface, *args: Any, **kwargs: Any) -> Any:
        result, raises = None, False
        try:
            raises = read(args, kwargs)
            self.error = SUCCESS
            if not self.attached and not attaches:
                raise Failure(mt5.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")
            result = method(self, *args, **kwargs)
        except Failure as failure:
            self.error = failure.error
            result = contract.failure if failure.value is None else failure.value
        except Unconvertible as error:
            self.error, raises = error.error, True
        if raises:
            raise SystemError(
                f"<built-in function {contract.name}> returned a result with an exception set"
            )
        return result

    return cast(F, call)


def whole(value: Any, name: str) -> int:
    """An argument that must be an int."""
    if not isinstance(value, int):
        raise invalid(name)
    return value


def text(value: Any, name: str, longest: int = 1 << 30) -> str:
    """An argument that must be text of at most `longest` characters."""
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(name)
    return value


def seconds(moment: int | float | datetime) -> int:
    """A date in seconds; a naive datetime is of the machine's own zone.

    What is no C long, or no number, is read as the earliest date.
    """
    date = moment.timestamp() // 1 if isinstance(moment, datetime) else moment
    if not isfinite(date) or not is_long(int(date)):
        return mt5.EARLIEST_DATE
    return int(date)


def group_filter(group: str) -> Callable[[str], bool]:
    """Whether a symbol belongs to `group`: masks with ``*``, comma-separated, taken in order.

    A mask that begins with ``!`` takes symbols out again.
    """
    masks = [mask.strip() for mask in group.split(",")]
    rules = [
        (not mask.startswith("!"), re.compile(re.escape(mask.lstrip("!")).replace(r"\*", ".*")))
        for mask in masks
        if mask
    ]

    def belongs(symbol: str) -> bool:
        chosen = False
        for takes_in, pattern in rules:
            if pattern.fullmatch(symbol):
                chosen = takes_in
        return chosen

    return belongs

"""How the package's functions are called and how they fail, for the paper terminal's.

A function that fails raises nothing: it returns its failure value and `last_error` tells why. Only
a date that is too large raises SystemError, as in the package.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Final, TypeVar, cast

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.contract import Call
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.rules import USUAL, AccountTerms, Conditions, SymbolRules
from engine.types import SymbolSpec

SUCCESS: Final = (mt5.RES_S_OK, "Success")
_NEVER_CALLED: Final = (0, "")

F = TypeVar("F", bound=Callable[..., Any])


class Failure(Exception):
    """Ends a function of the terminal: it returns `value`, the function's failure value if None."""

    def __init__(self, code: int, text: str, value: Any = None) -> None:
        super().__init__(code, text)
        self.error = (code, text)
        self.value = value


class BeyondLong(OverflowError):
    """A date that the package reads as a C long and that is none: it raises SystemError."""

    def __init__(self) -> None:
        super().__init__("Python int too large to convert to C long")


def invalid(name: str) -> Failure:
    """An argument that the package does not take."""
    return Failure(mt5.RES_E_INVALID_PARAMS, f'Invalid "{name}" argument')


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

    Raises SystemError where the package does.
    """
    contract = mt5.FUNCTIONS[method.__name__]
    least, most = _arity(method)
    free = contract.call in (Call.KEYWORD, Call.DATES, Call.REQUEST, Call.MIXED)
    attaches = method.__name__ == "initialize"

    @wraps(method)
    def call(self: Surface, *args: Any, **kwargs: Any) -> Any:
        self.error = SUCCESS
        try:
            if (kwargs and not free) or not least <= len(args) <= most:
                raise Failure(mt5.RES_E_INVALID_PARAMS, "Invalid arguments")
            if not self.attached and not attaches:
                raise Failure(mt5.RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection")
            return method(self, *args, **kwargs)
        except Failure as failure:
            self.error = failure.error
            return contract.failure if failure.value is None else failure.value
        except BeyondLong as error:
            said = f"<built-in function {contract.name}> returned a result with an exception set"
            raise SystemError(said) from error

    return cast(F, call)


def _arity(method: Callable[..., Any]) -> tuple[int, int]:
    """The least and greatest number of arguments by position."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    if any(item.kind is item.VAR_POSITIONAL for item in parameters):
        return 0, 1 << 30
    placed = [item for item in parameters if item.kind in (0, 1)]
    return sum(item.default is item.empty for item in placed), len(placed)


def whole(value: Any, name: str) -> int:
    """An argument that must be an int."""
    if not isinstance(value, int):
        raise invalid(name)
    return value


def real(value: Any, name: str) -> float:
    """An argument that must be a number."""
    if not isinstance(value, int | float):
        raise invalid(name)
    return float(value)


def text(value: Any, name: str, longest: int = 1 << 30) -> str:
    """An argument that must be text of at most `longest` characters."""
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(name)
    return value


def seconds(moment: Any, name: str) -> int:
    """A date as an int or datetime, in seconds; a naive datetime is of the machine's own zone.

    Raises BeyondLong for an int that is no C long; such a datetime is read as the earliest date.
    """
    if isinstance(moment, datetime):
        date = int(moment.timestamp() // 1)
        return date if _is_long(date) else mt5.EARLIEST_DATE
    if not _is_long(whole(moment, name)):
        raise BeyondLong
    return int(moment)


def _is_long(date: int) -> bool:
    return mt5.EARLIEST_DATE <= date <= mt5.LATEST_DATE


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

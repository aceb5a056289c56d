"""Conditions over parameters, such as ``sma_fast < sma_slow``: compared names and numbers only."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

import msgspec

from scripts.app.errors import WrongUsage

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, ">": operator.gt,
}  # fmt: skip
_TOKEN = re.compile(r"\s*(<=|>=|==|!=|<|>|-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?|[A-Za-z_][\w.]*)")
_NUMBER = re.compile(r"-?[0-9]")


class Condition(msgspec.Struct, frozen=True):
    """A chain of comparisons, each operand a name or a number: ``10 < fast < slow``."""

    text: str
    operands: tuple[str | float, ...]
    operators: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that it is about."""
        return tuple(item for item in self.operands if isinstance(item, str))

    def holds(self, values: Mapping[str, object]) -> bool:
        """Whether it holds for these values; raises WrongUsage for one that is no number."""
        numbers = [self._number(item, values) for item in self.operands]
        pairs = zip(numbers, self.operators, numbers[1:], strict=False)
        return all(_OPERATORS[sign](left, right) for left, sign, right in pairs)

    def _number(self, operand: str | float, values: Mapping[str, object]) -> float:
        found = values.get(operand) if isinstance(operand, str) else operand
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise WrongUsage(f"--where {self.text!r}: {operand} is {found!r}, which is no number")
        return found


def conditions(texts: list[str]) -> tuple[Condition, ...]:
    """Each condition; `and` joins several in one text. Raises WrongUsage."""
    parts = [part for text in texts for part in re.split(r"\s+and\s+", text)]
    return tuple(_condition(part) for part in parts)


def _condition(text: str) -> Condition:
    tokens, place = [], 0
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        if found is None:
            raise _unreadable(text)
        tokens.append(found[1])
        place = found.end()
    operands, signs = tokens[::2], tokens[1::2]
    wrong = any(item in _OPERATORS for item in operands) or not set(signs) <= set(_OPERATORS)
    if wrong or len(operands) != len(signs) + 1 or not signs:
        raise _unreadable(text)
    read = tuple(float(item) if _NUMBER.match(item) else item for item in operands)
    return Condition(text.strip(), read, tuple(signs))


def _unreadable(text: str) -> WrongUsage:
    return WrongUsage(
        f"--where {text!r}: compare names and numbers with {' '.join(_OPERATORS)}, such as "
        "'sma_fast < sma_slow'"
    )

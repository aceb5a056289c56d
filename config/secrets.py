"""A password that can be carried about but not shown by accident."""

from __future__ import annotations

import hmac
from typing import NoReturn, final

_SHOWN = "(set, hidden)"


@final
class Secret:
    """Holds a text that no printing, formatting, logging or encoding reveals.

    Only `reveal` gives it back. Equality takes constant time; there is no hash, because a hash
    kept somewhere would invite guessing. Pickling and JSON or MessagePack encoding are refused.
    """

    __slots__ = ("_text",)
    _text: str
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            # Not the value nor its repr: it may be the password read as a number.
            raise TypeError(f"a secret must be text, not {type(text).__name__}")
        object.__setattr__(self, "_text", text)

    def reveal(self) -> str:
        """The text itself, for the one call that logs in with it."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._text), _bytes(other._text))

    def __str__(self) -> str:
        return _SHOWN if self._text else "(empty)"

    def __repr__(self) -> str:
        return f"Secret{self}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret has no state to hand out")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

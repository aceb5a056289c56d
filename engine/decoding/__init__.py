"""What bytes and plain values are read as: each type is made ready by one thread at a time.

msgspec (0.22) notes what it knows of a Struct on the class while it still gathers it, and other
threads may run in between. One of them that reads the same type just then follows what is not
there yet, and the process ends with a segmentation fault: a session, or the page's server, with
no word said. So whatever is read as a type of ours is read through this module; a test holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import RLock
from typing import Any, TypeVar, overload

import msgspec

_T = TypeVar("_T")

_making = RLock()
"""Held while msgspec learns types. A type that is ready needs it no more."""


class JsonDecoder:
    """What reads JSON as one kind."""

    __slots__ = ("_decode",)

    def __init__(self, kind: Any) -> None:
        with _making:
            self._decode = msgspec.json.Decoder(kind).decode

    def decode(self, content: bytes | str) -> Any:
        """What `content` says; raises msgspec.DecodeError for whatever it is otherwise.

        msgspec alone raises two more kinds of error: for a text that is no UTF-8 and for nesting
        without end.
        """
        try:
            return self._decode(content)
        except UnicodeError as error:
            # Nothing of the text is quoted: it may be a secret.
            raise msgspec.DecodeError("a text in it is not UTF-8") from error
        except RecursionError as error:
            raise msgspec.DecodeError("it is nested too deeply") from error


@cache
def json_decoder(kind: Any) -> JsonDecoder:
    """What reads JSON as a `kind`, of a module's own types: it is kept for the process's life."""
    return JsonDecoder(kind)


def msgpack_decoder(kind: type[_T]) -> msgspec.msgpack.Decoder[_T]:
    """What reads MessagePack as a `kind`."""
    with _making:
        return msgspec.msgpack.Decoder(kind)


@overload
def from_json(content: bytes | str, kind: type[_T]) -> _T: ...
@overload
def from_json(content: bytes | str, kind: Any) -> Any: ...
def from_json(content: bytes | str, kind: Any) -> Any:
    """What the JSON `content` says, as a `kind` of a module's own types.

    Raises msgspec.DecodeError, of which ValidationError is one, for whatever it is otherwise.
    """
    return json_decoder(kind).decode(content)


def converted(value: Any, kind: type[_T], dec_hook: Callable[[type, Any], Any] | None = None) -> _T:
    """A plain value as a `kind`, which may be a strategy's own; raises msgspec.ValidationError.

    `dec_hook` makes the values of types that msgspec does not know.
    """
    with _making:  # a strategy's type is not kept: it goes with the strategy
        msgspec.json.Decoder(kind, dec_hook=dec_hook)
    return msgspec.convert(value, kind, dec_hook=dec_hook)

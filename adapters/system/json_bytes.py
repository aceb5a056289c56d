"""JSON from outside (another process, a file that anybody may have touched), decoded safely."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from engine.decoding import from_json

T = TypeVar("T")


def decoded(content: bytes, kind: type[T]) -> T:
    """What `content` says, as a `kind`; raises msgspec.DecodeError for whatever it is otherwise.

    msgspec alone raises two more kinds of error: for a text that is no UTF-8 and for nesting
    that is too deep.
    """
    try:
        return from_json(content, kind)
    except UnicodeDecodeError as error:
        # Nothing of the text is quoted: it may be a secret.
        raise msgspec.DecodeError("a text in it is not UTF-8") from error
    except RecursionError as error:
        raise msgspec.DecodeError("it is nested too deeply") from error

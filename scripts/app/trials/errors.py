"""What a replay in memory fails with, as the one line that the user sees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.bars.errors import BarFileError
from engine.bus import HandlerFailed
from scripts.app.errors import AppError, BadData, InternalFault
from signals.failure import StrategyFailed


@contextmanager
def explained_replay() -> Iterator[None]:
    """Turn a failed replay in memory into an AppError; nothing of it is on disk."""
    try:
        yield
    except BarFileError as error:
        raise BadData(str(error)) from error
    except StrategyFailed as error:
        raise InternalFault(str(error)) from error
    except HandlerFailed as error:
        raise _of_an_actor(error) from error


def _of_an_actor(error: HandlerFailed) -> AppError:
    cause = error.__cause__
    if isinstance(cause, StrategyFailed):
        return InternalFault(str(cause))
    return InternalFault(f"internal error: {cause!r} in {error.handler}")

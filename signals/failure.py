"""What a strategy's own code did wrong, told by its file and line."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Collection
from typing import Final

from engine.bus import ActorFailed

FROM_OUTSIDE: Final = BaseException
"""What a strategy's code may end with: `sys.exit()` in it is a failure like any other.

Nothing is awaited in it, so that no cancelling of ours can come from there. Whoever catches it asks
`failed` or `message_of`, which let the user's Ctrl+C pass.
"""


_FIXED: Final = "is read-only"
"""How NumPy ends what it says of an array that is written to all the same."""


class StrategyFailed(ActorFailed):
    """Raised when a strategy's own code fails; names the strategy, the symbol, file and line.

    `own_traceback` has the lines of the strategy's code alone, without values.
    """

    def __init__(self, message: str, own_traceback: str = "") -> None:
        super().__init__(message)
        self.own_traceback = own_traceback


def failed(
    strategy_id: str,
    symbol: str,
    error: BaseException,
    callers: Collection[str],
    asked: object = None,
) -> StrategyFailed:
    """The failure of code that the files `callers` called; `asked` is what answered wrongly where
    no line of it is to blame. Raises the user's Ctrl+C again.
    """
    said = message_of(error)
    if isinstance(error, ValueError) and said.endswith(_FIXED):
        said += ": bars cannot be written to, work on a copy of the column"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename not in callers]
    places = [_place(frame.filename, frame.lineno, frame.name) for frame in own]
    if not places and (place := _defined(asked)):
        places = [place]
    where = f" ({' < '.join(reversed(places[-4:]))})" if places else ""
    what = "sys.exit() was called" if isinstance(error, SystemExit) else said
    return StrategyFailed(
        f"strategy {strategy_id} failed on {symbol}: {what}{where}",
        "".join(traceback.format_list(own)) + "".join(traceback.format_exception_only(error)),
    )


def message_of(error: BaseException) -> str:
    """Kind and message of what a strategy's code ended with, whose own code makes the message.

    Raises the user's Ctrl+C again.
    """
    if is_the_users(error):
        raise error
    kind = type(error).__name__
    try:
        return f"{kind}: {error}"
    except FROM_OUTSIDE as failing:
        if is_the_users(failing):
            raise
        return f"{kind} (its message cannot be made: {type(failing).__name__})"


def is_the_users(error: BaseException) -> bool:
    """Whether it is Ctrl+C: while a session hears that itself, the strategy's code raised it."""
    interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return isinstance(error, KeyboardInterrupt) and interrupts


def _defined(asked: object) -> str:
    """Where a function, or a strategy's `on_bar`, is defined."""
    code = getattr(getattr(asked, "on_bar", asked), "__code__", None)
    if code is None:
        return ""
    return _place(code.co_filename, code.co_firstlineno, code.co_name)


def _place(filename: str, line: int | None, name: str) -> str:
    return f"{filename.replace(chr(92), '/').rpartition('/')[2]}:{line} in {name}"

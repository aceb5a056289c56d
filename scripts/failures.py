"""What a session's failure means to the user: one line, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.files.errors import BarFileError
from adapters.mt5.errors import LinkDown, LookFailed, TerminalError, UnsuitableAccount
from engine.bus import HandlerFailed
from engine.journal import JournalFailed
from engine.recovery import ClockSteppedBack
from engine.session import SinkFailed
from scripts.cli import CommandFailed, Exit
from scripts.folders import SessionFolder
from signals.strategy import StrategyFailed

_BEFORE_IT_BEGAN = {UnsuitableAccount: Exit.TERMINAL, ClockSteppedBack: Exit.USAGE}


@contextmanager
def explained(folder: SessionFolder) -> Iterator[None]:
    """Turn a failed session into the one line that says what happened and what is safe."""
    kept = f"everything up to then is in {folder.path}"
    try:
        yield
    except BarFileError as error:
        raise CommandFailed(f"{error}; the session stopped, {kept}", Exit.DATA) from error
    except JournalFailed as error:
        raise _unwritable(error, kept) from error
    except SinkFailed as error:
        raise CommandFailed(
            f"{error}; the session stopped, its journal is whole: "
            f"'butler journal export {folder.session_id}' writes the files again",
            Exit.USAGE,
        ) from error
    except (TerminalError, LinkDown, LookFailed) as error:
        raise CommandFailed(
            f"{error}; the session stopped, {kept}: look at the terminal for open positions",
            Exit.TERMINAL,
        ) from error
    except (UnsuitableAccount, ClockSteppedBack) as error:
        raise CommandFailed(str(error), _BEFORE_IT_BEGAN[type(error)]) from error
    except StrategyFailed as error:
        raise CommandFailed(str(error), Exit.INTERNAL) from error
    except HandlerFailed as error:
        # An actor published something, and the journal could not take it.
        if isinstance(error.__cause__, JournalFailed):
            raise _unwritable(error.__cause__, kept) from error
        if isinstance(error.__cause__, StrategyFailed):
            raise CommandFailed(
                f"{error.__cause__}; the session stopped, {kept}", Exit.INTERNAL
            ) from error
        raise CommandFailed(
            f"internal error: {error.__cause__!r} in {error.handler}; the session stopped, {kept}",
            Exit.INTERNAL,
        ) from error


def _unwritable(error: JournalFailed, kept: str) -> CommandFailed:
    return CommandFailed(
        f"the journal cannot be written ({error}); the session stopped, {kept}", Exit.USAGE
    )

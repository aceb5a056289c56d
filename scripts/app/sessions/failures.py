"""What a session's failure means to the user: one line that says what is safe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.bars.errors import BarFileError
from adapters.mt5.api.errors import (
    ArgumentsRefused,
    LinkDown,
    SnapshotFailed,
    TerminalError,
    UnsuitableAccount,
)
from adapters.services.last_cause import FAILED
from adapters.services.logs import SessionLog
from engine.bus import HandlerFailed
from engine.journal import JournalFailed
from engine.session import ClockSteppedBack, SinkFailed
from scripts.app.errors import (
    AppError,
    BadData,
    InternalFault,
    Unreachable,
    UnsuitableProfile,
    WrongUsage,
)
from scripts.app.session_folder import JOURNAL, SessionFolder
from signals.failure import StrategyFailed


@contextmanager
def explained(folder: SessionFolder, log: SessionLog | None = None) -> Iterator[None]:
    """Turn a failed session into the one line that says what happened and what is safe.

    `log` gets it too, once there is a session, and a strategy's own traceback.
    """
    try:
        with _explained(folder, log):
            yield
    except AppError as error:
        if log is not None and (folder.path / JOURNAL).is_file():
            log.info(FAILED, why=str(error))
        raise


@contextmanager
def _explained(folder: SessionFolder, log: SessionLog | None) -> Iterator[None]:
    kept = f"everything up to then is in {folder.path}"
    try:
        yield
    except BarFileError as error:
        raise BadData(f"{error}; the session stopped, {kept}") from error
    except JournalFailed as error:
        raise _unwritable(error, kept) from error
    except SinkFailed as error:
        raise WrongUsage(
            f"{error}; the session stopped, its journal is whole: "
            f"'butler journal export {folder.session_id}' writes the files again"
        ) from error
    except (TerminalError, LinkDown, SnapshotFailed) as error:
        raise Unreachable(
            f"{error}; the session stopped, {kept}: look at the terminal for open positions"
        ) from error
    except ArgumentsRefused as error:
        raise InternalFault(
            f"internal error: the MetaTrader5 package does not take {error}; the session stopped, "
            f"{kept}: look at the terminal for open positions"
        ) from error
    except UnsuitableAccount as error:
        raise UnsuitableProfile(str(error)) from error
    except ClockSteppedBack as error:
        raise WrongUsage(str(error)) from error
    except StrategyFailed as error:
        _note(error, log)
        raise InternalFault(str(error)) from error
    except HandlerFailed as error:
        raise _of_an_actor(error, kept, log) from error


def _note(error: StrategyFailed, log: SessionLog | None) -> None:
    if log is not None:
        log.info("the strategy failed", why=str(error), traceback=error.own_traceback)


def _of_an_actor(error: HandlerFailed, kept: str, log: SessionLog | None) -> AppError:
    cause = error.__cause__
    if isinstance(cause, JournalFailed):  # it published something that could not be written
        return _unwritable(cause, kept)
    if isinstance(cause, StrategyFailed):
        _note(cause, log)
        return InternalFault(f"{cause}; the session stopped, {kept}")
    return InternalFault(
        f"internal error: {cause!r} in {error.handler}; the session stopped, {kept}"
    )


def _unwritable(error: JournalFailed, kept: str) -> AppError:
    return WrongUsage(f"the journal cannot be written ({error}); the session stopped, {kept}")

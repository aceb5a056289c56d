"""Where a session's files are."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import secrets
import shutil
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.app.errors import AppError, BadData, WrongUsage

SIMULATED = "execution_sim"
THROUGH_MT5 = "mt5_demo_exec"
# Interned, as the parts of paths are: looked for again and again, the name is not made anew.
JOURNAL = sys.intern("journal.sqlite")
HEARTBEAT = sys.intern("heartbeat.json")
LOG = "log.jsonl"

_SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows


@dataclass(frozen=True)
class SessionFolder:
    """The session's own folder and the fixed names that show the latest run of its kind."""

    results: Path
    session_id: str
    kind: str

    @property
    def path(self) -> Path:
        return self.results / "sessions" / self.session_id

    @property
    def named(self) -> str:
        """How commands name the session: by its id, outside the usual folder of results by path."""
        if self.results.absolute() == results_folder(None).absolute():
            return self.session_id
        path = str(self.path)
        return f'"{path}"' if " " in path else path

    @property
    def journal(self) -> Path:
        return self.path / JOURNAL

    @property
    def event_log(self) -> Path:
        return self.path / f"{self.kind}_log.csv"

    @property
    def summary(self) -> Path:
        return self.path / f"{self.kind}_summary.json"

    @property
    def trades(self) -> Path:
        return self.path / f"{self.kind}_trades.csv"

    @property
    def equity(self) -> Path:
        return self.path / f"{self.kind}_equity.csv"

    @property
    def report(self) -> Path:
        """The page, where one was asked for."""
        return self.path / f"{self.kind}_report.html"

    @property
    def configuration(self) -> Path:
        return self.path / "config.json"

    @property
    def paper_account(self) -> Path:
        """The books of the built-in paper account, as far as the session sends orders to it."""
        return self.path / "paper_account.json"

    @property
    def paper_market(self) -> Path:
        """How far the paper account's market has come while a dry run only looks at it."""
        return self.path / "paper_market.json"

    @property
    def log(self) -> Path:
        return self.path / LOG

    @property
    def latest_event_log(self) -> Path:
        return self.results / self.event_log.name

    @property
    def latest_summary(self) -> Path:
        return self.results / self.summary.name

    @property
    def latest_trades(self) -> Path:
        return self.results / self.trades.name

    @property
    def latest_equity(self) -> Path:
        return self.results / self.equity.name

    @property
    def latest_report(self) -> Path:
        return self.results / self.report.name

    def discard_if_empty(self) -> None:
        """Take the folder away again after a start that failed before anything was in it."""
        with contextlib.suppress(OSError):  # something is in it, or it is gone
            self.path.rmdir()

    def discard(self) -> None:
        """Take the folder away with what was made for a session that then did not begin."""
        shutil.rmtree(self.path, ignore_errors=True)

    def create(self) -> None:
        """Make the folder; raises AppError when it exists or cannot be written to."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir()
        except FileExistsError:
            raise WrongUsage(
                f"--session-id {self.session_id}: this session exists already in {self.path}; "
                "choose another id (nothing was overwritten)"
            ) from None
        except OSError as error:
            raise _not_writable(self.results, error) from error
        if not os.access(self.results, os.W_OK):
            raise _not_writable(self.results, PermissionError(13, "Permission denied"))


def _not_writable(folder: Path, error: OSError) -> AppError:
    return WrongUsage(
        f"{folder}: cannot write results here ({error.strerror}); "
        "make the folder writable or choose another with --results-dir"
    )


def names_session(text: str) -> bool:
    """Whether a session may have this name: a folder of any system, and no way out of it."""
    return bool(_SESSION_ID.fullmatch(text)) and not _RESERVED.fullmatch(text)


def checked_session_id(text: str) -> str:
    """A new session's id, which is a safe folder name; raises AppError otherwise.

    One that ends in a dot is another session's on Windows, which leaves that dot out.
    """
    if not names_session(text) or text.endswith("."):
        raise WrongUsage(
            f"--session-id {text!r}: use 1 to 64 letters, digits, dots, hyphens and underscores, "
            "the first a letter or digit, the last no dot, and no name of a device on Windows "
            "such as CON or COM1"
        )
    return text


def session_tag(session_id: str) -> str:
    """Six characters that tell this session's orders from another's."""
    return f"{tag_number(session_id):06x}"


def tag_number(session_id: str) -> int:
    """The same as a number."""
    return zlib.crc32(session_id.encode()) & 0xFFFFFF


def find_journal(results: Path, session: str) -> Path:
    """The journal of a session given by id or by path, of its folder or of the journal itself.

    Raises AppError when there is none.
    """
    for folder in (results / "sessions" / session, Path(session)):
        if (folder / JOURNAL).is_file():
            return folder / JOURNAL
    if Path(session).is_file():
        return Path(session)
    raise BadData(
        f"session {session}: no journal in {results / 'sessions'}; "
        "give the id of a session there or the path of its folder"
    )


def kind_of(metadata: dict[str, Any] | None) -> str:
    """What kind of run a session is, by what its first record says about it."""
    return THROUGH_MT5 if (metadata or {}).get("account_profile") else SIMULATED


PROJECT_ROOT = Path(__file__).resolve().parents[2]


def home() -> Path:
    """The folder of `results/`: the checkout that this file is in, else the working directory.

    Commands started from elsewhere (a task scheduler, say) thus write where they always do.
    """
    return PROJECT_ROOT if (PROJECT_ROOT / "pyproject.toml").is_file() else Path.cwd()


def results_folder(given: Path | None) -> Path:
    """The folder of all results: the one that was given, else `results/` at home."""
    return given if given is not None else home() / "results"


def session_folder(results: Path | None, session_id: str | None, kind: str) -> SessionFolder:
    """The folder of a new session, not yet made; its id is made from the time if none is given."""
    if session_id is None:
        now = dt.datetime.now(dt.UTC)
        session_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    return SessionFolder(results_folder(results), checked_session_id(session_id), kind)

"""Every parser of bytes from outside, called as the program calls it, and what each may raise."""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from adapters.bars.errors import BarFileError
from adapters.bars.follow import FollowedSignals
from adapters.bars.reader import open_bars
from adapters.bars.signal_files import SignalFileError, read_signals
from adapters.bars.ticks import bars_of_ticks, tick_layout
from adapters.journal import StoredJournal
from adapters.mt5.api.errors import HostStartFailed
from adapters.mt5.host.client import TerminalClient
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.host.server import Unusable, read_config
from adapters.mt5.host.service import HostConfig
from adapters.mt5.host.wire import (
    WireError,
    decode_reply,
    decode_request,
)
from adapters.paper.broker.state_file import load
from adapters.paper.terminal.spec import TerminalSpec, decode
from adapters.services.control_wire import FILE_NAME, ControlReply, ControlRequest, read_access
from adapters.services.heartbeat import read_beat
from adapters.services.last_cause import last_cause
from adapters.state.errors import StateFailed
from adapters.state.store import AccountStore
from adapters.statements.reader import read_statement
from adapters.statements.reconcile import Ours, reconcile
from adapters.statements.shape import StatementError
from adapters.system.account_lock import _noted
from adapters.web.doors import Doors
from adapters.web.routes import _body, _Command
from config.calendar import load_calendar
from config.errors import ConfigError
from config.loader import load_profiles, load_symbols
from config.rules import load_rules
from engine.decoding import from_json
from engine.journal import FREQUENT, JournalDamaged
from scripts.app.errors import AppError, BadData, WrongUsage
from scripts.app.journals.compare import compare_files
from scripts.app.journals.listing import past_runs
from scripts.app.journals.recorded import find_run
from scripts.app.journals.run_files import load_both
from scripts.app.odds.statement_days import statement_record
from scripts.app.sessions.hangs import why_out
from scripts.app.sessions.paper import books_at
from scripts.app.sweep.folder import SweepFolder
from scripts.app.sweep.request import request_in
from scripts.app.terms.strategies import load as load_strategy
from scripts.app.trials.tried import TrialLedger
from scripts.app.web.catalog import Catalog
from scripts.view.run_list import run_lines
from tests.outside_inputs import HOST, LOG, fresh_account

Parser = Callable[[bytes], object]

CORPUS = Path(__file__).with_name("corpus")
"""Inputs that were once answered wrongly, and one good one for each parser to be varied."""


def _in_file(name: str, parse: Callable[[Path], object]) -> Parser:
    def called(content: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            return parse(path)

    return called


def _all_bars(path: Path) -> None:
    for _ in open_bars(path).chunks():
        pass


def _request(content: bytes) -> None:
    with contextlib.suppress(msgspec.DecodeError):
        from_json(content, ControlRequest)


def _reply(content: bytes) -> None:
    with contextlib.suppress(msgspec.DecodeError):
        from_json(content, ControlReply)


def _refusing(own: type[Exception], parse: Callable[[Path], object]) -> Callable[[Path], object]:
    def called(path: Path) -> object:
        with contextlib.suppress(own):
            return parse(path)
        return None

    return called


def _frame(decode: Callable[[bytes], object]) -> Parser:
    def called(content: bytes) -> object:
        with contextlib.suppress(WireError):
            return decode(content)
        return None

    return called


def _followed(path: Path) -> None:
    reader = FollowedSignals(path, lambda _: None)
    for _ in range(3):
        reader.poll()


def _run(path: Path) -> None:
    load_both(path.parent, str(path), str(path))


def _summary(path: Path) -> None:
    path.with_name("execution_sim_log.csv").write_bytes(LOG)
    _run(path)


def _journal(path: Path) -> None:
    """As a page, a report and `journal verify` read it: each may be the first to see a fault."""
    with StoredJournal(path) as journal:
        for look in (
            lambda: journal.last_seq,
            journal.sealed_hash,
            journal.beside,
            lambda: list(journal.records()),
            lambda: list(journal.records(kinds=FREQUENT)),
            journal.hexdigest,
            journal.check,
            journal.check_to_go_on,
        ):
            with contextlib.suppress(JournalDamaged):
                look()


def _listed(path: Path) -> None:
    Catalog([path.parents[2]]).sessions()


def _ledger(path: Path) -> None:
    with AccountStore(path.parent, 5, "A-Demo") as store:
        for look in (
            store.sessions, store.deals, store.orders, store.opening,
            store.clock, store.figures, store.watched, lambda: store.requests(0),
            lambda: store.approvals(0), lambda: store.approved_symbols(0),
            lambda: store.known_signals(0), lambda: store.halts(0), store.baseline,
        ):  # fmt: skip
            with contextlib.suppress(StateFailed):
                look()


def _host_note(path: Path) -> None:
    config = HostConfig(token="0" * 64, login=5, server="A-Demo")
    LocalHost(config, path.parent)._end_orphan()


def _announced(content: bytes) -> None:
    with contextlib.suppress(HostStartFailed), tempfile.TemporaryDirectory() as folder:
        LocalHost(HOST, Path(folder))._port_of(content)


def _host_config(content: bytes) -> None:
    with contextlib.suppress(Unusable):
        read_config(io.BytesIO(content), whole=True)


def _greeted(content: bytes) -> None:
    """What a host says of itself, as the first reply."""
    with tempfile.TemporaryDirectory() as folder:
        client = TerminalClient(LocalHost(HOST, Path(folder)))
        with contextlib.suppress(WireError, HostStartFailed):
            client._agreed(decode_reply(content).value)


def _terminal_spec(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode(content.decode(errors="replace"), TerminalSpec)


def _paper_account(path: Path) -> None:
    load(path, fresh_account(), 1, "Paper-Demo")


def _compared(path: Path) -> None:
    limits = {"time_seconds": 0.0, "money": 0.0, "volume": 0.0, "match_seconds": 60.0}
    compare_files(path.parent, str(path), str(path), price_points=0, **limits)


def _past_runs(path: Path) -> None:
    list(run_lines(past_runs(path.parents[2]), 0, path.parents[2]))


def _named(path: Path) -> None:
    find_run(path.parent, str(path))


def _sweep(path: Path) -> None:
    request_in(SweepFolder(path.parent).asked(), path.parent)


def _statement(path: Path) -> None:
    """Read, and compared with a ledger that has nothing."""
    reconcile(Ours(deals=()), read_statement(path))


def _odds(path: Path) -> None:
    statement_record(path, load_rules("ftmo_2step"), "utc", scale=None, initial=None)


def _ticks(path: Path) -> None:
    for _ in bars_of_ticks(path, tick_layout(path), 60, 5):
        pass


def _headers(content: bytes) -> None:
    """Whatever headers a browser, or anybody else, sends: they open no door, and raise nothing."""
    doors = Doors(4000, ["box.ts.net"])
    for name in (b"Host", b"Origin", b"Sec-Fetch-Site", b"Cookie"):
        headers = [(b"Host", b"127.0.0.1:4000"), (name, content)]
        doors.objection("POST", headers)
        assert doors.visitor(headers) is None
    assert doors.enter(content.decode(errors="surrogateescape")) is None


def _command(content: bytes) -> None:
    """The body of a page's command."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": content, "more_body": False}

    head = [(b"content-type", b"application/json")]
    request = Request({"type": "http", "method": "POST", "headers": head}, receive)
    with contextlib.suppress(HTTPException):
        asyncio.run(_body(request, _Command))


PARSERS: dict[str, Parser] = {
    "control request": _request,
    "control reply": _reply,
    "control file": _in_file(
        FILE_NAME,
        _refusing(OSError, _refusing(msgspec.DecodeError, lambda path: read_access(path.parent))),
    ),
    "account lock": _noted,
    "heartbeat": _in_file("heartbeat.json", read_beat),
    "hangs": _in_file("hangs.txt", lambda path: why_out(path.parent)),
    "host request": _frame(decode_request),
    "host reply": _frame(decode_reply),
    "followed signals": _in_file("signals.csv", _followed),
    "signals": _in_file("signals.csv", _refusing(SignalFileError, read_signals)),
    "signals (JSON)": _in_file("signals.jsonl", _refusing(SignalFileError, read_signals)),
    "bars": _in_file("eurusd.csv", _refusing(BarFileError, _all_bars)),
    "bars (parquet)": _in_file("eurusd.parquet", _refusing(BarFileError, _all_bars)),
    "profiles": _in_file("accounts.yaml", _refusing(ConfigError, load_profiles)),
    "preset": _in_file("preset.yaml", _refusing(WrongUsage, lambda path: load_strategy(str(path)))),
    "rules": _in_file("rules.yaml", _refusing(ConfigError, load_rules)),
    "symbols": _in_file("symbols.yaml", _refusing(ConfigError, load_symbols)),
    "calendar": _in_file("calendar.csv", _refusing(ConfigError, load_calendar)),
    "statement": _in_file("statement.csv", _refusing(StatementError, _statement)),
    "statement (HTML)": _in_file("history.html", _refusing(StatementError, _statement)),
    "statement (XLSX)": _in_file("history.xlsx", _refusing(StatementError, _statement)),
    "statement's days": _in_file("history.html", _refusing(AppError, _odds)),
    "event log": _in_file("execution_sim_log.csv", _refusing(BadData, _compared)),
    "event log (named)": _in_file("execution_sim_log.csv", _refusing(BadData, _named)),
    "summary": _in_file("execution_sim_summary.json", _refusing(BadData, _summary)),
    "journal": _in_file("journal.sqlite", _refusing(JournalDamaged, _journal)),
    "journal (listed)": _in_file("sessions/s-1/journal.sqlite", _listed),
    "ledger": _in_file("ledger.sqlite", _refusing(StateFailed, _ledger)),
    "paper books": _in_file("paper_account.json", _refusing(BadData, books_at)),
    "host note": _in_file("terminal-host.json", _host_note),
    "host announcement": _announced,
    "host configuration": _host_config,
    "host greeting": _greeted,
    "paper terminal": _terminal_spec,
    "paper account": _in_file("paper_account.json", _refusing(ValueError, _paper_account)),
    "log": _in_file("log.jsonl", last_cause),
    "summary (listed)": _in_file("sessions/s-1/mt5_demo_exec_summary.json", _past_runs),
    "summary (named)": _in_file("execution_sim_summary.json", _refusing(BadData, _named)),
    "sweep": _in_file("sweep.json", _refusing(BadData, _sweep)),
    "trials": _in_file(
        "done.jsonl", _refusing(BadData, lambda path: SweepFolder(path.parent).done())
    ),
    "trials that were tried": _in_file(
        "sweeps/tried/n.txt",
        _refusing(BadData, lambda path: TrialLedger(path.parents[2], "n").keys()),
    ),
    "bars (gzip)": _in_file("eurusd.csv.gz", _refusing(BarFileError, _all_bars)),
    "bars (zip)": _in_file("eurusd.csv.zip", _refusing(BarFileError, _all_bars)),
    "ticks": _in_file("ticks.csv", _refusing(BarFileError, _ticks)),
    "page's headers": _headers,
    "page's command": _command,
}

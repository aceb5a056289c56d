"""Every parser of bytes from outside, called as the program calls it, and what each may raise."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from adapters.bars.errors import BarFileError
from adapters.bars.follow import FollowedSignals
from adapters.bars.reader import open_bars
from adapters.bars.signal_files import SignalFileError, read_signals
from adapters.journal import StoredJournal
from adapters.mt5.host.launch import LocalHost
from adapters.mt5.host.service import HostConfig
from adapters.mt5.host.wire import WireError, decode_reply, decode_request
from adapters.reports.projection import LOG_COLUMNS
from adapters.services.control_wire import FILE_NAME, ControlReply, ControlRequest, read_access
from adapters.services.heartbeat import read_beat
from adapters.state.errors import StateFailed
from adapters.state.store import AccountStore
from adapters.statements.reader import read_statement
from adapters.statements.shape import StatementError
from adapters.system.account_lock import _noted
from adapters.system.json_bytes import decoded
from config.calendar import load_calendar
from config.errors import ConfigError
from config.loader import load_preset, load_profiles, load_symbols
from config.rules import load_rules
from engine.journal import JournalDamaged
from scripts.app.errors import BadData
from scripts.app.journals.run_files import load_both
from scripts.app.sessions.hangs import why_out
from scripts.app.sessions.paper import books_at
from tests.statement_files import html_history

Parser = Callable[[bytes], object]

CORPUS = Path(__file__).with_name("corpus")
"""Inputs that were once answered wrongly, and one good one for each parser to be varied."""


def _in_file(name: str, parse: Callable[[Path], object]) -> Parser:
    def called(content: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            return parse(path)

    return called


def _all_bars(path: Path) -> None:
    for _ in open_bars(path).chunks():
        pass


def _request(content: bytes) -> None:
    with contextlib.suppress(msgspec.DecodeError):
        decoded(content, ControlRequest)


def _reply(content: bytes) -> None:
    with contextlib.suppress(msgspec.DecodeError):
        decoded(content, ControlReply)


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
    path.with_name("execution_sim_log.csv").write_bytes(_LOG)
    _run(path)


def _journal(path: Path) -> None:
    with StoredJournal(path) as stored:
        for _ in stored.records():
            pass


def _ledger(path: Path) -> None:
    store = AccountStore(path.parent, 5, "A-Demo")
    try:
        store.sessions()
    finally:
        store.close()


def _host_note(path: Path) -> None:
    config = HostConfig(token="0" * 64, login=5, server="A-Demo")
    LocalHost(config, path.parent)._end_orphan()


PARSERS: dict[str, Parser] = {
    "control request": _request,
    "control reply": _reply,
    "control file": _in_file(
        FILE_NAME, _refusing(msgspec.DecodeError, lambda path: read_access(path.parent))
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
    "preset": _in_file("preset.yaml", _refusing(ConfigError, load_preset)),
    "rules": _in_file("rules.yaml", _refusing(ConfigError, load_rules)),
    "symbols": _in_file("symbols.yaml", _refusing(ConfigError, load_symbols)),
    "calendar": _in_file("calendar.csv", _refusing(ConfigError, load_calendar)),
    "statement": _in_file("statement.csv", _refusing(StatementError, read_statement)),
    "statement (HTML)": _in_file("history.html", _refusing(StatementError, read_statement)),
    "statement (XLSX)": _in_file("history.xlsx", _refusing(StatementError, read_statement)),
    "event log": _in_file("execution_sim_log.csv", _refusing(BadData, _run)),
    "summary": _in_file("execution_sim_summary.json", _refusing(BadData, _summary)),
    "journal": _in_file("journal.sqlite", _refusing(JournalDamaged, _journal)),
    "ledger": _in_file("ledger.sqlite", _refusing(StateFailed, _ledger)),
    "paper books": _in_file("paper_account.json", _refusing(BadData, books_at)),
    "host note": _in_file("terminal-host.json", _host_note),
}


_LOG = f"{','.join(LOG_COLUMNS)}\n".encode() + (
    b"2023-01-01T22:45:00+00:00,OPEN,1,EURUSD,long,0.10,1.06981,in,100000.00,m,m:1,s,1.06,,,,,"
    b"100000.00,replay,\n"
)


def _shipped(name: str) -> bytes:
    return (Path(__file__).parents[1] / "config" / name).read_bytes()


GOOD: dict[str, bytes] = {
    "control request": b'{"action":"pause","reason":"f\xc3\xbcr"}',
    "control reply": b'{"done":true,"text":"did","status":null}',
    "control file": b'{"port":4000,"token":"00","pid":7,"birth":"b 1"}',
    "account lock": b'{"session":"s-1","pid":7,"birth":"b 1"}',
    "heartbeat": b'{"session":"s-1","pid":7,"time":1,"seq":2,"state":"active","alive":true}',
    "hangs": b'the loop did not turn for 30 s\nThread 0x1:\n  File "/s.py", line 3 in on_bar\n',
    "host request": b"\x94\x01\xacaccount_info\x90\x80",
    "host reply": b"\x95\x01\xc0\x92\x01\xa7Success\xc0\xc0",
    "followed signals": b"time,symbol,direction,stop_loss\n2025-01-07T12:00:00Z,EURUSD,long,1.09\n",
    "signals": b"time,symbol,direction,stop_loss\n2025-01-07T12:00:00Z,EURUSD,long,1.09\n",
    "signals (JSON)": b'{"time":"2025-01-07T12:00:00Z","symbol":"EURUSD","direction":"long"}\n',
    "bars": b"time,open,high,low,close\n2025-01-07 12:00:00,1.1,1.2,1.0,1.1\n",
    "bars (parquet)": b"PAR1\x15\x00\x15\x10PAR1",
    "profiles": b"profiles:\n  demo:\n    login: 5\n    server: 'A-Demo'\n    purpose: demo\n",
    "preset": _shipped("presets/ftmo_m15.yaml"),
    "rules": _shipped("rules/ftmo_2step.yaml"),
    "symbols": (
        b"symbols:\n  MINE:\n    base: EUR\n    quote: USD\n    digits: 5\n    contract: 100000\n"
        b"    volume_min: 0.01\n    volume_step: 0.01\n    volume_max: 50\n    commission: 2.5\n"
        b"    spread_floor_points: {rollover_hour: 24, otherwise: 2}\n    stops_level: 0\n"
        b"    leverage: 30\n"
    ),
    "calendar": b"time,kind,until,currencies\n2026-06-05T12:30:00Z,news,,USD EUR\n",
    "statement": b"ticket,open,type,volume,symbol,price,sl,tp,close,price,swap,commissions,profit,"
    b"pips,trade duration in seconds\n1,2026-06-15 10:00:00,buy,1,EURUSD,1.1,0,0,"
    b"2026-06-15 12:00:00,1.101,0,-7,100,10,7200\n",
    "statement (HTML)": html_history().encode(),
    "statement (XLSX)": b"PK\x03\x04\x14\x00\x00\x00\x08\x00",
    "event log": _LOG,
    "summary": b'{"session_id":"s","preset":"p","filtered":{"halted":1}}',
    "journal": b"SQLite format 3\x00\x10\x00\x01\x01\x00@  \x00\x00\x00\x01",
    "ledger": b"SQLite format 3\x00\x10\x00\x01\x01\x00@  \x00\x00\x00\x01",
    "paper books": b'{"now":1736251200000}',
    "host note": b'{"pid":4194301,"birth":"b 1"}',
}

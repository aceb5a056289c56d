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
from adapters.mt5.host.wire import WireError, decode_reply, decode_request
from adapters.services.control_wire import FILE_NAME, ControlReply, ControlRequest, read_access
from adapters.services.heartbeat import read_beat
from adapters.system.account_lock import _noted
from adapters.system.json_bytes import decoded
from config.errors import ConfigError
from config.loader import load_profiles
from scripts.app.sessions.hangs import why_out

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
}

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
}

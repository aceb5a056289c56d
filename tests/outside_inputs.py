"""One good input for each parser of bytes from outside, to be varied."""

from __future__ import annotations

import asyncio
import gzip
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import numpy as np

from adapters.mt5.host.service import HostConfig
from adapters.mt5.host.wire import (
    RpcReply,
    RpcRequest,
    encode_reply,
    encode_request,
)
from adapters.paper.broker.account import PaperAccount
from adapters.paper.broker.state_file import save
from adapters.reports.projection import LOG_COLUMNS
from adapters.state.store import AccountHalt, AccountStore, SessionRow
from tests import synthetic
from tests.builders import EURUSD
from tests.journals import stored
from tests.ledger_history import funded
from tests.statement_files import html_history, xlsx_history

HOST = HostConfig(token="0" * 64, login=5, server="A-Demo")


def fresh_account() -> PaperAccount:
    return PaperAccount({EURUSD.name: EURUSD}, 10_000_000)


def _write_bars(path: Path) -> None:
    synthetic.write_parquet(synthetic.feed(1, days=1)["EURUSD"], path)


def _write_ledger(path: Path) -> None:
    with AccountStore(path.parent, 5, "A-Demo") as store:
        store.begin(
            SessionRow(
                id="s-1", folder="f", tag=1, mode="shadow", dry=True, terms="t", started=1, beat=1
            )
        )
        store.add_history(funded().deals, (), 1)
        store.halt(AccountHalt(cause="paused", since=1, until=None, session="s-1"))
        store.set_baseline(10_000_000, 1, "begun")


def _write_paper_account(path: Path) -> None:
    account = fresh_account()
    account.quote("EURUSD", 110_000, 110_002, 1_736_251_200_000)
    save(path, account, 1, "Paper-Demo", {})


def _made(name: str, write: Callable[[Path], object]) -> Callable[[], bytes]:
    def made() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            write(path)
            return path.read_bytes()

    return made


LOG = f"{','.join(LOG_COLUMNS)}\n".encode() + (
    b"2023-01-01T22:45:00+00:00,OPEN,1,EURUSD,long,0.10,1.06981,in,100000.00,m,m:1,s,1.06,,,,,"
    b"100000.00,replay,\n"
)


def _shipped(name: str) -> bytes:
    return (Path(__file__).parents[1] / "config" / name).read_bytes()


_BARS = b"time,open,high,low,close\n2025-01-07 12:00:00,1.1,1.2,1.0,1.1\n"


def _write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("eurusd.csv", _BARS)


_A_JOURNAL = _made("journal.sqlite", lambda path: asyncio.run(stored(path)))

GOOD: dict[str, bytes | Callable[[], bytes]] = {
    "control request": b'{"action":"pause","reason":"f\xc3\xbcr"}',
    "control reply": b'{"done":true,"text":"did","status":null}',
    "control file": b'{"port":4000,"token":"00","pid":7,"birth":"b 1"}',
    "account lock": b'{"session":"s-1","pid":7,"birth":"b 1"}',
    "heartbeat": b'{"session":"s-1","pid":7,"time":1,"seq":2,"state":"active","alive":true}',
    "hangs": b'the loop did not turn for 30 s\nThread 0x1:\n  File "/s.py", line 3 in on_bar\n',
    "host request": lambda: encode_request(
        RpcRequest(1, "history_deals_get", [1.5, ("EURUSD", [7])], {"group": "*"}, 5.0)
    ),
    "host reply": lambda: encode_reply(
        RpcReply(1, [np.zeros(2, [("time", "<i8"), ("bid", "<f8")]), ("a", {"b": 1.5}), 7])
    ),
    "followed signals": b"time,symbol,direction,stop_loss\n2025-01-07T12:00:00Z,EURUSD,long,1.09\n",
    "signals": b"time,symbol,direction,stop_loss\n2025-01-07T12:00:00Z,EURUSD,long,1.09\n",
    "signals (JSON)": b'{"time":"2025-01-07T12:00:00Z","symbol":"EURUSD","direction":"long",'
    b'"stop_loss":1.09}\n',
    "bars": _BARS,
    "bars (parquet)": _made(
        "eurusd.parquet",
        lambda path: synthetic.write_parquet(synthetic.feed(1, days=1)["EURUSD"], path),
    ),
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
    "statement (XLSX)": _made("history.xlsx", xlsx_history),
    "statement's days": lambda: html_history().encode(),
    "event log": LOG,
    "event log (named)": LOG,
    "summary": b'{"session_id":"s","preset":"p","filtered":{"halted":1}}',
    "journal": _A_JOURNAL,
    "journal (listed)": _A_JOURNAL,
    "ledger": _made("ledger.sqlite", _write_ledger),
    "paper books": b'{"now":1736251200000}',
    "host note": b'{"pid":4194301,"birth":"b 1"}',
    "host announcement": b'{"port":4000,"pid":7,"login":5,"server":"A-Demo"}\n',
    "host configuration": lambda: msgspec.json.encode(HOST),
    "host greeting": lambda: encode_reply(
        RpcReply(1, {"protocol": 1, "login": 5, "server": "A-Demo", "trading": True})
    ),
    "paper terminal": lambda: msgspec.json.encode(
        {"symbols": [EURUSD], "login": 5, "server": "A-Demo", "prices": {"EURUSD": 1.1}}
    ),
    "paper account": _made("paper_account.json", _write_paper_account),
    "log": b'{"event":"the session failed","why":"no room; the session stopped, x"}\n',
    "summary (listed)": b'{"started_at":"2025-01-07T12:00:00+00:00","outcome":"done",'
    b'"total_pnl":1.5,"number_of_trades":3,"attempts":[{"outcome":"passed","cause":null}],'
    b'"objectives":{"passed":1},"currency":"USD","played_from":"2025-01-07","preset":"p"}',
    "summary (named)": b'{"session_id":"s-1"}',
    "sweep": b'{"replay":{"preset":"p","start":null},"sets":["a=1"],"seed":1,"objective":"net"}',
    "trials": b'{"number":1,"key":"k","settings":{"a":1.5},"net":5,"sharpe":0.5}\n',
    "trials that were tried": b"0123abcd\n4567ef01\n",
    "bars (gzip)": lambda: gzip.compress(_BARS),
    "bars (zip)": _made("bars.zip", _write_zip),
    "ticks": b"time,bid,ask\n2025.01.07 12:00:00.123,1.1,1.10002\n",
    "page's headers": b'butler_4000=abc; x="y"',
    "page's command": b'{"action":"stop","reason":"f\xc3\xbcr","confirm":"s-1"}',
}


@cache
def good(name: str) -> bytes:
    """An input that the parser takes, to be varied."""
    found = GOOD[name]
    return found if isinstance(found, bytes) else found()

"""The played terminal as a program, in the Windows Python.

    python -m tests.genuine.rig.terminal FOLDER

FOLDER (a path as Windows sees it) holds `terminal64.exe`, whose path is what clients give to
`initialize`, and `control.json`; the terminal writes `calls.jsonl` and keeps its account in
`account.json`, so that it may be killed and started again. It prints `ready` when it listens.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

from tests.genuine.rig.terminal import market
from tests.genuine.rig.terminal.account import Account
from tests.genuine.rig.terminal.answers import CALLS, Answer, Answers, Books, request_of
from tests.genuine.rig.terminal.control import Control, Log
from tests.genuine.rig.terminal.market import Row
from tests.genuine.rig.terminal.pipe import Pipe, Reply
from tests.genuine.rig.terminal.records import SIZES

_REMEMBERED_SECONDS: Final = 60
_OTHER_COMMAND: Final = 0x55
_NOTHING_DONE: Final = ("drop", "status", "wrong", "hang")


class Played:
    """Answers one call at a time; only a hang lets others pass."""

    def __init__(self, folder: Path) -> None:
        account = Account()
        self._kept = folder / "account.json"
        if self._kept.exists():
            account.load(self._kept)
        self._control = Control(folder / "control.json", account)
        self._log = Log(folder / "calls.jsonl")
        self._lock = threading.RLock()
        self._past: list[tuple[float, Books]] = []

    def handle(self, reply: Reply, command: int, body: bytes) -> None:
        call = CALLS.get(command, hex(command))
        log: Row = {"at": round(time.time(), 4), "call": call}
        with self._lock:
            changed = self._control.reload()
            fault = self._control.faults.meet(call, request_of(call, body))
            if self._control.account.server_side() or changed:
                self._save()
            if fault:
                log["fault"] = fault
            self._note_who(log)
            data, status = self._begin(call, body, fault, log)
            account = self._control.account
        do: str = fault.get("do", "")
        value: Any = fault.get("value")
        if do == "hang":
            time.sleep(value)
            with self._lock:
                if account is not self._control.account:
                    raise EOFError("another test has begun")
                data, status = self._answer(call, body, fault, log)
        log["status"] = status
        self._log.write(log)
        if do == "hang_after":
            time.sleep(value)
        if do in ("drop", "drop_after"):
            raise EOFError("dropped by a fault")
        if do == "wrong":
            reply(data or b"\0" * SIZES["OrderSendResult"], 1, _OTHER_COMMAND)
            return
        reply(data, status)

    def _begin(self, call: str, body: bytes, fault: Row, log: Row) -> Answer:
        do = fault.get("do")
        if do == "wrong" and call != "order_send":
            return self._answer(call, body, fault, log)  # of the size that the package expects
        if do in _NOTHING_DONE:
            log["request"] = {k: v for k, v in request_of(call, body).items() if v}
            return b"", fault["value"] if do == "status" else 0
        return self._answer(call, body, fault, log)

    def _answer(self, call: str, body: bytes, fault: Row, log: Row) -> Answer:
        account = self._control.account
        books = self._books(fault)
        answer = Answers(account, fault, log, books).of(call, body)
        if call in ("order_send", "login"):
            self._save()
        return answer

    def _note_who(self, log: Row) -> None:
        told = self._control.account.money()
        log["account"] = [told["login"], told["server"], told["trade_mode"]]

    def _books(self, fault: Row) -> Books | None:
        """The rows of the past that a stale read sees; without such a fault none are kept."""
        if not self._control.faults.stale:
            self._past = []
            return None
        now, account = market.server_now(), self._control.account
        tables: Books = {
            "positions": account.open_positions(),
            "orders": list(account.orders.values()),
            "history": account.history,
            "deals": account.deals,
        }
        copied = {name: [dict(row) for row in rows] for name, rows in tables.items()}
        recent = [item for item in self._past if item[0] > now - _REMEMBERED_SECONDS]
        self._past = [*recent, (now, copied)]
        if fault.get("do") != "stale":
            return None
        then = [books for at, books in self._past if at <= now - fault["value"]]
        return then[-1] if then else self._past[0][1]

    def _save(self) -> None:
        self._control.account.save(self._kept)


def main() -> None:
    folder = Path(sys.argv[1])
    print(json.dumps({"folder": str(folder)}), flush=True)
    Pipe(str(folder / "terminal64.exe"), Played(folder).handle).serve_forever()


if __name__ == "__main__":
    main()

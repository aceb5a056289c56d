"""What a test tells the played terminal while it runs, and what the terminal writes down.

The control file is JSON, read before every call, and replaced in one step by whoever changes it:

    account, terminal     fields laid over what `account_info` and `terminal_info` tell
    symbols, ticks        the same for symbols and last ticks, by name; pinned prices hit stops
    still                 a moment of the server's clock at which all prices stand
    lag                   seconds for which the history does not show what happened
    login_state           2 connected (the default), 0 for ever connecting, 3 refused
    login_status          what a login answers; 1 is success, -6 refused, -7 one-time password
    reset                 a number; a new one begins a new account
    hands                 what somebody does at the terminal, each once: {"id", "do", ...}
    faults                what goes wrong, see `Faults`
    serial                counts the changes, so that faults of equal text begin anew

A hand's `do` is `close` (position, volume), `levels` (position, sl, tp, volume), `open` (the fields
of a request) or `deal` (the fields of a deal, such as a balance operation). A position may be
`last`.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Final, TextIO

from tests.genuine.rig.terminal.account import Account
from tests.genuine.rig.terminal.market import BUY, Row

NO_FAULT: Final[Row] = {}


class Faults:
    """Which fault, if any, meets a call.

    A fault names a `call` (or `*`), what to `do` and a `value`. It is used up after `times` calls
    (1; -1 is never), counted after the first `skip` ones; with `where` it meets only requests that
    have these fields, with `after` only what comes after a call of that name. `do` is one of

        status            answer this code of `last_error`, nothing done
        retcode           order_send and order_check answer this return code, nothing done
        drop, drop_after  close the pipe before or after the call took effect
        hang, hang_after  so many seconds before the call, or between its effect and its answer
        wrong             answer another command
        partial           order_send fills only this volume
        placed            order_send answers 10008 without deal and price, although done
        stale             positions, orders and deals answer as they were so many seconds ago
        empty             positions, orders, deals, bars and ticks answer that there are none
        answer            do it, and lay these fields over the answer
        answer_only       answer these fields, nothing done
    """

    def __init__(self, told: list[Row]) -> None:
        self._told = told
        self._met = [0] * len(told)
        self._seen: set[str] = set()

    @property
    def stale(self) -> bool:
        """Whether any of them shows the past, which must be kept for it."""
        return any(fault["do"] == "stale" for fault in self._told)

    def meet(self, call: str, request: Row) -> Row:
        """The fault of this call, which is counted; empty without one."""
        earlier = frozenset(self._seen)
        self._seen.add(call)
        for number, fault in enumerate(self._told):
            if fault["call"] not in (call, "*") or not _fits(fault.get("where", {}), request):
                continue
            if fault.get("after", call) not in {call, *earlier}:
                continue
            skip, times = fault.get("skip", 0), fault.get("times", 1)
            if 0 <= times <= self._met[number] - skip:
                continue
            self._met[number] += 1
            if self._met[number] > skip:
                return fault
        return NO_FAULT


def _fits(where: Row, request: Row) -> bool:
    return all(request.get(name) == value for name, value in where.items())


class Control:
    """Follows the control file and carries its one-time wishes out."""

    def __init__(self, path: Path, account: Account) -> None:
        self._path = path
        self._stamp = (0, 0)
        self._done: set[Any] = set()
        self.account = account
        self.faults = Faults([])

    def reload(self) -> bool:
        """Read the file when it has changed; tells whether the account may have changed."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return False
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        told: Row = json.loads(self._path.read_text(encoding="utf-8"))
        if told.get("reset", 0) != self.account.number:
            self.account = Account()
            self.account.number = told["reset"]
        self.account.control = told
        self.faults = Faults(told.get("faults", []))
        for hand in told.get("hands", []):
            if hand["id"] not in self._done:
                self._done.add(hand["id"])
                self._carry_out(hand)
        return True

    def _carry_out(self, hand: Row) -> None:
        account = self.account
        terms = {name: hand[name] for name in hand if name not in ("id", "do")}
        if hand["do"] == "open":
            tick = account.tick(account.known(hand["symbol"]))
            account.open(terms, tick["ask"] if hand["type"] == BUY else tick["bid"], 0)
        elif hand["do"] == "deal":
            self._book(terms)
        else:
            self._change(hand)

    def _change(self, hand: Row) -> None:
        account = self.account
        wanted = hand["position"]
        ticket = max(account.positions) if wanted == "last" else wanted
        position = account.positions[ticket]
        if hand["do"] == "levels":
            position.update({name: hand[name] for name in ("sl", "tp", "volume") if name in hand})
            return
        tick = account.tick(account.known(position["symbol"]))
        price = tick["bid"] if position["type"] == BUY else tick["ask"]
        volume: float = hand["volume"] if "volume" in hand else position["volume"]
        account.close(position, volume, price, {}, 0)

    def _book(self, terms: Row) -> None:
        account = self.account
        plain: Row = {"symbol": "", "volume": 0.0, "price": 0.0}
        order, position = terms.pop("order", 0), terms.pop("position_id", 0)
        entry, profit = terms.pop("entry", 0), terms.pop("profit", 0.0)
        account.deal(order, plain | terms, entry, position, profit, terms.get("reason", 0))
        if not order:
            account.facts["balance"] = round(account.facts["balance"] + profit, 2)


class Log:
    """One JSON line a call: what arrived and what was answered."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def write(self, entry: Row) -> None:
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")

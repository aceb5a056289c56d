"""A small real terminal for host tests: an account, a clock and an order counter.

Symbols name behaviour, so that every function keeps the package's signature: "HANG" waits at the
test's barrier, "SEIZE" does so holding the interpreter lock as the package does, "EXIT" ends the
process, "RAISE" raises, "ODD" gives a result that cannot travel.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from typing import Any

import numpy as np

from adapters.mt5.api import contract as mt5

LOGIN = 7001
SERVER = "Clock-Demo"
PASSWORD = "tick-tock-secret"  # noqa: S105 - of an account that does not exist


class ClockBackend:
    """The functions of the package that the host tests call."""

    __version__ = "1.2.3"

    def __init__(self, barrier_port: int) -> None:
        self._barrier_port = barrier_port
        self._error = (1, "Success")
        self._sent: list[str] = []
        self._account = mt5.AccountInfo.of(login=LOGIN, server=SERVER, name="Clock")
        self._initialized: dict[str, Any] = {}

    # --- the account

    def initialize(self, *args: Any, **kwargs: Any) -> bool:
        self._initialized = {"args": args, **kwargs}
        if kwargs.get("password") == "raise":
            raise RuntimeError(f"cannot use {kwargs['password']!r}")
        self._error = (1, "Success") if kwargs["timeout"] > 1 else (-10005, "IPC timeout")
        return self._error[0] == 1

    def shutdown(self) -> bool:
        return True

    def version(self) -> tuple[int, int, str]:
        return (500, 5000, "1 Jan 2025")

    def last_error(self) -> tuple[int, str]:
        return self._error

    def account_info(self) -> mt5.AccountInfo | None:
        if self._account.name == "raise":
            raise OSError("no account today")
        return None if self._account.name == "none" else self._account

    def symbol_select(self, symbol: str, enable: bool = True, /) -> bool:
        """The hand of someone at the terminal: ``FIELD=VALUE`` changes the account."""
        field, _, value = symbol.partition("=")
        if enable and field in ("login", "server", "trade_mode", "name"):
            text = field in ("server", "name")
            self._account = self._account._with(**{field: value if text else int(value)})
        return True

    # --- prices

    def symbol_info_tick(self, symbol: str, /) -> mt5.MqlTick | None:
        self._behave(symbol)
        if symbol == "NONE":
            self._error = (-4, "Terminal: Not found")
            return None
        self._error = (1, "Success")
        return mt5.MqlTick.of(time=1_700_000_000, bid=1.1, ask=1.2)

    def symbol_info(self, symbol: str, /) -> object:
        return object() if symbol == "ODD" else None

    def copy_rates_from_pos(self, symbol: str, frame: int, start: int, count: int, /) -> Any:
        del symbol, frame
        rates = np.zeros(count, dtype=mt5.rates_dtype())
        rates["time"] = np.arange(start, start + count) * 60
        return rates

    # --- orders

    def order_send(self, request: dict[str, Any], /) -> mt5.OrderSendResult:
        self._sent.append(request["symbol"])
        self._behave(request["symbol"])
        echo = mt5.TradeRequest.of(**request)
        return mt5.OrderSendResult.of(
            retcode=mt5.TRADE_RETCODE_DONE, order=len(self._sent), request=echo
        )

    def orders_total(self) -> int:
        """How many orders were sent, refused ones not counted."""
        return len(self._sent)

    def positions_get(self, **where: Any) -> tuple[Any, ...] | None:
        if where.get("symbol") == "NONE":
            return None
        return tuple(mt5.TradePosition.of(symbol=symbol) for symbol in self._sent)

    def terminal_info(self) -> dict[str, Any]:
        """With what arguments the terminal was initialized."""
        return {**self._initialized, "args": list(self._initialized.get("args", ()))}

    def symbols_total(self) -> int:
        """The id of a process that this one starts and leaves running."""
        self._child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        return self._child.pid

    # --- misbehaviour

    def _behave(self, symbol: str) -> None:
        if symbol == "HANG":
            self._wait_at_barrier()
        elif symbol == "SEIZE":
            self._seize()
        elif symbol == "EXIT":
            os._exit(9)
        elif symbol == "RAISE":
            raise SystemError("as the package does for a negative magic") from OverflowError(
                "too large"
            )

    def _arrive(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._barrier_port))

    def _wait_at_barrier(self) -> None:
        with self._arrive() as barrier:
            barrier.sendall(b"!")
            barrier.recv(1)

    def _seize(self) -> None:
        """Tell the barrier and sleep without once letting another thread run."""
        libc = ctypes.PyDLL(None)
        with self._arrive() as barrier:
            sys.setswitchinterval(1000)
            libc.send(barrier.fileno(), b"!", 1, 0)
            libc.sleep(60)

"""A request is sent once, whatever becomes of it."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.errors import CallOutcomeUnknown, NotSent
from adapters.mt5.execution.remote import carry_out_remotely

REQUEST = {"action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.1}


class Host:
    """A host that lives on, and whose `order_send` fails once after it took effect."""

    def __init__(self, error: Exception) -> None:
        self._errors = [error]
        self.called: list[str] = []

    def call(self, function: str, *_args: Any, deadline: float, **_where: Any) -> Any:
        assert deadline > 0
        self.called.append(function)
        if self._errors:
            raise self._errors.pop()
        raise AssertionError(f"{function} is asked for after its outcome was lost")


@pytest.mark.parametrize(
    "error",
    [
        CallOutcomeUnknown("order_send", "no answer within 10 s"),
        CallOutcomeUnknown("order_send", "the terminal raised OSError: lost"),
    ],
)
def test_after_an_unknown_outcome_nothing_is_sent_again(error: Exception) -> None:
    host = Host(error)
    reply = carry_out_remotely(host, REQUEST)
    assert host.called == ["order_send"]
    assert (reply.result, reply.error) == (None, (mt5.RES_E_INTERNAL_FAIL_RECEIVE, str(error)))


def test_nor_after_one_that_never_left() -> None:
    """Whether it is sent again is decided by whoever wants it, from what is on record."""
    error = NotSent("the host is gone")
    host = Host(error)
    reply = carry_out_remotely(host, REQUEST)
    assert host.called == ["order_send"]
    assert reply.error == (mt5.RES_E_INTERNAL_FAIL_CONNECT, str(error))

"""Every error of the product comes out of another process as it went in.

An exception whose constructor takes other arguments than it hands on cannot be read there, and
breaks the whole pool of processes: the others' work is lost with it.
"""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import adapters
import config
import engine
import risk
import scripts
import signals
from adapters.mt5.host.wire import Trouble
from adapters.system.account_lock import Holder
from engine.events import Tick
from tests.builders import EURUSD

PACKAGES = (adapters, config, engine, risk, scripts, signals)

SAMPLES: dict[str, dict[str, Any]] = {
    "BarFileError": {"path": Path("a.csv"), "message": "is empty", "line": 3, "unit": "row"},
    "SignalFileError": {"path": Path("a.csv"), "message": "is empty", "line": 3},
    "StatementError": {"path": Path("a.html"), "message": "is empty", "row": 3},
    "StateFailed": {"path": Path("a.state"), "message": "is damaged", "damaged": True},
    "ConfigError": {"message": "is missing", "file": "a.yaml", "path": "limits.x", "line": 3},
    "BadYaml": {"message": "is missing", "path": ("limits", "x"), "line": 3},
    "HandlerFailed": {"handler": "Risk.on_tick", "item": Tick("EURUSD", 1, 2)},
    "RateMissing": {"spec": EURUSD},
    "StrategyRaised": {"time": 3, "error": ZeroDivisionError("division by zero")},
    "StrategyFailed": {"message": "mine.py:3: it failed", "own_traceback": "line 3"},
    "HostStartFailed": {"kind": "timeout", "detail": "it did not answer"},
    "HostRefused": {"kind": "busy", "detail": "it is busy"},
    "CallOutcomeUnknown": {"function": "order_send", "why": "the link broke"},
    "Unusable": {"kind": "backend-missing", "detail": "there is no package"},
    "_Refused": {"trouble": next(iter(Trouble)), "detail": "it is not known"},
    "Failure": {"code": -2, "text": "Invalid argument", "value": False},
    "Unconvertible": {"text": "Invalid arguments"},
    "NotTaken": {"places": (1, 3)},
    "AccountBusy": {"account": "PAPER", "holder": Holder(session="s1", pid=7)},
    "PlotlyMissing": {},
}
"""What each is made with whose constructor takes more than a text."""


def every_error() -> list[type[BaseException]]:
    found = set()
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            for one in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(one) and issubclass(one, BaseException):
                    found.add(one)
    return sorted(
        (one for one in found if one.__module__.partition(".")[0] in names()),
        key=lambda one: (one.__module__, one.__qualname__),
    )


def names() -> set[str]:
    return {package.__name__ for package in PACKAGES}


def takes_more(error: type[BaseException]) -> bool:
    """Whether a class of ours in its line has a constructor of its own."""
    ours = [one for one in error.__mro__ if one.__module__.partition(".")[0] in names()]
    return any({"__init__", "__new__", "__str__"} & set(vars(one)) for one in ours)


def made(error: type[BaseException]) -> BaseException:
    if takes_more(error):
        assert error.__name__ in SAMPLES, f"{error}: state what it is made with"
        return error(**SAMPLES[error.__name__])
    return error("what went wrong, in one line")


@pytest.mark.parametrize("error", every_error(), ids=lambda one: one.__qualname__)
def test_an_error_that_was_sent_to_another_process_says_the_same(
    error: type[BaseException],
) -> None:
    """The text, and all that is known beside it; with a note that was added on the way."""
    before = made(error)
    before.add_note("seen on the way")
    after = pickle.loads(pickle.dumps(before))  # noqa: S301 - what was just written
    assert type(after) is error
    assert str(after) == str(before)
    assert "\n" not in str(before)
    kept = {name: repr(value) for name, value in vars(before).items()}
    assert {name: repr(value) for name, value in vars(after).items()} == kept
    assert repr(after.args) == repr(before.args)

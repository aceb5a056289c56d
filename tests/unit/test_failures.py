"""What a session's failure means to the user: one line and the exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.mt5.api.contract import FUNCTIONS, RES_E_INVALID_PARAMS, Access
from adapters.mt5.api.errors import ArgumentsRefused, TerminalError
from adapters.mt5.host.client import answer_of
from adapters.mt5.host.wire import RpcReply, Trouble
from scripts.app.errors import AppError
from scripts.app.session_folder import THROUGH_MT5, SessionFolder
from scripts.app.sessions.failures import explained
from scripts.cli.shared.exit_codes import ExitCode, exit_code


def test_arguments_that_the_package_refuses_are_our_own_failure(tmp_path: Path) -> None:
    """The line names the call, and says what is safe and what to look at."""
    folder = SessionFolder(tmp_path, "s-1", THROUGH_MT5)
    with pytest.raises(AppError) as failed, explained(folder):
        raise ArgumentsRefused("history_deals_get(0, 4102444800): SystemError: too large")
    told = str(failed.value)
    assert "internal error" in told
    assert "history_deals_get(0, 4102444800): SystemError: too large" in told
    assert str(folder.path) in told
    assert "look at the terminal for open positions" in told
    assert exit_code(failed.value) is ExitCode.INTERNAL


READING = [name for name, function in FUNCTIONS.items() if function.access is Access.READ]
FAILING = [name for name in READING if FUNCTIONS[name].failed(FUNCTIONS[name].failure)]


@pytest.mark.parametrize("raised", ["SystemError", "TypeError", "OverflowError"])
def test_whatever_a_reading_function_raises_of_its_arguments_names_the_call(raised: str) -> None:
    """Function, arguments and cause; it is no failure of the link, which would be tried again."""
    reply = RpcReply(1, trouble=Trouble.RAISED, detail=f"{raised}: too large")
    for name in READING:
        told = rf"^{name}\('EURUSD', ticket=5\): {raised}: too large$"
        with pytest.raises(ArgumentsRefused, match=told) as refused:
            answer_of(name, reply, "EURUSD", ticket=5)
        assert not isinstance(refused.value, TerminalError)


@pytest.mark.parametrize("text", ["Invalid arguments", 'Invalid "ticket" argument'])
def test_arguments_that_the_package_answers_with_code_2_are_our_own_failure_too(text: str) -> None:
    """Not every function raises: most fail with -2, which would be the same at every look."""
    for name in FAILING:
        reply = RpcReply(1, FUNCTIONS[name].failure, (RES_E_INVALID_PARAMS, text))
        with pytest.raises(ArgumentsRefused) as refused:
            answer_of(name, reply, "EURUSD", ticket=5)
        assert str(refused.value) == f"{name}('EURUSD', ticket=5): -2 {text}"


@pytest.mark.parametrize(
    "error", [(RES_E_INVALID_PARAMS, "Terminal: Invalid params"), (-4, "Terminal: Not found")]
)
def test_what_the_terminal_itself_refuses_is_an_answer(error: tuple[int, str]) -> None:
    """Another moment may bring another one: a look fails, and is taken again."""
    for name in FAILING:
        answer = answer_of(name, RpcReply(1, FUNCTIONS[name].failure, error), "EURUSD")
        assert (answer.failed, answer.last_error) == (True, error)


def test_an_order_whose_arguments_the_package_does_not_take_was_never_sent() -> None:
    """It is refused like any other: what is open is still managed."""
    error = (RES_E_INVALID_PARAMS, 'Invalid "comment" argument')
    assert answer_of("order_send", RpcReply(1, None, error), {}).last_error == error

"""Doctor, smoke test and both documented scripts through the genuine package."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from tests.genuine import product
from tests.genuine.audit import doubled, wrong_account
from tests.genuine.engine import EVENT_LOG, PROFILE, SMOKE_SUMMARY, SUMMARY, Said, Trader, core

SMOKE_LINE = shlex.split("--dry_run")
REPLAY_LINE = shlex.split(
    "--dry_run --max_positions 2 --per_trade_risk_fraction 0.004 --daily_loss_fraction 0.02 "
    "--limit_trades 50"
)
"""The flags of the two documented lines, word for word, beside the profile."""


def document(trader: Trader, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((trader.results / name).read_text(encoding="utf-8"))
    return told


def script(trader: Trader, path: str, line: list[str], *more: object) -> Said:
    """A documented script with its flags, started in the user's own folder."""
    profile = ["--account_profile", PROFILE, "--accounts", trader.accounts]
    where = ["--results_dir", trader.results]
    return trader.run(product.ROOT / path, *profile, *line, *where, *more)


@pytest.mark.core
def test_doctor_finds_everything_in_place(trader: Trader) -> None:
    """On a demo account that may trade, doctor has no failure and sends nothing."""
    said = trader.on_account("doctor")
    assert said.code == 0, said
    assert "FAILURE" not in said.out
    assert "5.0.6231" in said.out
    assert not trader.terminal.sends()


@pytest.mark.parametrize(
    ("changed", "topic"),
    [
        ({"account": {"trade_mode": 2}}, "demo"),
        ({"account": {"login": 7654321}}, "7654321"),
        ({"account": {"server": "rig-demo"}}, "rig-demo"),
        ({"account": {"margin_mode": 0}}, "netting"),
        ({"terminal": {"trade_allowed": False}}, "AutoTrading"),
        ({"terminal": {"connected": False}}, "connect"),
        ({"account": {"trade_expert": False}}, "AutoTrading"),
        ({"account": {"trade_allowed": False}}, "trad"),
    ],
    ids=lambda case: str(case)[:60],
)
def test_doctor_names_what_keeps_it_from_trading(
    trader: Trader, changed: dict[str, Any], topic: str
) -> None:
    """Whatever at terminal or account forbids sending is said by doctor, with its topic."""
    trader.terminal.tell(**changed)
    said = trader.on_account("doctor")
    told = said.out + said.err
    assert topic.casefold() in told.casefold(), said
    assert said.code != 0 or "WARNING" in said.out, said
    assert not trader.terminal.sends()


@pytest.mark.core
def test_a_dry_smoke_test_checks_and_sends_nothing(trader: Trader) -> None:
    """The documented line, dry: connected, the order checked by the package, nothing sent."""
    said = script(trader, product.SMOKE_SCRIPT, SMOKE_LINE)
    assert said.code == 0, said
    told = document(trader, SMOKE_SUMMARY)
    flags = ("dry_run", "connected", "order_sent", "order_closed", "error")
    assert [told[name] for name in flags] == [True, True, False, False, None]
    assert trader.terminal.calls("order_check")
    assert not trader.terminal.sends()


@pytest.mark.core
def test_a_smoke_test_sends_and_closes_one_order(trader: Trader) -> None:
    """Sent, held, closed: two sends at the terminal, nothing left open, the log its deals."""
    said = trader.on_account("smoke-test", "--no-dry-run", "--hold-seconds", 0)
    assert said.code == 0, said
    told = document(trader, SMOKE_SUMMARY)
    assert (told["order_sent"], told["order_closed"], told["error"]) == (True, True, None)
    sends = trader.terminal.sends()
    assert (len(sends), doubled(sends), wrong_account(sends)) == (2, [], [])
    assert trader.terminal.book()["positions"] == []
    balance = trader.terminal.book()["facts"]["balance"]
    assert document(trader, SUMMARY)["final_equity"] == pytest.approx(balance)


def test_the_smoke_test_tells_volume_risk_prices_and_profit(trader: Trader) -> None:
    """A user sees what was sent and what it came to; with --json a program does."""
    said = trader.on_account("smoke-test", "--no-dry-run", "--hold-seconds", 0, "--json")
    assert said.code == 0, said
    told = json.loads(said.out)
    opened, closed = (send["result"] for send in trader.terminal.sends()[-2:])
    shown = json.dumps(told)
    for value in (opened["volume"], opened["price"], closed["price"]):
        assert str(value) in shown, (value, told)
    assert "profit" in shown
    assert "risk" in shown


@pytest.mark.parametrize("do", [core("drop_after"), "drop", "status", "placed"])
def test_a_smoke_test_leaves_nothing_open_after_a_lost_answer(trader: Trader, do: str) -> None:
    """An answer that is lost or late is found again from the history; the position is closed."""
    trader.terminal.fault("order_send", do, -1 if do == "status" else None)
    said = trader.on_account("smoke-test", "--no-dry-run", "--hold-seconds", 0)
    sends = trader.terminal.sends()
    assert doubled(sends) == []
    assert trader.terminal.book()["positions"] == [], said
    told = document(trader, SMOKE_SUMMARY)
    assert told["order_closed"] == (do in ("drop_after", "placed")), said
    assert (said.code == 0) == (told["error"] is None)


@pytest.mark.core
def test_the_documented_replay_script_plays_the_terminals_history(trader: Trader) -> None:
    """The documented line, dry: the terminal's bars, trades in the log, nothing sent."""
    said = script(trader, product.REPLAY_SCRIPT, REPLAY_LINE)
    assert said.code == 0, said
    told = document(trader, SUMMARY)
    assert told["dry_run"] is True
    assert told["signals"] > 0
    assert (trader.results / EVENT_LOG).read_text(encoding="utf-8").count("\n") > 1
    assert not trader.terminal.sends()


def test_the_documented_replay_script_sends_signals(trader: Trader) -> None:
    """Not dry, two trades: each entry and exit once, each row the terminal's deal, none left."""
    flags = ["--no_dry_run" if flag == "--dry_run" else flag for flag in REPLAY_LINE]
    flags[flags.index("50")] = "2"
    said = script(
        trader, product.REPLAY_SCRIPT, flags, "--hold_seconds", 0, "--pace", 0,
    )  # fmt: skip
    assert said.code == 0, said
    sends = trader.terminal.sends()
    assert len(sends) == 4
    assert (doubled(sends), wrong_account(sends)) == ([], [])
    assert trader.terminal.book()["positions"] == []
    balance = trader.terminal.book()["facts"]["balance"]
    assert document(trader, SUMMARY)["final_equity"] == pytest.approx(balance)


@pytest.mark.parametrize("do", ["drop", "drop_after"])
def test_the_documented_replay_script_leaves_nothing_open_after_a_lost_answer(
    trader: Trader, do: str
) -> None:
    """The first answer is lost: what it opened is found in the history and not left behind."""
    trader.terminal.fault("order_send", do)
    flags = ["--no_dry_run" if flag == "--dry_run" else flag for flag in REPLAY_LINE]
    flags[flags.index("50")] = "1"
    said = script(trader, product.REPLAY_SCRIPT, flags, "--hold_seconds", 0, "--pace", 0)
    assert doubled(trader.terminal.sends()) == []
    assert trader.terminal.book()["positions"] == [], said


ONLY_A_PERSON: list[dict[str, Any]] = [
    {"margin_mode": 0}, {"trade_mode": 2}, {"trade_mode": 1}, {"server": "RIG-DEMO"},
    {"login": 12345678}, {"login": 123456},
]  # fmt: skip
"""Accounts with which nothing may be sent: netting, no demo account, another server or login."""


@pytest.mark.core
@pytest.mark.parametrize("account", ONLY_A_PERSON[:2], ids=str)
def test_netting_and_a_real_account_are_refused_before_anything_is_sent(
    trader: Trader, account: dict[str, Any]
) -> None:
    """Exit 2 with the reason, and no send."""
    trader.terminal.tell(account=account)
    expect_refusal(trader, trader.on_account("smoke-test", "--no-dry-run"))


@pytest.mark.parametrize("account", ONLY_A_PERSON, ids=str)
@pytest.mark.parametrize("command", ["smoke-test", "shadow", "script"])
def test_what_only_a_person_can_settle_is_refused_before_anything_is_sent(
    trader: Trader, account: dict[str, Any], command: str
) -> None:
    """Whatever would trade: exit 2 with the reason, and no send."""
    trader.terminal.tell(account=account)
    if command == "script":
        flags = ["--no_dry_run" if flag == "--dry_run" else flag for flag in REPLAY_LINE]
        said = script(trader, product.REPLAY_SCRIPT, flags)
    elif command == "shadow":
        said = trader.shadow().wait()
    else:
        said = trader.on_account("smoke-test", "--no-dry-run")
    expect_refusal(trader, said)


def expect_refusal(trader: Trader, said: Said) -> None:
    assert not trader.terminal.sends()
    assert said.code == 2, said
    assert said.err.strip()

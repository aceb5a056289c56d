"""Commands on an account behind a host of its own: what ends them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

from tests.process.brokers import broker, following

UNREACHABLE = {
    "script": [{"function": "positions_get", "fault": {"kind": "no_ipc", "span": 4_000}, "call": 5}]
}
"""No connection from the session's first own look on, for as long as anybody asks.

Four looks come before it: three for the account's history, one for what nobody manages.
"""


def test_a_duration_ends_a_session_whose_link_never_comes_back(tmp_path: Path) -> None:
    """At its time, in order, with a summary that says what kept trading halted."""
    with broker(tmp_path, faults=UNREACHABLE) as account:
        arguments = ("--no-dry-run", "--no-view", "--quiet", "--duration", "8s")
        said = account.butler("shadow", *arguments)
        assert said.code == 0, said
        summary = account.summary()
    assert summary["outcome"] == "done"
    assert summary["halt_reason"] == "link"


REQUOTE = {"script": [{"function": "order_send", "fault": {"kind": "requote", "points": 3}}]}


def test_a_requote_suspends_and_is_no_latch(tmp_path: Path) -> None:
    """The entry is over and told with code and meaning; trading waits, nobody has to come."""
    with broker(tmp_path, faults=REQUOTE) as account, following(account) as session:
        session.await_row("RESUME")
        session.signal()
        refused = session.await_row("REJECT")
        halts = [row for row in session.rows() if row["event"] == "HALT"]
    assert refused["reason"] == "10004"
    assert "the price moved" in refused["detail"]
    assert halts[-1]["reason"] == "transient_rejection"


def test_a_netting_account_is_refused_by_every_command_that_would_trade(tmp_path: Path) -> None:
    """Exit code 2, since only a person can settle it; doctor calls it a failure."""
    with broker(tmp_path, netting=True) as account:
        smoke = account.butler("smoke-test", "--no-dry-run")
        told = []
        shadow = account.butler("shadow", "--no-view")
        told.append(account.summary("mt5_demo_exec_summary.json"))
        script = account.butler("replay", "--no-dry-run", "--limit-trades", 1)
        told.append(account.summary("mt5_demo_exec_summary.json"))
        doctor = account.butler("doctor")
        summary = account.summary("mt5_demo_smoketest_summary.json")
    assert [said.code for said in (smoke, shadow, script)] == [2, 2, 2], (smoke, shadow, script)
    for said in (smoke, shadow, script):
        assert "not a hedging account" in " ".join(said.err)
    assert "not a hedging account" in summary["error"]
    assert summary["order_sent"] is False
    assert [item["dry_run"] for item in told] == [True, False]
    for item in told:
        assert item["outcome"] == "refused"
        assert "not a hedging account" in item["failure"]
        assert item["final_equity"] is None
    assert doctor.code != 0
    assert any("FAILURE" in line and "netting" in line for line in doctor.out), doctor


def test_the_smoke_test_shows_what_was_sent_and_what_it_came_to(tmp_path: Path) -> None:
    """Volume, money at risk, both prices and the profit, for people and as JSON."""
    with broker(tmp_path, swing=0) as account:
        sent = ("smoke-test", "--no-dry-run", "--hold-seconds", 0)
        shown = account.butler(*sent)
        said = account.butler(*sent, "--json")
    assert shown.code == 0, shown
    told = json.loads("\n".join(said.out))
    assert told["volume"] == 0.04
    assert 0 < told["risk"] <= 5
    assert told["open_price"] == 1.10002
    assert told["close_price"] == 1.1
    assert told["profit"] < 0
    (line,) = [text for text in shown.out if "lots EURUSD" in text]
    for words in ("0.04 lots", "risk ", "opened at 1.10002", "closed at 1.1", "profit -"):
        assert words in line

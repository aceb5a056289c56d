"""Where an account with a past stands, as `butler account` and a session that sends see it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.journal import StoredJournal
from engine import events as ev
from tests.commands import Said, butler
from tests.process.cli import everything
from tests.process.paper_books import DAY, deposit, end_of_sample, trade, write_books

END = end_of_sample()
FIRM = ("--objectives", "ftmo_2step")


def standing(results: Path, *options: object) -> dict[str, Any]:
    said = butler("account", "PAPER", *FIRM, *options, "--json", "--results-dir", results)
    assert said.code == 0, said
    found: dict[str, Any] = json.loads("\n".join(said.out))
    return found


def sent(results: Path, *options: object) -> Said:
    """A signal sent with the firm's objectives."""
    return butler(
        "replay", "--account-profile", "PAPER", "--no-dry-run", "--limit-trades", 1, *FIRM,
        "--hold-seconds", 0, "--pace", 0, "--quiet", *options, "--results-dir", results,
    )  # fmt: skip


def codes(found: dict[str, Any]) -> set[str]:
    return {item["code"] for item in found["findings"]}


def test_a_challenge_under_way_hangs_on_what_it_began_with(tmp_path: Path) -> None:
    """100,000 paid in, 962.90 lost since on other days: not today's 99,037.10 sets the limits."""
    write_books(tmp_path, deposit(END - 9 * DAY, 10_000_000), trade(END - 5 * DAY, -96_290))
    found = standing(tmp_path)
    figures = found["figures"]
    assert found["balance"] == 99_037.10
    assert (figures["initial"], figures["floor_overall"]) == (10_000_000, 9_000_000)
    assert (figures["target"], figures["trading_days"]) == (11_000_000, 1)
    assert figures["floor_today"] == 9_903_710 - 500_000
    assert {"DERIVED", "FOREIGN"} <= codes(found)
    assert sent(tmp_path, "--session-id", "one").code == 0


def test_a_broken_challenge_on_paper_begins_anew_with_fresh_books(tmp_path: Path) -> None:
    write_books(tmp_path, deposit(END - 9 * DAY, 10_000_000), trade(END - 5 * DAY, -600_001))
    assert "BREACHED" in codes(standing(tmp_path))
    refused = sent(tmp_path)
    assert refused.code == 2
    assert "daily_loss was broken" in refused.line
    assert "`butler account PAPER --reset` gives it fresh books" in refused.line
    assert not list(tmp_path.glob("sessions/*"))
    assert butler("account", "PAPER", "--reset", "--results-dir", tmp_path).code == 0
    assert sent(tmp_path).code == 0


def test_a_phase_that_is_passed_is_over(tmp_path: Path) -> None:
    days = [trade(END - number * DAY, 260_000) for number in (10, 8, 6, 4)]
    write_books(tmp_path, deposit(END - 12 * DAY, 10_000_000), *days)
    refused = sent(tmp_path)
    assert refused.code == 2
    assert "target 110,000.00 USD reached with 4 days" in refused.line
    assert "`butler account PAPER --reset`" in refused.line


@pytest.mark.parametrize("amount", [250_000, -250_000], ids=["deposit", "withdrawal"])
def test_money_paid_in_or_out_is_asked_about(tmp_path: Path, amount: int) -> None:
    """And a dry run says the same as a warning."""
    write_books(
        tmp_path, deposit(END - 9 * DAY, 10_000_000), trade(END - 5 * DAY, -10_000),
        deposit(END - 4 * DAY, amount),
    )  # fmt: skip
    found = standing(tmp_path)
    assert "TRANSFER" in codes(found)
    assert "# transfers: accept" in found["challenge_yaml"]
    refused = sent(tmp_path)
    assert refused.code == 2
    assert "is no trade: state transfers: accept" in refused.line


def test_a_history_that_reads_otherwise_than_before_waits_for_a_person(tmp_path: Path) -> None:
    """Exit code 4; once the user has looked, --accept-history takes it."""
    books = write_books(tmp_path, deposit(END - 9 * DAY, 10_000_000), trade(END - 5 * DAY, -9_000))
    assert sent(tmp_path, "--session-id", "one").code == 0
    told = json.loads(books.read_text())
    told["deals"][2]["profit"] -= 1_000
    books.write_text(json.dumps(told))
    refused = sent(tmp_path, "--session-id", "two")
    assert refused.code == 4
    assert "deal 3 reads otherwise than before" in refused.line
    assert "`butler account PAPER --accept-history`" in refused.line
    accepted = butler("account", "PAPER", "--accept-history", "--results-dir", tmp_path)
    assert accepted.code == 0, accepted
    assert sent(tmp_path, "--session-id", "three").code == 0


def test_an_account_whose_market_was_played_is_read_by_that_markets_clock(tmp_path: Path) -> None:
    """The day's start and floors shown are those of its sessions, whenever one looks."""
    run = (
        "shadow", "--account-profile", "PAPER", "--no-dry-run", "--speed", "max", "--quiet", *FIRM,
        "--results-dir", tmp_path,
    )  # fmt: skip
    one = (*run, "--from", "2024-12-18T20:00", "--to", "2024-12-19T02:00", "--session-id", "one")
    assert butler(*one).code == 0
    books = everything(tmp_path / "accounts")
    figures = standing(tmp_path)["figures"]
    names = [name for name in books if name.endswith(".json")]
    after = everything(tmp_path / "accounts")
    assert names
    assert [after[name] for name in names] == [books[name] for name in names], "it only looks"
    assert (figures["started"], figures["date"]) == ("2024-12-18", "2024-12-19")
    two = (*run, "--adopt", "--to", "2024-12-19T03:00", "--session-id", "two")
    assert butler(*two).code == 0
    journal = tmp_path / "sessions" / "two" / "journal.sqlite"
    with StoredJournal(journal) as stored:
        first = next(stored.records(kinds={"ledger"})).event
    assert isinstance(first, ev.LedgerUpdated)
    told = first.figures
    assert figures["day_start"] == told.day_start
    assert (figures["floor_today"], figures["date"]) == (told.floor_today, told.date)
    assert told.own is not None
    assert figures["own"]["day_start"] == told.own.day_start


def test_the_terminals_bars_tell_of_a_past_that_nobody_watched(tmp_path: Path) -> None:
    """One lot for two hours lost nothing to speak of; fifty lots 400 points away did."""
    write_books(
        tmp_path / "calm", deposit(END - 9 * DAY, 10_000_000),
        trade(END - 5 * DAY, -10_000, minutes=120),
    )  # fmt: skip
    assert standing(tmp_path / "calm")["figures"]["past"] == "clean_bounded"
    wild = trade(END - 5 * DAY, -10_000, minutes=120)
    wild[0] |= {"volume": 500_000, "price": 104_400}
    wild[1] |= {"volume": 500_000}
    write_books(tmp_path / "wild", deposit(END - 9 * DAY, 10_000_000), wild)
    found = standing(tmp_path / "wild")
    assert found["figures"]["past"] == "breached_bounded"
    assert "PAST_BREACH_LIKELY" in codes(found)
    assert sent(tmp_path / "wild").code == 0, "prices of bars are not the firm's ticks"


def test_an_account_is_looked_at_whatever_symbols_its_sessions_traded(tmp_path: Path) -> None:
    """Books that a session on other symbols has left are read and flattened without their bars."""
    dealt = trade(END - 5 * DAY, -9_000)
    for deal in dealt:
        deal |= {"symbol": "USDJPY", "price": 150_000}
    write_books(tmp_path, deposit(END - 9 * DAY, 10_000_000), dealt)
    assert standing(tmp_path)["balance"] == 99_910.0
    flat = butler("flatten", "--account-profile", "PAPER", "--results-dir", tmp_path)
    assert (flat.code, flat.out[-1]) == (0, "nothing of the engine's is left open"), flat

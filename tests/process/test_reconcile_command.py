"""`butler reconcile`: a statement of an account's own trades agrees, a changed one does not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.state.store import AccountStore
from engine.account.history import HistoryDeal
from scripts.app.sessions.paper import LOGIN, SERVER
from tests.commands import Said, butler
from tests.statement_files import Row, html_history, write_html

RUN = (
    "shadow", "--account-profile", "PAPER", "--no-dry-run", "--speed", "max", "--quiet",
    "--from", "2024-12-18T18:00", "--to", "2024-12-19T18:00", "--session-id", "one",
)  # fmt: skip
KINDS = ("buy", "sell", "balance")
ENTRIES = ("in", "out", "in/out")


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[HistoryDeal]]:
    """The results of a session that traded for a day, and the account's deals."""
    results = tmp_path_factory.mktemp("traded")
    assert butler(*RUN, "--results-dir", results).code == 0
    asked = butler("account", "PAPER", "--results-dir", results)
    assert asked.code == 0
    with AccountStore(results / "accounts" / f"{SERVER.lower()}-{LOGIN}", LOGIN, SERVER) as store:
        deals = list(store.deals())
    last = butler(
        "shadow", "--account-profile", "PAPER", "--no-dry-run", "--speed", "max", "--quiet",
        "--adopt", "--to", "2024-12-19T19:00", "--results-dir", results, "--session-id", "two",
    )  # fmt: skip
    assert last.code == 0, last
    with AccountStore(results / "accounts" / f"{SERVER.lower()}-{LOGIN}", LOGIN, SERVER) as store:
        deals = list(store.deals())
    assert len(deals) > 4
    return results, deals


def rows(deals: Sequence[HistoryDeal], *, ahead: int = 0, less: float = 0.0) -> list[Row]:
    """The deals as a statement prints them, its clock so many seconds ahead of the server's."""
    balance = 0.0
    made: list[Row] = []
    for number, deal in enumerate(deals):
        profit = deal.profit - (less if number == len(deals) - 1 else 0.0)
        balance += profit + deal.commission + deal.swap
        at = dt.datetime.fromtimestamp(deal.time_msc // 1000 + ahead, dt.UTC)
        trade = deal.trade
        made.append(
            (
                f"{at:%Y.%m.%d %H:%M:%S}", str(deal.ticket), deal.symbol, KINDS[deal.type],
                ENTRIES[deal.entry] if trade else "", f"{deal.volume:g}" if trade else "",
                f"{deal.price:.5f}" if trade else "", str(deal.order) if trade else "",
                f"{deal.commission:.2f}", "0.00", f"{deal.swap:.2f}", f"{profit:.2f}",
                f"{balance:.2f}", "",
            )
        )  # fmt: skip
    return made


def statement(folder: Path, made: Sequence[Row]) -> Path:
    text = html_history(made, positions=()).replace("10000001", str(LOGIN))
    return write_html(folder / "statement.html", text)


def compared(results: Path, file: Path, *how: object) -> Said:
    return butler("reconcile", "--statement", file, "--results-dir", results, *how)


def test_the_accounts_own_deals_agree_to_the_cent(
    tmp_path: Path, traded: tuple[Path, list[HistoryDeal]]
) -> None:
    results, deals = traded
    said = compared(results, statement(tmp_path, rows(deals)), "--account-profile", "PAPER")
    assert said.code == 0, said
    assert said.out[-1] == "equal"
    assert any(line.startswith("sum ") for line in said.out)
    changed = statement(tmp_path, rows(deals, less=0.01))
    said = compared(results, changed, "--account-profile", "PAPER")
    assert said.code == 5
    assert any(line.startswith("differs") and "profit" in line for line in said.out)
    assert compared(results, changed, "--account-profile", "PAPER", "--money", 0.01).code == 0


def test_a_statement_by_another_clock_is_read_by_that(
    tmp_path: Path, traded: tuple[Path, list[HistoryDeal]]
) -> None:
    """In December New York + 7 h is two hours ahead of UTC."""
    results, deals = traded
    file = statement(tmp_path, rows(deals[1:], ahead=-7200))
    said = compared(results, file, "--account-profile", "PAPER", "--clock", "utc", "--json")
    assert said.code in (0, 5), said
    assert '"shift": 0' in "\n".join(said.out)
    found = compared(results, file, "--account-profile", "PAPER")
    assert any("-2 h from the server's" in line for line in found.out), found
    wrong = compared(results, file, "--account-profile", "PAPER", "--clock", "sundial")
    assert (wrong.code, "--clock sundial: write one of" in wrong.line) == (2, True)


def test_a_sessions_journal_agrees_with_the_statement(
    tmp_path: Path, traded: tuple[Path, list[HistoryDeal]]
) -> None:
    """Entries and exits by ticket, stops and targets by what they were."""
    results, deals = traded
    of_one = [deal for deal in deals[1:] if deal.time_msc < deals[-1].time_msc]
    said = compared(results, statement(tmp_path, rows(of_one)), "--session", "one", "--json")
    text = "\n".join(said.out)
    assert '"differs": []' in text, said
    assert '"only_statement": []' in text, said
    assert said.code in (0, 5)
    other = statement(tmp_path, rows(of_one, less=5.0))
    assert compared(results, other, "--session", "one").code == 5


def test_one_side_is_named_and_only_one(tmp_path: Path) -> None:
    file = statement(tmp_path, ())
    for how in ((), ("--account-profile", "PAPER", "--session", "one")):
        said = compared(tmp_path, file, *how)
        assert said.code == 2
        assert "give --account-profile NAME or --session ID, one of them" in said.line

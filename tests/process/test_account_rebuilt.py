"""An account's ledger that was lost or damaged is made anew from its sessions' own journals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.state.store import FILE, AccountStore, SessionRow
from scripts.app.sessions.paper import LOGIN, SERVER
from tests import synthetic
from tests.commands import butler
from tests.process.shadows import kill_at, shadow_process, synthetic_bars

NOON = synthetic.SPRING + 12 * 3600


def store_of(results: Path) -> Path:
    return results / "accounts" / f"{SERVER.lower()}-{LOGIN}"


def kept(results: Path) -> tuple[Any, ...]:
    """What the store has of sessions: rows, requests, entries and signals, watched spans."""
    with AccountStore(store_of(results), LOGIN, SERVER) as store:
        rows = tuple(sorted(store.sessions(), key=lambda row: row.id))
        return rows, store.requests(0), store.approvals(0), store.known_signals(0), store.figures()


def standing(results: Path) -> dict[str, Any]:
    said = butler("account", "PAPER", "--objectives", "ftmo_2step", "--json", "--results-dir",
                  results)  # fmt: skip
    assert said.code == 0, said
    figures: dict[str, Any] = json.loads("\n".join(said.out))["figures"]
    return figures


def lose(results: Path) -> None:
    for file in store_of(results).glob(f"{FILE}*"):
        file.unlink()


def damage(results: Path) -> None:
    """As a disk that gave back another page: most of the file is whole."""
    file = store_of(results) / FILE
    whole = bytearray(file.read_bytes())
    whole[-2048:] = b"\xff" * 2048
    file.write_bytes(whole)


def cut(results: Path) -> None:
    file = store_of(results) / FILE
    file.write_bytes(file.read_bytes()[:3000])


@pytest.mark.parametrize("how", [lose, damage, cut], ids=lambda how: how.__name__)
def test_what_the_sessions_did_still_counts(tmp_path: Path, how: Any) -> None:
    """Two smoke tests: their entries, requests and sessions are in their journals."""
    smoke = (
        "smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", 0,
        "--results-dir", tmp_path, "--session-id",
    )  # fmt: skip
    for name in ("one", "two"):
        assert butler(*smoke, name).code == 0
    before, figures = kept(tmp_path), standing(tmp_path)
    assert figures["own"]["orders_today"] == 2
    how(tmp_path)
    said = butler(*smoke, "three")
    assert said.code == 0, said
    words = "had no ledger" if how is lose else "was damaged, is kept as"
    assert any(words in line and "2 sessions" in line for line in said.err), said.err
    rows, requests, approvals, signals, seen = kept(tmp_path)
    assert [plain(row) for row in rows if row.id != "three"] == [plain(row) for row in before[0]]
    assert requests[:-2] == before[1]
    assert approvals[:-1] == before[2]
    assert signals >= before[3]
    assert seen == before[4]
    assert standing(tmp_path)["own"]["orders_today"] == 3


def plain(row: SessionRow) -> tuple[Any, ...]:
    return row.id, row.folder, row.tag, row.mode, row.dry, row.ended is not None, row.how


def test_a_service_goes_on_though_the_ledger_is_gone(tmp_path: Path) -> None:
    """The terms by which a session is the same are in its journal, too."""
    results = tmp_path / "results"
    bars = (*synthetic_bars(tmp_path, "EURUSD", seed=5, days=1), "--speed", "max")
    with shadow_process(results, *bars, "--session-id", "killed") as process:
        kill_at(process, results / "sessions" / "killed" / "paper_market.json", NOON)
    lose(results)
    said = butler(
        "shadow", "--account-profile", "PAPER", *bars, "--results-dir", results, "--no-view"
    )
    assert said.code == 0, said
    assert any("going on with killed (cut off " in line for line in said.err), said.err


def test_fresh_books_are_not_filled_from_the_account_that_was(tmp_path: Path) -> None:
    smoke = ("smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", 0,
             "--results-dir", tmp_path, "--session-id")  # fmt: skip
    assert butler(*smoke, "one").code == 0
    assert butler("account", "PAPER", "--reset", "--results-dir", tmp_path).code == 0
    assert kept(tmp_path)[:3] == ((), (), ())
    assert standing(tmp_path)["own"]["orders_today"] == 0

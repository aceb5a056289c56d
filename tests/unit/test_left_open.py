"""A session that ends with positions open says which, what protects them, and how to close them."""

from __future__ import annotations

from engine.portfolio import Portfolio
from scripts.view.left_open import left_open_lines
from tests.builders import SPECS, opened

GOES_ON = "butler shadow --account-profile demo --resume s-1 manages them again"


def lines(*stops: int, dry_run: bool = False, goes_on: str = GOES_ON) -> list[str]:
    portfolio = Portfolio(SPECS)
    for ticket, stop in enumerate(stops, 7):
        portfolio.on_opened(opened(ticket, stop_loss=stop))
    return left_open_lines(
        portfolio.positions.values(), SPECS, profile="demo", goes_on=goes_on, dry_run=dry_run
    )


def test_each_position_is_named_with_the_stop_that_stands_at_the_venue() -> None:
    first, second, how = lines(109_910, 0)
    assert first.startswith("left open: position 7 EURUSD long ")
    assert first.endswith("its stop 1.0991 stands at the venue")
    assert second.endswith("WITHOUT A STOP")
    assert "--resume s-1 manages them again" in how
    assert how.endswith("butler flatten --account-profile demo closes them")


def test_paper_positions_of_a_dry_run_are_no_reason_to_flatten_an_account() -> None:
    assert "flatten" not in lines(109_910, dry_run=True)[-1]


def test_nothing_is_said_when_nothing_is_open() -> None:
    assert lines() == []


def test_a_session_that_cannot_go_on_says_how_to_close_them() -> None:
    assert lines(109_910, goes_on="")[-1] == "butler flatten --account-profile demo closes them"

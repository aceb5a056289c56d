"""What `butler odds --exact` says of a start at which the fold says otherwise."""

from __future__ import annotations

import msgspec
import pytest

from risk.odds.interval import Interval
from scripts.app.odds.exact import ExactAttempt, ExactDifference, ExactHistory, LaterPhase
from scripts.view.research.odds_text import exact_lines

EXACT = ExactAttempt(date="2023-03-02", outcome="passed", phase=2, days=54, began="2023-04-06")
FOLDED = ExactAttempt(date="2023-03-02", outcome="passed", phase=2, days=51)
ALONE = ExactAttempt(date="2023-04-07", outcome="passed", days=25, began="2023-04-07")
LATER = LaterPhase(
    passed="2023-04-06", alone=ALONE, folded=msgspec.structs.replace(ALONE, began="")
)


def said(difference: ExactDifference) -> str:
    found = ExactHistory(
        preset="mine", symbols=("EURUSD",), rules="x", rules_title="X", days=100,
        attempts=(EXACT,), passes=1, decided=1, share=1.0, independent=1.9,
        interval=Interval(0.3, 1.0), causes={}, days_to_pass=(54, 54, 54),
        differences=(difference,),
    )  # fmt: skip
    return "\n".join(exact_lines(found))


def test_a_later_phase_that_ends_alike_from_the_same_day_explains_the_difference() -> None:
    found = ExactDifference(exact=EXACT, folded=FOLDED, later=LATER)
    assert found.explained
    text = said(found)
    assert "2023-03-02: passed in phase 2 after 54 days; the fold: passed in phase 2 after 51" in (
        text
    )
    assert "explained: both pass on 2023-04-06, the replay goes on at once" in text
    assert "begun on 2023-04-07 as in the fold, that phase takes 25 days (in the fold 25)" in text


@pytest.mark.parametrize(
    "later",
    [
        None,
        msgspec.structs.replace(LATER, passed="2023-04-05"),
        msgspec.structs.replace(LATER, alone=msgspec.structs.replace(ALONE, days=40)),
        msgspec.structs.replace(LATER, alone=msgspec.structs.replace(ALONE, outcome="breached")),
    ],
    ids=["not tried", "passed on another day", "other days", "another end"],
)
def test_what_was_tried_and_does_not_hold_explains_nothing(later: LaterPhase | None) -> None:
    found = ExactDifference(exact=EXACT, folded=FOLDED, later=later)
    assert not found.explained
    assert "explained" not in said(found)

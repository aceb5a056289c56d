"""A run read back from its event log."""

from __future__ import annotations

import csv
import io

import pytest

from adapters.reports.projection import LOG_COLUMNS, Row
from adapters.reports.runs import (
    READ_COLUMNS,
    Fill,
    RunUnreadable,
    digits_of,
    parse_log,
    read_run,
)
from engine.types import Side
from tests.logs_of_runs import MINUTE, NOON, closed, denied, opened, row, run_of, text_of, trade


def test_a_trade_has_its_fills_levels_and_whole_result() -> None:
    run = run_of(trade(0, 7))
    (seen,) = run.trades
    assert (seen.ticket, seen.signal_id, seen.symbol, seen.side) == (
        "7",
        "x:7",
        "EURUSD",
        Side.LONG,
    )
    assert seen.opening == Fill(NOON, 110_000, "tag")
    assert seen.closing == Fill(NOON + 30 * MINUTE, 110_200, "TP")
    assert (seen.volume, seen.stop, seen.target, seen.risk) == (10_000, 109_900, 110_200, 100)
    assert (seen.net, seen.commission, seen.swap) == (19_500, -500, 0)
    assert (run.session_id, run.mode, run.first) == ("s", "replay", NOON)


def test_parts_of_a_closing_count_by_their_volume() -> None:
    parts = [
        closed(10, 1, volume="0.25", price="1.10100", reason="MANUAL"),
        closed(20, 1, volume="0.75", price="1.10200"),
    ]
    (open_still,) = run_of([opened(0, 1), parts[0]]).trades
    assert open_still.closing is None
    (seen,) = run_of([opened(0, 1), *parts]).trades
    assert seen.closing == Fill(NOON + 20 * MINUTE, 110_175, "TP")


def test_a_closing_without_its_opening_is_a_trade_of_which_only_the_end_is_known() -> None:
    (seen,) = run_of([closed(5, 3)]).trades
    assert (seen.opening, seen.risk, seen.time) == (None, 0, NOON + 5 * MINUTE)
    assert seen.closing is not None


def test_a_moved_stop_is_the_one_that_the_position_ends_with() -> None:
    moved = row(5, "MODIFY", ticket="1", stop_loss="1.10050", take_profit="1.10200")
    (seen,) = run_of([opened(0, 1), moved, closed(30, 1)]).trades
    assert (seen.stop, seen.last_stop) == (109_900, 110_050)


def test_refusals_halts_and_rows_of_other_kinds_are_kept_apart() -> None:
    run = run_of(
        [
            denied(1, 1),
            row(2, "REJECT", reason="10016"),
            row(3, "UNKNOWN", reason="unknown_outcome"),
            row(4, "HALT", symbol="", direction="", reason="daily_loss"),
            row(5, "RESUME", symbol="", direction="", reason="reset"),
            row(6, "NEWS"),
        ]
    )
    words = [item.words for item in run.refusals]
    assert words == ["denied as max_positions", "rejected with 10016", "of unknown outcome"]
    assert [(item.reason, item.resumed) for item in run.halts] == [
        ("daily_loss", False),
        ("reset", True),
    ]
    assert run.skipped == {"NEWS": 1}
    assert run.denied == {"max_positions": 1, "halted": 0}


def test_logs_with_other_digits_are_read_in_the_finer_points() -> None:
    coarse = parse_log(text_of([opened(0, 1, price="1.1000", stop_loss="1.0990")]), "a.csv")
    fine = parse_log(text_of([opened(0, 1)]), "b.csv")
    digits = digits_of([*coarse, *fine])
    seen = [read_run(lines, digits).trades[0] for lines in (coarse, fine)]
    assert [(item.opening, item.stop) for item in seen] == [
        (Fill(NOON, 110_000, "tag"), 109_900)
    ] * 2


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        (opened(0, 1, price="1,1"), "price"),
        (opened(0, 1, price="nan"), "price"),
        (opened(0, 1, commission="1e99"), "commission"),
        (opened(0, 1, volume="0.00"), "volume"),
        (opened(0, 1, direction="up"), "direction"),
        (opened(0, 1, timestamp="noon"), "timestamp"),
        (opened(0, 1, timestamp="2025-01-07T12:00:00"), "timestamp"),
    ],
)
def test_a_cell_that_cannot_be_understood_is_named(bad: Row, column: str) -> None:
    with pytest.raises(RunUnreadable, match=f"log.csv: line 4: {column} '"):
        run_of([*trade(0, 9), bad])


@pytest.mark.parametrize("column", LOG_COLUMNS)
def test_a_log_needs_only_the_columns_that_are_read(column: str) -> None:
    """Logs of older programs have fewer: what nobody reads may be missing, the rest is named."""
    whole = text_of([*trade(0, 9), *trade(10, 19)])
    rows = list(csv.DictReader(io.StringIO(whole)))
    kept = [name for name in LOG_COLUMNS if name != column]
    file = io.StringIO()
    writer = csv.DictWriter(file, kept, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    if column in READ_COLUMNS:
        with pytest.raises(RunUnreadable, match=f"no column '{column}'"):
            parse_log(file.getvalue(), "log.csv")
        return
    shorter, complete = (parse_log(text, "log.csv") for text in (file.getvalue(), whole))
    digits = digits_of(complete)
    assert digits_of(shorter) == digits
    assert read_run(shorter, digits) == read_run(complete, digits)


def test_every_column_that_is_demanded_is_read() -> None:
    """A log is refused for want of a column only where the column says something."""
    read: set[str] = set()

    class Noting(dict[str, str]):
        def __getitem__(self, name: str) -> str:
            read.add(name)
            return super().__getitem__(name)

    moved = row(5, "MODIFY", ticket="1", stop_loss="1.10050", take_profit="1.10200")
    text = text_of([opened(0, 1), moved, closed(30, 1), denied(40, 2)])
    lines = [line._replace(cells=Noting(line.cells)) for line in parse_log(text, "log.csv")]
    read_run(lines, digits_of(lines))
    assert read == set(READ_COLUMNS)


def test_what_is_no_event_log_is_refused() -> None:
    with pytest.raises(RunUnreadable, match="line 1: not an event log"):
        parse_log("time,open\n1,2\n", "bars.csv")
    cut = text_of(trade(0, 1))[:-40]
    with pytest.raises(RunUnreadable, match=r"log.csv: line 3: has not the number of cells"):
        parse_log(cut, "log.csv")

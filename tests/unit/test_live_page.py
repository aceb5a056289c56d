"""A session's page as changes: whoever takes them, however far apart, has the whole, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("plotly")

from adapters.reports.page.live import LiveContent, LiveLine, LivePage
from engine import events as ev
from engine.result.build import finished
from engine.result.fold import ResultFold
from tests.reruns import recorded

SEEDS = (2, 5)


class Viewer:
    """Keeps what messages say, as the page's script does."""

    def __init__(self) -> None:
        self.seq = 0
        self.values: dict[str, Any] = {}
        self.tables: dict[str, list[Any]] = {}

    def take(self, message: bytes | None) -> None:
        if message is None:
            return
        news = msgspec.json.decode(message)
        assert news["after"] <= self.seq < news["seq"] or news["after"] == 0
        if news["after"] == 0:
            self.values, self.tables = {}, {}
        self.seq = news["seq"]
        self.values |= {name: news[name] for name in ("doc", "screen") if name in news}
        for name, part in news["tables"].items():
            rows = self.tables.setdefault(name, [])
            del rows[part["count"] :]
            for at, row in part["rows"]:
                assert at <= len(rows), f"a gap in {name}"
                rows[at : at + 1] = [row]
            assert len(rows) == part["count"], f"a gap in {name}"


def contents(records: Sequence[ev.Record], cuts: Sequence[int]) -> list[LiveContent]:
    """The page's content after each of some records, as one follower makes it."""
    fold, page, lines = ResultFold(), LivePage(), []
    found = []
    for record in records:
        fold.take(record)
        lines.append(LiveLine(seq=record.seq, time=record.time, text=type(record.event).__name__))
        if record.seq in cuts:
            result = finished(fold)
            found.append(page.content(record.seq, record.time, result, tuple(lines[-200:])))
    return found


def whole(content: LiveContent) -> Viewer:
    """Somebody who comes only now."""
    viewer = Viewer()
    viewer.take(content.since(0))
    return viewer


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(SEEDS), st.data())
def test_whatever_a_viewer_missed_it_ends_with_the_same(seed: int, data: st.DataObject) -> None:
    """Viewers who take every content, some of them, or the last alone agree on everything."""
    records = recorded(seed)
    numbers = st.integers(1, records[-1].seq)
    cuts = sorted(data.draw(st.sets(numbers, min_size=2, max_size=12)) | {records[-1].seq})
    made = contents(records, cuts)
    every, some = Viewer(), Viewer()
    for content in made:
        every.take(content.since(every.seq))
        if data.draw(st.booleans()) or content is made[-1]:
            some.take(content.since(some.seq))
    last = whole(made[-1])
    assert every.tables == some.tables == last.tables
    assert every.values == some.values == last.values
    assert every.seq == some.seq == last.seq == records[-1].seq


def test_who_has_everything_gets_nothing_and_who_claims_more_gets_all() -> None:
    records = recorded(2)
    (content,) = contents(records, [records[-1].seq])
    assert content.since(content.seq) is None
    for claimed in (content.seq + 1, -1, 10**18):
        assert content.since(claimed) == content.since(0)


def test_what_changed_is_small_and_is_encoded_once() -> None:
    """One more bar costs one row; viewers that came equally far share the message."""
    records = recorded(7)
    bars = [record.seq for record in records if isinstance(record.event, ev.BarClosed)]
    before, after = contents(records, bars[-2:])
    message = after.since(before.seq)
    assert message is not None
    assert len(message) < len(after.since(0) or b"") / 4
    assert message is after.since(before.seq)


def test_points_are_those_of_the_result_to_the_cent() -> None:
    records = recorded(2)
    (content,) = contents(records, [records[-1].seq])
    fold = ResultFold()
    for record in records:
        fold.take(record)
    result, viewer = finished(fold), whole(content)
    assert [row[2] for row in viewer.tables["points"]] == result.curve.equity.tolist()
    assert [row[1] for row in viewer.tables["points"]] == result.curve.balance.tolist()
    assert [row[9] for row in viewer.tables["trades"]] == [
        trade.net if trade.parts else None for trade in result.trades
    ]

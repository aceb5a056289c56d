"""The bars that come with the package are what their notice says, and so is their making."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from adapters.bars.reader import open_bars
from adapters.bars.sample import CLOCK, DIGITS, PERIOD_SECONDS, SAMPLE, SYMBOL
from scripts.build_sample import CSV_SHA256, MEMBER, aggregate, main, parse, write
from signals.market_data.clocks import ClockDetector
from signals.market_data.validate import BarChecker, Severity

NOTICE = SAMPLE.with_name("NOTICE").read_text(encoding="utf-8")
ROWS = [
    "2023.01.02,00:05:00,1.06949,1.07015,1.06854,1.06950,23,215,153",
    "2023.01.02,00:14:00,1.06960,1.06970,1.06950,1.06951,8,725,170",
    "2023.01.02,00:30:00,1.06952,1.06953,1.06800,1.06900,1,10,9",
]


def test_the_sample_is_sane_and_small() -> None:
    """Two years of M15 without an error, with the clock that the constants name, under 1 MB."""
    file = open_bars(SAMPLE)
    checker, detector = BarChecker(SYMBOL, DIGITS, now=1_767_225_600), ClockDetector()
    for chunk in file.chunks():
        checker.push(chunk)
        detector.push(chunk.time)
    assert [f for f in checker.finish() if f.severity is Severity.ERROR] == []
    assert checker.period == PERIOD_SECONDS
    assert detector.verdict().clock == CLOCK
    assert f"{checker.rows:,} bars" in NOTICE
    assert SAMPLE.stat().st_size < 1_000_000


def test_the_notice_names_source_licence_and_hash() -> None:
    """Whoever passes the sample on finds what its licence asks for."""
    for words in ("pyeventbt 0.0.14", "Apache License, Version 2.0", CSV_SHA256, MEMBER):
        assert words in NOTICE


def test_bars_are_made_slot_by_slot() -> None:
    """First open, highest high, lowest low, last close, sums, and the smallest spread."""
    m15 = aggregate(parse("\n".join(ROWS).encode()), 900)
    start = 1_672_617_600  # 2023-01-02 00:00
    assert {name: column.tolist() for name, column in m15.items()} == {
        "time": [start, start + 1_800],
        "open": [1.06949, 1.06952],
        "high": [1.07015, 1.06953],
        "low": [1.06854, 1.06800],
        "close": [1.06951, 1.06900],
        "tick_volume": [31, 1],
        "spread": [153, 9],
        "real_volume": [940, 10],
    }


def test_what_is_written_has_the_platform_s_columns(tmp_path: Path) -> None:
    """The file is read back as the rates that were written."""
    m15 = aggregate(parse("\n".join(ROWS).encode()), 900)
    write(m15, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.equals(pq.read_schema(SAMPLE))
    for name, column in m15.items():
        np.testing.assert_array_equal(table[name].to_numpy(), column)


def test_another_source_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only the documented bytes become the sample; nothing is written otherwise."""
    output = tmp_path / "out.parquet"
    text, wheel, other = tmp_path / "a.csv", tmp_path / "a.whl", tmp_path / "b.whl"
    text.write_text("\n".join(ROWS), encoding="utf-8")
    for path, member in ((wheel, MEMBER), (other, "something.else")):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, "\n".join(ROWS))
    for source, words in (
        (text, "get pyeventbt 0.0.14"),
        (wheel, "get pyeventbt 0.0.14"),
        (other, "give the wheel or its CSV"),
        (tmp_path / "missing", "give the wheel or its CSV"),
    ):
        assert main([str(source), str(output)]) == 1
        error = capsys.readouterr().err
        assert error.startswith(str(source))
        assert words in error
    assert not output.exists()

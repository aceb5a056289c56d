"""Real files of several brokers and exporters, read, checked and compared with each other.

They are looked for in `../shared/data` beside the checkout and belong to no release.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from adapters.bars.reader import BarFileError, RateColumns, concat, open_bars
from engine.types import ClockName
from scripts.app.terms.bars import label_fault
from scripts.app.terms.inputs import shown_clock
from scripts.build_sample import aggregate
from signals.market_data.clocks import Seconds, to_utc
from signals.market_data.validate import BarChecker, Kind, Severity
from tests.detected_clock import detect_clock

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no market data at {DATA}")

NOW = 1_767_225_600  # 2026-01-01, after the last of the bars
MT5, GUI = "MT5 parquet", "MT5 GUI export"


@dataclass(frozen=True)
class Expected:
    """What a file is known to hold. `seen` is the clock that its bars show by themselves."""

    format: str
    rows: int
    seen: ClockName | None
    fixed: ClockName | None = None
    digits: int = 5
    period: int = 900


ICM, FTMO = "icmarkets_demo/", "ftmo_terminal/"
EXNESS, EU, CSV = "exness_trial/", "eu_dst_broker/", "csv/"
Y2025, H2 = "20250102_20251231.parquet", "20250602_20251231.parquet"
DUKASCOPY_WEEK = "EURUSD_Candlestick_15_M_BID_05.07.2021-10.07.2021_GENUINE_dukascopy.csv"
DUKASCOPY_SPRING = "EURUSD_M15_utc_2025_dukascopy_derived.csv"

FILES = {
    f"{ICM}EURUSD_M15_{Y2025}": Expected(MT5, 24_769, "new-york+7"),
    f"{ICM}EURUSD_M1_{Y2025}": Expected(MT5, 371_123, "new-york+7", period=60),
    f"{ICM}GBPUSD_M15_20251001_20251231.parquet": Expected(MT5, 6_145, "new-york+7"),
    f"{FTMO}EURUSD_M15_{Y2025}": Expected(MT5, 24_855, "new-york+7"),
    f"{FTMO}GBPUSD_M15_{Y2025}": Expected(MT5, 24_856, "new-york+7"),
    f"{FTMO}USDJPY_M15_20240701_20250618.parquet": Expected(MT5, 24_042, "new-york+7", digits=3),
    f"{EXNESS}EURUSD_M15_{H2}": Expected(MT5, 14_512, "utc"),
    f"{EXNESS}USDJPY_M15_{H2}": Expected(MT5, 14_512, "utc", digits=3),
    f"{EXNESS}XAUUSD_M15_{H2}": Expected(MT5, 13_829, "utc", digits=3),
    f"{EU}EURUSD_M15_{Y2025}": Expected(MT5, 24_768, "eu-dst"),
    f"{EU}GOLD_M15_{Y2025}": Expected(MT5, 23_563, "eu-dst", digits=2),
    f"{CSV}XAUUSD_M15_mt5_gui_export_GENUINE.csv": Expected(GUI, 19_418, "eu-dst", digits=2),
    f"{CSV}EURUSD_M15_202501020000_202512310000_CONVERTED_mt5_export.csv": Expected(
        GUI, 24_769, "new-york+7"
    ),
    # Two weeks and one week: too short to show a clock, but their formats state it.
    f"{CSV}DAT_ASCII_EURUSD_M1_202503_CONVERTED_histdata_style.csv": Expected(
        "HistData", 14_386, None, fixed="est", period=60
    ),
    f"{CSV}{DUKASCOPY_WEEK}": Expected("Dukascopy", 468, None, fixed="utc"),
    f"{CSV}{DUKASCOPY_SPRING}": Expected("MT5 CSV", 5_100, "utc", fixed="utc"),
}

REFUSED = {
    "reports/ReportHistory_demo_hedge_anonymised.xlsx": "is an Excel workbook",
    "reports/ftmo_metrix_export_GENUINE.csv": "has no column time, high, low beside 'Ticket'",
    "reports/mt5_strategy_tester_report_utf16_GENUINE.html": "is a web page or report",
    "README.md": "is none of the known bar formats",
}


def _bars(name: str) -> RateColumns:
    return concat(open_bars(DATA / name).chunks())


def test_every_file_has_an_expectation() -> None:
    """No file of the collection is left untested."""
    present = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*") if path.is_file()}
    assert present == {*FILES, *REFUSED}


@pytest.mark.parametrize("name", FILES)
def test_bar_files_are_read_and_have_no_errors(name: str) -> None:
    """Format, rows, period and both clocks are as known, and no real file is refused."""
    expected = FILES[name]
    file = open_bars(DATA / name)
    checker = BarChecker("the symbol", expected.digits, NOW)
    times = []
    for chunk in file.chunks():
        checker.push(chunk)
        times.append(chunk.time)
    assert (file.format, checker.rows) == (expected.format, expected.rows)
    assert [f for f in checker.finish() if f.severity is Severity.ERROR] == []
    assert checker.period == expected.period
    assert file.fixed_clock == expected.fixed
    assert detect_clock(times).clock == expected.seen
    assert label_fault(file, shown_clock(file)) is None


@pytest.mark.parametrize("name", REFUSED)
def test_files_without_bars_are_refused(name: str) -> None:
    """Reports and notes are no bars, and the message says what they are instead."""
    with pytest.raises(BarFileError, match=REFUSED[name]) as caught:
        open_bars(DATA / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "digits", "kind"),
    [
        (f"{EXNESS}XAUUSD_M15_{H2}", 2, Kind.MORE_DECIMALS),
        (f"{EU}GOLD_M15_{Y2025}", 3, Kind.FEWER_DECIMALS),
        (f"{EXNESS}USDJPY_M15_{H2}", 5, Kind.FEWER_DECIMALS),
    ],
)
def test_feeds_of_other_digits_are_told(name: str, digits: int, kind: Kind) -> None:
    """Gold is quoted with two digits by one broker and with three by another."""
    checker = BarChecker("the symbol", digits)
    for chunk in open_bars(DATA / name).chunks():
        checker.push(chunk)
    errors = [f for f in checker.finish() if f.severity is Severity.ERROR]
    assert {f.kind for f in errors} == {kind}


def test_the_genuine_text_export_equals_the_broker_s_own_rates() -> None:
    """What the text export says is what the Parquet file of the same bars says."""
    text = _bars(f"{CSV}EURUSD_M15_202501020000_202512310000_CONVERTED_mt5_export.csv")
    rates = _bars(f"{ICM}EURUSD_M15_{Y2025}")
    for name in ("time", "open", "high", "low", "close", "tick_volume", "spread"):
        np.testing.assert_array_equal(getattr(text, name), getattr(rates, name), err_msg=name)


def test_minutes_aggregate_to_the_broker_s_quarters_of_an_hour() -> None:
    """The broker's M1 bars give its M15 bars in every value, the smallest spread included.

    Prices are compared in points: some of the broker's own differ in the last bit of the float.
    The M1 bars end with the first minute of the last M15 bar, which is left out.
    """
    m1 = pq.read_table(DATA / f"{ICM}EURUSD_M1_{Y2025}")
    m15 = pq.read_table(DATA / f"{ICM}EURUSD_M15_{Y2025}")
    made = aggregate({name: m1[name].to_numpy() for name in m1.column_names}, 900)
    assert made.keys() == set(m15.column_names)
    assert m1["time"][-1] == m15["time"][-1]
    for name in made:
        column, due = made[name][:-1], m15[name].to_numpy()[:-1]
        if name in ("open", "high", "low", "close"):
            column, due = np.rint(column * 1e5), np.rint(due * 1e5)
        np.testing.assert_array_equal(column, due, err_msg=name)


def _closes(name: str, clock: ClockName, seconds: tuple[int, int]) -> dict[int, float]:
    """Closes by UTC between two moments."""
    bars = _bars(name)
    utc: Seconds = to_utc(clock, bars.time)
    inside = (utc >= seconds[0]) & (utc < seconds[1])
    return dict(zip(utc[inside].tolist(), bars.close[inside].tolist(), strict=True))


def _median_points(one: dict[int, float], other: dict[int, float], shift: int) -> float:
    """The median distance of two feeds' closes, in points, one of them moved by `shift` hours."""
    moved = {second + 3_600 * shift: price for second, price in other.items()}
    common = one.keys() & moved.keys()
    assert len(common) > 300
    return float(np.median([abs(one[second] - moved[second]) for second in common])) * 1e5


def _day(text: str) -> int:
    return int(np.datetime64(text, "s").astype(np.int64))


NEW_YORK, EUROPE = f"{ICM}EURUSD_M15_{Y2025}", f"{EU}EURUSD_M15_{Y2025}"
SPRING, AUTUMN = f"{CSV}{DUKASCOPY_SPRING}", f"{EXNESS}EURUSD_M15_{H2}"
SPANS = {
    "before the US change of March": ("2025-02-17", "2025-03-08", SPRING),
    "between the changes of March": ("2025-03-09", "2025-03-29", SPRING),
    "after the EU change of March": ("2025-03-30", "2025-04-30", SPRING),
    "before the EU change of October": ("2025-10-01", "2025-10-25", AUTUMN),
    "between the changes of autumn": ("2025-10-26", "2025-11-01", AUTUMN),
    "after the US change of November": ("2025-11-02", "2025-11-30", AUTUMN),
}


@pytest.mark.parametrize("span", SPANS)
def test_one_market_seen_through_three_clocks_is_one_market(span: str) -> None:
    """In UTC the closes of three brokers agree on both sides of every change of the hour.

    They are 2 to 10 points apart at the right hour, since one of the brokers quotes a bid about 10
    points lower than the others, and 37 to 97 points one hour off.
    """
    first, last, utc_feed = SPANS[span]
    seconds = (_day(first), _day(last))
    feeds = [
        _closes(NEW_YORK, "new-york+7", seconds),
        _closes(EUROPE, "eu-dst", seconds),
        _closes(utc_feed, "utc", seconds),
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        right = _median_points(feeds[one], feeds[other], 0)
        wrong = [_median_points(feeds[one], feeds[other], shift) for shift in (-1, 1)]
        assert right < 12
        assert min(wrong) > 3 * right

"""Options of a replay: what each value means, and that every wrong one is one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bars import sample
from adapters.bars.reader import BarFile, open_bars
from scripts.app.errors import AppError
from scripts.app.session_folder import checked_session_id
from scripts.app.terms import bars, inputs, options
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from tests.builders import EURUSD, SPECS, USDJPY

DAY = 86_400
"""Seconds."""


def refusal(ask: Callable[[], Any]) -> str:
    """The one line with which a wrong value is refused, as a usage error."""
    with pytest.raises(AppError) as caught:
        ask()
    text = str(caught.value)
    assert exit_code(caught.value) is ExitCode.USAGE
    assert len(text.splitlines()) == 1
    return text


# --- what values mean -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2024-03-01", 1_709_251_200),
        ("2024-03-01T08:15", 1_709_251_200 + 8 * 3600 + 900),
        ("2024-03-01 08:15:00", 1_709_251_200 + 8 * 3600 + 900),
        ("2024-03-01T00:00Z", 1_709_251_200),
        ("2024-03-01T01:00+01:00", 1_709_251_200),
    ],
)
def test_a_date_is_its_first_second_in_utc(text: str, seconds: int) -> None:
    assert options.moment("--from", text) == seconds


def test_an_option_that_is_not_given_changes_nothing() -> None:
    assert options.moment("--from", None) is None
    assert options.with_digits(SPECS, None) is SPECS
    assert options.with_costs(SPECS, None, None, None) is SPECS


@pytest.mark.parametrize(("usd", "cents"), [(100_000.0, 10_000_000), (0.01, 1), (12.345, 1_234)])
def test_money_is_whole_cents(usd: float, cents: int) -> None:
    assert options.cents("--starting-equity", usd) == cents


def test_bars_are_named_by_symbol_and_a_path_may_hold_an_equals_sign() -> None:
    paths, notes = options.bar_paths(["USDJPY=a.csv", "EURUSD=x=y/b.parquet"], SPECS)
    assert notes == []
    assert paths == {"USDJPY": Path("a.csv"), "EURUSD": Path("x=y/b.parquet")}


def test_digits_change_one_symbol_only() -> None:
    specs = options.with_digits(SPECS, ["XAUUSD=3"])
    assert specs["XAUUSD"].digits == 3
    assert {name: spec for name, spec in specs.items() if name != "XAUUSD"} == {
        name: spec for name, spec in SPECS.items() if name != "XAUUSD"
    }


def test_costs_hold_for_all_symbols_or_for_the_named_one() -> None:
    specs = options.with_costs(SPECS, ["7", "EURUSD=0"], ["3.5"], ["USDJPY=-6.5/2.1"])
    assert {spec.commission for spec in specs.values()} == {350.0}
    floors = {name: (spec.spread_floor, spec.spread_floor_rollover) for name, spec in specs.items()}
    assert floors.pop("EURUSD") == (0, 0)
    assert set(floors.values()) == {(7, 7)}, "the floor holds at any hour"
    swaps = {name: (spec.swap_long, spec.swap_short) for name, spec in specs.items()}
    assert swaps.pop("USDJPY") == (-6.5, 2.1)
    assert set(swaps.values()) == {(0.0, 0.0)}


def test_of_the_same_cost_given_twice_the_last_holds() -> None:
    specs = options.with_costs(SPECS, ["EURUSD=3", "5"], ["EURUSD=1", "EURUSD=2"], ["1/1", "0/0"])
    assert (specs["EURUSD"].spread_floor, specs["EURUSD"].commission) == (5, 200.0)
    assert specs["EURUSD"].swap_long == 0.0


def test_what_the_symbol_table_says_stays_otherwise() -> None:
    specs = options.with_costs(SPECS, ["EURUSD=3"], None, None)
    assert specs["USDJPY"] == USDJPY
    changed = {
        name
        for name in EURUSD.__struct_fields__
        if getattr(specs["EURUSD"], name) != getattr(EURUSD, name)
    }
    assert changed == {"spread_floor", "spread_floor_rollover"}


# --- wrong values ---------------------------------------------------------------------------

WRONG_DATES = [
    "",
    "tomorrow",
    "2024-13-01",
    "01.03.2024",
    "2024-03-01T25:00",
    "2024-03-01T08:15+99",
]


@pytest.mark.parametrize("text", WRONG_DATES)
def test_a_wrong_date_is_refused(text: str) -> None:
    line = refusal(lambda: options.moment("--to", text))
    assert line.startswith(f"--to {text}: write a date such as")


@pytest.mark.parametrize(
    "amount", [0.0, -1.0, 0.004, 1e13, 1e300, float("inf"), float("-inf"), float("nan")]
)
def test_a_wrong_amount_is_refused(amount: float) -> None:
    line = refusal(lambda: options.cents("--starting-equity", amount))
    assert line.startswith(f"--starting-equity {amount}: must be above 0")


@pytest.mark.parametrize(
    ("given_bars", "fragment"),
    [
        (["eurusd.csv"], "write SYMBOL=FILE, for example EURUSD=eurusd.parquet"),
        (["EURUSD="], "write SYMBOL=FILE"),
        (["=a.csv"], "unknown symbol ; known: EURUSD"),
        (["EURSUD=a.csv"], "unknown symbol EURSUD; known: EURUSD, GBPUSD"),
        (["euro=a.csv"], "unknown symbol euro; known: EURUSD"),
        (["EURUSD=a.csv", "EURUSD=b.csv"], "EURUSD is given twice"),
    ],
)
def test_wrong_bars_are_refused(given_bars: list[str], fragment: str) -> None:
    line = refusal(lambda: options.bar_paths(given_bars, SPECS))
    assert line.startswith(f"--bars {given_bars[-1]}: ")
    assert fragment in line


@pytest.mark.parametrize(
    "text", ["EURUSD", "EURUSD=", "EURUSD=x", "EURUSD=-1", "EURUSD=9", "ABC=5"]
)
def test_wrong_digits_are_refused(text: str) -> None:
    line = refusal(lambda: options.with_digits(SPECS, [text]))
    assert line.startswith(f"--digits {text}: write SYMBOL=N")


@pytest.mark.parametrize(
    ("option", "text", "fragment"),
    [
        ("--spread-floor", "x", "write [SYMBOL=]NUMBER in points, 0 or more"),
        ("--spread-floor", "", "in points"),
        ("--spread-floor", "-1", "in points"),
        ("--spread-floor", "1.5", "in points"),
        ("--spread-floor", "1e9", "in points"),
        ("--spread-floor", "nan", "in points"),
        ("--spread-floor", "EURUSD=", "in points"),
        ("--spread-floor", "ABC=1", "unknown symbol ABC; known: EURUSD"),
        ("--spread-floor", "=1", "unknown symbol ; known: EURUSD"),
        ("--commission", "free", "currency per lot and side, 0 or more"),
        ("--commission", "-2.5", "currency per lot and side"),
        ("--commission", "inf", "currency per lot and side"),
        ("--commission", "EURUSD=2,5", "currency per lot and side"),
        ("--commission", "ABC=1", "unknown symbol ABC"),
        ("--swap", "1", "write [SYMBOL=]LONG/SHORT in points per night"),
        ("--swap", "1/2/3", "LONG/SHORT"),
        ("--swap", "a/b", "LONG/SHORT"),
        ("--swap", "/", "LONG/SHORT"),
        ("--swap", "nan/1", "LONG/SHORT"),
        ("--swap", "1/-inf", "LONG/SHORT"),
        ("--swap", "EURUSD=1", "LONG/SHORT"),
        ("--swap", "ABC=1/2", "unknown symbol ABC"),
    ],
)
def test_a_wrong_cost_is_refused(option: str, text: str, fragment: str) -> None:
    names = ("--spread-floor", "--commission", "--swap")
    values = [[text] if name == option else None for name in names]
    line = refusal(lambda: options.with_costs(SPECS, *values))
    assert line.startswith(f"{option} {text}: ")
    assert fragment in line


@pytest.mark.parametrize(
    ("request_", "fragments"),
    [
        (ReplayRequest(clock="cet"), ["--clock cet: must be auto, one of new-york+7, eu-dst"]),
        (ReplayRequest(clock=""), ["--clock : must be auto, one of"]),
        (
            ReplayRequest(start="2024-02-01", end="2024-02-01"),
            ["--from 2024-02-01 is not before --to"],
        ),
        (ReplayRequest(limit_trades=0), ["--limit-trades 0: must be 1 or more", "leave it out"]),
        (ReplayRequest(limit_trades=-3), ["--limit-trades -3"]),
        (ReplayRequest(starting_equity=0.0), ["--starting-equity 0.0"]),
        (ReplayRequest(limits={"max_positions": 0}), ["--max-positions: ", "not 0"]),
        (
            ReplayRequest(limits={"per_trade_risk_fraction": 1.5}),
            ["--per-trade-risk-fraction: ", "not 1.5"],
        ),
        (
            ReplayRequest(limits={"daily_loss_fraction": -0.1}),
            ["--daily-loss-fraction: ", "not -0.1"],
        ),
        (
            ReplayRequest(limits={"max_loss_fraction": float("nan")}),
            ["--max-loss-fraction: ", "not nan"],
        ),
        (ReplayRequest(preset="ftmo_m51"), ["no preset 'ftmo_m51'", "did you mean ftmo_m15"]),
        (ReplayRequest(preset="my/own.yaml"), ["own.yaml"]),
        (ReplayRequest(swap=["x"]), ["--swap x: write"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_wrong_option_stops_before_anything_is_read(
    request_: ReplayRequest, fragments: list[str]
) -> None:
    line = refusal(lambda: resolve_terms(request_))
    for fragment in fragments:
        assert fragment in line


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a\\b", "-x", "x" * 65, "a b", "ü",
                                  "a.", "CON", "com1.txt", "x" * 300])  # fmt: skip
def test_a_session_s_name_is_a_safe_folder_s_name(text: str) -> None:
    assert refusal(lambda: checked_session_id(text)).startswith(f"--session-id {text!r}: use 1 to")


@settings(max_examples=40)
@given(st.text(alphabet=st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=12))
def test_whatever_is_typed_is_understood_or_is_one_line(text: str) -> None:
    readers: list[Callable[[], Any]] = [
        lambda: options.moment("--from", text),
        lambda: options.bar_paths([text], SPECS),
        lambda: options.with_digits(SPECS, [text]),
        lambda: options.with_digits(SPECS, [f"EURUSD={text}"]),
        lambda: options.with_costs(SPECS, [text], None, None),
        lambda: options.with_costs(SPECS, None, [text], None),
        lambda: options.with_costs(SPECS, None, None, [text]),
        lambda: options.with_costs(SPECS, None, None, [f"{text}/1"]),
        lambda: checked_session_id(text),
    ]
    refused = [line for line in map(complaint, readers) if line is not None]
    assert all(len(line.splitlines()) == 1 for line in refused)


def complaint(reader: Callable[[], Any]) -> str | None:
    """What is said of a text; None when it was understood."""
    try:
        reader()
    except AppError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("said", "named", "meant"),
    [("EURUSD", "GBPUSD", "EURUSD"), ("eur/usd", "USDJPY", "EURUSD"), ("GOLD", "EURUSD", "XAUUSD")],
)
def test_bars_that_say_another_symbol_than_the_user_are_refused(
    tmp_path: Path, said: str, named: str, meant: str
) -> None:
    """The file's own word is evidence: its prices would be taken for another market's."""
    path = tmp_path / "bars.csv"
    path.write_text(
        f"symbol,time,open,high,low,close\n{said},1709251200,1.08,1.08,1.08,1.08\n", "utf-8"
    )
    with pytest.raises(AppError, match=f"are of {said}, not of {named}: give it as {meant}"):
        resolve_terms(ReplayRequest(bars=[f"{named}={path}"], clock="utc"))


def test_a_file_whose_symbol_and_clock_are_named_is_opened_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = []

    def counted(path: Path, **how: Any) -> BarFile:
        opened.append(path)
        return open_bars(path, **how)

    for module in (bars, inputs, options):
        monkeypatch.setattr(module, "open_bars", counted)
    resolve_terms(ReplayRequest(bars=[f"EURUSD={sample.SAMPLE}"], clock="new-york+7"))
    assert opened == [sample.SAMPLE]


@pytest.mark.parametrize("said", ["EURUSD", "EURUSD.r", "eurusd", "6E", ""])
def test_bars_that_say_the_same_or_nothing_known_are_taken(said: str) -> None:
    bars.refuse_other_symbol(Path("bars.csv"), said, "EURUSD", SPECS)

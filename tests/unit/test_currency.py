"""The account's own currency: how amounts are booked and shown, and what converts money into it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mt5.api import contract as mt5
from adapters.paper.broker.account import PaperAccount
from adapters.paper.terminal.functions import PaperTerminal
from adapters.reports.page.document import page_of
from adapters.reports.page.words import in_its_currency, money
from adapters.reports.projection import LogProjection
from adapters.reports.summary import SummaryProjection
from adapters.reports.tables import equity_csv, equity_table, trades_csv, trades_table
from adapters.reports.trade_columns import COLUMNS
from adapters.services.alerts import AlertRules, Policy
from config.loader import CliOverrides
from config.symbols import in_currency
from engine import events as ev
from engine import types as unit
from engine.result.build import result_of
from engine.types import Conversion, Side
from risk.ledger.fold import fold
from scripts.app.account.place import PAPER, paper_books
from scripts.app.errors import WrongUsage
from scripts.app.sessions.connection import as_typed, checked, resolve, with_books
from scripts.app.sessions.connection import in_currency as in_currency_of
from scripts.app.sessions.paper import paper_spec
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.view.live_view import plain_line
from scripts.view.status_text import account_line, buffers_text, position_text
from tests.builders import EURGBP, EURUSD, GBPUSD, LOT, SPECS, USDJPY, account, started
from tests.ledger_history import funded, stated
from tests.pages import Page
from tests.result_runs import prices_of, witnessed
from tests.statuses import STATUS
from tests.user_signal_runs import at, bar_file, flat, played, signal_file, terms_of


class TestAmounts:
    @pytest.mark.parametrize(
        ("cents", "currency", "shown"),
        [
            (125_000, "USD", "1250.00 USD"),
            (-1, "EUR", "-0.01 EUR"),
            (1_505_200, "JPY", "15052 JPY"),
        ],
    )
    def test_an_amount_names_its_currency_with_its_decimals(
        self, cents: int, currency: str, shown: str
    ) -> None:
        assert unit.amount(cents, currency) == shown

    @given(st.integers(-(10**12), 10**12), st.sampled_from(unit.ACCOUNT_CURRENCIES))
    def test_what_is_booked_is_within_half_a_unit_and_stays_so(self, cents: int, name: str) -> None:
        found = unit.booked(cents, name)
        step = 10 ** (2 - unit.decimals(name))
        assert found % step == 0
        assert abs(found - cents) * 2 <= step
        assert unit.booked(found, name) == found
        assert unit.booked(-cents, name) == -found


class TestConversion:
    @pytest.mark.parametrize(
        ("currency", "conversions"),
        [
            ("USD", "none none divide from_broker"),
            ("EUR", "divide from_broker from_broker divide"),
            ("GBP", "from_broker divide from_broker none"),
            ("JPY", "from_broker from_broker none from_broker"),
            ("CHF", "from_broker from_broker from_broker from_broker"),
        ],
    )
    def test_each_symbol_has_the_formula_of_its_account(
        self, currency: str, conversions: str
    ) -> None:
        found = [in_currency(spec, currency) for spec in (EURUSD, GBPUSD, USDJPY, EURGBP)]
        assert [item.conversion for item in found] == [Conversion(it) for it in conversions.split()]

    @pytest.mark.parametrize(
        ("currency", "traded", "pair", "bid", "ask", "points", "wanted"),
        [
            # A gain in GBP is sold at the pair's bid, a loss is bought at its ask.
            ("USD", EURGBP, GBPUSD, 125_000, 125_010, 100, 12_500),
            ("USD", EURGBP, GBPUSD, 125_000, 125_010, -100, -12_501),
            # A gain in USD becomes EUR at the pair's ask, a loss at its bid.
            ("EUR", GBPUSD, EURUSD, 110_000, 110_010, 100, 9_090),
            ("EUR", GBPUSD, EURUSD, 110_000, 110_010, -100, -9_091),
            # Yen are whole.
            ("JPY", EURUSD, USDJPY, 150_003, 150_010, 1, 15_000),
        ],
    )
    def test_money_is_converted_at_the_side_that_a_dealer_takes(
        self, currency: str, traded: Any, pair: Any, bid: int, ask: int, points: int, wanted: int
    ) -> None:
        """A lot closed so many points above its entry."""
        specs = {spec.name: in_currency(spec, currency) for spec in (traded, pair)}
        specs = {name: _free(spec) for name, spec in specs.items()}
        account = PaperAccount(specs, 10_000_000, currency=currency)
        account.quote(pair.name, bid, ask, 0)
        account.quote(traded.name, 90_000, 90_000, 0)
        deal = account.open(traded.name, Side.LONG, LOT, 0, 0, 1, "")
        account.quote(traded.name, 90_000 + points, 90_000 + points, 1)
        account.close(account.positions[deal.position], 1, "")
        assert account.balance - 10_000_000 == wanted

    def test_the_terminal_tells_currency_and_decimals(self) -> None:
        for name in unit.ACCOUNT_CURRENCIES:
            info = PaperTerminal(PaperAccount(SPECS, 100, currency=name)).account_info()
            assert isinstance(info, mt5.AccountInfo)
            assert (info.currency, info.currency_digits) == (name, unit.decimals(name))


def _alert() -> str:
    rules = AlertRules(Policy(), "s-1")
    day = ev.DayRolled(
        date="2025-01-08", day_start=0, floor=9_800_000.0, account=account(1_000_000)
    )
    events: tuple[ev.Event, ...] = (started(currency="JPY"), day)
    return str([rules.take(ev.Record(n, 0, None, event)) for n, event in enumerate(events, 1)])


def _status() -> str:
    status = msgspec.structs.replace(STATUS, currency="JPY", today=-300.0)
    return f"{account_line(status)} {buffers_text(status)} {plain_line(status)}" + position_text(
        status, status.positions[0]
    )


def _ledger() -> str:
    """Every finding of a ledger in yen with a transfer and a breach."""
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -9000.0)
    history.pay("06-16 06:00", 500.0)
    inputs = history.inputs("06-16 10:00", statement=stated())
    yen = msgspec.structs.replace(inputs.account, currency="JPY", currency_digits=0)
    report = fold(msgspec.structs.replace(inputs, account=yen))
    lines = [item.line for item in report.findings]
    assert len(lines) > 1
    return "; ".join(lines)


@pytest.mark.parametrize("told", [_alert, _status, _ledger])
def test_a_text_for_a_person_names_the_currency_and_yen_have_no_decimals(
    told: Callable[[], str],
) -> None:
    text = told()
    assert " JPY" in text
    assert not re.search(r"\bUSD\b", text)
    assert not re.search(r"\d[.]\d\d(?!\d)(?! at)", text), text


@pytest.mark.parametrize(
    ("currency", "shown"), [("USD", "12,345.60"), ("EUR", "12,345.60"), ("JPY", "12,346")]
)
def test_a_page_has_the_decimals_of_its_account(currency: str, shown: str) -> None:
    """Within one page only: what is written after it has its own again."""
    result: Any = SimpleNamespace(terms=SimpleNamespace(currency=currency))
    assert in_its_currency(lambda _: money(1_234_560))(result) == shown
    assert money(1_234_560) == "12,345.60"


def _free(spec: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(spec, commission=0.0)


SIGNAL: dict[str, Any] = {
    "time": at(1), "symbol": "EURUSD", "direction": "long", "stop_loss": 1.0700,
    "take_profit": 1.0890, "exit_time": at(8), "volume": 1.0,
}  # fmt: skip

WIDE: dict[str, Any] = {"per_trade_risk_fraction": 0.9, "daily_loss_fraction": 0.9}
TRADE_MONEY = tuple(column.name for column in COLUMNS if column.kind == "money")


def _rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def bars(folder: Path, *symbols: str) -> dict[str, Path]:
    prices = {"EURUSD": 108_000, "USDJPY": 150_000, "GBPUSD": 125_000, "EURGBP": 86_400}
    return {name: bar_file(folder, name, flat(20, prices[name])) for name in symbols}


class TestReplays:
    def test_an_account_in_euro(self, tmp_path: Path) -> None:
        """Nothing moved: the spread of 10 points is lost, and the commission of both sides."""
        files = bars(tmp_path, "EURUSD")
        terms = terms_of(
            files, signal_file(tmp_path, [SIGNAL]), WIDE,
            account_currency="EUR", commission=["2.00"],
        )  # fmt: skip
        told = played(terms)
        assert told.only(ev.SessionStarted).currency == "EUR"
        closed = told.only(ev.PositionClosed)
        assert closed.profit == -round(10 * 100_000 / 1e5 / 1.08 * 100)
        assert closed.net == closed.profit - 400

    @pytest.mark.parametrize(
        ("currency", "places", "symbols"),
        [("EUR", 2, ["EURUSD"]), ("JPY", 0, ["EURUSD", "USDJPY"])],
    )
    def test_every_file_and_page_of_a_run_has_the_accounts_decimals_and_currency(
        self, tmp_path: Path, currency: str, places: int, symbols: list[str]
    ) -> None:
        """Each amount of the event log, the tables and the page, where a column may be empty."""
        terms = terms_of(
            bars(tmp_path, *symbols), signal_file(tmp_path, [SIGNAL | {"volume": 0.01}]), WIDE,
            account_currency=currency, commission=["2"], objectives="ftmo_1step",
        )  # fmt: skip
        records = witnessed(terms, every_bar=False).records
        log = LogProjection()
        rows = [row for record in records if (row := log.row(record))]
        result = result_of(records, prices_of(terms))
        for table, columns in (
            (rows, ("equity", "balance", "profit", "commission", "swap")),
            (_rows_of(trades_csv(result)), TRADE_MONEY),
            (_rows_of(equity_csv(result)), ("balance", "equity", "worst_equity", "day_floor")),
        ):
            cells = [row[name] for row in table for name in columns if row.get(name)]
            assert len(cells) > 6
            assert {len(cell.partition(".")[2]) for cell in cells} == {places}
        total = SummaryProjection()
        total.take_all(records)
        room = total.summary()["loss_buffer"]
        arrow = trades_table(result)
        amounts = [room[name] for name in ("today", "overall", "order_risk", "min_buffer")]
        amounts += [value for name in TRADE_MONEY for value in arrow[name].to_pylist()]
        amounts += equity_table(result)["equity"].to_pylist()
        assert all(round(value, places) == value for value in amounts if value is not None)
        page = Page(page_of(result).decode()).words
        for head in ("Result by month", "net result", "costs paid", "net", "least buffer"):
            assert f"{head}, {currency}" in page
        for name in ("total net profit", "commission", "final equity", "gross loss"):
            assert re.search(rf"{name} [\u2212\d.,]+ {currency}\b", page), name
        assert re.search(rf"Target \([\d.,]+ {currency}\)", page)
        assert ("USD" in re.sub("EURUSD|USDJPY", "", page)) is False

    def test_a_denial_names_the_currency(self, tmp_path: Path) -> None:
        terms = terms_of(
            bars(tmp_path, "EURUSD"),
            signal_file(tmp_path, [SIGNAL]),
            account_currency="EUR",
            commission=["2"],
        )
        (denied,) = played(terms).of(ev.OrderDenied)
        assert " EUR, limit " in denied.detail
        assert "USD" not in denied.detail

    def test_a_cross_is_played_with_its_pair(self, tmp_path: Path) -> None:
        files = bars(tmp_path, "EURGBP", "GBPUSD")
        signal = {**SIGNAL, "symbol": "EURGBP", "stop_loss": 0.86, "take_profit": 0.88}
        terms = terms_of(
            files,
            signal_file(tmp_path, [signal]),
            WIDE,
            commission=["0"],
        )
        told = played(terms)
        # Ten points of a lot are ten pounds: bought back at the pair's ask of 1.25010.
        assert told.only(ev.PositionClosed).profit == -1_250

    @pytest.mark.parametrize(
        ("symbols", "options", "words"),
        [
            (["EURUSD"], {"account_currency": "XYZ"}, "must be one of USD, EUR, GBP"),
            (
                ["EURGBP"],
                {},
                "EURGBP: its profit is in GBP and the account in USD: give the bars of GBPUSD too",
            ),
            (
                ["EURUSD"],
                {"account_currency": "JPY", "commission": ["0"]},
                "give the bars of USDJPY too",
            ),
            (
                ["EURGBP"],
                {"account_currency": "GBP"},
                "commission of 2.50 a lot and side is in USD and the account in GBP",
            ),
        ],
    )
    def test_what_cannot_be_converted_is_refused_with_the_remedy(
        self, tmp_path: Path, symbols: list[str], options: dict[str, Any], words: str
    ) -> None:
        files = bars(tmp_path, *symbols)
        request = ReplayRequest(
            bars=[f"{name}={path}" for name, path in files.items()], clock="utc", **options
        )
        with pytest.raises(WrongUsage, match=words):
            resolve_terms(request)

    def test_a_commission_of_the_table_is_converted_by_the_bars(self, tmp_path: Path) -> None:
        files = bars(tmp_path, "EURUSD", "USDJPY")
        request = ReplayRequest(
            bars=[f"{name}={path}" for name, path in files.items()],
            clock="utc",
            account_currency="jpy",
        )
        terms, notes = resolve_terms(request)
        assert {item.spec.commission for item in terms.inputs} == {250.0 * 150}
        assert terms.currency == "JPY"
        assert any("2.50 USD a lot and side is taken as 375.0000 JPY" in note for note in notes)


class TestPaperAccounts:
    """PAPER has an account of its own in each currency: commands reach it, and say which it is."""

    def test_a_command_on_another_currency_names_it_and_finds_its_books(
        self, tmp_path: Path
    ) -> None:
        account = resolve(PAPER, CliOverrides(), None, {})
        yen = in_currency_of(account, checked(account, "jpy"))
        assert (as_typed(account), as_typed(yen)) == ("PAPER", "PAPER --account-currency JPY")
        books = paper_books(yen, tmp_path)
        assert books is not None
        assert with_books(account, tmp_path) == []
        books.parent.mkdir(parents=True)
        books.write_text("{}", encoding="utf-8")
        assert (with_books(account, tmp_path), with_books(yen, tmp_path)) == (["JPY"], [])

    def test_its_terminal_is_in_that_currency_with_the_pairs_that_convert(
        self, tmp_path: Path
    ) -> None:
        told = json.loads(paper_spec(["EURUSD"], tmp_path, None, "JPY"))
        assert (told["currency"], told["server"]) == ("JPY", "Paper-Demo-JPY")
        assert {item["name"] for item in told["symbols"]} == {"EURUSD", "USDJPY"}
        korunas = json.loads(paper_spec([], tmp_path, None, "CZK"))
        assert [item["name"] for item in korunas["symbols"]] == ["EURUSD"]

    def test_another_account_and_another_currency_are_refused(self) -> None:
        account = resolve(PAPER, CliOverrides(), None, {})
        with pytest.raises(WrongUsage, match="XYZ: must be one of USD, EUR"):
            checked(account, "XYZ")
        with pytest.raises(WrongUsage, match="goes with PAPER alone: DEMO has a currency"):
            checked(msgspec.structs.replace(account, profile="DEMO"), "EUR")

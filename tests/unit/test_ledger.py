"""The account's ledger: what follows from a history, and what stands against trading on it."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import msgspec
import pytest

from config.rules import load_rules
from engine.account.history import (
    AccountNow,
    DealEntry,
    DealType,
    HistoryDeal,
    Observation,
    OpenPosition,
    PriceBar,
    deal_of,
)
from engine.fields import LedgerOutcome, PastVerdict, Proof
from engine.rules import RuleAction
from engine.types import ClockName
from risk.ledger.booking import moment
from risk.ledger.fold import fold, settled
from risk.ledger.inputs import Carried, ClockRule, FirmRules, PastBars, day_rules
from risk.ledger.verdict import LedgerCode, LedgerSeverity
from signals.market_data.clocks import server_of, utc_of
from tests.ledger_cases import exit_of
from tests.ledger_history import FTMO, MAGIC, ONE_STEP, THE5ERS, History, at, funded, stated


def rule(name: ClockName, since: int = 0) -> ClockRule:
    return ClockRule(since=since, to_utc=partial(utc_of, name), to_server=partial(server_of, name))


# --- transfers ---


def test_money_paid_out_today_lowers_no_floor_and_is_no_loss() -> None:
    """104,000 at midnight, 2,500 paid out, a trade of -100: floors and target stay."""
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", 4000.0)
    history.pay("06-16 06:00", -2500.0)
    history.trade("06-16 08:00", "06-16 09:00", -100.0)
    report = history.report("06-16 10:00", statement=stated(accept_transfers=True))
    figures = report.figures
    assert figures.day_start == 10_400_000
    assert figures.floor_today == 9_900_000
    assert figures.floor_overall == 9_000_000
    assert figures.target == 11_000_000
    assert figures.closed_today == -10_000
    assert figures.transfers == -250_000
    assert LedgerCode.TRANSFERS_ACCEPTED in report.codes
    assert exit_of(report) == 0


def test_a_transfer_that_nobody_accepted_needs_a_person() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -3000.0)
    history.pay("06-16 06:00", 500.0)
    report = history.report("06-16 10:00", statement=stated())
    assert LedgerCode.TRANSFER in report.codes
    assert exit_of(report) == 2
    assert "+500.00 USD on 2026-06-16" in next(
        item.line for item in report.findings if item.code is LedgerCode.TRANSFER
    )


def test_a_later_start_makes_a_deposit_part_of_what_the_challenge_began_with() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -3000.0)
    history.pay("06-16 06:00", 3500.0)
    history.trade("06-16 08:00", "06-16 09:00", 10.0)
    report = history.report(
        "06-16 10:00", statement=stated(initial=10_050_000, started="06-15 22:00")
    )
    assert report.figures.transfers == 0
    assert report.figures.initial == 10_050_000
    assert exit_of(report) == 0


def test_credit_is_neither_balance_nor_profit() -> None:
    history = funded()
    history.pay("06-15 02:00", 500.0, DealType.CREDIT)
    account = AccountNow(balance=10_000_000, equity=10_050_000, credit=50_000)
    report = history.report("06-15 10:00", account=account)
    assert report.figures.initial == 10_000_000
    assert set(report.codes) == {LedgerCode.CREDIT, LedgerCode.FRESH, LedgerCode.PHASE_ASSUMED}


def test_a_bonus_is_balance_unless_the_account_shows_it_as_credit() -> None:
    """Brokers differ: the balance and the credit decide."""
    history = funded()
    history.pay("06-15 02:00", 1000.0, DealType.BONUS)
    assert history.report("06-15 10:00").figures.initial == 10_100_000
    account = AccountNow(balance=10_000_000, equity=10_100_000, credit=100_000)
    report = history.report("06-15 10:00", account=account)
    assert report.figures.complete
    assert report.figures.initial == 10_000_000


def test_a_correction_funds_beside_a_deposit_and_is_a_result_between_trades() -> None:
    history = funded(99_000.0)
    history.pay("06-15 02:00", 1000.0, DealType.CORRECTION)
    history.trade("06-15 08:00", "06-15 09:00", 100.0)
    history.pay("06-15 10:00", -7.5, DealType.CORRECTION)
    figures = history.report("06-15 12:00").figures
    assert figures.initial == 10_000_000
    assert figures.closed_today == 9_250
    assert figures.transfers == 0


# --- where the history begins ---


def test_a_history_that_begins_in_the_middle_must_be_stated() -> None:
    history = History(opening=10_020_000)
    history.trade("06-15 08:00", "06-15 09:00", 100.0)
    report = history.report("06-17 10:00")
    assert LedgerCode.NOT_STATED in report.codes
    assert exit_of(report) == 2
    assert report.figures.initial is None
    assert report.figures.floor is None
    assert report.figures.day_start == 10_030_000


def test_a_statement_without_the_initial_balance_does_not_help_a_cut_history() -> None:
    history = History(opening=10_020_000)
    history.trade("06-15 08:00", "06-15 09:00", 100.0)
    report = history.report("06-17 10:00", statement=stated(initial=None, started="05-04 00:00"))
    assert LedgerCode.NO_INITIAL in report.codes
    assert exit_of(report) == 2


def test_an_opening_that_was_settled_before_is_believed_even_on_the_day_it_begins() -> None:
    """What a cut history lacks is known to be cut, not late, once it was seen whole."""
    history = History(opening=10_020_000)
    history.trade("06-17 08:00", "06-17 09:00", 100.0)
    statement = stated(started="05-04 00:00")
    late = history.report("06-17 10:00", statement=statement)
    assert late.codes == (LedgerCode.HISTORY_UNSETTLED,)
    assert exit_of(late) == 4
    known = history.report("06-17 10:00", statement=statement, stored_opening=10_020_000)
    assert exit_of(known) == 0
    assert known.figures.day_start == 10_020_000


def test_an_opening_that_differs_from_the_settled_one_is_a_late_history() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", 100.0)
    report = history.report("06-17 10:00", stored_opening=-50_000)
    assert report.codes == (LedgerCode.HISTORY_UNSETTLED,)
    assert "500.00 USD missing" in report.findings[0].line


def test_an_entry_whose_exit_is_not_told_yet_is_a_late_history() -> None:
    history = funded()
    position = history.enter("06-15 08:00")
    del history.positions[position]
    report = history.report("06-17 10:00")
    assert report.codes == (LedgerCode.HISTORY_UNSETTLED,)
    assert str(position) in report.findings[0].line


def test_a_balance_without_any_deal_is_a_late_history() -> None:
    assert History(opening=10_000_000).report("06-17 10:00").codes == (
        LedgerCode.HISTORY_UNSETTLED,
    )


def test_a_deal_that_reads_otherwise_than_before_stops_everything() -> None:
    history = funded()
    before = history.pay("06-15 02:00", 10.0)
    changed = msgspec.structs.replace(before, profit=20.0)
    report = history.report("06-17 10:00", stored=(changed,))
    assert report.codes == (LedgerCode.HISTORY_CHANGED,)
    assert exit_of(report) == 4


def test_what_reads_otherwise_is_named_with_both_figures() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -400.0)
    before = tuple(history.deals)
    history.deals[-1] = msgspec.structs.replace(history.deals[-1], profit=-399.5)
    report = history.report("06-17 10:00", stored=before)
    assert (
        "reads otherwise than before (profit -399.5, was -400.0): look" in report.findings[0].line
    )


def test_a_stored_deal_that_is_no_longer_told_stays() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", 100.0)
    inputs = history.inputs("06-17 10:00", stored=tuple(history.deals))
    whole = fold(inputs)
    shrunk = fold(msgspec.structs.replace(inputs, deals=tuple(history.deals[2:])))
    assert shrunk.figures == whole.figures
    assert set(shrunk.codes) - set(whole.codes) == {LedgerCode.SHRUNK}
    asked = msgspec.structs.replace(
        inputs, deals=tuple(history.deals[2:]), told_since=history.deals[2].time_msc
    )
    assert LedgerCode.SHRUNK not in fold(asked).codes


def test_a_currency_with_more_than_two_digits_is_refused() -> None:
    account = AccountNow(balance=0, equity=0, currency="BTC", currency_digits=8)
    report = funded().report("06-17 10:00", account=account)
    assert report.codes == (LedgerCode.CURRENCY,)
    assert exit_of(report) == 2


def test_an_amount_that_is_no_number_names_its_deal() -> None:
    history = funded()
    history.pay("06-15 02:00", float("nan"))
    account = AccountNow(balance=0, equity=0)
    with pytest.raises(ValueError, match="deal 1002: nan is no amount"):
        fold(msgspec.structs.replace(funded().inputs("06-17 10:00"), deals=tuple(history.deals),
                                     account=account))  # fmt: skip


# --- what the profile states ---


def test_a_date_takes_in_a_trade_before_the_second_phase_was_funded_the_moment_does_not() -> None:
    """Phase 2 was funded at 11:00; a trade of phase 1 at 08:00 is of the same day."""
    history = funded()
    history.trade("06-17 08:00", "06-17 09:00", 10_000.0)
    history.trade("06-18 08:00", "06-18 09:00", 150.0)
    history.pay("06-18 11:00", -10_150.0)
    history.trade("06-18 12:00", "06-18 13:00", 50.0)
    given = {"rules": "ftmo_2step", "phase": "verification"}
    day = history.report("06-18 14:00", statement=stated(started="06-17 22:00", **given))
    assert LedgerCode.STATEMENT_INITIAL in day.codes
    assert LedgerCode.STATEMENT_BEFORE_RESET in day.codes
    assert exit_of(day) == 2
    exact = history.report("06-18 14:00", statement=stated(started="06-18 11:00", **given))
    assert exit_of(exact) == 0
    assert exact.figures.closed_today == 5_000
    assert exact.figures.positions_today == 2


def test_a_challenge_cannot_begin_while_something_is_open() -> None:
    history = funded()
    position = history.enter("06-15 08:00")
    history.leave("06-16 09:00", position, 0.0)
    report = history.report("06-17 10:00", statement=stated(started="06-16 00:00"))
    assert LedgerCode.STATEMENT_NOT_FLAT in report.codes
    assert report.first is not None
    assert str(position) in report.first.line


def test_rules_and_phases_that_contradict_the_command_line_are_refused() -> None:
    other = funded().report("06-17 10:00", statement=stated(rules="ftmo_1step"))
    assert LedgerCode.STATEMENT_RULES in other.codes
    unknown = funded().report("06-17 10:00", statement=stated(phase="final"))
    assert "its phases are challenge, verification, account" in unknown.findings[0].line
    firm = msgspec.structs.replace(FTMO, phase="verification")
    both = funded().report("06-17 10:00", firm, statement=stated())
    assert both.codes[0] is LedgerCode.STATEMENT_PHASE


def test_carried_days_before_the_reset_are_not_counted_twice() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", 500.0)
    history.trade("06-16 08:00", "06-16 09:00", 300.0)
    carried = Carried(as_of=at("06-15 22:00"), trading_days=1, best_day=50_000, good_days=50_000)
    whole = history.report("06-17 10:00", statement=stated()).figures
    told = history.report("06-17 10:00", statement=stated(carried=carried)).figures
    assert (told.trading_days, told.best_day, told.good_days) == (2, 50_000, 80_000)
    assert (whole.trading_days, whole.best_day, whole.good_days) == (2, 50_000, 80_000)


def test_a_high_that_was_carried_lifts_the_trailing_floor() -> None:
    history = History(opening=10_300_000)
    history.trade("06-15 08:00", "06-15 09:00", -100.0)
    carried = Carried(as_of=at("06-14 22:00"), high=10_500_000)
    report = history.report(
        "06-17 10:00",
        ONE_STEP,
        statement=stated(rules="ftmo_1step", started="05-04 00:00", carried=carried),
    )
    assert report.figures.floor_overall == 9_500_000
    assert LedgerCode.TRAILING_UNKNOWN not in report.codes


def test_a_balance_emptied_and_filled_anew_begins_another_challenge() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -400.0)
    history.pay("06-16 08:00", -99_600.0)
    history.pay("06-16 09:00", 30_000.0)
    history.pay("06-17 09:00", 20_000.0)
    figures = history.report("06-17 10:00").figures
    assert figures.initial == 5_000_000
    assert figures.transfers == 0


def test_a_balance_emptied_and_filled_with_the_same_sum_begins_another_challenge_too() -> None:
    """It touched 0: that it changed nothing in the end tells nothing against a reset."""
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -400.0)
    history.pay("06-16 08:00", -99_600.0)
    history.pay("06-16 09:00", 99_600.0)
    report = history.report("06-17 10:00")
    assert LedgerCode.SEVERAL_EPOCHS in report.codes
    assert (report.figures.initial, report.figures.transfers) == (9_960_000, 0)


def test_a_credit_on_a_balance_below_zero_begins_nothing() -> None:
    history = funded(100.0)
    history.trade("06-15 08:00", "06-15 09:00", -100.5)
    history.pay("06-16 08:00", 50.0, DealType.CREDIT)
    report = history.report("06-17 10:00", account=AccountNow(balance=-50, equity=-50, credit=5000))
    assert LedgerCode.SEVERAL_EPOCHS not in report.codes


# --- days ---


def test_a_reversal_opens_anew_and_ends_a_life_with_its_result() -> None:
    """On a netting account one deal closes a long and opens a short."""
    history = funded()
    first = history.enter("06-15 08:00")
    history.book(
        at("06-15 09:00"), DealType.SELL, -50.0, entry=DealEntry.INOUT, position_id=first,
        order=77, volume=2.0, magic=MAGIC, symbol="EURUSD", price=1.0995,
    )  # fmt: skip
    history.positions[first] = OpenPosition(
        identifier=first, time_msc=at("06-15 08:00"), type=1, volume=1.0, magic=MAGIC,
        symbol="EURUSD", price_open=1.0995,
    )  # fmt: skip
    report = history.report("06-15 09:30")
    own = report.figures.own
    assert own is not None
    assert report.figures.positions_today == 2
    assert own.orders_today == 2
    assert own.orders_hour == 1
    assert own.last_loss == at("06-15 09:00")


@pytest.mark.parametrize(
    ("paid", "counts_from"),
    [([5_000.0], 10_500_000), ([-5_000.0], 9_500_000), ([5_000.0, -2_000.0], 10_300_000)],
)
def test_the_own_baseline_moves_with_every_payment(paid: list[float], counts_from: int) -> None:
    """Money paid in or out is no profit and no loss: the largest loss counts from as much."""
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -50.0)
    for amount in paid:
        history.pay("06-16 10:00", amount)
    began = (at("06-15 07:00"), 10_000_000)
    assert history.report("06-16 11:00", None, baseline=began).baseline == counts_from
    later = (at("06-16 10:00"), 9_000_000)
    assert history.report("06-16 11:00", None, baseline=later).baseline == 9_000_000


def test_an_account_that_was_set_back_begins_anew_with_that() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -9_000.0)
    history.pay("06-16 10:00", 9_000.0)
    began = (at("06-15 07:00"), 10_000_000)
    assert history.report("06-16 11:00", None, baseline=began).baseline == 10_000_000


def test_an_hour_that_the_clock_shows_twice_is_read_in_the_order_of_tickets() -> None:
    """25 October 2026: a server with European summer time shows 03:00 to 04:00 twice."""
    clock = [rule("eu-dst")]
    shown = at("10-25 03:30")
    first = moment(shown, clock)
    assert first == at("10-25 00:30")
    assert moment(shown, clock, at("10-25 00:45")) == at("10-25 01:30")


def test_clocks_that_place_a_deal_on_other_days_suspend_and_hide_what_differs() -> None:
    """In March New York has summer time already, the EU has not."""
    history = funded(when="03-09 12:00")
    history.trade("03-10 10:00", "03-11 01:30", -300.0)
    names: tuple[ClockName, ...] = ("new-york+7", "eu-dst")
    reports = [history.report("03-11 09:00", clock=[rule(name)]) for name in names]
    report = settled(reports, names)
    assert report.outcome is LedgerOutcome.SUSPEND
    assert report.figures.day_start is None
    assert report.figures.initial == 10_000_000
    assert report.figures.own is not None
    assert report.figures.own.day_start is None
    assert report.first is not None
    assert "day_start" in report.first.line


# --- the day's start ---


def bars(*rows: tuple[str, float, float], minutes: int = 1, spread: int = 0) -> PastBars:
    """Bars of EURUSD that open at the first price and close at the second."""

    def profit(_: str, volume: int, opened: Decimal, price: Decimal) -> Decimal:
        return (price - opened) * volume / 1000

    return PastBars(
        minutes=minutes,
        by_symbol={
            "EURUSD": [
                PriceBar(time=at(when) // 1000, open=a, high=max(a, b), low=min(a, b), close=b,
                    spread=spread)
                for when, a, b in rows
            ]
        },
        points={"EURUSD": Decimal("0.00001")},
        profit=profit,
    )  # fmt: skip


def held_over_a_reset() -> History:
    history = funded()
    history.leave("06-16 10:00", history.enter("06-15 20:00"), 0.0)
    return history


def test_an_equity_that_nobody_saw_suspends_until_the_next_reset() -> None:
    report = held_over_a_reset().report("06-16 12:00", THE5ERS)
    assert report.figures.day_start is None
    assert report.figures.floor_today is None
    assert LedgerCode.ANCHOR_UNKNOWN in report.codes
    assert report.outcome is LedgerOutcome.SUSPEND
    assert exit_of(report) == 0


def test_the_higher_of_two_prices_around_the_reset_is_the_anchor_of_a_long() -> None:
    report = held_over_a_reset().report(
        "06-16 12:00", THE5ERS, bars=bars(("06-15 20:59", 1.1, 1.101), ("06-15 21:00", 1.102, 1.1))
    )
    assert report.figures.day_start == 10_020_000
    assert report.figures.day_start_proof is Proof.BOUNDED
    assert LedgerCode.ANCHOR_BOUNDED in report.codes


@pytest.mark.parametrize(
    ("seen", "expected"),
    [("06-15 21:01:00", 10_070_000), ("06-15 21:01:01", None), ("06-15 20:59:59", None)],
)
def test_a_journaled_equity_counts_for_a_minute_after_the_reset(
    seen: str, expected: int | None
) -> None:
    observed = (Observation(at=at(seen), balance=10_000_000, equity=10_070_000),)
    report = held_over_a_reset().report("06-16 12:00", THE5ERS, observed=observed)
    assert report.figures.day_start == expected


# --- the past ---


def test_a_watched_past_is_clean_and_needs_no_word() -> None:
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -4000.0)
    spans = ((at("06-15 07:00"), at("06-15 08:30")), (at("06-15 08:30"), at("06-15 09:00")))
    report = history.report("06-17 10:00", statement=stated(), watched=spans)
    assert report.figures.past is PastVerdict.CLEAN
    assert report.outcome is LedgerOutcome.OK
    gap = history.report("06-17 10:00", statement=stated(), watched=spans[:1])
    assert gap.figures.past is PastVerdict.UNKNOWN


def test_bars_below_the_floor_tell_of_a_likely_breach_and_refuse_nothing() -> None:
    history = funded()
    position = history.enter("06-15 08:00", volume=10.0)
    history.leave("06-15 08:02", position, -100.0)
    low = bars(("06-15 08:00", 1.1, 1.1), ("06-15 08:01", 1.094, 1.0949))
    report = history.report("06-17 10:00", statement=stated(), bars=low)
    assert report.figures.past is PastVerdict.BREACHED_BOUNDED
    assert exit_of(report) == 0
    gap = bars(("06-15 08:00", 1.1, 1.1))
    assert history.report("06-17 10:00", bars=gap).figures.past is PastVerdict.UNKNOWN
    fine = bars(("06-15 08:00", 1.1, 1.1), ("06-15 08:01", 1.1, 1.099))
    assert history.report("06-17 10:00", bars=fine).figures.past is PastVerdict.CLEAN_BOUNDED


def test_a_position_that_hides_a_loss_is_proved_only_when_everything_is_closed() -> None:
    """Below the floor on the balance while something is open proves nothing yet."""
    history = funded()
    other = history.enter("06-15 08:00")
    history.trade("06-15 08:00", "06-15 09:00", -5500.0)
    history.leave("06-15 10:00", other, 600.0)
    assert history.report("06-17 10:00").figures.breaches == ()
    history.trade("06-16 08:00", "06-16 09:00", -5000.01)
    (breach,) = history.report("06-17 10:00").figures.breaches or ()
    assert (breach.rule, breach.limit, breach.figure) == ("daily_loss", 9_010_000, 9_009_999)


def test_the_overall_limit_is_proved_too_and_named_first() -> None:
    history = funded()
    for day in ("15", "16", "17"):
        history.trade(f"06-{day} 08:00", f"06-{day} 09:00", -4900.0 if day == "15" else -4000.0)
    report = history.report("06-18 10:00")
    (breach,) = report.figures.breaches or ()
    assert (breach.rule, breach.at) == ("max_loss", at("06-17 09:00"))
    assert exit_of(report) == 2


def test_a_day_that_was_paused_is_over_at_the_reset_and_does_not_hide_a_later_end() -> None:
    """An old pause is history; what ended the challenge after it still counts."""
    daily = msgspec.structs.replace(FTMO.rules.daily, action=RuleAction.PAUSE)
    firm = FirmRules(rules=msgspec.structs.replace(FTMO.rules, daily=daily))
    history = funded()
    history.trade("06-15 08:00", "06-15 09:00", -5500.0)
    today = history.report("06-15 10:00", firm)
    assert LedgerCode.PAUSED_TODAY in today.codes
    assert today.outcome is LedgerOutcome.SUSPEND
    later = history.report("06-16 10:00", firm)
    assert LedgerCode.PAUSED_TODAY not in later.codes
    assert exit_of(later) == 0
    history.trade("06-16 08:00", "06-16 09:00", -4900.0)
    ended = history.report("06-17 10:00", firm)
    assert LedgerCode.BREACHED in ended.codes
    assert [breach.rule for breach in ended.figures.breaches or ()] == ["daily_loss", "max_loss"]


def test_a_target_reached_with_too_few_days_is_not_passed() -> None:
    history = funded()
    for day in ("15", "16", "17"):
        history.trade(f"06-{day} 08:00", f"06-{day} 09:00", 4000.0)
    assert LedgerCode.PASSED not in history.report("06-18 10:00").codes
    history.enter("06-18 08:00")
    assert LedgerCode.PASSED not in history.report("06-18 10:00").codes
    history.leave("06-18 11:00", next(iter(history.positions)), 0.0)
    report = history.report("06-18 12:00")
    assert LedgerCode.PASSED in report.codes
    assert exit_of(report) == 2


def test_a_phase_that_is_over_says_what_no_deal_can_show() -> None:
    """The firm's reviews and a rule of news: the ledger proves neither."""
    for name, words in (
        ("fundingpips_2step", "(not judged here: the firm's own review"),
        ("the5ers_high_stakes", "(not judged here: news"),
        ("ftmo_2step", "the phase is over; go on"),
    ):
        history = funded()
        for day in ("15", "16", "17", "18"):
            history.trade(f"06-{day} 08:00", f"06-{day} 09:00", 4000.0)
        rules = load_rules(name)
        report = history.report("06-19 12:00", FirmRules(rules=rules, days=day_rules(rules)))
        (line,) = [item.line for item in report.findings if item.code is LedgerCode.PASSED]
        assert words in line
        assert "(by its figures; not modelled: " in line


# --- without a firm ---


def test_without_a_firms_rules_only_the_own_day_is_told() -> None:
    history = funded(12_345.67)
    history.trade("06-15 08:00", "06-15 09:00", -45.67)
    history.pay("06-16 06:00", 1000.0)
    report = history.report("06-16 10:00", None)
    assert report.codes == ()
    assert report.figures.own is not None
    assert report.figures.own.day_start == 1_330_000
    assert report.figures.initial is None


def test_every_code_has_one_severity_and_refusals_come_before_notes() -> None:
    severities = [code.severity for code in LedgerCode]
    assert severities == sorted(severities)
    assert {
        LedgerSeverity.WAIT,
        LedgerSeverity.ACT,
        LedgerSeverity.SUSPEND,
        LedgerSeverity.NOTE,
    } == set(severities)


def test_deals_keep_every_field_that_the_ledger_reads() -> None:
    """A row of MT5's fields becomes a deal; others are left out."""
    row = {"ticket": 1, "time": 5, "time_msc": 5000, "type": 2, "profit": 7.5, "unknown": 1}
    assert deal_of(row) == HistoryDeal(ticket=1, time_msc=5000, type=2, profit=7.5)

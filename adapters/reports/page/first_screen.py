"""The first screen: identity, verdict, meters and figures, from the engine's figures alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.reports.page.words import (
    amount,
    date,
    in_its_currency,
    money,
    number,
    of_money,
    percent,
    tone_of,
    when,
)
from engine.calendar import resets
from engine.result import AttemptRecord, RunResult
from engine.result.curve import EquityCurve
from engine.result.hindsight import Hindsight
from engine.result.statistics import TradeFigures
from engine.rules import AmountBase
from engine.types import Cents, Millis

RULES = {
    "max_loss": "overall loss limit",
    "daily_loss": "daily loss limit",
    "weekend": "weekend rule",
}
_MODES = {"replay": "replay, recorded bars", "shadow": "shadow, orders simulated"}


@dataclass(frozen=True)
class Shown:
    """A figure: its name, its text, and the exact value (cents, counts or ratios) behind it."""

    key: str
    name: str
    text: str
    value: float | int | None
    tone: str = ""


@dataclass(frozen=True)
class Meter:
    """How much of a limit or target is used: `part` from 0 to 1, and the words below it."""

    key: str
    name: str
    part: float | None
    text: str
    tone: str = ""
    until: Millis = 0


@dataclass(frozen=True)
class RunVerdict:
    """One sentence; `lost` is when the account was lost (0: it was not), as a time of its run."""

    tone: str
    head: str
    text: str
    lost: Millis = 0


@in_its_currency
def identity(result: RunResult, hindsight: Hindsight | None) -> list[str]:
    """What was run: preset, symbols, rules, account, period played, mode, attempts."""
    terms = result.terms
    rules = terms.rules
    title = rules["title"] if rules else hindsight.rules.title if hindsight else ""
    frames = sorted({ref.period for ref in terms.data})
    names = " ".join([*terms.symbols, *(_frame(period) for period in frames)])
    parts = [terms.preset, names]
    account = f"{money(terms.start.balance).removesuffix('.00')} {terms.currency}"
    parts.append(f"{title}, {account}" if title else account)
    parts.append(f"played {date(result.first)} to {date(result.last)}")
    done = [it for it in result.attempts if it.outcome in _OVER]
    if result.attempts:
        passed, unsure = (sum(it.outcome == how for it in done) for how in ("passed", _UNSURE))
        count = len({item.attempt for item in result.attempts})
        told = f"{passed} of {count} attempts passed, {len(done) - passed - unsure} failed"
        parts.append(f"{told}, {unsure} not proven" if unsure else told)
    parts.append(_MODES.get(terms.mode, terms.mode))
    return parts


def _frame(period: int) -> str:
    minutes = period // 60
    if minutes >= 1440:
        return f"D{minutes // 1440}"
    return f"H{minutes // 60}" if minutes >= 60 else f"M{minutes}"


_UNSURE = "not_proven"
_OVER = ("breached", "passed", "stopped", _UNSURE)
"""How attempts end."""


@in_its_currency
def verdict(result: RunResult, hindsight: Hindsight | None) -> RunVerdict:
    """How the run stands under the firm's rules, with cause, the firm's time and figures."""
    over = [item for item in result.attempts if item.outcome in _OVER]
    if over:
        return _of_attempt(result, over[-1], len(result.attempts) > len(over))
    if hindsight is not None:
        return _in_hindsight(result, hindsight)
    if result.attempts:
        missing = result.loss_buffer.missing if result.loss_buffer else ()
        words = ", ".join(item.replace("_", " ") for item in missing)
        text = f": {amount(result.net, sign=True)}"
        return RunVerdict(
            "open", "Undecided", text + (f"; still missing: {words}" if words else "")
        )
    return RunVerdict("open", "No firm's rules", f": {_outcome(result)}")


def _outcome(result: RunResult) -> str:
    change = result.net / result.terms.start.equity if result.terms.start.equity else 0
    text = f"{amount(result.net, sign=True)} ({number(100 * change)} %)"
    if result.outcome is None:
        return f"running, {text} so far"
    return text if result.outcome == "done" else f"{result.outcome}, {text}"


def _of_attempt(result: RunResult, last: AttemptRecord, more: bool) -> RunVerdict:
    zone, ended = result.terms.day_zone, last.ended or 0
    if last.outcome == "passed":
        text = f": {last.name} on {when(ended, zone)}, balance {amount(last.final_balance)}"
        if left_out := result.terms.about.get("not_modelled"):
            text += f", by its figures; not modelled: {'; '.join(left_out)}"
        return RunVerdict("pass", "Passed", text)
    if last.outcome == _UNSURE:
        text = f": {last.name} on {when(ended, zone)} has all that is modelled; {last.detail}"
        return RunVerdict("open", "Not proven", text)
    if last.outcome == "stopped":
        text = f": own limits ({last.cause}) ended the attempt {when(ended, zone)}"
        return RunVerdict("fail", "Stopped", text)
    rule = RULES.get(last.cause, last.cause)
    if last.cause in ("weekend", "inactivity"):
        return RunVerdict("fail", "Failed", f": {rule}, {last.detail}, {when(ended, zone)}", ended)
    limit = last.max_limit if last.cause == "max_loss" else _day_limit(result.curve, ended)
    at = f"equity {money(last.final_equity)} \u2264 {amount(limit)}"
    text = f": {rule} hit {when(ended, zone)}, {at}"
    count = result.attempts[-1].attempt
    repeated = f" (attempt {last.attempt} of {count})" if count > 1 else ""
    return RunVerdict("fail", "Failed", text + repeated, 0 if more or last.attempt > 1 else ended)


def _day_limit(curve: EquityCurve, moment: Millis) -> Cents:
    row = max(0, int(curve.time.searchsorted(moment, side="left")) - 1)
    return int(curve.day_floor[row]) if len(curve) else 0


def _in_hindsight(result: RunResult, seen: Hindsight) -> RunVerdict:
    title = seen.rules.title
    if not seen.rule:
        text = f" under {title} (not followed in this run): {_outcome(result)}"
        return RunVerdict("open", "Not lost", text)
    text = (
        f" under {title}: {RULES.get(seen.rule, seen.rule)} hit "
        f"{when(seen.time, seen.rules.reset_zone)}, equity {money(seen.figure)} \u2264 "
        f"{amount(seen.limit)} (the run did not follow these rules)"
    )
    return RunVerdict("fail", "Would have failed", text, seen.time)


# --- meters ---


@in_its_currency
def meters(result: RunResult, curve: EquityCurve, seen: Hindsight | None) -> list[Meter]:
    """Overall loss, the worst day (or today), the target, and the next order."""
    if not len(curve):
        return []
    zone = seen.rules.reset_zone if seen else result.terms.day_zone
    lost = verdict(result, seen).lost
    return [
        meter
        for meter in (
            _overall(result, curve, lost),
            _today(result, curve, seen)
            if result.outcome is None
            else _worst_day(result, curve, zone, seen, lost),
            _target(result, curve, lost),
            _next_order(result, zone, lost),
        )
        if meter is not None
    ]


def _latest(result: RunResult, curve: EquityCurve, lost: Millis) -> npt.NDArray[np.bool_]:
    """The points of the last attempt; the one in which its balance was reset is the old one's.

    What comes after the account was `lost` is fiction and fills no meter.
    """
    since = result.attempts[-1].started if result.attempts else 0
    found = curve.time + curve.period > since
    if lost:
        found &= curve.time <= lost
    if not found.any():
        found[-1] = True
    return found


def _overall(result: RunResult, curve: EquityCurve, lost: Millis) -> Meter | None:
    floor = int(curve.overall_floor[-1])
    initial = result.attempts[-1].balance if result.attempts else result.terms.start.balance
    if not floor or floor >= initial:
        return None
    limit, lowest = initial - floor, int(curve.worst[_latest(result, curve, lost)].min())
    used = max(0, initial - lowest)
    left = max(0, lowest - floor)
    text = f"{money(used)} used, {money(left)} left at the lowest"
    return Meter("overall", f"Overall loss (limit {amount(limit)})", used / limit, text)


def _today(result: RunResult, curve: EquityCurve, seen: Hindsight | None) -> Meter | None:
    """The running day of a session that runs: against equity, with the time to the next reset."""
    floor = int(curve.day_floor[-1])
    if not floor:
        return None
    limit, left = max(1, day_limit(result, floor, seen)), result.account.equity - floor
    used = max(0, limit - left)
    text = f"{money(used)} used, {money(max(0, left))} left"
    terms = result.terms
    reset, _ = next(resets(terms.day_zone, result.last, terms.day_hour))
    name = f"Today (limit {amount(limit)})"
    return Meter("today", name, used / limit, text, until=reset - result.last)


def _worst_day(
    result: RunResult, curve: EquityCurve, zone: str, seen: Hindsight | None, lost: Millis
) -> Meter | None:
    known = (curve.day_floor > 0) & _latest(result, curve, lost)
    if not known.any():
        return None
    room = np.where(known, curve.worst - curve.day_floor, np.iinfo(np.int64).max)
    row = int(room.argmin())
    limit = max(1, day_limit(result, int(curve.day_floor[row]), seen))
    used = limit - int(room[row])
    left, on = max(0, int(room[row])), date(int(curve.time[row]), zone)
    text = f"{money(max(0, used))} used, {money(left)} left on {on}"
    return Meter("day", f"Worst day (limit {amount(limit)})", max(0.0, used / limit), text)


def day_limit(result: RunResult, floor: Cents, seen: Hindsight | None = None) -> Cents:
    """The money that a day may lose in all: the firm's where one is followed, else our own.

    0 where a firm limits no day. `floor` is the equity at which the day's limit is reached.
    """
    rules = result.terms.rules
    terms: tuple[int, str] | None = None
    if seen is not None:
        if seen.rules.daily is not None:
            terms = seen.rules.daily.percent, seen.rules.daily.amount_base
    elif rules:
        if told := rules.get("daily"):
            terms = int(told["percent"]), str(told.get("amount_base", AmountBase.INITIAL))
    else:
        part = float(result.terms.limits.get("daily_loss_fraction", 1.0))
        return round(floor * part / (1 - part)) if part < 1 else 0
    if terms is None:
        return 0
    share, base = terms
    if base != AmountBase.INITIAL:
        return floor * share // (10_000 - share)
    initial = result.attempts[-1].balance if result.attempts else result.terms.start.balance
    return initial * share // 10_000


def _target(result: RunResult, curve: EquityCurve, lost: Millis) -> Meter | None:
    target = int(curve.target[-1])
    if not target:
        return None
    initial = result.attempts[-1].balance if result.attempts else result.terms.start.balance
    best = int(curve.balance[_latest(result, curve, lost)].max())
    gained, wanted = best - initial, target - initial
    text = f"best {money(gained)} of {money(wanted)}"
    return Meter("target", f"Target ({amount(target)})", max(0.0, gained / wanted), text)


def _next_order(result: RunResult, zone: str, lost: Millis) -> Meter:
    room = result.loss_buffer
    last = date(lost, zone) if lost else ""
    entered = [day for day in result.daily if day.opened and (not last or day.date <= last)]
    days = result.attempts[-1].trading_days if result.attempts else len(entered)
    if lost:
        text = "none: the account is lost"
    elif room is not None:
        orders = min(room.orders_today, room.orders_overall)
        text = f"may risk {amount(room.order_risk)}; {orders} such orders fit"
        if orders == 0:
            text = "nothing: the loss buffer does not hold one order"
    else:
        share = float(result.terms.limits.get("per_trade_risk_fraction", 0.0))
        text = f"may risk {amount(int(share * result.account.balance))}"
    return Meter(
        "next", "Next order", None, f"{text}; {days} trading day{'' if days == 1 else 's'}"
    )


# --- the eight figures ---


@in_its_currency
def eight(result: RunResult, figures: TradeFigures) -> list[Shown]:
    """Net, profit factor, R a trade, won, drawdown, trades, costs, gross."""
    drawdown = result.figures.max_drawdown_fraction if result.figures else None
    if drawdown is None and len(result.curve):
        drawdown = float(result.curve.drawdown(result.terms.start.equity).max())
    net = figures.net
    return [
        Shown("net", of_money("net result"), money(net, sign=True), net, tone_of(net)),
        Shown(
            "profit_factor", "profit factor", number(figures.profit_factor), figures.profit_factor
        ),
        Shown("r", "per trade", f"{number(figures.r_per_trade)} R", figures.r_per_trade),
        Shown("won", "won", percent(figures.win_rate), figures.win_rate),
        Shown("drawdown", "max drawdown", percent(drawdown), drawdown),
        Shown("trades", "trades", f"{figures.trades:,}", figures.trades),
        Shown("costs", of_money("costs paid"), money(figures.costs), figures.costs),
        Shown(
            "gross",
            of_money("gross before costs"),
            money(figures.gross, sign=True),
            figures.gross,
            tone_of(figures.gross),
        ),
    ]

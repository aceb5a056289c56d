"""A comparison as lines for a person."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from statistics import fmean
from typing import Any

from adapters.reports.compare import Aspect, Pair, RunComparison, Sums, described
from adapters.reports.projection import iso
from adapters.reports.runs import Fill, Trade
from adapters.reports.side_by_side import difference_of
from engine.types import Cents, Points, grouped, plain
from scripts.app.journals.compare import ComparedRuns
from scripts.app.journals.run_files import Source

_TERMS_SHOWN = 12


def lines_of(
    compared: ComparedRuns, rows: int, why: Mapping[int, str] | None = None
) -> Iterator[str]:
    """The whole report; at most `rows` differing trades, all for 0.

    `why` explains pairs further, by their place.
    """
    a, b, result = compared.a, compared.b, compared.result
    for name, source in (("A", a), ("B", b)):
        run = source.run
        yield f"{name}  {source.log}  ({run.mode or 'no rows'}, session {run.session_id or '?'})"
        for kind, count in run.skipped.items():
            yield f"   {count} rows {kind!r} are not compared"
    yield ""
    currency = compared.currency
    yield from _sums(result.a, result.b, currency)
    yield from _denied(result.denied)
    yield from _slippage(result.pairs)
    yield from _costs(result.pairs, currency)
    known = why or {}
    differing = [
        (pair, known.get(place, "")) for place, pair in enumerate(result.pairs) if pair.differences
    ]
    yield from _trades(compared, differing, rows)
    yield from _figures(result, rows)
    yield from _verdict(result)
    yield from _terms(compared.terms)
    if compared.reasons:
        yield "may differ because of"
        yield from (f"  {reason}" for reason in compared.reasons)


def _figures(result: RunComparison, rows: int) -> Iterator[str]:
    """Days and drawdowns that differ; at most `rows`, all for 0."""
    found = [it for it in result.differences if it.aspect in (Aspect.DAY, Aspect.DRAWDOWN)]
    shown = found[:rows] if rows else found
    yield from (f"{item.subject}: {item.text}" for item in shown)
    if len(found) > len(shown):
        yield f"and {len(found) - len(shown)} more days"
    if found:
        yield ""


def _sums(a: Sums, b: Sums, currency: str) -> Iterator[str]:
    money = _money(currency)
    yield f"{'':<26} {'A':>14} {'B':>14} {'B - A':>14}"
    yield _row("trades closed", a.trades, b.trades, str)
    yield _row("left open", a.still_open, b.still_open, str)
    yield _row(f"profit or loss {currency}".strip(), a.net, b.net, money)
    yield _row(f"commission {currency}".strip(), a.commission, b.commission, money)
    yield _row(f"swap {currency}".strip(), a.swap, b.swap, money)
    change = b.win_rate - a.win_rate
    yield f"{'win rate':<26} {a.win_rate:>14.1%} {b.win_rate:>14.1%} {change:>+14.1%}"


def _row(name: str, a: int, b: int, shown: Callable[[int], str]) -> str:
    return f"{name:<26} {shown(a):>14} {shown(b):>14} {shown(b - a):>14}"


def _money(currency: str) -> Callable[[Cents], str]:
    """How an amount beside its currency is shown."""
    return lambda amount: plain(amount / 100, currency)


def _denied(denied: dict[str, tuple[int, int]]) -> Iterator[str]:
    if denied:
        yield "denied by risk"
    for reason, (a, b) in denied.items():
        yield _row(f"- {reason}", a, b, str)


def _slippage(pairs: list[Pair]) -> Iterator[str]:
    """By how much B was filled worse, where both have a fill."""
    yield from _slips("slippage open", [(pair, pair.open_slippage) for pair in pairs])
    yield from _slips("slippage close", [(pair, pair.close_slippage) for pair in pairs])


def _slips(name: str, slips: list[tuple[Pair, Points | None]]) -> Iterator[str]:
    known = [(pair, points) for pair, points in slips if points is not None]
    if not known:
        return
    points = [number for _, number in known]
    parts = [part for pair, number in known if (part := pair.in_r(number)) is not None]
    in_r = f", {fmean(parts):+.3f} R on average" if parts else ""
    yield f"{name:<26} {fmean(points):+.2f} points on average, {max(points):+d} at worst{in_r}"


def _costs(pairs: list[Pair], currency: str) -> Iterator[str]:
    """What B made beyond A: in trades of both, and in those that one of them lacks."""
    told = []
    for words, found in (
        ("in {} trades of both", [pair for pair in pairs if pair.a and pair.b]),
        ("for {} that only A has", [pair for pair in pairs if not pair.b]),
        ("for {} that only B has", [pair for pair in pairs if not pair.a]),
    ):
        if found:
            gained = sum(map(difference_of, found))
            money = grouped(gained / 100, currency, "+").strip()
            told.append(f"{money} {words.format(len(found))}")
    if told:
        yield f"{'money, B - A':<26} {', '.join(told)}"


def _trades(compared: ComparedRuns, pairs: list[tuple[Pair, str]], rows: int) -> Iterator[str]:
    if not pairs:
        return
    currency = compared.currency
    yield ""
    shown = pairs[:rows] if rows else pairs
    for pair, why in shown:
        apart = difference_of(pair)
        gained = f"  B - A {grouped(apart / 100, currency, '+')}".rstrip() if apart else ""
        yield f"{iso(pair.known.time)}  {described(pair.known)}{_worse(pair)}{gained}"
        yield f"    A {_life(compared.a, pair.a)}"
        yield f"    B {_life(compared.b, pair.b)}"
        yield from (f"    {difference.text}" for difference in pair.differences)
        if why:
            yield f"    {why}"
    if len(shown) < len(pairs):
        yield f"... and {len(pairs) - len(shown)} more trades that differ (--rows 0 shows all)"


def _worse(pair: Pair) -> str:
    parts = []
    for word, slip in (("open", pair.open_slippage), ("close", pair.close_slippage)):
        in_r = pair.in_r(slip)
        if slip:
            parts.append(f"{word} {slip:+d} points" + (f" ({in_r:+.3f} R)" if in_r else ""))
    return f"  slippage {', '.join(parts)}" if parts else ""


def _life(source: Source, trade: Trade | None) -> str:
    if trade is None:
        return "-"
    fills = (("opened", trade.opening), ("closed", trade.closing))
    told = [_fill(source, trade.symbol, word, fill) for word, fill in fills]
    return f"{'; '.join(told)}; result {_in_currency(trade.net, source)}"


def _in_currency(cents: Cents, source: Source) -> str:
    """An amount of a run, with its currency where that is known."""
    return grouped(cents / 100, str((source.summary or {}).get("currency", ""))).strip()


def _fill(source: Source, symbol: str, word: str, fill: Fill | None) -> str:
    if fill is None:
        return f"not {word}"
    price = source.price(symbol, fill.price)
    return f"{word} {iso(fill.time)[:19]} at {price} ({fill.reason})"


def _verdict(result: RunComparison) -> Iterator[str]:
    yield ""
    if result.first is None:
        yield "equal within the tolerances"
        return
    first, count = result.first, len(result.differences)
    yield f"different: {count} difference{'s' if count > 1 else ''}"
    yield f"first divergence {iso(first.time)}  {first.subject}: {first.text}"


def _terms(terms: dict[str, tuple[Any, Any]]) -> Iterator[str]:
    if not terms:
        return
    yield "terms that differ"
    for path in list(terms)[:_TERMS_SHOWN]:
        a, b = terms[path]
        yield f"  {path}: {_short(a)} in A, {_short(b)} in B"
    if len(terms) > _TERMS_SHOWN:
        yield f"  ... and {len(terms) - _TERMS_SHOWN} more (--json shows all)"


def _short(value: Any) -> str:
    return "none" if value is None else str(value)[:40]

"""Why two runs may differ although nothing is broken: the known reasons, by what is seen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from adapters.reports.compare import Aspect, RunComparison
from adapters.reports.runs import Run

SIMULATED = "replay"
"""The data_mode of runs whose fills are simulated, on a terminal's history or on files."""

_FILLS = frozenset({Aspect.OPEN_PRICE, Aspect.CLOSE_PRICE})
_TIMES = frozenset({Aspect.OPEN_TIME, Aspect.CLOSE_TIME})
_EXITS = frozenset({Aspect.CLOSE_REASON, Aspect.CLOSE_TIME, Aspect.CLOSE_PRICE})
_ENTRIES = frozenset({Aspect.MISSING, Aspect.DENIAL, Aspect.HALT})


class _Known(NamedTuple):
    """A reason, and the differences that it explains."""

    aspects: frozenset[Aspect]
    text: str


_SIMULATED_AGAINST_LIVE = (
    _Known(
        _FILLS,
        "spread model: a replay plays each bar with its predecessor's recorded spread, never below "
        "the symbol's floor; a terminal fills at the spread of the moment",
    ),
    _Known(
        _FILLS,
        "slippage: a replay fills market orders at its tick (worse by --slippage-points); a "
        "terminal fills them at what its server has",
    ),
    _Known(
        _TIMES,
        "latency: a replay fills in the moment of the decision; a terminal after the request's way "
        "to its server",
    ),
    _Known(
        _EXITS,
        "server-side fills: a server closes at stop and target by itself, tick by tick; a replay "
        "judges them on the bar's range, and the stop comes first when both were touched",
    ),
    _Known(
        _EXITS,
        "missing ticks: a replay sees a bar's opening and range, not the ticks inside it",
    ),
    _Known(
        frozenset({Aspect.MONEY}),
        "costs: a replay takes commission, swap and spread floors from its symbol table or "
        "options; a terminal books its account's own",
    ),
    _Known(
        frozenset({Aspect.DAY, Aspect.DRAWDOWN}),
        "equity: a replay knows the extremes of every bar and the moment of each reset; a session "
        "sees the account when it looks, and a bar's ticks as they come",
    ),
    _Known(
        frozenset({Aspect.VOLUME, Aspect.MONEY}),
        "size: risk is a fraction of each account's own equity and day-start balance, and volume "
        "steps are the account's",
    ),
    _Known(
        _ENTRIES,
        "limits: each run vets against its own equity, day-start balance and open positions; the "
        "server may refuse what a replay fills",
    ),
)
_BOTH_LIVE = (
    _Known(
        _FILLS | _EXITS,
        "two terminals: spread, slippage and ticks are each server's own",
    ),
    _Known(
        frozenset({Aspect.DAY, Aspect.DRAWDOWN}),
        "two looks: each session saw its account when it looked",
    ),
    _Known(_TIMES, "latency: each run's orders took their own way to the server"),
    _Known(
        frozenset({Aspect.VOLUME, Aspect.MONEY}) | _ENTRIES,
        "two accounts: equity, day-start balance, costs and volume steps are each one's own",
    ),
)
_SENT_NOW = (
    "moments: the runs' times do not overlap (a terminal session enters recorded signals now), so "
    "trades are paired in their order, B's openings laid on A's, and the markets are different ones"
)
_APART = (
    "periods: the runs played different times; give both the same --from and --to, or compare a "
    "session with its mirror (butler mirror SESSION)"
)
_TOLD_OTHERWISE = "terms: the runs had different inputs (see the terms that differ)"
_RESUMED = (
    "resumed: a session that was resumed has not seen the account while it did not run, so that "
    "its days and drawdown lack what happened then"
)
WARM_UP = "warm_up"
"""The term that says whether indicators had seen the bars before the first."""

_COLD = (
    "warm-up: one run's indicators began cold at its first bar, the other's had seen the bars "
    "before it; give both the same --from, with or without --cold"
)
_SHOULD_BE_EQUAL = (
    "none is known: two replays with the same terms come to the same result; compare the versions, "
    "and whether a log was edited"
)


def known_reasons(
    a: Run,
    b: Run,
    comparison: RunComparison,
    terms: Mapping[str, tuple[Any, Any]],
    *,
    resumed: bool = False,
) -> list[str]:
    """The reasons for which these runs may differ as they do; none when they do not.

    `terms` are those that differ; `resumed`: one of the runs was, at least once.
    """
    if comparison.equal:
        return []
    if comparison.apart:
        return [_APART]
    reasons = [_TOLD_OTHERWISE] if terms else []
    if False in terms.get(WARM_UP, ()):
        reasons.append(_COLD)
    if comparison.in_order:
        reasons.append(_SENT_NOW)
    if resumed and {Aspect.DAY, Aspect.DRAWDOWN} & comparison.aspects:
        reasons.append(_RESUMED)
    simulated = [run.mode == SIMULATED for run in (a, b)]
    table: tuple[_Known, ...] = ()
    if not all(simulated):
        table = _SIMULATED_AGAINST_LIVE if any(simulated) else _BOTH_LIVE
    reasons += [known.text for known in table if known.aspects & comparison.aspects]
    return reasons or [_SHOULD_BE_EQUAL]


def differing_terms(a: Any, b: Any) -> dict[str, tuple[Any, Any]]:
    """Leaves of two documents that differ, by their path; None where one has none."""
    first, second = _leaves(a), _leaves(b)
    return {
        path: (first.get(path), second.get(path))
        for path in sorted({*first, *second})
        if first.get(path) != second.get(path)
    }


def _leaves(document: Any, path: str = "") -> dict[str, Any]:
    if isinstance(document, Mapping):
        items = [(str(key), value) for key, value in document.items()]
    elif isinstance(document, list):
        items = [(str(number), value) for number, value in enumerate(document)]
    else:
        return {path: document}
    prefix = f"{path}." if path else ""
    return {
        leaf: value for key, child in items for leaf, value in _leaves(child, prefix + key).items()
    }

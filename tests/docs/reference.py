"""Tables of what users see: limits, reasons, columns, keys, codes and variables.

Names, order, values and defaults come from the code, of limits their meanings too
(`engine.limit_table`). What another name means stands in `meanings.toml`;
a name without a meaning is an error here, and so is a meaning whose name is gone.
"""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, get_args

from adapters.mt5.api import contract as mt5
from adapters.mt5.execution.rejections import effect_of
from adapters.reports.projection import LOG_COLUMNS
from adapters.reports.summary import SummaryProjection
from adapters.reports.tables import EQUITY_COLUMNS, TRADE_COLUMNS
from config.alerts import ALERT_KINDS
from config.rules import list_rules, load_rules, rule_notes
from engine import events as ev
from engine.fields import RejectionEffect
from engine.journal import TAGS
from engine.limit_table import LIMIT_HITS, LIMIT_TABLE, OFF_VALUES
from engine.trading import HaltCause, Trading
from scripts.cli.shared.exit_codes import ExitCode
from tests.builders import started
from tests.docs.markdown import code, codes, table

ROOT: Final = Path(__file__).resolve().parents[2]
MEANINGS: Final = Path(__file__).with_name("meanings.toml")


class NotExplained(Exception):
    """Raised when a name has no meaning in meanings.toml, or a meaning has no name any more."""


@functools.cache
def _all_meanings() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(MEANINGS.read_text(encoding="utf-8"))


def meanings(section: str, names: Iterable[str]) -> Mapping[str, str]:
    """What each of `names` means; raises NotExplained unless exactly these are explained."""
    said, wanted = _all_meanings()[section], list(names)
    missing = [name for name in wanted if name not in said]
    gone = [name for name in said if name not in wanted]
    if missing or gone:
        raise NotExplained(
            f"{MEANINGS.name}, [{section}]: explain {missing or 'nothing'}, "
            f"take out {gone or 'nothing'}"
        )
    return said


def limits() -> str:
    """Every limit of a preset: its default and the actions that it may have."""
    rows = [(code(name), row.meaning, _default(name)) for name, row in LIMIT_TABLE.items()]
    return table(("limit", "meaning", "default"), rows) + "\n\n" + _actions()


def _default(name: str) -> str:
    if name not in OFF_VALUES:
        return "none: give it"
    value = OFF_VALUES[name]
    if value == {}:
        return "as below"
    return "off" if value is None else code(str(value).lower())


def _actions() -> str:
    rows = [
        (code(name), code(str(hit.default)), codes(map(str, hit.allowed)))
        for name, hit in LIMIT_HITS.items()
        if hit.allowed
    ]
    return table(("limit in `actions`", "default", "allowed"), rows)


def deny_reasons() -> str:
    """Every reason for which an order is denied, in the order of the checks."""
    limiting = {hit.reason: hit.meaning for hit in LIMIT_HITS.values() if hit.reason}
    others = [it for it in ev.DenyReason if it not in limiting]
    said = meanings("deny reasons", map(str, others))
    rows = [(code(it), limiting.get(it) or said[str(it)]) for it in ev.DenyReason]
    return table(("reason", "meaning"), rows)


def halt_causes() -> str:
    """Every cause for which trading halts, and the state that it leads to."""
    said = meanings("halt causes", map(str, HaltCause))
    rows = [(code(it), str(Trading((it,)).state), said[str(it)]) for it in HaltCause]
    return table(("cause", "state", "meaning"), rows)


def return_codes() -> str:
    """Every return code of the trade server, and what follows from it."""
    rows = [(str(at), it.meaning, _consequence(it)) for at, it in mt5.RETURN_CODES.items()]
    return table(("code", "meaning", "what follows"), rows)


_OF_LEVELS: Final = {
    RejectionEffect.LEVELS: "; of a change of levels: that position's rest",
    RejectionEffect.LATCH: "",
}


def _consequence(known: mt5.ReturnCode) -> str:
    outcomes = {
        mt5.RequestOutcome.DONE: "done",
        mt5.RequestOutcome.ACCEPTED: "followed up",
        mt5.RequestOutcome.UNKNOWN: "outcome unknown, latches",
    }
    if known.outcome is not mt5.RequestOutcome.REJECTED:
        return outcomes[known.outcome]
    if known.code == mt5.TRADE_RETCODE_NO_CHANGES:
        return "latches; of a change of levels: nothing"
    effect = effect_of(ev.OPEN, known.code, may_suspend=True)
    of_levels = effect_of(ev.MODIFY, known.code, may_suspend=False)
    return ("suspends" if effect is RejectionEffect.SUSPEND else "latches") + _OF_LEVELS[of_levels]


def event_log() -> str:
    """The columns of the event log, in their order."""
    said = meanings("event log", LOG_COLUMNS)
    return table(("column", "meaning"), [(code(name), said[name]) for name in LOG_COLUMNS])


def trades() -> str:
    """The columns of the trades table, in their order."""
    said = meanings("trades", TRADE_COLUMNS)
    return table(("column", "meaning"), [(code(name), said[name]) for name in TRADE_COLUMNS])


def equity() -> str:
    """The columns of the equity table, in their order."""
    said = meanings("equity", EQUITY_COLUMNS)
    return table(("column", "meaning"), [(code(name), said[name]) for name in EQUITY_COLUMNS])


def summary() -> str:
    """The keys of a summary, in their order."""
    projection = SummaryProjection()
    projection.take(ev.Record(1, 0, None, started()))
    keys = list(projection.summary())
    said = meanings("summary", keys)
    return table(("key", "meaning"), [(code(key), said[key]) for key in keys])


def exit_codes() -> str:
    """The exit codes of every command."""
    said = meanings("exit codes", (str(int(it)) for it in ExitCode))
    rows = [(str(int(it)), said[str(int(it))]) for it in sorted(ExitCode)]
    return table(("code", "meaning"), rows)


def environment() -> str:
    """The environment variables that the program reads."""
    names = sorted(set(_variables()))
    said = meanings("environment", names)
    return table(("variable", "meaning"), [(code(name), said[name]) for name in names])


def _variables() -> Iterable[str]:
    """Every text in the product that is a variable's whole name."""
    for top in ("adapters", "config", "scripts"):
        for path in (ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                value = getattr(node, "value", None)
                if isinstance(node, ast.Constant) and isinstance(value, str):
                    yield from re.findall(r"\A(?:OMEGA|BUTLER)(?:_[A-Z0-9]+)+\Z", value)


def journal_kinds() -> str:
    """Every kind of record, as `butler journal show --kind` names it."""
    parts = []
    for title, union in (("Events", ev.Event), ("Inputs", ev.Input)):
        rows = [(code(TAGS[kind]), _first_sentence(kind)) for kind in get_args(union)]
        parts += [f"{title}:", table(("kind", "meaning"), rows)]
    return "\n\n".join(parts)


def _first_sentence(kind: type) -> str:
    text = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
    return re.split(r"(?<=\.)\s", text)[0]


def firms() -> str:
    """The shipped rules of firms, with their phases and losses."""
    rows = []
    for name in list_rules():
        rules = load_rules(name)
        notes = rule_notes(name)
        phases = ", ".join(phase.name for phase in rules.phases)
        left_out = "; ".join(item.rule for item in notes.not_modelled)
        source = f"{notes.page}, {notes.read}"
        rows.append((code(name), rules.title, phases, source, left_out))
    return table(("rules", "firm and programme", "phases", "read on", "not modelled"), rows)


def alerts() -> str:
    """The kinds of alerts, each a key that switches it off."""
    said = meanings("alerts", ALERT_KINDS)
    return table(("alert", "sent when"), [(code(name), said[name]) for name in ALERT_KINDS])

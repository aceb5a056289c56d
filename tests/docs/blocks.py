"""The generated parts of the documents: where they stand and what makes each.

A part stands between two comments, which the reader of the page does not see:

    <!-- generated: limits (python -m tests.docs) -->
    <!-- end of limits -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.docs import commands, event_table, reference

ROOT: Final = Path(__file__).resolve().parents[2]

BLOCKS: Final[Mapping[str, Callable[[], str]]] = {
    "commands": commands.every_command,
    "limits": reference.limits,
    "deny reasons": reference.deny_reasons,
    "halt causes": reference.halt_causes,
    "return codes": reference.return_codes,
    "event log": reference.event_log,
    "trades": reference.trades,
    "equity": reference.equity,
    "summary": reference.summary,
    "exit codes": reference.exit_codes,
    "environment": reference.environment,
    "journal": reference.journal_kinds,
    "firms": reference.firms,
    "alerts": reference.alerts,
    "events": event_table.events,
    "actors": event_table.actors,
}

_BLOCK = re.compile(
    r"<!-- generated: (?P<name>[a-z ]+) \(python -m tests\.docs\) -->\n.*?"
    r"<!-- end of (?P=name) -->\n",
    re.DOTALL,
)


def pages() -> list[Path]:
    """Every document of the project."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def block(name: str) -> str:
    """The generated part `name` with its comments, as it is to stand in a page."""
    return (
        f"<!-- generated: {name} (python -m tests.docs) -->\n\n"
        f"{BLOCKS[name]()}\n\n<!-- end of {name} -->\n"
    )


def names_in(text: str) -> list[str]:
    """Which generated parts a page has."""
    return [found["name"] for found in _BLOCK.finditer(text)]


def renewed(text: str) -> str:
    """A page with each of its generated parts as the code has it now."""
    return _BLOCK.sub(lambda found: block(found["name"]), text)

"""What the paper terminal and the genuine package make of the same calls, and where they differ."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.genuine import product
from tests.genuine.differential.calls import outcome, round_of, setup
from tests.genuine.rig.played import PATIENCE, PlayedTerminal
from tests.genuine.rig.prefix import Prefix, windows

Row = dict[str, Any]


FILTERED = ("positions_get", "orders_get")
"""What these show of the same positions and orders is what their keywords mean to the package."""


class Difference(NamedTuple):
    """One call of which the two make different things.

    `decided` says who decides it: the package (arguments, types, errors), or the played terminal,
    which is no oracle.
    """

    function: str
    decided: str
    what: str
    call: str
    genuine: str
    paper: str

    def __str__(self) -> str:
        return f"{self.call}\n      genuine {self.genuine}\n      paper   {self.paper}"


def genuine_outcomes(
    prefix: Prefix, terminal: PlayedTerminal, seed: int, rounds: int, count: int
) -> list[Row]:
    """What the genuine package makes of the calls; raises AssertionError when it does not end."""
    module = "tests.genuine.differential.genuine_side"
    process = prefix.start("-m", module, windows(terminal.folder), seed, rounds, count)
    try:
        out, _ = process.communicate(timeout=PATIENCE * (60 + rounds * count * 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
    lines = (terminal.folder / "genuine.jsonl").read_text(encoding="utf-8").splitlines()
    rows: list[Row] = [json.loads(line) for line in lines]
    last = rows[-1]["call"] if rows else "none"
    assert process.returncode == 0, f"{out.decode(errors='replace')[-2000:]} after {last}"
    return rows


def paper_outcomes(folder: Path, seed: int, rounds: int, count: int) -> Iterator[Row]:
    """What the paper terminal makes of the same calls."""
    for number in range(rounds):
        terminal = product.paper_terminal(["EURUSD", "GBPUSD"], folder)
        if not terminal.initialize("terminal64.exe"):
            raise AssertionError(terminal.last_error())
        for call in [*setup(), *round_of(seed, number, count)]:
            yield {"round": number, **outcome(terminal, call)}


def differences(genuine: Iterable[Row], paper: Iterable[Row]) -> Iterator[Difference]:
    """Where the two differ, call by call.

    What leaves `last_error` as it was is compared by that: what it was, was told already.
    """
    before: tuple[Any, Any] = (None, None)
    for theirs, ours in zip(genuine, paper, strict=True):
        errors = theirs["error"], ours["error"]
        untouched = theirs["function"] == "last_error" or theirs.get("raised") == "TypeError"
        as_before = untouched and errors == before
        before = errors
        assert (theirs["round"], theirs["call"]) == (ours["round"], ours["call"])
        for what in ("raised", "shape", "element", "error", "size"):
            told = theirs.get(what), ours.get(what)
            if what == "error" and as_before:
                continue
            if told[0] == told[1] or (what == "element" and None in told):
                continue
            failed = "NoneType" in (theirs.get("shape"), ours.get("shape"))
            package = what in ("raised", "shape", "element") and not failed
            package |= not theirs["reached"]
            package |= what == "size" and _filtered(theirs)
            if what == "shape" and (theirs.get("raised") or ours.get("raised")):
                continue  # told as `raised` already
            decided = "package" if package else "terminal"
            shown = (_short(theirs, what), _short(ours, what))
            yield Difference(theirs["function"], decided, what, theirs["call"], *shown)
            break


def _filtered(row: Row) -> bool:
    """Whether the same rows must be shown: any ticket but their own may be that of something else,
    as each terminal numbers for itself.
    """
    kind, call = row["function"].removesuffix("s_get"), row["call"]
    return row["function"] in FILTERED and ("ticket=" not in call or f"<{kind}" in call)


def _short(row: Row, what: str) -> str:
    shown = row.get("raised") or row.get("element" if what == "element" else "shape")
    if isinstance(shown, list) and what not in ("shape", "element"):
        shown = shown[0]
    return f"{shown} {row['error']} {'' if row.get('size') is None else row['size']}".strip()[:600]


def report(found: Iterable[Difference]) -> str:
    """The differences by function and kind, each kind with its number and two examples."""
    kinds: dict[tuple[str, str, str, str, str], list[Difference]] = defaultdict(list)
    for item in found:
        kinds[item.decided, item.function, item.what, item.genuine, item.paper].append(item)
    lines = []
    for (decided, function, what, _, _), items in sorted(kinds.items(), key=lambda kv: kv[0][:3]):
        lines.append(f"{decided}: {function}: {what}, {len(items)} times")
        lines += [f"    {str(item)[:1500]}" for item in items[:2]]
    return "\n".join(lines)

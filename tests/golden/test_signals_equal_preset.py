"""A replay of `butler signals` is the preset's own, where no rule looks at open positions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.reports.projection import LogProjection
from config import preset_files
from engine import events as ev
from scripts.app.terms.replay_terms import resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.cli.shared.exit_codes import ExitCode
from tests import synthetic
from tests.commands import butler
from tests.user_signal_runs import Told, played

SHIPPED = Path(preset_files.__file__).parent / "presets" / "ftmo_m15.yaml"
BLIND = {"  on_opposite: close\n": "  on_opposite: ignore\n", "  trail: true ": "  trail: false "}
"""What makes the preset blind to what is open."""


def preset(folder: Path, changes: dict[str, str]) -> Path:
    """A copy of the shipped preset with some of its lines changed."""
    text = SHIPPED.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    file = folder / "changed.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def rows(told: Told, *kinds: str) -> list[dict[str, str]]:
    """Rows of the event log; the signals' ids, which name bars or times, are left out."""
    projection = LogProjection()
    made = (projection.row(record) for record in told.records)
    return [{**row, "signal_id": ""} for row in made if row and row["event"] in kinds]


@dataclass(frozen=True)
class Both:
    """The replay of a preset, and that of the signals that it writes; `written` is how many."""

    preset: Told
    signals: Told
    written: int


def both(
    folder: Path, file: Path, bars: list[str], span: tuple[str | None, str | None], **more: Any
) -> Both:
    """Replays a preset and its signals over the same bars on the same terms."""
    out = folder / "signals.csv"
    start, end = span
    given = [part for text in bars for part in ("--bars", text)]
    given += ["--from", start] if start else []
    given += ["--to", end] if end else []
    said = butler("signals", "--preset", file, "--out", out, *given)
    assert said.code == ExitCode.DONE, said
    request: dict[str, Any] = {
        "bars": bars or None,
        "preset": str(file),
        "start": start,
        "end": end,
    }
    own = played(resolve_terms(ReplayRequest(**request, **more))[0])
    again = played(resolve_terms(ReplayRequest(**request, **more, signals=out))[0])
    return Both(own, again, len(out.read_text(encoding="utf-8").splitlines()) - 1)


def check_equal(found: Both, at_least: int) -> None:
    """Every deal, halt and figure is the same; of the signals many more were denied."""
    kinds = ("OPEN", "CLOSE", "HALT", "RESUME", "MODIFY", "REJECT")
    own, again = (rows(told, *kinds) for told in (found.preset, found.signals))
    assert own == again
    assert sum(row["event"] == "OPEN" for row in own) >= at_least
    ends = [told.end for told in (found.preset, found.signals)]
    assert (ends[0].account, ends[0].figures) == (ends[1].account, ends[1].figures)
    assert ends[0].open_positions == ends[1].open_positions
    days = [told.of(ev.DayRolled) for told in (found.preset, found.signals)]
    assert days[0] == days[1]
    raised = [
        item for item in found.signals.of(ev.SignalRaised) if item.terms.action is ev.Action.OPEN
    ]
    assert len(raised) == found.written
    denied = {item.reason for item in found.signals.of(ev.OrderDenied)}
    assert denied & {ev.DenyReason.MAX_POSITIONS, ev.DenyReason.MAX_POSITIONS_PER_SYMBOL}


# --- the same -------------------------------------------------------------------------------


def test_on_the_sample(tmp_path: Path) -> None:
    """Six weeks of it; --deep takes both years."""
    span = ("2024-02-15", "2024-04-01")
    check_equal(both(tmp_path, preset(tmp_path, BLIND), [], span), at_least=20)


@pytest.mark.deep
def test_on_the_whole_sample(tmp_path: Path) -> None:
    check_equal(both(tmp_path, preset(tmp_path, BLIND), [], (None, None)), at_least=500)


TERMS: dict[str, dict[str, Any]] = {
    "as shipped": {},
    "days that end early": {"limits": {"daily_loss_fraction": 0.004}},
    "one position, an account that ends": {
        "limits": {"max_positions": 1, "max_loss_fraction": 0.01}
    },
    "costs": {"slippage_points": 3, "commission": ["7"], "swap": ["-6.5/2.25"]},
}


@pytest.mark.parametrize("name", TERMS)
def test_on_several_symbols_that_compete_for_positions(tmp_path: Path, name: str) -> None:
    """Halts, resets, swaps and slippage included."""
    bars = market(tmp_path, synthetic.M15, 14)
    found = both(tmp_path, preset(tmp_path, BLIND), bars, (None, None), **TERMS[name])
    check_equal(found, at_least=5)
    if "limits" in TERMS[name]:
        assert rows(found.preset, "HALT")


def test_on_minutes(tmp_path: Path) -> None:
    """The preset decides every quarter of an hour, positions are judged every minute."""
    bars = market(tmp_path, synthetic.MINUTE, 3)
    check_equal(both(tmp_path, preset(tmp_path, BLIND), bars, (None, None)), at_least=5)


def market(folder: Path, period: int, days: int) -> list[str]:
    """Three symbols in files, as `--bars` takes them."""
    return [
        f"{name}={synthetic.write_parquet(made, folder / f'{name}.parquet')}"
        for name, made in made_of(period, days).items()
    ]


@cache
def made_of(period: int, days: int) -> dict[str, synthetic.Bars]:
    return synthetic.feed(7, days=days, period=period)


# --- where it differs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, {"OPPOSITE", "TRAIL"}),
        ({"  trail: true ": "  trail: false "}, {"OPPOSITE"}),
        ({"  on_opposite: close\n": "  on_opposite: ignore\n"}, {"TRAIL"}),
    ],
    ids=["as shipped", "leaves on the opposite signal", "trails its stop"],
)
def test_it_differs_from_the_first_look_at_an_open_position_on(
    tmp_path: Path, changes: dict[str, str], reasons: set[str]
) -> None:
    """Up to the first row with OPPOSITE or TRAIL both logs are the same, and there they part."""
    bars = market(tmp_path, synthetic.M15, 14)
    found = both(tmp_path, preset(tmp_path, changes), bars, (None, None))
    kinds = ("OPEN", "CLOSE", "MODIFY")
    own, again = rows(found.preset, *kinds), rows(found.signals, *kinds)
    looked = [place for place, row in enumerate(own) if row["reason"] in reasons]
    assert looked
    assert own[: looked[0]] == again[: looked[0]]
    assert own[looked[0]] != again[looked[0]]
    assert {row["reason"] for row in own} >= reasons
    assert not {row["reason"] for row in again} & {"OPPOSITE", "TRAIL"}

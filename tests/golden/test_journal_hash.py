"""The same inputs under the same terms give the same journal, record by record."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.bars.reader import CHUNK_ROWS, BarFile, RateColumns
from adapters.journal import StoredJournal
from scripts.app.terms.replay_terms import Terms
from signals.strategies.registry import registered, strategy_factory
from tests import synthetic
from tests.golden import pins
from tests.golden.replays import Case, replayed


@dataclasses.dataclass(frozen=True)
class Sliced(BarFile):
    """A bar file that is always read `slice_rows` bars at a time."""

    slice_rows: int = CHUNK_ROWS

    def chunks(self, rows: int = CHUNK_ROWS) -> Iterator[RateColumns]:
        return super().chunks(min(rows, self.slice_rows))


def sliced(terms: Terms, rows: int) -> Terms:
    """The same terms over files that are read `rows` bars at a time."""
    inputs = []
    for item in terms.inputs:
        known = {
            field.name: getattr(item.file, field.name) for field in dataclasses.fields(BarFile)
        }
        inputs.append(dataclasses.replace(item, file=Sliced(**known, slice_rows=rows)))
    return dataclasses.replace(terms, inputs=inputs)


def journal_hash(terms: Terms, results: Path, session_id: str = "one") -> str:
    """Runs a session; its journal's hash, after a look whether the seal fits the records."""
    stored = StoredJournal(replayed(terms, results, session_id).journal)
    sealed = stored.sealed_hash()
    assert sealed == stored.hexdigest()
    stored.close()
    return str(sealed)


def written(seed: int, days: int, period: int, symbols: list[str], folder: Path) -> dict[str, Path]:
    """Bar files of a seeded feed."""
    feed = synthetic.feed(seed, days=days, period=period)
    return {
        name: synthetic.write_parquet(feed[name], folder / f"{name}.parquet") for name in symbols
    }


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Three weeks of three symbols, with halts in them."""
    files = written(5, 21, synthetic.M15, list(synthetic.NATURES), tmp_path_factory.mktemp("bars"))
    return Case(files=files, limits={"daily_loss_fraction": 0.006})


@pytest.fixture(scope="module")
def usual(case: Case, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash that every way of running the case must give."""
    return journal_hash(case.terms(), tmp_path_factory.mktemp("usual"))


def test_a_second_run_gives_the_same_hash(case: Case, usual: str, tmp_path: Path) -> None:
    """Also under another session id, in another folder."""
    elsewhere = tmp_path / "other results"
    assert journal_hash(case.terms(), elsewhere, "another-session_2") == usual
    assert journal_hash(case.terms(), elsewhere, "third") == usual


def test_the_place_and_the_order_of_the_files_do_not_matter(
    case: Case, usual: str, tmp_path: Path
) -> None:
    """Symbols are ranked by the table, and files known by their content."""
    moved = {
        name: Path(shutil.copy(path, tmp_path / f"renamed-{name}"))
        for name, path in reversed(case.files.items())
    }
    terms = dataclasses.replace(case, files=moved).terms()
    assert journal_hash(terms, tmp_path) == usual


@pytest.mark.parametrize("rows", [7, 96, 1_000])
def test_the_size_of_the_chunks_does_not_matter(
    rows: int, case: Case, usual: str, tmp_path: Path
) -> None:
    """However many bars are read at a time, an M15 slot or a position being cut by it or not."""
    assert journal_hash(sliced(case.terms(), rows), tmp_path) == usual


@pytest.mark.parametrize(
    "changed",
    [
        {"limits": {"daily_loss_fraction": 0.0061}},
        {"limit_trades": 20},
        {"starting_equity": 100_000.01},
        {"clock": "eu-dst"},
    ],
)
def test_other_terms_give_another_hash(
    changed: dict[str, Any], case: Case, usual: str, tmp_path: Path
) -> None:
    """The hash would be worth nothing if it were always the same."""
    assert journal_hash(dataclasses.replace(case, **changed).terms(), tmp_path) != usual


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A seeded feed and the terms under which it is replayed."""

    seed: int
    period: int
    symbols: list[str]
    rows: int = CHUNK_ROWS
    limits: dict[str, float | int] = dataclasses.field(default_factory=dict)
    limit_trades: int | None = None
    costs: dict[str, Any] = dataclasses.field(default_factory=dict)
    mixed: bool = False
    """Whether only the first symbol has bars of `period`, the others M15."""
    preset: str = "ftmo_m15"
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What differs from the preset's own parameters."""

    def terms(self, folder: Path) -> Terms:
        days = 4 if self.period == synthetic.MINUTE else 17
        files = written(self.seed, days, self.period, self.symbols, folder)
        if self.mixed:
            files |= written(self.seed, days, synthetic.M15, self.symbols[1:], folder)
        case = Case(
            files=files,
            limits=self.limits,
            limit_trades=self.limit_trades,
            costs={**self.costs, "preset": self.preset},
        )
        terms = sliced(case.terms(), self.rows)
        parameters = {**terms.parameters, **self.parameters}
        factory = strategy_factory(registered(self.preset), parameters)
        return dataclasses.replace(terms, parameters=parameters, factory=factory)


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "max_positions": st.integers(1, 3),
        "per_trade_risk_fraction": st.sampled_from([0.0001, 0.004, 0.02, 0.5]),
        "daily_loss_fraction": st.sampled_from([0.002, 0.004, 0.01, 0.6]),
        "max_loss_fraction": st.sampled_from([0.003, 0.01, 0.03]),
    },
)
COSTS = st.fixed_dictionaries(
    {}, optional={"slippage_points": st.just(3), "swap": st.just(["-6.5/2.1"])}
)
EARLY = {"sma_fast": 3, "sma_slow": 8}
"""Averages so short that even a few days have crosses."""

PRESETS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "ftmo_m15": {
        "warm_up_bars": st.just(8),
        "on_opposite": st.sampled_from(["close", "ignore", "reverse"]),
        "variants": st.sampled_from([["v1_cross"], ["v2_momentum"]]),
        "session_filter": st.booleans(),
        "trend_filter": st.booleans(),
        "trail": st.booleans(),
        "trail_trigger_r": st.sampled_from([0.0, 0.5]),
        "trail_distance_atr": st.sampled_from([0.2, 2.0]),
        "target_atr": st.sampled_from([1.0, 12.0]),
    },
    "sma_cross": {
        "stop_atr": st.sampled_from([0.7, 8.0]),
        "on_opposite": st.sampled_from(["close", "ignore", "reverse"]),
    },
}
"""What is changed of each preset."""


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Any feed under any terms, with either preset."""
    preset = draw(st.sampled_from(sorted(PRESETS)))
    changes = draw(st.fixed_dictionaries({}, optional=PRESETS[preset]))
    early = EARLY if draw(st.booleans()) else {}
    return dataclasses.replace(draw(FEEDS), preset=preset, parameters={**early, **changes})


FEEDS = st.builds(
    Scenario,
    seed=st.integers(0, 10_000),
    period=st.sampled_from([synthetic.MINUTE, synthetic.M15]),
    symbols=st.sampled_from(
        [["EURUSD"], ["USDJPY"], ["EURUSD", "USDJPY"], list(synthetic.NATURES)]
    ),
    rows=st.sampled_from([50, 333, CHUNK_ROWS]),
    limits=LIMITS,
    limit_trades=st.none() | st.integers(1, 12),
    costs=COSTS,
    mixed=st.booleans(),
)


def same_either_way(scenario: Scenario, folder: Path) -> None:
    """Playing every bar records what playing only those that can matter records."""
    terms = scenario.terms(folder)
    every = dataclasses.replace(terms, every_bar=True)
    assert journal_hash(terms, folder, "quick") == journal_hash(every, folder, "thorough")


# A last tick that others find out of date: before a missing bar, and before a chunk's end.
@example(Scenario(94, synthetic.MINUTE, ["EURUSD", "USDJPY"]))
@example(Scenario(3, synthetic.MINUTE, list(synthetic.NATURES), rows=50))
@example(Scenario(7, synthetic.MINUTE, ["EURUSD"], rows=50, preset="sma_cross"))
@settings(max_examples=5, deadline=None)
@given(scenarios())
def test_passing_over_quiet_bars_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario
) -> None:
    """Whatever the bars, the chunks, the limits and the costs."""
    same_either_way(scenario, tmp_path_factory.mktemp("quiet"))


@pytest.mark.deep
@settings(max_examples=400, deadline=None)
@given(scenarios())
def test_passing_over_quiet_bars_changes_nothing_at_length(
    tmp_path_factory: pytest.TempPathFactory, scenario: Scenario
) -> None:
    """The same over many more feeds."""
    same_either_way(scenario, tmp_path_factory.mktemp("quiet"))


def test_hashes_are_the_same_everywhere() -> None:
    """Every Python, numpy and platform draws the same bars and records the same of them.

    When the bars agree and a journal does not, replays record something else than they did:
    `python -m tests.golden.pins` accepts it.
    """
    assert pins.measured() == json.loads(pins.FILE.read_text(encoding="utf-8"))

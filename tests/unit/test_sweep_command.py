"""`butler sweep` in whole runs: the same for any number of workers, resumed, with failures."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from scripts.app.errors import BadData
from scripts.app.sweep.engine import PoolWorkers
from scripts.app.sweep.folder import SweepFolder
from scripts.app.sweep.trial import TrialRow
from scripts.view.research.sweep_progress import SweepProgress
from tests.commands import Said, butler
from tests.unit.test_user_strategy import PRESET

MONTHS = ("--to", "2023-04-01")
GRID = ("--preset", "sma_cross", "--set", "sma_fast=10,20", "--set", "sma_slow=50:100:50",
        "--set", "lots=by_risk")  # fmt: skip
TABLES = ("trials.parquet", "days.parquet", "summary.json")


def sweep(folder: Path, *options: object) -> Said:
    """Each in results of its own: what was ever tried is counted there."""
    results = folder.with_name(f"{folder.name}-results")
    return butler("sweep", *options, "--out", folder, "--results-dir", results, "--quiet")


def rows_of(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(folder / "trials.parquet").to_pylist()
    return found


WALKED = (*GRID, *MONTHS, "--walk-forward", "4w/3w")


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one worker makes of it; only read."""
    folder = tmp_path_factory.mktemp("swept") / "one"
    assert sweep(folder, *WALKED, "--jobs", 1).code == 0
    return folder


def test_one_worker_and_two_write_the_same_bytes(tmp_path: Path, one: Path) -> None:
    """Rows in the order of trials; seconds and workers stand elsewhere."""
    two = tmp_path / "two"
    assert sweep(two, *WALKED, "--jobs", 2).code == 0
    for name in TABLES:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    rows = rows_of(one)
    assert [row["number"] for row in rows] == [0, 1, 2, 3]
    assert json.loads(str(rows[3]["settings"])) == {
        "sma_fast": 20, "sma_slow": 100, "lots": "by_risk",
    }  # fmt: skip
    assert len({row["journal"] for row in rows}) == 4
    verdict = json.loads((one / "summary.json").read_text("utf-8"))
    assert verdict["walk"]["windows"][0]["test"] == "2023-01-30"
    assert verdict["tried"] == 4


@pytest.mark.deep
def test_a_worker_that_dies_in_the_walk_forward_costs_nothing(
    tmp_path: Path, one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its windows are played again, one after the other, to the same bytes."""
    sound, pools = PoolWorkers.executor, []

    def executor(workers: PoolWorkers) -> Executor:
        pools.append(sound(workers))
        if len(pools) == 2:
            with pytest.raises(BrokenExecutor):
                pools[-1].submit(os._exit, 1).result()
        return pools[-1]

    monkeypatch.setattr(PoolWorkers, "executor", executor)
    assert sweep(tmp_path / "broken", *WALKED, "--jobs", 1).code == 0
    assert len(pools) == 2
    for name in TABLES:
        assert (one / name).read_bytes() == (tmp_path / "broken" / name).read_bytes(), name


def test_a_trial_is_what_a_replay_of_its_parameters_is(tmp_path: Path) -> None:
    """Balance and number of trades to the cent."""
    assert sweep(tmp_path / "s", *GRID, *MONTHS, "--objectives", "none", "--jobs", 1).code == 0
    text = (Path(__file__).parents[2] / "config/presets/sma_cross.yaml").read_text("utf-8")
    own = tmp_path / "own.yaml"
    changed = text.replace("sma_slow: 50", "sma_slow: 100").replace("lots: 0.10", "lots: by_risk")
    own.write_text(changed.replace("sma_fast: 20", "sma_fast: 10"), "utf-8")
    said = butler("replay", "--preset", own, *MONTHS, "--results-dir", tmp_path / "r", "--json")
    summary = json.loads("\n".join(said.out))
    row = rows_of(tmp_path / "s")[1]
    assert row["trades"] == summary["number_of_trades"]
    assert row["final"] == round(100 * summary["final_equity"]) or summary["open_positions"]


def test_a_sweep_goes_on_without_repeating_a_trial(tmp_path: Path, one: Path) -> None:
    """What was done before an end of the process is in its lines, a cut one is done again."""
    folder = tmp_path / "s"
    shutil.copytree(one, folder)
    whole = {name: (folder / name).read_bytes() for name in TABLES}
    lines = (folder / "done.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "done.jsonl").write_bytes(b"".join(lines[:2]) + lines[2][:50])
    said = butler("sweep", "--resume", folder, "--jobs", 1, "--quiet")
    assert said.code == 0, said.err
    again = (folder / "done.jsonl").read_bytes().splitlines(keepends=True)
    assert again[:2] == lines[:2]
    keys = [msgspec.json.decode(line, type=TrialRow).key for line in again]
    assert len(keys) == len(set(keys)) == 4
    assert {name: (folder / name).read_bytes() for name in TABLES} == whole


GOOD_OR_DEAD = """
from __future__ import annotations

import os

import msgspec


class Parameters(msgspec.Struct, frozen=True):
    mode: str
    number: int


SEEN = []


class Mine:
    parameters_type = Parameters
    timeframes = ("H1",)

    def __init__(self, spec, parameters):
        SEEN.append(parameters.number)
        if parameters.mode == "dies":
            os._exit(3)
        if parameters.mode == "fails" or len(SEEN) > 1:
            raise ValueError(f"seen {SEEN}")

    def on_bar(self, bar, view):
        return None
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(GOOD_OR_DEAD, "utf-8")
    preset = PRESET.format(
        name="own", strategy="mine.py:Mine", parameters="{mode: good, number: 0}"
    )
    file = tmp_path / "own.yaml"
    file.write_text(preset, "utf-8")
    return file


def test_a_worker_that_dies_costs_its_own_trial_alone(tmp_path: Path, own: Path) -> None:
    """Others that were lost with it are run again; a failing strategy is an error row; a module's
    state does not leak from one trial into another."""
    said = sweep(
        tmp_path / "s", "--preset", own, "--set", "mode=good,dies,fails", "--set", "number=1,2",
        "--to", "2023-01-20", "--jobs", 2, "--objectives", "none",
    )  # fmt: skip
    assert said.code == 0, said.err
    errors = [str(row["error"]) for row in rows_of(tmp_path / "s")]
    assert errors[:2] == ["", ""]
    assert errors[2:4] == ["its worker died twice"] * 2
    assert all("seen [" in error for error in errors[4:])
    assert json.loads((tmp_path / "s" / "summary.json").read_text("utf-8"))["failed"] == 4


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        ((), 2, "nothing to vary"),
        (("--set", "nope=1"), 2, "--set nope: the strategy has no parameter nope"),
        (("--set", "limits.nope=1"), 2, "no such limit"),
        (("--set", "sma_fast=5", "--objective", "luck"), 2, "--objective luck: must be one of"),
        (("--set", "sma_fast=5", "--walk-forward", "6"), 2, "is not of the form TRAIN/TEST"),
        (("--set", "sma_fast=5", "--walk-forward", "3y/1y"), 2, "are too few for one window"),
        (("--set", "sma_fast=5", "--anchored"), 2, "--anchored needs --walk-forward"),
        (("--set", "sma_fast=5", "--list", "x.csv"), 2, "--list stands alone"),
        (("--set", "sma_fast=5", "--random", "0"), 2, "--random 0: must be from 1"),
        (("--set", "sma_fast=5", "--objective", "odds", "--objectives", "none"), 2,
         "--objective odds needs --objectives"),
        (("--set", "sma_fast=5", "--objective", "odds", "--to", "2023-06-01"), 2,
         "days is too short, 250 are needed"),
        (("--set", "sma_fast=5", "--jobs", "0"), 2, "--jobs 0"),
        (("--list", "gone.csv"), 3, "gone.csv: cannot be read as CSV"),
        (("--resume", "gone"), 3, "no sweep to go on with"),
        (("--resume", "gone", "--set", "a=1"), 2, "--set: --resume goes on with the options"),
    ],
)  # fmt: skip
def test_what_cannot_be_swept_is_refused_before_anything_runs(
    options: tuple[str, ...], code: int, complaint: str, tmp_path: Path
) -> None:
    where = () if "--resume" in options else ("--results-dir", tmp_path)
    said = butler("sweep", *options, *where)
    assert (said.code, said.out) == (code, [])
    assert complaint in said.line
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_the_strategy_refuses_is_an_error_row(tmp_path: Path) -> None:
    said = sweep(tmp_path / "s", "--preset", "sma_cross", "--set", "sma_fast=0,5", "--to",
                 "2023-01-20", "--jobs", 1)  # fmt: skip
    assert said.code == 0
    first, second = rows_of(tmp_path / "s")
    assert "sma_fast" in str(first["error"])
    assert second["error"] == ""


def test_a_sweep_of_nothing_but_failures_is_none(tmp_path: Path) -> None:
    """Its folder stays, with each trial's reason, and the exit code tells a script."""
    said = sweep(tmp_path / "s", "--preset", "sma_cross", "--set", "sma_fast=0,-1", "--to",
                 "2023-01-20", "--jobs", 1)  # fmt: skip
    assert said.code == 3
    assert "each of the 2 trials failed; first: " in said.line
    assert "sma_fast" in said.line
    assert [bool(row["error"]) for row in rows_of(tmp_path / "s")] == [True, True]


def test_a_folder_that_holds_a_sweep_is_not_overwritten(tmp_path: Path) -> None:
    options = ("--preset", "sma_cross", "--set", "sma_fast=5", "--to", "2023-01-20", "--jobs", 1)
    assert sweep(tmp_path / "s", *options).code == 0
    said = sweep(tmp_path / "s", *options)
    assert said.code == 2
    assert "a sweep is in it; go on with it by --resume" in said.line


def test_every_sweep_on_the_same_bars_counts_as_tried(tmp_path: Path) -> None:
    """The best of many looks better than it is, also where they were tried one after another."""
    counts = []
    for fast in ("5", "5,6", "7"):
        said = butler("sweep", "--preset", "sma_cross", "--set", f"sma_fast={fast}", "--to",
                      "2023-01-20", "--jobs", 1, "--results-dir", tmp_path, "--json")  # fmt: skip
        counts.append(json.loads("\n".join(said.out))["tried"])
    assert counts == [1, 2, 3]


def test_odds_say_that_a_preset_was_chosen_from_many(tmp_path: Path) -> None:
    """After a sweep on the same bars; not on others, and not without one."""
    where = ("--results-dir", tmp_path)
    quick = ("--preset", "sma_cross", "--to", "2023-05-01", "--commission", 1_000)
    assert (
        butler("sweep", *quick, "--set", "sma_fast=5,6", "--jobs", 1, "--quiet", *where).code == 0
    )
    told = "This preset was chosen from 2 that were tried"
    ask = ("--paths", "100", "--no-table", *where)
    assert told in "\n".join(butler("odds", *quick, *ask).out)
    other = butler("odds", "--to", "2023-05-01", "--commission", 30, *ask)
    assert other.code == 0
    assert "chosen from" not in "\n".join(other.out)


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    (tmp_path / "done.jsonl").write_bytes(b"{}\n")
    with pytest.raises(BadData, match="line 1 is damaged"):
        folder.done()


def test_progress_tells_rate_errors_and_the_best_in_sample() -> None:
    told = SweepProgress(10, "sharpe", 100.0)
    told.take(TrialRow(number=0, key="a", settings={}, sharpe=0.5), before=True)
    told.take(TrialRow(number=1, key="b", settings={}, sharpe=0.25), before=False)
    told.take(TrialRow(number=2, key="c", settings={}, error="no"), before=False)
    assert told.line(104.0) == "0.5/s, 14 s left, 1 failed, best sharpe in sample 0.5"


def test_days_of_all_trials_are_the_same_weekdays(one: Path) -> None:
    table = pq.read_table(one / "days.parquet")
    days = np.array(table["date"].to_pylist(), dtype="datetime64[D]")
    assert np.is_busday(days).all()
    assert set(table["trial"].to_pylist()) == {0, 1, 2, 3}

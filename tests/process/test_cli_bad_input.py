"""Whatever is wrong with what the user gives: one line that says what, where and what to do.

Every case runs through the program's entry point in this process, one of each kind as a process of
its own; `--deep` starts a process for each.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from tests import synthetic
from tests.commands import Said, butler
from tests.process.cli import ROOT, butler_process, complaint, everything
from tests.synthetic import Bars

USAGE, DATA = 2, 3


class Bad(NamedTuple):
    """A wrong command line, its exit code, and words that its one line must have.

    {x} stands for the file or folder x of the `world` fixture, a bar for a space within a word.
    """

    arguments: str
    code: int
    words: str


def bars(name: str) -> str:
    return f"replay --bars EURUSD={{{name}}} --clock new-york+7"


FILES = {
    "a path that leads nowhere": Bad(bars("nowhere"), DATA, "{nowhere} does|not|exist check"),
    "a folder": Bad(bars("folder"), DATA, "{folder} folder give|the|file"),
    "other columns": Bad(bars("other_columns"), DATA, "{other_columns} 'Last' close"),
    "other columns, text": Bad(bars("other_text"), DATA, "{other_text} line|1 'last' close"),
    "an empty file": Bad(bars("empty"), DATA, "{empty} is|empty export"),
    "a file without rows": Bad(bars("no_rows"), DATA, "{no_rows} no|rows export"),
    "duplicated bars": Bad(bars("doubled"), DATA, "{doubled} row|7 01:15:00 twice drop repair"),
    "duplicated lines": Bad(bars("doubled_text"), DATA, "{doubled_text} line|8 01:15:00 twice"),
    "bars out of order": Bad(bars("disordered"), DATA, "{disordered} row|9 01:45:00 sort"),
    "H1 bars": Bad(bars("hours"), DATA, "{hours} M15 give"),
    "a report": Bad(bars("page"), DATA, "{page} web|page give"),
    "no bars in the window": Bad(
        f"{bars('good')} --from 2031-01-01", DATA, "{good} --from --to widen"
    ),
    "the wrong digits": Bad(f"{bars('good')} --digits EURUSD=3", DATA, "{good} row|1 3|decimals"),
}
OPTIONS = {
    "an unknown symbol": Bad("replay --bars EURXXX={good}", USAGE, "--bars EURXXX EURUSD"),
    "bars without a symbol": Bad("replay --bars {good}", USAGE, "--bars {good} SYMBOL=FILE"),
    "bars without a file": Bad("replay --bars EURUSD=", USAGE, "--bars EURUSD= SYMBOL=FILE"),
    "a symbol twice": Bad(f"{bars('good')} --bars EURUSD={{good}}", USAGE, "--bars EURUSD twice"),
    "an unknown clock": Bad("replay --clock mars", USAGE, "--clock mars new-york+7"),
    "no trades at all": Bad("replay --limit-trades 0", USAGE, "--limit-trades 0 1|or|more"),
    "dates in reverse": Bad(
        "replay --from 2024-02-01 --to 2024-01-01", USAGE, "--from 2024-02-01 --to 2024-01-01"
    ),
    "no date": Bad("replay --from soon", USAGE, "--from soon 2024-01-31"),
    "no such month": Bad("replay --to 2024-13-01", USAGE, "--to 2024-13-01 2024-01-31"),
    "an unknown flag": Bad("replay --unheard-of", USAGE, "--unheard-of --help"),
    "an unknown command": Bad("frobnicate", USAGE, "'frobnicate' --help"),
    "a stray word": Bad("replay stray", USAGE, "stray --help"),
    "an unknown preset": Bad("replay --preset zzz", USAGE, "preset 'zzz' ftmo_m15"),
    "a session id with slashes": Bad(
        "replay --session-id a/b", USAGE, "--session-id 'a/b' letters"
    ),
    "a session id that leads out": Bad(
        "replay --session-id ..", USAGE, "--session-id '..' letters"
    ),
    "costs that are none": Bad("replay --commission dear", USAGE, "--commission dear NUMBER"),
    "a swap of one number": Bad("replay --swap 3", USAGE, "--swap 3 LONG/SHORT"),
    "no such signals": Bad("replay --signals {nowhere}", DATA, "{nowhere} does|not|exist check"),
    "an unknown session": Bad("journal export nosuch", DATA, "nosuch no|journal give"),
}
PRESETS = {
    "no such preset file": Bad("replay --preset {folder}/my.yaml", USAGE, "{folder}/my.yaml check"),
    "an unknown parameter": Bad(
        "replay --preset {unknown_parameter}", USAGE, "{unknown_parameter} sma_quick sma_fast"
    ),
    "a missing parameter": Bad(
        "replay --preset {missing_parameter}", USAGE, "{missing_parameter} sma_fast missing"
    ),
    "a mistyped parameter": Bad(
        "replay --preset {mistyped_parameter}", USAGE, "{mistyped_parameter} sma_fast twenty"
    ),
    "an impossible parameter": Bad(
        "replay --preset {impossible_parameter}", USAGE, "{impossible_parameter} sma_fast -20"
    ),
}
PLACES = {
    "results in a file": Bad("replay --results-dir {file}", USAGE, "{file} --results-dir"),
    "results below a file": Bad("replay --results-dir {file}/r", USAGE, "{file} --results-dir"),
}
ACCOUNTS = {
    "a password without quotes": Bad(
        "config check --accounts {number}", USAGE, "{number} line|5 FTMO.password text quotes"
    ),
    "an unknown profile": Bad(
        "config check --accounts {accounts} --account-profile NOPE", USAGE, "{accounts} 'NOPE' FTMO"
    ),
    "no accounts file": Bad("config check --accounts {nowhere}", USAGE, "{nowhere} no|such|file"),
}

_FRACTIONS = ("--per-trade-risk-fraction", "--daily-loss-fraction", "--max-loss-fraction")
_NUMBERS = (
    *((flag, value) for flag in _FRACTIONS for value in ("-0.01", "0.0", "1.0", "nan", "inf")),
    *(("--max-positions", value) for value in ("0", "-1")),
    *(("--starting-equity", value) for value in ("0.0", "-1.0", "inf", "nan")),
)
NUMBERS = {
    f"{flag} {value}": Bad(f"replay {flag} {value}", USAGE, f"{flag} {value} must|be")
    for flag, value in _NUMBERS
} | {
    f"{flag} {value}": Bad(f"replay {flag} {value}", USAGE, f"{flag} {value} --help")
    for flag, value in (("--max-positions", "1.5"), ("--daily-loss-fraction", "much"))
}

CASES = FILES | OPTIONS | PRESETS | PLACES | ACCOUNTS | NUMBERS
AS_PROCESSES = (
    "other columns", "a missing parameter", "results below a file", "a password without quotes",
)  # fmt: skip


# ---- Files to be wrong about


def picked(made: Bars, rows: NDArray[np.intp]) -> Bars:
    columns = (f.name for f in dataclasses.fields(Bars) if f.name != "digits")
    return dataclasses.replace(made, **{name: getattr(made, name)[rows] for name in columns})


def bar_files(folder: Path) -> None:
    """Good bars and what can go wrong with them."""
    made = synthetic.feed(1, days=4)["EURUSD"]
    every = np.arange(len(made))
    doubled = picked(made, np.sort(np.append(every, 5)))
    swapped = every.copy()
    swapped[[7, 8]] = 8, 7
    synthetic.write_parquet(made, folder / "good")
    synthetic.write_parquet(doubled, folder / "doubled")
    synthetic.write_text(doubled, folder / "doubled_text")
    synthetic.write_parquet(picked(made, swapped), folder / "disordered")
    synthetic.write_parquet(synthetic.aggregated(made, 3_600), folder / "hours")
    table = pq.read_table(folder / "good")
    names = [name.replace("close", "Last") for name in table.column_names]
    pq.write_table(table.rename_columns(names), folder / "other_columns")
    pq.write_table(table.slice(0, 0), folder / "no_rows")
    (folder / "other_text").write_text("time,open,high,low,last\n1,2,3,4,5\n", encoding="ascii")
    (folder / "empty").touch()
    (folder / "page").write_text("<html><body>Report</body></html>\n", encoding="ascii")


def preset_files(folder: Path) -> None:
    text = (ROOT / "config" / "presets" / "ftmo_m15.yaml").read_text(encoding="utf-8")
    line = "  sma_fast: 20 "
    assert line in text
    for name, changed in (
        ("unknown", "  sma_quick: 20 "),
        ("missing", "  # sma_fast "),
        ("mistyped", "  sma_fast: twenty "),
        ("impossible", "  sma_fast: -20 "),
    ):
        path = folder / f"{name}_parameter.yaml"
        path.write_text(text.replace(line, changed), encoding="utf-8")


PASSWORD = "98765432"  # noqa: S105 - of nobody


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every file that the cases name, and the results of an earlier run."""
    folder = tmp_path_factory.mktemp("world")
    bar_files(folder)
    preset_files(folder)
    (folder / "folder").mkdir()
    (folder / "file").write_text("mine", encoding="ascii")
    account = (
        "profiles:\n  FTMO:\n    server: OANDA-Demo-1\n    login: 87654321\n    password: {}\n"
    )
    (folder / "number").write_text(account.format(PASSWORD), encoding="ascii")
    (folder / "accounts").write_text(account.format(f"'{PASSWORD}'"), encoding="ascii")
    said = butler("replay", "--quiet", "--from", "2024-12-01", *results_of(folder, "earlier"))
    assert said == Said(0, [], [])
    return folder


def results_of(world: Path, session_id: str) -> tuple[str, ...]:
    return ("--results-dir", str(world / "results"), "--session-id", session_id)


def filled(text: str, world: Path) -> list[str]:
    """The words of `text`, with the paths of the world's files for their names in braces."""
    known = {path.stem: str(path) for path in world.iterdir()}
    words = (word.replace("|", " ") for word in text.split())
    return [word.format(nowhere=world / "nowhere", **known) for word in words]


# ---- The promises


def fingerprint(world: Path) -> str:
    """A hash of everything in the world's folder."""
    digest = hashlib.sha256()
    for name, content in everything(world).items():
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()


def check(name: str, world: Path, run: Callable[..., Said]) -> None:
    """One line with the words, the code, no traceback, and no file changed, added or lost."""
    bad = CASES[name]
    before = fingerprint(world)
    arguments = filled(bad.arguments, world)
    if arguments[0] in ("replay", "journal") and "--results-dir" not in arguments:
        arguments += ["--results-dir", str(world / "results")]
    said = run(*arguments)
    line = complaint(said)
    assert said.code == bad.code
    for word in filled(bad.words, world):
        assert word in line
    assert PASSWORD not in line
    assert fingerprint(world) == before


@pytest.mark.parametrize("name", CASES)
def test_one_line_tells_what_is_wrong(name: str, world: Path) -> None:
    """It names the file or option, the value and the remedy; nothing else happens."""
    check(name, world, butler)


@pytest.mark.parametrize("name", AS_PROCESSES)
def test_a_process_tells_the_same(name: str, world: Path) -> None:
    """One case of each kind, from the shell's side."""
    check(name, world, butler_process)


@pytest.mark.deep
@pytest.mark.parametrize("name", [name for name in CASES if name not in AS_PROCESSES])
def test_every_case_as_a_process(name: str, world: Path) -> None:
    """All others, too."""
    check(name, world, butler_process)


def test_an_existing_session_is_not_overwritten(world: Path) -> None:
    """Its folder and the latest results stay byte for byte."""
    before = fingerprint(world)
    said = butler("replay", *results_of(world, "earlier"))
    assert said.code == USAGE
    line = complaint(said)
    for word in ("--session-id earlier", "exists already", "choose another", "nothing was"):
        assert word in line
    assert fingerprint(world) == before


@pytest.mark.parametrize("text", ["2024-01-01\nTraceback", "2024-01-01\r\nx", "\x1b[31m2024"])
def test_a_value_cannot_break_the_line(text: str, world: Path) -> None:
    """A value with a line break or a terminal's control codes is shown without them."""
    said = butler("replay", "--from", text, "--results-dir", world / "results")
    line = complaint(said)
    assert "--from" in line
    assert line.isprintable()

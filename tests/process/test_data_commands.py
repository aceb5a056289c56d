"""`butler data check` and `butler data import`, as they are typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.bars.reader import concat, open_bars
from scripts.cli.shared.exit_codes import ExitCode
from signals.market_data.validate import Kind
from tests import synthetic
from tests.commands import Said, butler

HEAD = "time,open,high,low,close,tick_volume,spread"
MONDAY = 1_709_510_400
"""4 March 2024, midnight."""

Rows = list[tuple[Any, ...]]


def rows(count: int = 40, *, period: int = 900, start: int = MONDAY) -> Rows:
    """Bars without a fault; their prices end in all digits."""
    return [
        (start + period * n, *(round(1.08 + (7 * n + d) / 100_000, 5) for d in (0, 9, -4, 3)), n, 2)
        for n in range(count)
    ]


def write(path: Path, content: Rows) -> Path:
    lines = [",".join(map(str, row)) for row in content]
    path.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    return path


def changed(place: int, **cells: Any) -> Rows:
    """Good bars, one of them with other values."""
    content = rows()
    names = HEAD.split(",")
    content[place] = tuple(
        cells.get(name, value) for name, value in zip(names, content[place], strict=True)
    )
    return content


# what is found: (the bars, the line that shows it, whether --repair mends it)
FINDINGS: dict[Kind, tuple[Rows, str, bool]] = {
    Kind.DUPLICATE: (rows()[:9] + rows()[8:], "error: line 11: 2024-03-04 02:00:00 is there", True),
    Kind.CONFLICT: (
        rows()[:9] + changed(8, close=1.08061)[8:9] + rows()[9:],
        "error: line 11: 2024-03-04 02:00:00 is there twice with different values",
        False,
    ),
    Kind.DISORDER: (
        rows()[:8] + rows()[9:] + rows()[8:9],
        "error: line 41: 2024-03-04 02:00:00 comes after 2024-03-04 09:45:00",
        True,
    ),
    Kind.BROKEN: (changed(5, high=1.07), "error: line 7: 2024-03-04 01:15:00: the low is", False),
    Kind.FUTURE: (
        [*rows(), (4_070_908_800, *rows()[-1][1:])],
        "error: line 42: 2099-01-01 00:00:00 is later than any server's clock",
        False,
    ),
    Kind.OFF_GRID: (
        changed(5, time=MONDAY + 5 * 900 + 60),
        "error: line 7: 2024-03-04 01:16:00 is not the start of a M15 bar",
        False,
    ),
    Kind.NO_PERIOD: (rows(1), "error: line 2: no two bars are a timeframe apart", False),
    Kind.OTHER_PERIOD: (
        rows(30, period=3600) + rows(60, start=MONDAY + 86_400 * 2),
        "error: line 2: 2024-03-04 00:00:00: 29 bars follow at the distance of H1 in a file of M15",
        False,
    ),
    Kind.MORE_DECIMALS: (
        changed(5, close=1.080381),
        "error: line 7: 2024-03-04 01:15:00: the close 1.080381 or another price",
        False,
    ),
    Kind.FEWER_DECIMALS: (
        [(time, 1.08, 1.09, 1.07, 1.08, 1, 2) for time, *_ in rows(250)],
        "error: line 2: every price of 250 bars has fewer than the 5 decimals of EURUSD",
        False,
    ),
    Kind.GAP: (rows()[:10] + rows()[20:], "note: line 11: after 2024-03-04 02:15:00 10 M15", False),
}  # fmt: skip


def test_a_file_without_a_fault_is_described(tmp_path: Path) -> None:
    file = write(tmp_path / "eurusd_m15.csv", rows())
    said = butler("data", "check", file)
    assert (said.code, said.err) == (ExitCode.DONE, [])
    assert said.out[0].startswith(f"{file}: ")
    assert said.out[0].endswith(", EURUSD M15, 40 bars")
    assert said.out[1].startswith("  clock: cannot be determined (too few weekends to tell")
    assert said.out[2:] == ["  usable"]


def test_the_shipped_sample_is_usable_and_its_clock_is_told() -> None:
    from adapters.bars.sample import SAMPLE

    said = butler("data", "check", SAMPLE)
    assert said.code == ExitCode.DONE
    assert "MT5 parquet, EURUSD M15, " in said.out[0]
    assert said.out[1].startswith("  clock: new-york+7 (weeks open at Mon 00:00")
    assert said.out[-1] == "  usable"


def test_every_kind_of_finding_is_tried() -> None:
    assert set(FINDINGS) == set(Kind)


@pytest.mark.parametrize("kind", FINDINGS, ids=str)
def test_what_is_odd_is_shown_with_its_line(tmp_path: Path, kind: Kind) -> None:
    """Errors lead to exit code 3; a gap is something to know."""
    content, line, mendable = FINDINGS[kind]
    said = butler("data", "check", write(tmp_path / "eurusd.csv", content))
    found = [text.strip() for text in said.out]
    assert any(text.startswith(line) for text in found), said.out
    if kind is Kind.GAP:
        assert (said.code, found[-1]) == (ExitCode.DONE, "usable")
    else:
        verdict = "refused by replay" + ("; --repair mends it" if mendable else "")
        assert (said.code, found[-1]) == (ExitCode.DATA, verdict)


@pytest.mark.parametrize("kind", [kind for kind in FINDINGS if kind is not Kind.GAP], ids=str)
def test_replay_and_import_refuse_what_check_calls_an_error(tmp_path: Path, kind: Kind) -> None:
    """With the same words as the first finding, and nothing is written."""
    content, line, mendable = FINDINGS[kind]
    file = write(tmp_path / "eurusd.csv", content)
    (words,) = [text for text in butler("data", "check", file).out if line in text][:1]
    out, results = tmp_path / "out.parquet", tmp_path / "r"
    replayed = ("replay", "--bars", f"EURUSD={file}", "--clock", "utc", "--results-dir", results)
    imported = ("data", "import", file, "--out", out)
    for command in (replayed, imported):
        said = butler(*command)
        assert said.code == ExitCode.DATA
        first = said.line.removeprefix(f"{file}: ").split(" (and ")[0]
        if kind is not Kind.OFF_GRID:  # it comes with other findings, one of which is the first
            assert words.strip().removeprefix("error: ") == first
        assert not out.exists()
        assert not results.exists()
    for command in (replayed, imported):
        assert (butler(*command, "--repair").code == ExitCode.DONE) == mendable


def test_of_each_kind_a_few_are_shown_and_the_rest_counted(tmp_path: Path) -> None:
    content = [row for row in rows(30) for _ in range(2)]
    said = butler("data", "check", write(tmp_path / "eurusd.csv", content))
    assert sum("is there twice" in line for line in said.out) == 5
    assert "  and 25 more: exact duplicate" in said.out


def test_the_symbol_is_the_known_one_in_the_name_or_the_one_given(tmp_path: Path) -> None:
    named = write(tmp_path / "my-GbpUsd-2024.csv", rows())
    assert "GBPUSD M15" in butler("data", "check", named).out[0]
    unnamed = write(tmp_path / "bars.csv", rows())
    said = butler("data", "check", unnamed)
    assert said.code == ExitCode.USAGE
    assert (
        "its symbol cannot be determined from its name; give --symbol, one of EURUSD" in said.line
    )
    assert "EURUSD M15" in butler("data", "check", unnamed, "--symbol", "EURUSD").out[0]
    said = butler("data", "check", unnamed, "--symbol", "EURSUD")
    assert said.code == ExitCode.USAGE
    assert said.line.startswith("--symbol EURSUD: unknown; known: EURUSD")


def test_digits_that_differ_are_given_with_the_symbol(tmp_path: Path) -> None:
    """Four digits are too few for the one feed and too many for the other, which has two."""
    fine = write(tmp_path / "eurusd.csv", rows())
    coarse = write(tmp_path / "EURUSD4.csv", FINDINGS[Kind.FEWER_DECIMALS][0])
    for file, words in ((fine, "more than the 4 decimals"), (coarse, "fewer than the 4 decimals")):
        said = butler("data", "check", file, "--digits", "EURUSD=4")
        assert said.code == ExitCode.DATA
        assert any(words in line for line in said.out)
    said = butler("data", "check", coarse, "--digits", "EURUSD=2")
    assert (said.code, said.out[-1]) == (ExitCode.DONE, "  usable")
    assert butler("data", "check", fine, "--digits", "x").code == ExitCode.USAGE


def test_several_files_are_all_reported_and_the_worst_decides(tmp_path: Path) -> None:
    good = write(tmp_path / "eurusd.csv", rows())
    bad = write(tmp_path / "gbpusd.csv", FINDINGS[Kind.BROKEN][0])
    unnamed = write(tmp_path / "bars.csv", rows())
    missing = tmp_path / "usdjpy.csv"
    for files, code in (
        ((good, good), ExitCode.DONE),
        ((bad, good), ExitCode.DATA),
        ((good, unnamed, good), ExitCode.USAGE),
        ((unnamed, bad), ExitCode.DATA),
        ((bad, unnamed), ExitCode.DATA),
        ((missing, good), ExitCode.DATA),
        ((missing, unnamed), ExitCode.DATA),
    ):
        said = butler("data", "check", *files)
        assert said.code == code
        assert sum(line.startswith(str(good)) for line in said.out) == files.count(good)
        assert len(said.err) == sum(file in (unnamed, missing) for file in files)


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (None, "does not exist: check the path"),
        (b"", "is empty"),
        (b"PK\x03\x04....", "zip archive"),
        (b"hello\n", "none of the known bar formats"),
        (b"PAR1....", "is damaged or cut off"),
    ],
)
@pytest.mark.parametrize("command", ["check", "import"])
def test_what_is_no_bar_file_is_one_line(
    tmp_path: Path, command: str, content: bytes | None, fragment: str
) -> None:
    file = tmp_path / "eurusd.csv"
    if content is not None:
        file.write_bytes(content)
    more = ("--out", tmp_path / "out.parquet") if command == "import" else ()
    said = butler("data", command, file, *more)
    assert said.code == ExitCode.DATA
    assert said.line.startswith(f"{file}: ")
    assert fragment in said.line
    assert not (tmp_path / "out.parquet").exists()


# --- import ---------------------------------------------------------------------------------


def test_import_writes_a_file_that_loads_and_equals(tmp_path: Path) -> None:
    source = synthetic.write_text(
        synthetic.feed(2, days=7)["USDJPY"], tmp_path / "USDJPY_export.txt"
    )
    out = tmp_path / "usdjpy.parquet"
    said = butler("data", "import", source, "--out", out)
    count = sum(len(chunk) for chunk in open_bars(source).chunks())
    assert said == Said(ExitCode.DONE, [f"{out}: {count:,} bars"], [])
    one, other = (concat(open_bars(path).chunks()) for path in (source, out))
    for name in HEAD.split(","):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert butler("data", "check", out).out[-1] == "  usable"


def test_import_overwrites_nothing(tmp_path: Path) -> None:
    file = write(tmp_path / "eurusd.csv", rows())
    out = tmp_path / "mine.parquet"
    out.write_bytes(b"mine")
    for target in (out, file):
        before = target.read_bytes()
        said = butler("data", "import", file, "--out", target)
        assert said.code == ExitCode.USAGE
        assert said.line == f"{target}: exists already; nothing was overwritten"
        assert target.read_bytes() == before


def test_import_into_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    file = write(tmp_path / "eurusd.csv", rows())
    said = butler("data", "import", file, "--out", tmp_path / "none" / "out.parquet")
    assert said.code == ExitCode.USAGE
    assert "cannot be written (" in said.line


def test_import_tells_the_clock_that_the_format_states(tmp_path: Path) -> None:
    """The times stay as they were, so the clock must be named when the copy is replayed."""
    stamps = ("170000", "170100", "170200", "170300")
    file = tmp_path / "DAT_EURUSD_M1.csv"
    file.write_text(
        "".join(f"20240304 {stamp};1.08001;1.08019;1.07999;1.08011;0\n" for stamp in stamps)
    )
    out = tmp_path / "eurusd.parquet"
    said = butler("data", "import", file, "--out", out)
    assert said.out == [f"{out}: 4 bars; replay them with --clock est"]
    seconds = concat(open_bars(out).chunks()).time
    assert seconds.tolist() == [MONDAY + 17 * 3600 + 60 * n for n in range(4)]


def spoilt(content: Rows) -> Rows:
    """Bars out of order, some of them twice."""
    return content[20:] + content[:25]


def test_repair_lists_what_it_did_and_the_result_equals_the_clean_file(tmp_path: Path) -> None:
    clean = write(tmp_path / "eurusd_clean.csv", rows())
    file = write(tmp_path / "eurusd.csv", spoilt(rows()))
    before = file.read_bytes()
    out, again = tmp_path / "out.parquet", tmp_path / "again.parquet"
    said = butler("data", "import", file, "--out", out, "--repair")
    assert said.code == ExitCode.DONE
    assert said.out == [
        f"{file}: dropped 5 exact duplicates",
        f"{file}: sorted by time: it went backwards 1x",
        f"{out}: 40 bars",
    ]
    assert file.read_bytes() == before
    assert butler("data", "import", clean, "--out", again, "--repair").out == [f"{again}: 40 bars"]
    assert out.read_bytes() == again.read_bytes()


def test_repair_mends_what_can_be_mended_and_refuses_the_rest(tmp_path: Path) -> None:
    content = spoilt(changed(30, low=1.2))
    file = write(tmp_path / "eurusd.csv", content)
    said = butler("data", "import", file, "--out", tmp_path / "out.parquet", "--repair")
    assert said.code == ExitCode.DATA
    assert "after repair: 2024-03-04 07:30:00: the low is above the high" in said.line
    assert not (tmp_path / "out.parquet").exists()


# --- as processes ---------------------------------------------------------------------------


def test_the_exit_code_and_both_streams_leave_the_process(tmp_path: Path) -> None:
    good = write(tmp_path / "eurusd.csv", rows())
    bad = write(tmp_path / "gbpusd.csv", FINDINGS[Kind.BROKEN][0])
    done = subprocess.run(
        [sys.executable, "-m", "scripts.cli.main", "data", "check", good, bad, tmp_path / "no.csv"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == ExitCode.DATA
    assert done.stdout.count("usable") == 1
    assert "refused by replay" in done.stdout
    assert done.stderr == f"butler: {tmp_path / 'no.csv'}: does not exist: check the path\n"


def test_import_takes_what_the_user_says_of_the_columns(tmp_path: Path) -> None:
    """Names in another language, and a column that would be taken for another one."""
    lines = ["Zeit,open,high,low,close,time"]
    lines += [f"{1_741_564_800 + 900 * n},1.08001,1.0801,1.0799,1.08,late" for n in range(9)]
    file, out = tmp_path / "eurusd.csv", tmp_path / "out.parquet"
    file.write_text("\n".join(lines))
    said = butler("data", "import", file, "--out", out, "--map", "time=Zeit", "--drop", "time")
    assert (said.code, said.out) == (ExitCode.DONE, [f"{out}: 9 bars"])
    refused = butler("data", "import", file, "--out", tmp_path / "x.parquet", "--map", "Zeit")
    assert refused.code == ExitCode.USAGE
    assert refused.line.startswith("--map Zeit: write OURS=NAME")


def test_import_makes_bars_of_ticks(tmp_path: Path) -> None:
    """A replay names the cause and the way; what that way makes can be checked and replayed."""
    lines = ["Gmt time,Ask,Bid,AskVolume,BidVolume"]
    lines += [f"10.03.2025 0{h}:{m:02}:01.250,1.0801{m % 9},1.0800{m % 9},1,1"
              for h in range(9) for m in range(60)]  # fmt: skip
    file, out = tmp_path / "EURUSD_ticks.csv", tmp_path / "eurusd.parquet"
    file.write_text("\n".join(lines))
    refused = butler("replay", "--bars", f"EURUSD={file}", "--results-dir", tmp_path / "r")
    assert refused.code == ExitCode.DATA
    assert "holds ticks (bid and ask), not bars" in refused.line
    said = butler("data", "import", file, "--ticks", "M1", "--out", out)
    assert (said.code, said.out) == (
        ExitCode.DONE, [f"{out}: 540 bars; replay them with --clock utc"],
    )  # fmt: skip
    assert butler("data", "check", out).code == ExitCode.DONE
    wrong = butler("data", "import", file, "--ticks", "M7", "--out", tmp_path / "x.parquet")
    assert wrong.line.startswith("--ticks M7: must be one of M1")

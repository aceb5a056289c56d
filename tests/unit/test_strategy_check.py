"""`butler strategy`: cheating strategies of several kinds are caught, honest ones are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from adapters.bars import sample
from scripts.app.authoring.check import StrategyCheck, check_strategy
from scripts.app.terms.request import ReplayRequest
from tests.commands import butler
from tests.process.cli import environment
from tests.unit.test_user_strategy import PRESET

HEAD = """
from __future__ import annotations

import msgspec

from engine.types import LONG, SHORT
from signals.scan import closings_of
from signals.strategy import Enter


class Parameters(msgspec.Struct, frozen=True):
    every: int = 7


def enter(view, side):
    price = view.tick.ask
    return Enter(side=side, stop_loss=price - side * 200, take_profit=price + side * 300,
                 reason="x")


class Base:
    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, spec, parameters):
        self.count = 0
        self.parameters = parameters
"""

ON_BAR = """

class Mine(Base):
    def on_bar(self, bar, view):
        self.count += 1
        if self.count % 7 or view.position is not None:
            return None
        {body}
"""

EVERY_BAR = """

class Mine(Base):
    def on_bar(self, bar, view):
        self.count += 1
        {each}
        if self.count % 7 or view.position is not None:
            return None
        {body}
"""

SCAN = """

class Columns:
    def __init__(self, bars):
        self.bars, self.m15 = bars, closings_of(bars, "M15")

    def next(self, index, position):
        return index if position is None else len(self.m15)

    def decide(self, index, view):
        if view.position is not None or index < 20:
            return None
        {body}


class Mine(Base):
    def on_bar(self, bar, view):
        return None

    def scan_columns(self, bars):
        return Columns(bars)
"""

BARS = """
import csv
from pathlib import Path

with (Path(__file__).parent / "future.csv").open() as stream:
    ROWS = [(int(time), int(close)) for time, close in csv.reader(stream)]
"""

CHEATS = {
    "the next bar's close in a column": (
        SCAN.format(body="return enter(view, LONG if self.m15.close[min(index + 1, "
                    "len(self.m15) - 1)] > self.m15.close[index] else SHORT)"),
        "future", "it reads the future",
    ),
    "a row far ahead": (
        SCAN.format(body="return enter(view, LONG if self.m15.close[index + 40] > "
                    "self.m15.close[index] else SHORT) if index + 40 < len(self.m15) else None"),
        "future", "it reads the future",
    ),
    "the close of the bar that only opens": (
        SCAN.format(body="row = self.m15.rows[index]; return enter(view, LONG if "
                    "self.bars.close[row] > self.bars.open[row] else SHORT)"),
        "future", "it reads the future",
    ),
    "a file of the future by time": (
        BARS + ON_BAR.format(body="ahead = AHEAD[bar.time]; "
                             "return enter(view, LONG if ahead > bar.close else SHORT)")
        + "\n\nAHEAD = {time: after for (time, _), (_, after) in zip(ROWS, ROWS[4:])}\n"
        + "AHEAD |= {time: close for time, close in ROWS if time not in AHEAD}\n",
        "dates", "it knows particular dates",
    ),
    "a file of the future by row": (
        BARS + ON_BAR.format(body="row = min(self.count + 4, len(ROWS) - 1); return enter(view, "
                             "LONG if ROWS[row][1] > ROWS[self.count - 1][1] else SHORT)"),
        "files", "which holds what comes later: the closes from the bar of",
    ),
    "advice by row from a file that holds no price": (
        BARS.replace("future", "model")
        + ON_BAR.format(body="advice = ROWS[self.count // 7][1]; "
                        "return enter(view, LONG if advice > 48 else SHORT)"),
        "files", "its decisions do not follow the bars",
    ),
    "a table of moments": (
        ON_BAR.format(body="return enter(view, LONG) if bar.time in KNOWN else None")
        + "\n\nKNOWN = range(1_674_000_000_000, 1_676_000_000_000, 900_000)\n",
        "dates", "it knows particular dates",
    ),
    "what an earlier run left in a global": (
        ON_BAR.format(body="SEEN.append(bar.close); ahead = SEEN[self.count // 7] if len(SEEN) > "
                      "self.count // 7 else bar.close; return enter(view, LONG if ahead > "
                      "bar.close else SHORT)")
        + "\n\nSEEN = []\n",
        "state", "state of the module leaks from run to run",
    ),
    "what an earlier run left in the class": (
        ON_BAR.format(body="Mine.known = getattr(Mine, 'known', 0) + 1; "
                      "return enter(view, LONG if Mine.known < 50 else SHORT)"),
        "state", "state of the module leaks from run to run",
    ),
    "chance": (
        "import random\n" + ON_BAR.format(body="return enter(view, random.choice((LONG, SHORT)))"),
        "repeatable", "two runs over the same bars decide otherwise",
    ),
    "chance of NumPy, seeded for all": (
        "import numpy as np\n\nnp.random.seed(3)\n"
        + ON_BAR.format(body="return enter(view, LONG if np.random.rand() > 0.5 else SHORT)"),
        "state", "state of the module leaks from run to run",
    ),
    "what a cached function remembers": (
        "from functools import lru_cache\n\n\n@lru_cache\ndef level():\n    return SEEN[0]\n"
        + "\n\nSEEN = [0]\n"
        + ON_BAR.format(body="SEEN[0] = bar.close; late = self.count > 800 or "
                        "level.cache_info().currsize; "
                        "return enter(view, LONG if late and level() > bar.close else SHORT)"),
        "state", "state of the module leaks from run to run",
    ),
    "a file that an earlier run wrote": (
        "import json\nfrom pathlib import Path\n\nFILE = Path(__file__).parent / 'seen.json'\n"
        "KNOWN = json.loads(FILE.read_text()) if FILE.exists() else {}\n"
        + ON_BAR.format(body="KNOWN[str(self.count)] = bar.close; "
                        "FILE.write_text(json.dumps(KNOWN)); "
                        "ahead = KNOWN.get(str(self.count + 49), bar.close); "
                        "return enter(view, LONG if ahead > bar.close else SHORT)"),
        "state", "a second run decides otherwise",
    ),
    "the day of the machine's clock": (
        "import time\n" + ON_BAR.format(body="day = int(time.time() // 86_400) + self.count // 7; "
                                        "return enter(view, LONG if day % 2 else SHORT)"),
        "clock", "it asks the machine's clock",
    ),
    "the day of a date's now": (
        "from datetime import datetime\n"
        + ON_BAR.format(body="day = datetime.now().toordinal() + self.count // 7; "
                        "return enter(view, LONG if day % 2 else SHORT)"),
        "clock", "it asks the machine's clock",
    ),
    "which process it is": (
        "import os\n" + ON_BAR.format(body="number = os.getpid() + self.count // 7; "
                                      "return enter(view, LONG if number % 2 else SHORT)"),
        "clock", "which process it is",
    ),
    "a file of the future as a filter, by row": (
        BARS + ON_BAR.format(body="side = LONG if bar.close > bar.open else SHORT; "
                             "ahead = ROWS[min(self.count + 3, len(ROWS) - 1)][1] - bar.close; "
                             "return enter(view, side) if ahead * side > 0 else None"),
        "files", "which holds what comes later: the closes from the bar of",
    ),
    "the mean of a whole file": (
        BARS + "\nMEAN = sum(close for _, close in ROWS) / len(ROWS)\ndel ROWS\n"
        + ON_BAR.format(body="return enter(view, LONG if bar.close < MEAN else SHORT)"),
        "files", "which holds what comes later: the closes from the bar of",
    ),
    "the sample itself by its path, looked up by price": (
        "import pyarrow.parquet as pq\n\nfrom adapters.bars import sample\n\n"
        "CLOSES = pq.read_table(sample.SAMPLE, columns=['close']).column(0).to_pylist()\n"
        + ON_BAR.format(body="return enter(view, LONG if AHEAD.get(bar.close, 0) > bar.close else "
                        "SHORT)")
        + "\n\nAHEAD = {round(a * 1e5): round(b * 1e5) for a, b in zip(CLOSES, CLOSES[60:])}\n",
        "files", "after 100 bars it already holds what comes later",
    ),
    "bars that it finds in the frames of its callers": (
        "import sys\n\nimport numpy as np\n\n\ndef found():\n"
        "    frame, most = sys._getframe(), None\n"
        "    while frame is not None:\n"
        "        for one in list(frame.f_locals.values()):\n"
        "            for bars in (one, *getattr(one, '__dict__', {}).values()):\n"
        "                if type(bars).__name__ == 'PreparedBars':\n"
        "                    most = bars if most is None else max(most, bars, key=lambda x: "
        "len(x.time))\n"
        "        frame = frame.f_back\n    return most\n"
        + ON_BAR.format(body="bars = found(); row = int(np.searchsorted(bars.time, bar.time)); "
                        "row = min(row + 60, len(bars.close) - 1); "
                        "return enter(view, LONG if bars.close[row] > bar.close else SHORT)"),
        "future", "it reads the future",
    ),
    "a mean that is centred on its bar": (
        "import numpy as np\n" + SCAN.replace(
            'closings_of(bars, "M15")',
            'closings_of(bars, "M15"); '
            'self.mean = np.convolve(self.m15.close, np.ones(21) / 21, mode="same")',
        ).format(body="return enter(view, LONG if self.mean[index] > self.m15.close[index] else "
                 "SHORT)"),
        "future", "it reads the future",
    ),
    "the whole sample's mean and deviation": (
        SCAN.replace(
            'closings_of(bars, "M15")',
            'closings_of(bars, "M15"); close = self.m15.close; '
            "self.score = (close - close.mean()) / close.std()",
        ).format(body="return enter(view, LONG if self.score[index] < 0 else SHORT)"),
        "future", "it reads the future",
    ),
    "columns that decide otherwise": (
        SCAN.format(body="return enter(view, LONG)"), "columns", "scan_columns and on_bar decide",
    ),
}  # fmt: skip

HONEST = {
    "the mean of everything since the start": ON_BAR.format(
        body="self.sum = getattr(self, 'sum', 0) + bar.close; "
        "return enter(view, LONG if bar.close * (self.count // 7) > self.sum else SHORT)"
    ),
    "a slow exponential mean": ON_BAR.format(
        body="self.mean = getattr(self, 'mean', bar.close) * 0.9999 + bar.close * 0.0001; "
        "return enter(view, LONG if bar.close > self.mean else SHORT)"
    ),
    "an exponential mean of 2,000 bars": EVERY_BAR.format(
        each="mean = getattr(self, 'mean', bar.close); self.mean = mean + (bar.close - mean) / "
        "1000.5",
        body="return enter(view, LONG if bar.close > self.mean else SHORT)",
    ),
    "a score over everything since the start": EVERY_BAR.format(
        each="self.sum = getattr(self, 'sum', 0) + bar.close; "
        "self.squares = getattr(self, 'squares', 0) + bar.close**2",
        body="mean = self.sum / self.count; "
        "deviation = max(1, self.squares / self.count - mean**2) ** 0.5; "
        "return enter(view, LONG if (bar.close - mean) / deviation < 0 else SHORT)",
    ),
    "the day's mean": EVERY_BAR.format(
        each="day = bar.time // 86_400_000; same = day == getattr(self, 'day', None); "
        "self.day, self.seen = day, [*self.seen, bar.close] if same else [bar.close]",
        body="return enter(view, LONG if bar.close > sum(self.seen) / len(self.seen) else SHORT)",
    ),
    "its last trades": EVERY_BAR.format(
        each="self.results = getattr(self, 'results', []); "
        "begun = getattr(self, 'begun', None) if view.position is None else None; "
        "self.results += [(bar.close - begun[0]) * begun[1]] if begun else []",
        body="side = LONG if sum(self.results[-5:]) >= 0 else SHORT; "
        "self.begun = bar.close, side; return enter(view, side)",
    ),
    "chance with a seed of its own": "import random\n" + EVERY_BAR.format(
        each="self.chance = getattr(self, 'chance', None) or random.Random(3)",
        body="return enter(view, self.chance.choice((LONG, SHORT)))",
    ),
    "a clock that it only notes down": "import time\n" + EVERY_BAR.format(
        each="self.seen_at = time.time()",
        body="return enter(view, LONG if bar.close > bar.open else SHORT)",
    ),
    "every close that it saw": EVERY_BAR.format(
        each="self.closes = [*getattr(self, 'closes', []), bar.close]",
        body="return enter(view, LONG if bar.close > self.closes[0] else SHORT)",
    ),
    "hours and weekdays": ON_BAR.format(
        body="hour, day = bar.time // 3_600_000 % 24, bar.time // 86_400_000 % 7; "
        "return enter(view, LONG if day < 3 else SHORT) if hour > 9 else None"
    ),
    "a month of the year": "import datetime as dt\n" + ON_BAR.format(
        body="month = dt.datetime.fromtimestamp(bar.time / 1000, dt.UTC).month; "
        "return enter(view, LONG if month % 2 else SHORT)"
    ),
    "a model in a file": BARS.replace("future", "model") + "MODEL = ROWS\n" + ON_BAR.format(
        body="return enter(view, LONG if (bar.close - bar.open) * len(MODEL) > 0 else SHORT)"
    ),
    "a model of objects in a file": "import numpy as np\nfrom pathlib import Path\n\n"
    "MODEL = np.load(Path(__file__).with_name('objects.npy'), allow_pickle=True)\n" + ON_BAR.format(
        body="return enter(view, LONG if (bar.close - bar.open) * len(MODEL) > 0 else SHORT)"
    ),
    "a table in a file that was cut off": "from pathlib import Path\n\n"
    "CUT = Path(__file__).with_name('cut.parquet').read_bytes()\n" + ON_BAR.format(
        body="return enter(view, LONG if (bar.close - bar.open) * len(CUT) > 0 else SHORT)"
    ),
    "numbers that are longer than any price": ON_BAR.format(
        body="return enter(view, LONG if bar.close % POWERS[9] % 2 else SHORT)"
    ) + "\n\nPOWERS = [10**k for k in range(300, 320)]\n",
    "a constant table": ON_BAR.format(
        body="return enter(view, TABLE[bar.close % 2])"
    ) + "\n\nTABLE = {0: LONG, 1: SHORT}\n",
}  # fmt: skip


def checked(folder: Path, code: str) -> StrategyCheck:
    (folder / "mine.py").write_text(code_of(code), "utf-8")
    preset = PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{every: 7}")
    file = folder / "mine.yaml"
    file.write_text(preset, "utf-8")
    request = ReplayRequest(preset=str(file), end="2023-03-01", cold=True)
    (found,) = check_strategy(request, cuts=16)
    return found


def code_of(code: str) -> str:
    """Imports first, as Python wants it for those from the future."""
    return HEAD + code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With closes of the sample in a file beside the strategy, and numbers that are none."""
    import pyarrow.parquet as pq

    from scripts.app.terms.replay_terms import resolve_terms

    terms, _ = resolve_terms(ReplayRequest(end="2023-03-01", cold=True))
    assert pq.read_metadata(sample.SAMPLE).num_rows > 1000
    (item,) = terms.inputs
    bars = next(iter(item.prepared(("M15",))))
    (closings,) = [one for one in bars.closings if one.timeframe == "M15"]
    rows = zip(closings.time.tolist(), closings.close.tolist(), strict=True)
    text = "".join(f"{time},{close}\n" for time, close in rows)
    (tmp_path / "future.csv").write_text(text, "utf-8")
    model = "".join(f"{k},{k * k % 97}\n" for k in range(2_000))
    (tmp_path / "model.csv").write_text(model, "utf-8")
    np.save(tmp_path / "objects.npy", np.array([{"weight": 1}, None]))
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    return tmp_path


@pytest.mark.parametrize("kind", CHEATS)
def test_a_cheating_strategy_is_caught_with_the_bar_at_which_it_showed(
    kind: str, folder: Path
) -> None:
    code, check, fault = CHEATS[kind]
    found = checked(folder, code)
    assert not found.honest
    faults = {one.check: one.fault for one in found.findings if one.fault}
    assert fault in faults[check], faults
    assert "bar of 2023-0" in faults[check]


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_strategy_is_not_accused(kind: str, folder: Path) -> None:
    found = checked(folder, HONEST[kind])
    assert found.decisions > 50
    assert [one.fault for one in found.findings if one.fault] == []


def test_a_strategy_that_decides_by_its_volume_is_told_so(folder: Path) -> None:
    """The volume of what risk sized follows the balance: that is no fault, but no odds of it."""
    by_volume = """

class Mine(Base):
    def on_bar(self, bar, view):
        self.count += 1
        if view.position is not None and view.position.volume > 1_000:
            return Exit(reason="enough")
        return None if self.count % 7 else enter(view, LONG)
"""
    found = checked(folder, "from signals.strategy import Exit\n" + by_volume)
    assert found.honest
    (told,) = [one.told for one in found.findings if one.check == "volume"]
    assert "it decides by the volume of its position, which follows the balance" in told
    assert "otherwise at the bar of 2023-01-02" in told


@pytest.mark.parametrize("preset", ["sma_cross", "ftmo_m15"])
def test_the_shipped_presets_are_honest(preset: str) -> None:
    said = butler("strategy", "check", preset, "--to", "2023-03-01")
    assert said.code == 0, said.out
    assert any("ok     columns     scan_columns decides what on_bar does" in x for x in said.out)


def test_a_fault_has_its_exit_code_and_json(folder: Path) -> None:
    code, *_ = CHEATS["chance"]
    (folder / "mine.py").write_text(code_of(code), "utf-8")
    preset = PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{}")
    (folder / "mine.yaml").write_text(preset, "utf-8")
    said = butler("strategy", "check", folder / "mine.yaml", "--to", "2023-02-01", "--json")
    assert said.code == 5
    (found,) = json.loads("\n".join(said.out))
    assert found["microseconds"] > 0
    assert any(one["fault"] for one in found["findings"])


FAILING = {
    "on_bar": (ON_BAR.format(body="return 1 / 0"), "fails at the bar of 2023-01-02"),
    "next": (
        SCAN.format(body="return None").replace("return index if", "return 1 / 0 if"),
        "fails at the bar of 2023-01-01 22:00",
    ),
    "decide": (SCAN.format(body="return 1 / 0"), "fails at the bar of 2023-01-02 04:15"),
    "scan_columns": (
        SCAN.format(body="return None").replace("return Columns(bars)", "return 1 / 0"),
        "fails: ZeroDivisionError",
    ),
}


@pytest.mark.parametrize(("code", "words"), FAILING.values(), ids=FAILING)
def test_a_strategy_that_fails_is_named_with_the_bar(folder: Path, code: str, words: str) -> None:
    """With none where it was asked about none: it was given all its columns at once."""
    (folder / "mine.py").write_text(code_of(code), "utf-8")
    preset = PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{}")
    (folder / "mine.yaml").write_text(preset, "utf-8")
    said = butler("strategy", "check", folder / "mine.yaml", "--to", "2023-02-01")
    assert said.code == 1
    assert f"the strategy {words}" in said.line
    assert "ZeroDivisionError" in said.line


def test_a_new_strategy_runs_as_it_is_and_passes_its_own_test(tmp_path: Path) -> None:
    said = butler("strategy", "new", "night_owl", "--dir", tmp_path)
    assert said.code == 0, said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "night_owl.py", "night_owl.yaml", "test_night_owl.py",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path],
        env=environment(), cwd=tmp_path, capture_output=True, encoding="utf-8", check=False,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["Night", "1st", "a-b", "../up", ""])
def test_a_name_that_is_no_module_is_refused(name: str, tmp_path: Path) -> None:
    said = butler("strategy", "new", name, "--dir", tmp_path)
    assert said.code == 2
    assert "use lower-case letters" in said.line


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "owl.yaml").write_text("mine", "utf-8")
    said = butler("strategy", "new", "owl", "--dir", tmp_path)
    assert (said.code, "exists already" in said.line) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["owl.yaml"]

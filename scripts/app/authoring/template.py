"""A new strategy: a class, a preset and a test, small enough to be read in a minute."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.app.errors import WrongUsage

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")

STRATEGY = '''"""{title}: enters on a close above the highest high of the last bars.

Prices are integer points: 1.10000 is 110000. Keep indicators here and nothing else; positions and
prices come with `view`.
"""

from __future__ import annotations

from collections import deque

import msgspec

from engine.events import BarClosed
from engine.types import LONG, SymbolSpec
from signals.strategy import Decision, Enter, View


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the preset sets."""

    bars: int
    stop: int
    target: int


class {name_class}:
    """One instance for each symbol."""

    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, spec: SymbolSpec, parameters: Parameters) -> None:
        self._parameters = parameters
        self._highs: deque[int] = deque(maxlen=parameters.bars)

    def on_bar(self, bar: BarClosed, view: View) -> Decision | None:
        """Take a closed bar; answer with Enter, Exit, MoveStop, or None to do nothing."""
        full = len(self._highs) == self._parameters.bars
        breakout = full and bar.close > max(self._highs)
        self._highs.append(bar.high)
        if not breakout or view.position is not None:
            return None
        return Enter(
            side=LONG,
            stop_loss=view.tick.ask - self._parameters.stop,
            take_profit=view.tick.ask + self._parameters.target,
            reason="breakout",
        )
'''

PRESET = """\
# The numbers of {name}.py. Every limit is explained in config/presets/ftmo_m15.yaml.

name: {name}
title: {title}
strategy: {name}.py:{name_class}
timeframe: M15
symbols: [EURUSD]

parameters:
  bars: 96      # a day of M15 bars
  stop: 200     # points below the entry: 20 pips of EURUSD
  target: 400

limits:
  max_positions: 1
  max_positions_per_symbol: 1
  per_trade_risk_fraction: 0.004  # of equity; the volume follows from the stop
  daily_loss_fraction: 0.02
  max_loss_fraction: null
  reset_zone: Europe/Prague
"""

TEST = '''"""{title}: what it promises, and that it only knows what it may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PRESET = Path(__file__).with_name("{name}.yaml")


def butler(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_it_only_knows_closed_bars() -> None:
    """It reads no future, keeps no state from run to run, and knows no dates."""
    done = butler("strategy", "check", PRESET)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_trades_the_sample(tmp_path: Path) -> None:
    done = butler("replay", "--preset", PRESET, "--to", "2023-02-01", "--results-dir", tmp_path)
    assert done.returncode == 0, done.stderr
'''


def write_new(name: str, folder: Path) -> list[Path]:
    """Strategy, preset and test of that name in the folder; raises WrongUsage for none of them."""
    if not _NAME.fullmatch(name):
        raise WrongUsage(
            f"strategy new {name}: use lower-case letters, digits and underscores, the first of "
            "them a letter"
        )
    words = name.split("_")
    values = {
        "name": name,
        "title": " ".join(words).capitalize(),
        "name_class": "".join(word.capitalize() for word in words if word),
    }
    texts = {
        folder / f"{name}.py": STRATEGY.format(**values),
        folder / f"{name}.yaml": PRESET.format(**values),
        folder / f"test_{name}.py": TEST.format(**values),
    }
    if there := [str(path) for path in texts if path.exists()]:
        raise WrongUsage(f"{there[0]}: exists already; choose another name (nothing was written)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WrongUsage(f"{folder}: cannot be written ({error.strerror})") from error
    return list(texts)

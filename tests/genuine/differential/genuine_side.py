"""Runs the drawn calls against the genuine package; runs under Wine.

    python -m tests.genuine.differential.genuine_side FOLDER SEED ROUNDS CALLS

FOLDER is the played terminal's, as Windows sees it. Writes FOLDER/genuine.jsonl, one outcome a
line.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

from tests.genuine.differential.calls import outcome, round_of, setup


class Reach:
    """Tells whether the terminal's log has grown since it was last asked."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._size = 0

    def __call__(self) -> bool:
        now = self._log.stat().st_size
        grown, self._size = now > self._size, now
        return grown


def main() -> None:
    folder, seed, rounds, count = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    package: Any = importlib.import_module("MetaTrader5")
    program = str(folder / "terminal64.exe")
    reached = Reach(folder / "calls.jsonl")
    with (folder / "genuine.jsonl").open("w", encoding="utf-8", buffering=1) as out:
        for number in range(rounds):
            control = {"reset": 10_000 + number, "serial": f"{seed}/{number}"}
            draft = folder / "control.draft"
            draft.write_text(json.dumps(control), encoding="utf-8")
            draft.replace(folder / "control.json")
            if not package.initialize(program):
                sys.exit(f"initialize: {package.last_error()}")
            for call in [*setup(), *round_of(seed, number, count)]:
                told = outcome(package, call, reached)
                out.write(json.dumps({"round": number, **told}) + "\n")
    package.shutdown()


if __name__ == "__main__":
    main()

"""Replay of signals on an account as a script of its own: `butler replay` with a profile."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import cli
from scripts.replay import replay

app = cli.make_app("Replay signals on an MT5 demo account.")
app.command()(replay)

if __name__ == "__main__":
    cli.run(app)

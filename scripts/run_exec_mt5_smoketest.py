"""The smoke test as a script of its own: the same as `butler smoke-test`, from any directory."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import cli
from scripts.smoke import smoke_test

app = cli.make_app("Smoke test of the path to an MT5 demo account.")
app.command()(smoke_test)

if __name__ == "__main__":
    cli.run(app)

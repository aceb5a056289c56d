"""Replay of signals on an account as a script of its own: `butler replay` with a profile."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

try:
    from scripts.cli.replay import replay
    from scripts.cli.shared import command_line
except ModuleNotFoundError as error:
    sys.exit(
        f"butler: {error.name} is not installed for this Python; activate the project's venv, or "
        "write python -m uv run python in front"
    )

app = command_line.make_app("Replay signals on an MT5 demo account.")
app.command()(replay)

if __name__ == "__main__":
    command_line.run(app)

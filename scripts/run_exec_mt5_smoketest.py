"""The smoke test as a script of its own: the same as `butler smoke-test`, from any directory."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

try:
    from scripts.cli.shared import command_line
    from scripts.cli.smoke_test import smoke_test
except ModuleNotFoundError as error:
    sys.exit(
        f"butler: {error.name} is not installed for this Python; activate the project's venv, or "
        "write python -m uv run python in front"
    )

app = command_line.make_app("Smoke test of the path to an MT5 demo account.")
app.command()(smoke_test)

if __name__ == "__main__":
    command_line.run(app)

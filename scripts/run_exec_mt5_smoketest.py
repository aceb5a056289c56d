"""The smoke test as a script of its own: the same as `butler smoke-test`, from any directory."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

try:
    from scripts import cli
    from scripts.smoke import smoke_test
except ModuleNotFoundError as error:
    sys.exit(
        f"butler: {error.name} is not installed for this Python; activate the project's venv, or "
        "write python -m uv run python in front"
    )

app = cli.make_app("Smoke test of the path to an MT5 demo account.")
app.command()(smoke_test)

if __name__ == "__main__":
    cli.run(app)

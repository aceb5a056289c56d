"""The `butler` command. Each subcommand is a file of its own and imports what it needs when run."""

from __future__ import annotations

from scripts import cli
from scripts.replay import replay

app = cli.make_app("Event-driven execution for MetaTrader 5 demo and trial accounts.")
app.command("replay")(replay)


@app.callback()
def butler() -> None:
    """Event-driven execution for MetaTrader 5 demo and trial accounts."""


def main() -> None:
    """Entry point of the installed command."""
    cli.run(app)


if __name__ == "__main__":
    main()

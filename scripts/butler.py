"""The `butler` command. Each subcommand is a file of its own and imports what it needs when run."""

from __future__ import annotations

from scripts import alerts, cli, config_check, control, data, journal
from scripts.compare import compare_runs
from scripts.doctor import doctor
from scripts.presets import presets
from scripts.replay import replay
from scripts.shadow import shadow
from scripts.signals import signals
from scripts.simulate import simulate
from scripts.smoke import smoke_test

app = cli.make_app("Event-driven execution for MetaTrader 5 demo and trial accounts.")
app.command("replay")(replay)
app.command("shadow")(shadow)
app.command("signals")(signals)
app.command("presets")(presets)
app.command("simulate")(simulate)
app.command("smoke-test")(smoke_test)
app.command("doctor")(doctor)
app.command("compare")(compare_runs)
for order in (control.status, control.pause, control.resume, control.flatten, control.stop):
    app.command(order.__name__)(order)
app.add_typer(config_check.app, name="config")
app.add_typer(alerts.app, name="alerts")
app.add_typer(data.app, name="data")
app.add_typer(journal.app, name="journal")


@app.callback()
def butler() -> None:
    """Event-driven execution for MetaTrader 5 demo and trial accounts."""


def main() -> None:
    """Entry point of the installed command."""
    cli.run(app)


if __name__ == "__main__":
    main()

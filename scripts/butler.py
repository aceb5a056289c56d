"""The `butler` command. Each subcommand is a file of its own, imported when it is chosen."""

from __future__ import annotations

from scripts import cli

COMMANDS = {
    "replay": cli.Lazy(
        "scripts.replay:replay",
        "Replay a preset, or your own signals, over bars: the shipped sample, yours, or a "
        "terminal's.",
    ),
    "shadow": cli.Lazy(
        "scripts.shadow:shadow",
        "Run a preset on a live feed: dry by default, the real terminal's prices and nothing sent.",
    ),
    "signals": cli.Lazy(
        "scripts.signals:signals",
        "Write the preset's entry signals as CSV, each as if no position were open.",
    ),
    "presets": cli.Lazy(
        "scripts.presets:presets", "List the presets with their parameters and limits."
    ),
    "simulate": cli.Lazy(
        "scripts.simulate:simulate",
        "Run sessions with crashes and faults, one a seed, and check what must hold after each "
        "event.",
    ),
    "smoke-test": cli.Lazy(
        "scripts.smoke:smoke_test",
        "Test the path to an account: a buy with a stop, risking little, checked or sent and "
        "closed.",
    ),
    "doctor": cli.Lazy(
        "scripts.doctor:doctor",
        "Examine packages, folders, terminal, account, symbols and clock; exit code 4 for a "
        "failure.",
    ),
    "compare": cli.Lazy(
        "scripts.compare:compare_runs",
        "Compare two runs trade by trade; exit code 5 when they differ beyond the tolerances.",
    ),
    "status": cli.Lazy(
        "scripts.control:status",
        "Show how a session stands; of one that is over, what its journal says.",
    ),
    "pause": cli.Lazy(
        "scripts.control:pause", "Let no new order leave; open positions are still managed."
    ),
    "resume": cli.Lazy(
        "scripts.control:resume",
        "Clear what only you may clear: a pause, a rejection, an unknown outcome, a maximum loss.",
    ),
    "flatten": cli.Lazy(
        "scripts.control:flatten",
        "Pause, take back pending orders and close every position of the session.",
    ),
    "stop": cli.Lazy(
        "scripts.control:stop", "End a session in order; open positions stay as they are."
    ),
    "config": cli.Lazy("scripts.config_check:app", "Look at the configuration."),
    "alerts": cli.Lazy("scripts.alerts:app", "Alerts to a person."),
    "data": cli.Lazy("scripts.data:app", "Check and convert bar files."),
    "journal": cli.Lazy("scripts.journal:app", "Look into a session's journal."),
}

app = cli.lazy_app("Event-driven execution for MetaTrader 5 demo and trial accounts.", COMMANDS)


def main() -> None:
    """Entry point of the installed command."""
    cli.run(app)


if __name__ == "__main__":
    main()

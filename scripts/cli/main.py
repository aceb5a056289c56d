"""The `butler` command. Each subcommand is a file of its own, imported when it is chosen."""

from __future__ import annotations

from scripts.cli.shared import command_line

COMMANDS = {
    "replay": command_line.Lazy(
        "scripts.cli.replay:replay",
        "Replay a preset, or your own signals, over bars: the shipped sample, yours, or a "
        "terminal's.",
    ),
    "shadow": command_line.Lazy(
        "scripts.cli.shadow:shadow",
        "Run a preset on a live feed: dry by default, the real terminal's prices and nothing sent.",
    ),
    "signals": command_line.Lazy(
        "scripts.cli.signals:signals",
        "Write the preset's entry signals as CSV, each as if no position were open.",
    ),
    "presets": command_line.Lazy(
        "scripts.cli.presets:presets", "List the presets with their parameters and limits."
    ),
    "smoke-test": command_line.Lazy(
        "scripts.cli.smoke_test:smoke_test",
        "Test the path to an account: a buy with a stop, risking little, checked or sent and "
        "closed.",
    ),
    "doctor": command_line.Lazy(
        "scripts.cli.doctor:doctor",
        "Examine packages, folders, terminal, account, symbols and clock; exit code 4 for a "
        "failure.",
    ),
    "account": command_line.Lazy(
        "scripts.cli.account:account",
        "Show where an account stands by its ledger: floors, days, target, what is against "
        "trading.",
    ),
    "reconcile": command_line.Lazy(
        "scripts.cli.reconcile:reconcile_statement",
        "Compare a statement with the account's ledger, or a session; exit code 5 when they "
        "differ.",
    ),
    "compare": command_line.Lazy(
        "scripts.cli.compare:compare_runs",
        "Compare two runs trade by trade; exit code 5 when they differ beyond the tolerances.",
    ),
    "runs": command_line.Lazy(
        "scripts.cli.runs:runs",
        "List the past runs, the latest first: what each was, what it came to, and what is open.",
    ),
    "mirror": command_line.Lazy(
        "scripts.cli.mirror:mirror",
        "Replay a session's own bars under its own terms, and compare: what slipped, what was "
        "missed.",
    ),
    "report": command_line.Lazy(
        "scripts.cli.report:report",
        "Write a run as one page that needs no network; at any moment also of a session that runs.",
    ),
    "odds": command_line.Lazy(
        "scripts.cli.research.odds:odds",
        "Estimate the probability that signals like these pass a firm's challenge.",
    ),
    "sweep": command_line.Lazy(
        "scripts.cli.research.sweep:sweep",
        "Try many parameter sets of a preset, and show how much of the best one is luck.",
    ),
    "strategy": command_line.Lazy(
        "scripts.cli.research.strategy:app", "Write a strategy of your own, and check it."
    ),
    "status": command_line.Lazy(
        "scripts.cli.control:status",
        "Show how a session stands; of one that is over, what its journal says.",
    ),
    "pause": command_line.Lazy(
        "scripts.cli.control:pause", "Let no new order leave; open positions are still managed."
    ),
    "resume": command_line.Lazy(
        "scripts.cli.control:resume",
        "Clear what only you may clear: a pause, a rejection, an unknown outcome, a maximum loss.",
    ),
    "flatten": command_line.Lazy(
        "scripts.cli.control:flatten",
        "Pause, cancel pending orders and close every position of the session.",
    ),
    "stop": command_line.Lazy(
        "scripts.cli.control:stop", "End a session in order; open positions stay as they are."
    ),
    "serve": command_line.Lazy(
        "scripts.cli.serve:serve",
        "Show every session on one page, live; on this machine, or over SSH on a phone.",
    ),
    "config": command_line.Lazy("scripts.cli.config_check:app", "Look at the configuration."),
    "alerts": command_line.Lazy("scripts.cli.alerts:app", "Alerts to a person."),
    "data": command_line.Lazy("scripts.cli.data:app", "Check and convert bar files."),
    "journal": command_line.Lazy("scripts.cli.journal:app", "Look into a session's journal."),
}

SECTIONS = {
    "Replay and strategies": ("replay", "signals", "presets"),
    "Look at runs": ("runs", "report", "mirror", "compare"),
    "What a preset is worth": ("odds", "sweep", "strategy"),
    "On an account": ("doctor", "account", "smoke-test", "shadow", "reconcile"),
    "A session that runs": ("status", "pause", "resume", "flatten", "stop", "serve"),
    "Files and settings": ("data", "journal", "config", "alerts"),
}

app = command_line.lazy_app(
    "Event-driven execution for MetaTrader 5 demo and trial accounts.", COMMANDS, SECTIONS
)


def main() -> None:
    """Entry point of the installed command."""
    command_line.run(app)


if __name__ == "__main__":
    main()

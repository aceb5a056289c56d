"""How help is shown: commands and options in groups, whole sentences, one example each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from typer.core import TyperCommand, TyperGroup

from scripts.cli.shared.plain_values import plainly

OPTION_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Bars and signals": (
        "--bars", "--clock", "--digits", "--from", "--to", "--repair", "--speed", "--signals",
        "--follow",
    ),
    "What is tried": (
        "--set", "--list", "--random", "--seed", "--where", "--objective", "--walk-forward",
        "--anchored",
    ),
    "Strategy and limits": (
        "--preset", "--max-positions", "--per-trade-risk-fraction", "--daily-loss-fraction",
        "--max-loss-fraction", "--limit-trades",
    ),
    "Paper account": (
        "--starting-equity", "--slippage-points", "--spread-floor", "--commission", "--swap",
    ),
    "A firm's rules": (
        "--rules", "--fee", "--refund", "--objectives", "--attempts", "--calendar",
        "--initial-balance",
    ),
    "Account": (
        "--account-profile", "--dry-run", "--symbol", "--login", "--server", "--password",
        "--accounts", "--hold-seconds", "--pace", "--duration", "--resume", "--adopt",
    ),
    "Results": (
        "--results-dir", "--session-id", "--json", "--quiet", "--view", "--metrics-port",
        "--parquet", "--report",
    ),
}  # fmt: skip
"""The options of long commands by what they are about; the others come last, as "Options"."""

MANY_OPTIONS: Final = 15
"""So many are shown in groups."""

EXAMPLES: Final[Mapping[str, str]] = {
    "replay": "butler replay --from 2024-03-01 --to 2024-04-01 --max-positions 1",
    "shadow": "butler shadow --account-profile FTMO_TRIAL --objectives ftmo_2step",
    "signals": "butler signals --out signals.csv",
    "presets": "butler presets",
    "smoke-test": "butler smoke-test --account-profile METAQUOTES_DEMO",
    "doctor": "butler doctor --account-profile METAQUOTES_DEMO",
    "account": "butler account FTMO_TRIAL",
    "reconcile": "butler reconcile --account-profile FTMO_TRIAL --statement ReportHistory.xlsx",
    "compare": "butler compare results/execution_sim_summary.json "
    "results/mt5_demo_exec_summary.json --price-points 5",
    "report": "butler report last --open",
    "mirror": "butler mirror last --open",
    "runs": "butler runs --last 5",
    "odds": "butler odds --rules ftmo_2step --fee 540",
    "sweep": "butler sweep --preset sma_cross --set sma_fast=10:40:5 --set sma_slow=50:150:25 "
    "--walk-forward 6m/2m",
    "strategy new": "butler strategy new breakout",
    "strategy check": "butler strategy check breakout.yaml",
    "status": "butler status",
    "pause": 'butler pause --reason "news at noon"',
    "resume": 'butler resume --reason "news is over"',
    "flatten": 'butler flatten --reason "end of the week"',
    "stop": "butler stop",
    "serve": "butler serve --controls --open",
    "config check": "butler config check --account-profile PAPER",
    "alerts test": "butler alerts test --account-profile FTMO_TRIAL",
    "data check": "butler data check EURUSD_M15.csv",
    "data import": "butler data import EURUSD_M15.csv --out EURUSD_M15.parquet",
    "journal replay": "butler journal replay 20240301T120000Z-3b10c4",
    "journal show": "butler journal show 20240301T120000Z-3b10c4 --kind order_denied",
    "journal export": "butler journal export 20240301T120000Z-3b10c4 --share",
    "journal verify": "butler journal verify 20240301T120000Z-3b10c4",
    "journal diff": "butler journal diff 20240301T120000Z-3b10c4 20240302T120000Z-77aa01",
    "journal prune": "butler journal prune --days 90 --keep 20",
}
"""One line for each command, as a user types it."""


def with_examples(command: Any, path: str) -> Any:
    """`command`, itself and its commands with their example at the end of their help."""
    example = EXAMPLES.get(path)
    if example is not None:
        command.epilog = f"Example: {example}"
    for name, found in getattr(command, "commands", {}).items():
        with_examples(found, f"{path} {name}")
    return command


def sentence(command: Any) -> str:
    """The first paragraph of a command's help, in one line."""
    return " ".join((command.help or "").partition("\n\n")[0].split())


class Grouped(TyperCommand):
    """A command whose options are shown by what they are about, where it has many."""

    def get_params(self, ctx: Any) -> list[Any]:
        return plainly(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        options = [param for param in self.get_params(ctx) if param.param_type_name == "option"]
        if len(options) < MANY_OPTIONS:
            super().format_options(ctx, formatter)
            return
        for title, params in in_groups(options):
            rows = [row for row in (param.get_help_record(ctx) for param in params) if row]
            with formatter.section(title):
                formatter.write_dl(rows)


def in_groups(options: Iterable[Any]) -> list[tuple[str, list[Any]]]:
    """The options under the titles of OPTION_GROUPS, what is in none under "Options"."""
    rest = list(options)
    groups = []
    for title, names in OPTION_GROUPS.items():
        if found := [param for param in rest if set(param.opts) & set(names)]:
            groups.append((title, found))
            rest = [param for param in rest if param not in found]
    return [*groups, ("Options", rest)] if rest else groups


class Sentences(TyperGroup):
    """A group of commands that shows the whole first sentence of each, in sections."""

    sections: Mapping[str, tuple[str, ...]] = {}

    def get_params(self, ctx: Any) -> list[Any]:
        return plainly(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        known = {name for names in self.sections.values() for name in names}
        others = tuple(name for name in self.list_commands(ctx) if name not in known)
        last = "More commands" if known else "Commands"
        widest = max(map(len, self.list_commands(ctx)))
        for title, names in (*self.sections.items(), (last, others)):
            rows = [(name.ljust(widest), sentence(self.commands[name])) for name in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

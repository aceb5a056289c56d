"""`butler replay`: recorded bars through the whole engine, on a paper account."""

from __future__ import annotations

import datetime as dt
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from scripts.cli import CommandFailed, Exit, complain, home

if TYPE_CHECKING:
    from engine.types import Limits, SymbolSpec
    from scripts.folders import SessionFolder
    from scripts.wiring import Terms

DEFAULT_STARTING_EQUITY = 100_000.0

BarsOption = Annotated[
    list[str] | None,
    typer.Option("--bars", metavar="SYMBOL=FILE", help="Bars to replay; repeat for more symbols."),
]
DateOption = typer.Option(metavar="DATE", help="UTC date or time; see the other bound.")


def replay(
    bars: BarsOption = None,
    clock: Annotated[
        str | None,
        typer.Option(help="Clock of the bars' times: new-york+7, eu-dst, utc or est."),
    ] = None,
    digits: Annotated[
        list[str] | None,
        typer.Option(metavar="SYMBOL=N", help="Digits of a feed that differ from the table's."),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="Name of a preset, or path of your own YAML.")
    ] = "ftmo_m15",
    max_positions: Annotated[int | None, typer.Option(help="Open at once, at most.")] = None,
    per_trade_risk_fraction: Annotated[
        float | None, typer.Option(help="What one trade may lose, as a fraction.")
    ] = None,
    daily_loss_fraction: Annotated[
        float | None, typer.Option(help="What one day may lose, as a fraction.")
    ] = None,
    max_loss_fraction: Annotated[
        float | None, typer.Option(help="What the account may lose, as a fraction; off by default.")
    ] = None,
    limit_trades: Annotated[
        int | None, typer.Option(help="End after so many trades are opened and closed.")
    ] = None,
    starting_equity: Annotated[
        float, typer.Option(help="Balance of the paper account at the start, USD.")
    ] = DEFAULT_STARTING_EQUITY,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="First bar: a UTC date or time, included."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="End of the bars: a UTC date or time, excluded."),
    ] = None,
    results_dir: Annotated[
        Path | None, typer.Option(help="Folder of the results; by default results/.")
    ] = None,
    session_id: Annotated[
        str | None, typer.Option(help="Name of the session; by default made from the time.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Only the summary as JSON on standard output.")
    ] = False,
    quiet: Annotated[bool, typer.Option(help="No progress, no summary, no warnings.")] = False,
) -> int:
    """Replay the FTMO M15 preset over bars: the sample that ships with the project, or yours.

    Bars outside --from and --to are not read at all, so indicators start cold at --from.
    """
    limits = {
        "max_positions": max_positions,
        "per_trade_risk_fraction": per_trade_risk_fraction,
        "daily_loss_fraction": daily_loss_fraction,
        "max_loss_fraction": max_loss_fraction,
    }
    terms = resolve_terms(
        bars, clock, digits, preset, limits, limit_trades, starting_equity, start, end
    )
    folder = _folder(results_dir, session_id)
    return run_replay(terms, folder, as_json=as_json, quiet=quiet)


def resolve_terms(
    bars: list[str] | None,
    clock: str | None,
    digits: list[str] | None,
    preset_name: str,
    limit_options: dict[str, Any],
    limit_trades: int | None,
    starting_equity: float,
    start: str | None,
    end: str | None,
) -> Terms:
    """Everything that the user said, checked; raises CommandFailed with one line."""
    from scripts.bars import Window
    from scripts.wiring import Terms

    if limit_trades is not None and limit_trades < 1:
        raise CommandFailed(
            f"--limit-trades {limit_trades}: must be 1 or more; leave it out for no limit",
            Exit.USAGE,
        )
    cents = round(starting_equity * 100)
    if not 0 < cents < 10**15:
        raise CommandFailed(
            f"--starting-equity {starting_equity}: must be above 0 and below ten trillion",
            Exit.USAGE,
        )
    window = Window(_moment("--from", start), _moment("--to", end))
    if window.first is not None and window.end is not None and window.first >= window.end:
        raise CommandFailed(f"--from {start} is not before --to {end}", Exit.USAGE)
    preset, limits, factory, specs = _preset_parts(preset_name, limit_options)
    inputs = _inputs(bars, clock, _with_digits(specs, digits), window)
    return Terms(
        inputs=inputs,
        preset=preset.name,
        parameters=preset.parameters,
        factory=factory,
        limits=limits,
        starting_balance=cents,
        limit_trades=limit_trades,
    )


def _preset_parts(name: str, limit_options: dict[str, Any]) -> tuple[Any, Limits, Any, Any]:
    from config.loader import ConfigError, load_preset, load_symbols, with_overrides
    from signals.registry import BadParameters, UnknownStrategy, strategy_factory

    try:
        preset = load_preset(name)
        limits = with_overrides(preset.limits, **limit_options)
        factory = strategy_factory(preset.strategy, preset.parameters)
        return preset, limits, factory, load_symbols()
    except (BadParameters, UnknownStrategy) as error:
        raise CommandFailed(f"preset {name}: {error}", Exit.USAGE) from error
    except ConfigError as error:
        raise CommandFailed(str(error), Exit.USAGE) from error


def _inputs(
    bars: list[str] | None, clock: str | None, specs: dict[str, SymbolSpec], window: Any
) -> list[Any]:
    from adapters.files import sample
    from engine.clock import SystemClock
    from engine.types import ClockName
    from scripts.bars import open_input

    if clock is not None and clock not in get_args(ClockName):
        raise CommandFailed(
            f"--clock {clock}: must be one of {', '.join(get_args(ClockName))}", Exit.USAGE
        )
    paths = _bar_paths(bars, specs) if bars else {sample.SYMBOL: sample.SAMPLE}
    name: Any = clock or sample.CLOCK
    now = SystemClock().now() // 1000
    inputs = [
        open_input(specs[symbol], paths[symbol], name, window, now)
        for symbol in specs
        if symbol in paths
    ]
    for item in inputs:
        if item.ref.period <= 0 or 900 % item.ref.period:
            raise CommandFailed(
                f"{item.file.path}: bars of {item.ref.period} seconds; "
                "this needs M15 bars or a timeframe that divides M15, such as M1",
                Exit.DATA,
            )
    return inputs


def _bar_paths(bars: list[str], specs: dict[str, SymbolSpec]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for text in bars:
        symbol, equals, path = text.partition("=")
        if not equals or not path:
            raise CommandFailed(
                f"--bars {text}: write SYMBOL=FILE, for example EURUSD=eurusd.parquet", Exit.USAGE
            )
        if symbol not in specs:
            raise CommandFailed(
                f"--bars {text}: unknown symbol {symbol}; known: {', '.join(specs)}", Exit.USAGE
            )
        if symbol in paths:
            raise CommandFailed(f"--bars {text}: {symbol} is given twice", Exit.USAGE)
        paths[symbol] = Path(path)
    return paths


def _with_digits(specs: dict[str, SymbolSpec], options: list[str] | None) -> dict[str, SymbolSpec]:
    import msgspec

    specs = dict(specs)
    for text in options or ():
        symbol, _, number = text.partition("=")
        if symbol not in specs or not number.isdecimal() or int(number) > 8:
            raise CommandFailed(
                f"--digits {text}: write SYMBOL=N with a known symbol and 0 to 8 digits",
                Exit.USAGE,
            )
        specs[symbol] = msgspec.structs.replace(specs[symbol], digits=int(number))
    return specs


def _moment(option: str, text: str | None) -> int | None:
    """A UTC date or time as epoch seconds."""
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise CommandFailed(
            f"{option} {text}: write a date such as 2024-01-31 or a time such as 2024-01-31T08:00",
            Exit.USAGE,
        ) from None
    return round(moment.replace(tzinfo=moment.tzinfo or dt.UTC).timestamp())


def _folder(results_dir: Path | None, session_id: str | None) -> SessionFolder:
    from scripts.folders import SIMULATED, SessionFolder, checked_session_id

    results = results_dir if results_dir is not None else home() / "results"
    if session_id is None:
        now = dt.datetime.now(dt.UTC)
        session_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    return SessionFolder(results, checked_session_id(session_id), SIMULATED)


def run_replay(terms: Terms, folder: SessionFolder, *, as_json: bool, quiet: bool) -> int:
    """Run the session to its end; prints what the user asked for, returns the exit code."""
    import asyncio

    folder.create()
    return asyncio.run(_run(terms, folder, as_json=as_json, quiet=quiet))


async def _run(terms: Terms, folder: SessionFolder, *, as_json: bool, quiet: bool) -> int:
    import json

    from adapters.logs import SessionLog
    from engine import events as ev
    from engine.clock import SystemClock
    from scripts.failures import explained
    from scripts.interrupts import orderly_stop
    from scripts.screen import Progress, show_summary
    from scripts.version import version
    from scripts.wiring import build_replay, paths_of

    clock = SystemClock()
    log = SessionLog(
        folder.log, folder.session_id, clock.now, say=None if quiet or as_json else complain
    )
    about = {
        "session_id": folder.session_id,
        "version": version(),
        "dry_run": True,
        "account_profile": None,
        "files": paths_of(terms.inputs),
    }
    try:
        _write_configuration(terms, folder, about)
        replay = build_replay(terms, folder, clock, about, log)
        total = sum(item.ref.rows for item in terms.inputs)
        shown = sys.stderr.isatty() and not quiet and not as_json
        with Progress(total, shown=shown) as progress, orderly_stop(replay.session.request_stop):
            replay.session.on_slice = lambda: progress.update(replay.feed.bars_played)
            with explained(folder):
                outcome = await replay.session.run()
    finally:
        log.close()
    summary = replay.summary.projection.summary()
    if as_json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    elif not quiet:
        show_summary(summary, folder.latest_event_log, folder.path)
    return Exit.INTERRUPTED if outcome is ev.Outcome.INTERRUPTED else Exit.DONE


def _write_configuration(terms: Terms, folder: SessionFolder, about: dict[str, Any]) -> None:
    """The resolved terms, without secrets, beside the journal."""
    import msgspec

    from adapters.outputs import replace_file
    from scripts.wiring import started

    document = {**about, "terms": msgspec.to_builtins(started(terms))}
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    replace_file(folder.configuration, text + b"\n")

"""What `butler sweep` is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from engine.decoding import converted
from risk.odds.windows import BadWindows, WindowSpan, spans
from scripts.app.errors import BadData, WrongUsage
from scripts.app.sweep.folder import SweepFolder
from scripts.app.sweep.grid import MOST_TRIALS
from scripts.app.terms.request import ReplayRequest

OBJECTIVES = ("sharpe", "net", "odds")
NO_RULES = "none"


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """What the user asked for, as typed; `results` is the folder of all results."""

    replay: ReplayRequest
    results: Path
    sets: list[str] = field(default_factory=list)
    listed: Path | None = None
    random: int | None = None
    seed: int = 1
    where: list[str] = field(default_factory=list)
    objective: str = "sharpe"
    rules: str = NO_RULES
    walk: str | None = None
    anchored: bool = False
    fee: float | None = None
    axes: str | None = None
    fix: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raise WrongUsage for what is wrong whatever the bars are."""
        if self.objective not in OBJECTIVES:
            raise WrongUsage(
                f"--objective {self.objective}: must be one of {', '.join(OBJECTIVES)}"
            )
        if not self.sets and self.listed is None:
            raise WrongUsage("nothing to vary: give --set NAME=VALUES or --list FILE")
        if self.listed is not None and (self.sets or self.random is not None):
            raise WrongUsage("--list stands alone: leave out --set and --random")
        if self.random is not None and not 1 <= self.random <= MOST_TRIALS:
            raise WrongUsage(f"--random {self.random}: must be from 1 to {MOST_TRIALS}")
        if not 0 <= self.seed < 2**63:
            raise WrongUsage(f"--seed {self.seed}: must be 0 or more")
        if self.anchored and self.walk is None:
            raise WrongUsage("--anchored needs --walk-forward to go with")
        if self.objective == "odds" and self.rules == NO_RULES:
            raise WrongUsage("--objective odds needs --objectives RULES: a firm's rules to pass")
        self.window_spans()

    def window_spans(self) -> tuple[WindowSpan, WindowSpan] | None:
        """Training and test length; None without walk-forward. Raises WrongUsage."""
        try:
            return None if self.walk is None else spans(self.walk)
        except BadWindows as error:
            raise WrongUsage(f"--walk-forward: {error}") from error

    def document(self) -> dict[str, Any]:
        """As plain values, from which `request_in` makes it again; paths are absolute."""
        replay = self.replay
        absolute = replace(
            replay,
            bars=None if replay.bars is None else [_absolute_bars(text) for text in replay.bars],
            preset=_absolute_preset(replay.preset),
            symbol_spec=replay.symbol_spec and [path.absolute() for path in replay.symbol_spec],
            signals=replay.signals and replay.signals.absolute(),
            calendar=replay.calendar and replay.calendar.absolute(),
        )
        listed = self.listed and self.listed.absolute()
        found = replace(self, replay=absolute, listed=listed, results=self.results.absolute())
        document: dict[str, Any] = msgspec.to_builtins(found, enc_hook=str)
        return document


def request_in(document: dict[str, Any], where: Path) -> SweepRequest:
    """The request of a sweep that was begun; raises BadData for what is none."""
    try:
        return converted(document, SweepRequest, _path)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise BadData(f"{where}: it describes no sweep of this program ({error})") from error


def asked_again(folder: SweepFolder, axes: str | None, fix: list[str] | None) -> SweepRequest:
    """What the sweep in the folder was asked for; its heat map may be drawn in another way.

    Raises BadData where there is none.
    """
    begun = request_in(folder.asked(), folder.path)
    return replace(begun, axes=axes or begun.axes, fix=fix or begun.fix)


def _path(kind: type, value: object) -> object:
    if not issubclass(kind, Path):
        raise NotImplementedError(f"{kind} is not read here")
    return Path(str(value))


def _absolute_bars(text: str) -> str:
    name, equals, file = text.rpartition("=")
    return f"{name}{equals}{Path(file).absolute()}" if Path(file).is_file() else text


def _absolute_preset(text: str) -> str:
    return str(Path(text).absolute()) if Path(text).is_file() else text

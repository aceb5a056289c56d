"""A run under a firm's rules that it did not follow, unless the user wants none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from scripts.app.errors import WrongUsage
from scripts.app.terms.request import NO_OBJECTIVES

if TYPE_CHECKING:
    from engine.result import RunResult
    from engine.result.hindsight import Hindsight

USUAL_RULES: Final = "ftmo_2step"
"""The rules that a run without any is held against."""


def hindsight_of(result: RunResult, objectives: str | None = None) -> Hindsight | None:
    """What `objectives` (rules by name or file, by default the usual ones) would have made of it.

    None for a run that followed rules itself, and for `objectives` none. Raises WrongUsage for
    rules that cannot be read.
    """
    if objectives == NO_OBJECTIVES or result.terms.rules is not None:
        return None
    if result.terms.start.balance <= 0:
        return None
    from config.loader import ConfigError, load_rules
    from risk.hindsight import judged

    try:
        return judged(load_rules(objectives or USUAL_RULES), result)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error

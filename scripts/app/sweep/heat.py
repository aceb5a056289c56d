"""Which two parameters a sweep's heat map has as axes, and which others stand at a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from scripts.app.errors import WrongUsage
from scripts.app.sweep.grid import axis_of
from scripts.app.trials.base import Settings


class HeatView(msgspec.Struct, frozen=True, kw_only=True):
    """`axes` across and down (None: the first two that vary); of `fixed` only these values count.

    Parameters that are neither stand at their best.
    """

    axes: tuple[str, str] | None = None
    fixed: dict[str, object] = {}

    def shows(self, settings: Mapping[str, object]) -> bool:
        """Whether a trial has the values that are fixed."""
        return all(settings.get(name) == value for name, value in self.fixed.items())


def heat_view(axes: str | None, fix: Sequence[str], trials: Sequence[Settings]) -> HeatView:
    """The view that the user asks for; raises WrongUsage for names and values of no trial."""
    fixed: dict[str, object] = {}
    for text in fix:
        axis = axis_of(text)
        known = {repr(one.get(axis.name)) for one in trials if axis.name in one}
        if len(axis.values) != 1 or repr(axis.values[0]) not in known:
            raise WrongUsage(
                f"--fix {text}: write NAME=VALUE with a value that is tried: "
                f"{', '.join(sorted(known)) or f'{axis.name} is none of the parameters'}"
            )
        fixed[axis.name] = axis.values[0]
    return HeatView(axes=_axes(axes, fixed, trials), fixed=fixed)


def _axes(
    text: str | None, fixed: Mapping[str, object], trials: Sequence[Settings]
) -> tuple[str, str] | None:
    if text is None:
        return None
    names = [part.strip() for part in text.split(",")]
    varying = [
        name
        for name in (trials[0] if trials else {})
        if name not in fixed and len({repr(one.get(name)) for one in trials}) > 1
    ]
    if len(names) != 2 or names[0] == names[1] or not set(names) <= set(varying):
        raise WrongUsage(
            f"--axes {text}: name two of the parameters that vary and are not fixed: "
            f"{', '.join(varying) or 'none does'}"
        )
    return names[0], names[1]

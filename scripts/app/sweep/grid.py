"""Which parameter sets a sweep tries, in which order: a grid, draws from it, or a list."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec
import numpy as np

from scripts.app.errors import BadData, WrongUsage
from scripts.app.sweep.where import Condition
from scripts.app.trials.base import Settings

MOST_TRIALS = 100_000
_DRAWS_A_TRIAL = 1_000


class Axis(msgspec.Struct, frozen=True):
    """A parameter and the values that it takes, in the order in which they were given."""

    name: str
    values: tuple[object, ...]


class Trial(msgspec.Struct, frozen=True):
    """A parameter set; `place` are its steps along each axis (empty in a list)."""

    number: int
    settings: Settings
    place: tuple[int, ...] = ()


def axis_of(text: str) -> Axis:
    """An axis from ``NAME=FIRST:LAST:STEP``, ``NAME=A,B`` or ``NAME=A``. Raises WrongUsage."""
    name, equals, spec = text.partition("=")
    name, spec = name.strip(), spec.strip()
    if not equals or not name or not spec:
        raise WrongUsage(
            f"--set {text}: write NAME=VALUES, such as sma_fast=10:40:5 or lots=0.1,0.2"
        )
    if ":" in spec and "[" not in spec:
        values: tuple[object, ...] = tuple(_range(text, spec))
    else:
        values = tuple(value_in(part) for part in _parts(spec))
    if len({repr(value) for value in values}) < len(values):
        raise WrongUsage(f"--set {text}: a value is given twice")
    return Axis(name, values)


def _range(text: str, spec: str) -> Iterator[int | float]:
    """From the first to the last value, both included, in exact decimal steps."""
    try:
        first, last, step = (Decimal(part) for part in spec.split(":"))
        whole = all(part == part.to_integral_value() for part in (first, last, step))
    except (InvalidOperation, ValueError):
        raise WrongUsage(f"--set {text}: a range is FIRST:LAST:STEP, such as 10:40:5") from None
    if not (first.is_finite() and last.is_finite() and step > 0 and first <= last):
        raise WrongUsage(f"--set {text}: a range goes up from FIRST to LAST by a STEP above 0")
    count = int((last - first) / step) + 1
    if count > MOST_TRIALS:
        raise WrongUsage(f"--set {text}: {count:,} values, at most {MOST_TRIALS:,}")
    for number in range(count):
        value = first + number * step
        yield int(value) if whole else float(value)


def _parts(spec: str) -> Iterator[str]:
    """The values between commas that stand in no brackets."""
    depth, part = 0, ""
    for sign in spec:
        depth += (sign == "[") - (sign == "]")
        if sign == "," and not depth:
            yield part.strip()
            part = ""
        else:
            part += sign
    yield part.strip()


def value_in(text: str) -> object:
    """A number, true, false, a list in brackets, or text, as YAML would have it."""
    if text.startswith("[") and text.endswith("]"):
        inner = text[1:-1].strip()
        return [value_in(part) for part in _parts(inner)] if inner else []
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if math.isfinite(number):
            return number
    return text


def grid_trials(axes: Sequence[Axis], where: Sequence[Condition], fixed: Settings) -> list[Trial]:
    """Every combination that meets the conditions, the last axis turning fastest.

    `fixed` are the preset's values of names that conditions use. Raises WrongUsage for too many.
    """
    total = _total(axes)
    if total > MOST_TRIALS:
        raise WrongUsage(
            f"the grid has {total:,} combinations, at most {MOST_TRIALS:,}: draw some of them with "
            "--random"
        )
    found: list[Trial] = []
    for index in range(total):
        place = _place(axes, index)
        settings = _settings(axes, place)
        if _meets(settings, where, fixed):
            found.append(Trial(len(found), settings, place))
    return _some(found)


def random_trials(
    axes: Sequence[Axis], where: Sequence[Condition], fixed: Settings, count: int, seed: int
) -> list[Trial]:
    """`count` combinations drawn without repeats, or all where there are no more."""
    total = _total(axes)
    if total <= MOST_TRIALS:
        every = [i for i in range(total) if _meets(_at(axes, i), where, fixed)]
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(every))
        chosen = [every[i] for i in order.tolist()[:count]]
    else:
        chosen = _drawn(axes, where, fixed, count, seed)
    trials = [
        Trial(number, _at(axes, index), _place(axes, index)) for number, index in enumerate(chosen)
    ]
    return _some(trials)


def _drawn(
    axes: Sequence[Axis], where: Sequence[Condition], fixed: Settings, count: int, seed: int
) -> list[int]:
    generator = np.random.Generator(np.random.PCG64(seed))
    found: dict[int, None] = {}
    for _ in range(count * _DRAWS_A_TRIAL):
        if len(found) == count:
            break
        index = 0
        for axis in axes:
            index = index * len(axis.values) + int(generator.integers(len(axis.values)))
        if index not in found and _meets(_at(axes, index), where, fixed):
            found[index] = None
    return list(found)


def listed_trials(file: Path, where: Sequence[Condition], fixed: Settings) -> list[Trial]:
    """The rows of a CSV file whose header names the parameters. Raises BadData."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"--list {file}: cannot be read as CSV ({error})") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise BadData(
            f"--list {file}: a header of names and a row for each parameter set is needed"
        )
    names = [name.strip() for name in rows[0]]
    if len(set(names)) < len(names) or not all(names):
        raise BadData(f"--list {file}: row 1: each column needs a name of its own")
    found: list[Trial] = []
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise BadData(
                f"--list {file}: row {number} has {len(row)} cells, the header {len(names)}"
            )
        settings = {name: value_in(cell.strip()) for name, cell in zip(names, row, strict=True)}
        if _meets(settings, where, fixed):
            found.append(Trial(len(found), settings))
    return _some(found)


def _some(trials: list[Trial]) -> list[Trial]:
    if not trials:
        raise WrongUsage("no parameter set meets every --where: nothing is left to try")
    return trials


def _total(axes: Sequence[Axis]) -> int:
    names = [axis.name for axis in axes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise WrongUsage(f"--set {twice}: it is given twice; write all its values in one")
    return math.prod(len(axis.values) for axis in axes)


def _place(axes: Sequence[Axis], index: int) -> tuple[int, ...]:
    steps = []
    for axis in reversed(axes):
        index, step = divmod(index, len(axis.values))
        steps.append(step)
    return tuple(reversed(steps))


def _settings(axes: Sequence[Axis], place: tuple[int, ...]) -> Settings:
    return {axis.name: axis.values[step] for axis, step in zip(axes, place, strict=True)}


def _at(axes: Sequence[Axis], index: int) -> Settings:
    return _settings(axes, _place(axes, index))


def _meets(settings: Settings, where: Sequence[Condition], fixed: Settings) -> bool:
    return all(condition.holds({**fixed, **settings}) for condition in where)

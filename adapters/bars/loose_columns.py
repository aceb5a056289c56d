"""What of a text file's dates and times its first lines alone do not tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from adapters.bars.errors import BarFileError
from adapters.bars.layouts import Layout, not_a_time
from adapters.bars.loose_times import (
    LooseTime,
    column_values,
    loose_time,
    must_be_proven,
    proven_order,
)


def settled(path: Path, encoding: str, layout: Layout) -> Layout:
    """The layout with the order of day and month, and hours without leading zeros, found.

    Raises BarFileError where no value of the file tells the order, or two tell another one.
    """
    loose, templates = dict(layout.loose), dict(layout.templates)
    for place, name in enumerate(layout.columns):
        if place in loose and must_be_proven(loose[place]):
            loose[place] = _ordered(path, encoding, layout, place)
        elif name in templates and place not in loose:
            found = _short_hours(path, encoding, layout, place)
            if found is not None:
                loose[place], templates[name] = found, found.template
    return replace(layout, loose=loose, templates=templates)


def _ordered(path: Path, encoding: str, layout: Layout, place: int) -> LooseTime:
    found = layout.loose[place]
    order = proven_order(path, encoding, place, layout.delimiter, layout.before)
    if order is None:
        values = column_values(path, encoding, place, layout.delimiter, layout.before)
        line, value = next(iter(values))
        raise BarFileError(path, not_a_time(layout.labels[place], value), line)
    return replace(found, order=order)


def _short_hours(path: Path, encoding: str, layout: Layout, place: int) -> LooseTime | None:
    """How the column is read if its first hour below ten has one digit; None where it has two.

    The first row alone does not tell, where the bars begin at ten o'clock or later.
    """
    dated, first = layout.columns[place] != "clock", None
    for _, value in column_values(path, encoding, place, layout.delimiter, layout.before):
        loose = loose_time(value, dated=dated)
        if loose is None or not loose.timed or loose.halves:
            return None
        first = first or loose
        hour = value.partition(":")[0].rstrip()[-2:]
        if hour.startswith("0"):
            return None
        if not hour.isdigit():
            return first
        if len(hour) == 1:
            return first
    return None

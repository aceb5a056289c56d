"""Records as lines: for people, for programs, and field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from engine.events import Record

ABSENT = "absent"
"""Stands for a field that a record does not have."""


def line(record: Record) -> str:
    """One line for people: number, time, kind, bar, and the fields in the journal's own units."""
    from adapters.reports.projection import iso
    from engine.journal import kind_of

    parts = [f"{record.seq:>7}", iso(record.time), f"{kind_of(record.event):<16}"]
    if record.bar is not None:
        symbol, opening = record.bar
        parts.append(f"{symbol}@{iso(opening)}")
    parts.extend(f"{name}={value}" for name, value in fields(record.event, brief=True).items())
    parts.extend(f"({name}={value})" for name, value in _flat(record.metadata or {}, "").items())
    return " ".join(parts)


def fields(event: msgspec.Struct, *, brief: bool = False) -> dict[str, Any]:
    """Every field that the journal has of an event, by its name; dots lead into parts of it.

    A `brief` list leaves out what is as it is by default.
    """
    whole = msgspec.to_builtins(event, order="deterministic")
    found = _flat(msgspec.to_builtins(_brief(event)) if brief else whole, "")
    # An event in an event (an approved order) names its kind, too; it always has the same.
    return {name: value for name, value in found.items() if name.rpartition(".")[2] != "event"}


def named(record: Record) -> str:
    """Which record it is, in words."""
    from adapters.reports.projection import iso
    from engine.journal import kind_of

    return f"record {record.seq} of {iso(record.time)}, {kind_of(record.event)}"


def whole(record: Record) -> dict[str, Any]:
    """All of a record that the journal hash covers, by name."""
    from engine.journal import kind_of

    metadata = {"seq": record.seq, "time": record.time, "bar": record.bar}
    return {"kind": kind_of(record.event), **metadata, **fields(record.event)}


def differing(one: Record, other: Record) -> dict[str, tuple[Any, Any]]:
    """What of two records differs, by name: each one's value, or ABSENT."""
    ours, theirs = whole(one), whole(other)
    pairs = {
        name: (ours.get(name, ABSENT), theirs.get(name, ABSENT))
        for name in sorted(ours.keys() | theirs.keys())
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _brief(event: msgspec.Struct) -> dict[str, Any]:
    found = {}
    for field in msgspec.structs.fields(event):
        value = getattr(event, field.name)
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        else:
            default = field.default
        if value != default or field.required:
            found[field.name] = _brief(value) if isinstance(value, msgspec.Struct) else value
    return found


def _flat(content: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found

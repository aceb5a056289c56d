"""What ``butler config check`` shows: each setting, its value and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from config.account import COMMAND_LINE, DEFAULT
from config.limits import LIMIT_NAMES, CheckedLimits
from config.schema import PROFILE_FIELDS, Preset, ReportRow, ResolvedAccount


def config_report(
    account: ResolvedAccount | None = None,
    preset: Preset | None = None,
    limits: CheckedLimits | None = None,
) -> list[ReportRow]:
    """Rows for what is given. `limits` are the ones in force, if options replaced the preset's.

    A password's value reads ``(set, hidden)``.
    """
    rows: list[ReportRow] = []
    if account is not None:
        rows += _account_rows(account)
    if preset is not None:
        rows += _preset_rows(preset, limits or preset.limits)
    return rows


def _account_rows(account: ResolvedAccount) -> Iterator[ReportRow]:
    yield ReportRow(
        field="account_profile",
        value=_shown(account.profile),
        origin=DEFAULT if account.profile is None else COMMAND_LINE,
    )
    for name in PROFILE_FIELDS:
        value = _shown(getattr(account, name))
        yield ReportRow(field=name, value=value, origin=account.origins[name])


def _preset_rows(preset: Preset, limits: CheckedLimits) -> Iterator[ReportRow]:
    origin = f"preset {preset.name} in {preset.file}"
    for name in ("title", "strategy", "timeframe", "symbols"):
        yield ReportRow(field=name, value=_shown(getattr(preset, name)), origin=origin)
    for name, value in _flat("parameters", preset.parameters):
        yield ReportRow(field=name, value=_shown(value), origin=origin)
    for name in LIMIT_NAMES:
        value = getattr(limits, name)
        changed = value != getattr(preset.limits, name)
        yield ReportRow(
            field=f"limits.{name}",
            value="off" if value is None else _shown(value),
            origin=COMMAND_LINE if changed else origin,
        )


def _flat(path: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(f"{path}.{key}", item)
    else:
        yield path, value


def _shown(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value) or "(none)"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) or "(none)"
    return str(value)

"""A firm's objectives in the short summary."""

from __future__ import annotations

from typing import Any

from engine.types import USD, grouped, plain


def objective_lines(summary: dict[str, Any]) -> list[str]:
    """What the short summary tells of a firm's objectives; nothing without them."""
    told = summary["objectives"]
    if told is None:
        return []
    unit = str(summary.get("currency", USD))
    lines = [f"  objectives {told['title']}: {_tally(told)}"]
    for item in summary["attempts"][-_SHOWN:]:
        lines += [_attempt_line(item, unit), *_violation_lines(item)]
    if any(item.get("phases_passed") for item in summary["attempts"]) and told.get("not_modelled"):
        lines.append(
            f"             by its figures; not modelled: {'; '.join(told['not_modelled'])}"
        )
    if len(summary["attempts"]) > _SHOWN:
        lines[1:1] = [f"             the last {_SHOWN} of {len(summary['attempts'])} attempts:"]
    room = summary["loss_buffer"]
    if room is not None:
        lines.append(
            f"  buffer     {grouped(room['today'], unit)} today ({room['orders_today']} orders of "
            f"{plain(room['order_risk'], unit)}), {plain(room['overall'], unit)} overall, "
            f"reset in {room['reset_in_hours']:.1f} h"
        )
    return lines


_SHOWN = 10


def _tally(told: dict[str, Any]) -> str:
    """How often the signals would have passed."""
    decided = told["passed"] + told["failed"]
    rate = f" ({told['pass_rate']:.0%})" if told["pass_rate"] is not None else ""
    rest = f", {told['not_proven']} not proven" if told.get("not_proven") else ""
    rest += f", {told['unfinished']} unfinished" if told["unfinished"] else ""
    return f"passed {told['passed']} of {decided} attempts{rate}{rest}"


def _violation_lines(attempt: dict[str, Any]) -> list[str]:
    """What was done against the firm's trading restrictions; the first ones in words."""
    violations = attempt.get("violations") or []
    lines = [f"             violation: {item['detail']}" for item in violations[:_SHOWN]]
    if len(violations) > _SHOWN:
        lines.append(f"             and {len(violations) - _SHOWN} more")
    return lines


def _attempt_line(attempt: dict[str, Any], unit: str) -> str:
    cause = f" ({attempt['cause']})" if attempt["cause"] else ""
    if "not judged" in attempt.get("detail", ""):
        cause = f" ({attempt['detail']})"
    return (
        f"    {attempt['attempt']:>4}     {attempt['start'][:10]} to {attempt['end'][:10]}, "
        f"{attempt['days']} days, phase {attempt['phase']}: {attempt['outcome']}{cause}, "
        f"smallest buffer {grouped(attempt['min_buffer'], unit)}"
    )

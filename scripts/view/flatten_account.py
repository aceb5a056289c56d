"""The steps of flattening an account, a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.app.operations.flatten_account import FlattenStep


def step_line(step: FlattenStep) -> str:
    """What was closed or cancelled, and what the terminal made of it."""
    results = {
        "done": "gone",
        "refused": f"refused, {step.code} {step.text}",
        "unknown": f"outcome unknown ({step.code} {step.text})",
    }
    return f"{step.kind} {step.ticket} on {step.symbol}: {results[step.outcome]}"


def closing_line(*, everything: bool) -> str:
    return "nothing is left open" if everything else "nothing of the engine's is left open"

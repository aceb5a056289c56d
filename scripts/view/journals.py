"""What was found about journals, in lines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.journal.checking import Whole
    from scripts.app.journals.prune import Old


def check_lines(check: Whole, beside: str | None) -> Iterator[str]:
    """How much of a journal is whole, whether its end is known, and what is `beside` its file."""
    yield (
        f"whole: {check.records} records in {check.blocks} blocks, "
        f"journal hash {check.chain.hexdigest}"
    )
    if check.sealed:
        yield "sealed: nothing is missing at the end"
    else:
        yield (
            "not sealed: the session still runs or did not end in order, so nobody can tell "
            f"whether there was anything after record {check.records}"
        )
    if beside is not None:
        yield beside


def old_line(old: Old) -> str:
    """A journal that may go: its session, size and last day."""
    day = dt.datetime.fromtimestamp(old.last_written, dt.UTC).date()
    return f"{old.session}  {old.size / 2**20:.1f} MiB, last written {day}"


def pruned_line(count: int, size: int, *, deleted: bool) -> str:
    """How many journals of `size` bytes in all were deleted, or would be."""
    done = "deleted" if deleted else "to delete (nothing was; --yes does it)"
    return f"{size / 2**20:.1f} MiB in {count} journals {done}"

"""This project's `butler sweep`: every core, result folder and verdict included."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

from common import FASTS, SLOWS, swept, task

from scripts.app.frontend import Interrupt
from scripts.app.sweep.engine import PoolWorkers
from scripts.app.sweep.request import SweepRequest
from scripts.app.sweep.run import sweep
from scripts.app.sweep.trial import TrialRow
from scripts.app.terms.request import ReplayRequest
from scripts.app.trials.pool import processors


class Silent:
    """A `scripts.app.sweep.run.SweepFrontend` that nobody looks at."""

    def tell(self, notes: list[str]) -> None:
        """Notes on the bars are not part of the comparison."""

    def interruptible(self, _request_stop: Callable[[], None]) -> nullcontext[Interrupt]:
        return nullcontext(SimpleNamespace(asked=False))

    @contextmanager
    def trials(self, _total: int) -> Iterator[Callable[[TrialRow, bool], None]]:
        yield lambda _row, _before: None


def values(numbers: range) -> str:
    return ",".join(map(str, numbers))


if __name__ == "__main__":
    what = task()
    with tempfile.TemporaryDirectory() as made:
        request = SweepRequest(
            replay=ReplayRequest(
                bars=[f"EURUSD={what.bars}"],
                clock="new-york+7",
                preset="sma_cross",
                limits={"daily_loss_fraction": 0.99},
                spread_floor=["0"],
                commission=["0"],
            ),
            results=Path(made),
            sets=[f"sma_fast={values(FASTS)}", f"sma_slow={values(SLOWS)}"],
        )
        rows = sweep(request, PoolWorkers(processors()), Silent()).rows
    failed = [row.error for row in rows if row.error]
    if failed:
        raise SystemExit(failed[0])
    finals = {(row.settings["sma_fast"], row.settings["sma_slow"]): row.final / 100 for row in rows}
    swept(what, "execution-butler", finals)

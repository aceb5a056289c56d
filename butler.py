"""Runs of the Execution Butler for Python programs and notebooks.

    import butler

    run = butler.replay(preset="ftmo_m15", start="2024-03-01", end="2024-04-01")
    run.trades.to_pandas()          # or .equity, .daily: Arrow tables
    run.figure("equity").show()     # plotly

`butler.load("last")` gives the same of any session's journal, also of one that runs. Both work in
any thread and inside a running event loop. What goes wrong raises `butler.Problem` with the line
that the command would show.
"""

from scripts.api.public import FinishedRun as Run
from scripts.api.public import Problem, load, replay

__all__ = ["Problem", "Run", "load", "replay"]

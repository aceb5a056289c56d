"""Journal hashes that every supported Python and platform must arrive at.

``python -m tests.golden.pins`` writes them anew, after a change that is meant to alter what replays
record. The bars themselves are pinned too: when theirs differ, the engine is not to blame.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from adapters.bars import sample
from adapters.journal import StoredJournal
from tests import synthetic
from tests.golden.replays import Case, replayed

FILE = Path(__file__).with_name("pinned.json")

_FEEDS = {"M15": (synthetic.M15, 70), "M1": (synthetic.MINUTE, 7)}
_LIMITS: dict[str, dict[str, float | int]] = {
    "M15": {"daily_loss_fraction": 0.004, "max_loss_fraction": 0.05, "max_positions": 3},
    "M1": {},
}

Pins = dict[str, dict[str, str]]


def measured() -> Pins:
    """What `pinned.json` must hold: hashes of the synthetic bars and of the replays' journals."""
    bars: dict[str, str] = {}
    journals: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        journals["sample"] = sealed_hash(Case(files={sample.SYMBOL: sample.SAMPLE}), folder / "0")
        for name, (period, days) in _FEEDS.items():
            feed = synthetic.feed(1, days=days, period=period)
            bars[name] = synthetic.fingerprint(feed)
            # As text, whose bytes are ours: the journal holds the hash of the file.
            files = {
                symbol: synthetic.write_text(one, folder / f"{symbol}_{name}.txt")
                for symbol, one in feed.items()
            }
            case = Case(files=files, limits=_LIMITS[name])
            journals[name] = sealed_hash(case, folder / name)
    return {"bars": bars, "journals": journals}


def sealed_hash(case: Case, results: Path) -> str:
    """The hash that the replay's session sealed its journal with."""
    stored = StoredJournal(replayed(case.terms(), results).journal)
    sealed = stored.sealed_hash()
    stored.close()
    assert sealed is not None
    return sealed


def main() -> None:
    FILE.write_text(json.dumps(measured(), indent=2) + "\n", encoding="utf-8", newline="\n")
    print(FILE)


if __name__ == "__main__":
    main()

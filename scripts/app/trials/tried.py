"""How many parameter sets were ever tried of a strategy on the same bars."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from scripts.app.errors import BadData, WrongUsage


def tried_of(
    results: Path, strategy: str, code: bytes | None, hashes: Mapping[str, str]
) -> TrialLedger:
    """The count for this strategy, whose code is its own (None: the program's), on these bars."""
    own = hashlib.sha256(code or b"").hexdigest()
    parts = [strategy, own, *(f"{name}={hashes[name]}" for name in sorted(hashes))]
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return TrialLedger(results, name)


class TrialLedger:
    """How many parameter sets were ever tried of one preset on the same bars.

    The best of many looks better than it is: every sweep counts, and one that was resumed once.
    """

    def __init__(self, results: Path, name: str) -> None:
        self._file = results / "sweeps" / "tried" / f"{name}.txt"

    def keys(self) -> set[str]:
        """The keys of all that were tried. Raises BadData."""
        try:
            return set(self._file.read_text(encoding="ascii").split())
        except FileNotFoundError:
            return set()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text of this program's"
            raise BadData(f"{self._file}: cannot be read ({why}); move it away") from error

    def add(self, keys: Iterable[str]) -> int:
        """Count these too; how many there are then.

        Raises BadData where they cannot be read, WrongUsage where nothing can be kept.
        """
        known = self.keys()
        new = [key for key in dict.fromkeys(keys) if key not in known]
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="ascii", newline="\n") as stream:
                stream.writelines(f"{key}\n" for key in new)
        except OSError as error:
            raise WrongUsage(f"{self._file}: cannot be written ({error.strerror})") from error
        return len(known) + len(new)

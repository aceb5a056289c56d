"""A rotating file over any lines, sizes and restarts."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from adapters.system.rotation import RotatingText

lines = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=40)


@given(
    runs=st.lists(st.lists(lines, max_size=12), max_size=4),
    largest=st.integers(1, 120),
    keep=st.integers(0, 3),
)
def test_what_is_kept_is_the_end_of_what_was_written_in_parts_of_bounded_size(
    runs: list[list[str]], largest: int, keep: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        for run in runs:
            file = RotatingText(path, largest=largest, keep=keep)
            for line in run:
                file.write(line + "\n")
            file.close()
        parts = [path.with_name(f"log.{number}") for number in range(keep, 0, -1)] + [path]
        found = [part.read_bytes() for part in parts if part.exists()]
        assert len(list(Path(folder).iterdir())) == len(found) <= keep + 1
    written = "".join(line + "\n" for run in runs for line in run).encode()
    assert written.endswith(b"".join(found))
    for part in found:
        assert len(part) <= largest or part.count(b"\n") == 1
    if len(written) <= largest:
        assert b"".join(found) == written

"""Signs of a session's life are read without being held up by what stands in their place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.services.control_client import NotRunning, live_access
from adapters.services.control_wire import FILE_NAME
from adapters.services.heartbeat import read_beat
from adapters.system.small_files import LARGEST, small_file
from scripts.app.session_folder import HEARTBEAT
from scripts.app.web.health import signs_of


def _gigabytes(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 34)


PLACES: dict[str, Callable[[Path], object]] = {
    "gigabytes": _gigabytes,
    "a folder": Path.mkdir,
    "a link to itself": lambda path: path.symlink_to(path),
    "no UTF-8": lambda path: path.write_bytes(b'{"session":"f\xfcr"}'),
}
if sys.platform != "win32":
    PLACES["a pipe"] = os.mkfifo


@pytest.mark.parametrize("what", PLACES)
def test_whatever_stands_in_its_place_is_no_sign_of_life(tmp_path: Path, what: str) -> None:
    """And whoever asks is not held up: the page looks at it ten times a second."""
    PLACES[what](tmp_path / HEARTBEAT)
    PLACES[what](tmp_path / FILE_NAME)
    assert read_beat(tmp_path / HEARTBEAT) is None
    assert signs_of(tmp_path).process is None
    with pytest.raises(NotRunning, match=FILE_NAME):
        live_access(tmp_path)


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "note"
    path.write_bytes(b"x" * LARGEST)
    assert len(small_file(path)) == LARGEST

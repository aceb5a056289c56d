"""Result files appear whole or not at all, and a lock costs a detour, never content."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.system import atomic_files
from adapters.system.atomic_files import publish_file, replace_file

Replace = Callable[[Path, Path], Path]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The fixed name of a result file, with an older run's content."""
    path = tmp_path / "execution_sim_log.csv"
    path.write_bytes(b"old")
    return path


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch, target: Path) -> list[int]:
    """Locks `target` as a spreadsheet on Windows does; its number says for how many more writes."""
    monkeypatch.setattr(atomic_files, "_PAUSE_SECONDS", 0)
    left = [0]
    really: Replace = Path.replace

    def replace(self: Path, other: Path) -> Path:
        if other == target and left[0] > 0:
            left[0] -= 1
            raise PermissionError(errno.EACCES, "Permission denied", str(other))
        return really(self, other)

    monkeypatch.setattr(Path, "replace", replace)
    return left


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


class TestReplacing:
    def test_the_file_has_the_new_content_and_nothing_else_is_left(self, target: Path) -> None:
        replace_file(target, b"new")
        assert target.read_bytes() == b"new"
        assert names(target.parent) == [target.name]

    def test_a_file_that_did_not_exist_is_made(self, tmp_path: Path) -> None:
        replace_file(tmp_path / "new.json", b"{}")
        assert (tmp_path / "new.json").read_bytes() == b"{}"

    def test_a_failure_leaves_the_old_file_and_no_draft(
        self, target: Path, lock: list[int]
    ) -> None:
        lock[0] = 1
        with pytest.raises(PermissionError):
            replace_file(target, b"new")
        assert target.read_bytes() == b"old"
        assert names(target.parent) == [target.name]

    def test_a_folder_that_does_not_exist_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            replace_file(tmp_path / "missing" / "log.csv", b"new")

    def test_a_reader_never_sees_half_a_file(
        self, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The content is complete and on disk before the name points to it."""
        seen: list[bytes] = []
        really: Replace = Path.replace

        def replace(self: Path, other: Path) -> Path:
            seen.extend((self.read_bytes(), other.read_bytes()))
            return really(self, other)

        monkeypatch.setattr(Path, "replace", replace)
        replace_file(target, b"new" * 100_000)
        assert seen == [b"new" * 100_000, b"old"]


@pytest.mark.asyncio
class TestPublishing:
    async def test_the_fixed_name_is_written_and_nobody_is_warned(self, target: Path) -> None:
        warnings: list[str] = []
        written = await publish_file(target, b"new", tag="2025-a", warn=warnings.append)
        assert (written, warnings) == (target, [])
        assert names(target.parent) == [target.name]

    @pytest.mark.parametrize("locked_for", [1, 3])
    async def test_a_lock_that_goes_away_is_waited_for(
        self, target: Path, lock: list[int], locked_for: int
    ) -> None:
        lock[0] = locked_for
        warnings: list[str] = []
        written = await publish_file(target, b"new", tag="2025-a", warn=warnings.append)
        assert (written, warnings, lock) == (target, [], [0])

    async def test_behind_a_lock_that_stays_the_content_goes_to_a_sibling_and_a_warning_says_so(
        self, target: Path, lock: list[int]
    ) -> None:
        lock[0] = 1_000
        warnings: list[str] = []
        written = await publish_file(target, b"new", tag="2025-a", warn=warnings.append)
        assert written == target.with_name("execution_sim_log.2025-a.csv")
        assert warnings == [
            f"{target} is locked by another program: this run's content is in {written.name}"
        ]
        assert contents(target.parent) == {target.name: b"old", written.name: b"new"}

    async def test_other_errors_are_not_retried(self, tmp_path: Path) -> None:
        warnings: list[str] = []
        with pytest.raises(FileNotFoundError):
            await publish_file(
                tmp_path / "missing" / "log.csv", b"new", tag="a", warn=warnings.append
            )
        assert warnings == []


def contents(folder: Path) -> dict[str, bytes]:
    return {item.name: item.read_bytes() for item in folder.iterdir()}

"""Where a session's files are, and how commands name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.app.session_folder import SIMULATED, SessionFolder, names_session, results_folder


def test_a_session_in_the_usual_folder_of_results_is_named_by_its_id() -> None:
    assert SessionFolder(results_folder(None), "2025-a", SIMULATED).named == "2025-a"


def test_a_session_elsewhere_is_named_by_its_path(tmp_path: Path) -> None:
    """In quotation marks where the path has a space, which a shell would part it at."""
    plain, spaced = tmp_path / "mine", tmp_path / "my results"
    named = SessionFolder(plain, "2025-a", SIMULATED).named
    assert named == str(plain / "sessions" / "2025-a")
    named = SessionFolder(spaced, "2025-a", SIMULATED).named
    assert named == f'"{spaced / "sessions" / "2025-a"}"'


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("20250107T120000Z-ab12cd", True), ("a", True), ("a" * 64, True),
        ("", False), ("a" * 65, False), ("../../x", False), ("a/b", False), (".hidden", False),
        ("nul", False), ("com1.csv", False), ("a\n", False),
    ],
)  # fmt: skip
def test_a_name_is_a_folder_of_any_system_and_no_way_out_of_it(name: str, right: bool) -> None:
    assert names_session(name) is right

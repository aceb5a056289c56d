"""The event log and the summary can be had again from the journal alone, byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from scripts.app.errors import AppError
from scripts.app.session_folder import SessionFolder
from scripts.cli.journal import export
from scripts.cli.shared.exit_codes import ExitCode, exit_code
from tests import synthetic
from tests.golden.replays import Case, replayed

LIMITS: dict[str, dict[str, float | int]] = {
    "defaults": {},
    "daily halts": {"daily_loss_fraction": 0.004},
    "halted for good": {"max_loss_fraction": 0.01, "max_positions": 3},
}


@pytest.fixture(scope="module", params=LIMITS)
def session(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SessionFolder:
    """A finished session over four weeks of three symbols."""
    folder = tmp_path_factory.mktemp("export")
    files = {
        name: synthetic.write_parquet(bars, folder / f"{name}.parquet")
        for name, bars in synthetic.feed(3, days=28).items()
    }
    case = Case(files=files, limits=LIMITS[request.param])
    return replayed(case.terms(), folder / "results")


def contents(folder: Path) -> dict[str, str]:
    """A hash for every file below `folder`."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_an_export_equals_the_files_that_the_run_wrote(
    session: SessionFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Session id, times and versions included, and nothing of the session is touched."""
    before = contents(session.results)
    assert export(session.session_id, results_dir=session.results, out=tmp_path / "again") == 0
    assert contents(session.results) == before
    names = [session.event_log.name, session.summary.name]
    assert contents(tmp_path / "again").keys() == set(names)
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (session.path / name).read_bytes()
    printed = [str(tmp_path / "again" / name) for name in names]
    assert capsys.readouterr().out.splitlines() == printed


def test_the_latest_run_is_shown_with_the_same_content(session: SessionFolder) -> None:
    """The fixed names hold what the session's own folder holds."""
    assert session.latest_event_log.read_bytes() == session.event_log.read_bytes()
    assert session.latest_summary.read_bytes() == session.summary.read_bytes()


def test_an_export_without_a_folder_goes_into_the_session_s(session: SessionFolder) -> None:
    """The session may be given by its path; a second export gives the same again."""
    for _ in range(2):
        assert export(str(session.path), results_dir=None, out=None) == 0
        exported = session.path / "export" / session.event_log.name
        assert exported.read_bytes() == session.event_log.read_bytes()


def test_a_damaged_journal_is_not_exported(session: SessionFolder, tmp_path: Path) -> None:
    """A journal cut short gives an error with its path and leaves no files behind."""
    damaged = tmp_path / "sessions" / "damaged"
    damaged.mkdir(parents=True)
    whole = session.journal.read_bytes()
    (damaged / "journal.sqlite").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AppError, match=r"damaged.journal\.sqlite") as caught:
        export("damaged", results_dir=tmp_path, out=tmp_path / "out")
    assert exit_code(caught.value) is ExitCode.DATA
    assert not (tmp_path / "out").exists()

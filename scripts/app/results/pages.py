"""The page of a run as a file: made, written, and beside it the chart library where that is
shared."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.app.errors import WrongUsage

if TYPE_CHECKING:
    from adapters.reports.page.other_run import OtherRun
    from engine.result import RunResult
    from engine.result.hindsight import Hindsight
    from scripts.app.session_folder import SessionFolder


@dataclass(frozen=True)
class PageFile:
    """Where a page goes; with `shared` the library is one file for all pages of a folder."""

    path: Path
    shared: bool = False
    library_folder: Path | None = None

    def write(
        self, result: RunResult, hindsight: Hindsight | None, beside: OtherRun | None = None
    ) -> int:
        """Write the page of a run; returns its size in bytes. Raises WrongUsage."""
        content = self.made(result, hindsight, beside)
        _write(self.path, content)
        return len(content)

    def made(
        self, result: RunResult, hindsight: Hindsight | None, beside: OtherRun | None = None
    ) -> bytes:
        """The page; a shared library is written where it is looked for. Raises WrongUsage."""
        from adapters.reports.page.document import PageOptions, page_of
        from adapters.reports.page.plotly_js import PlotlyMissing

        options = PageOptions(beside=beside)
        try:
            if self.shared:
                options = replace(options, shared_script=self._library())
            return page_of(result, hindsight, options)
        except PlotlyMissing as error:
            raise WrongUsage(str(error)) from error

    def _library(self) -> str:
        """The library's address for the page, once its file is there."""
        from adapters.reports.page.plotly_js import shared_script

        folder = self.library_folder or self.path.parent
        name, script = shared_script()
        file = folder / name
        if not file.is_file() or file.stat().st_size != len(script):
            _write(file, script)
        return Path(os.path.relpath(file, self.path.parent)).as_posix()


def write_latest(
    result: RunResult, hindsight: Hindsight | None, folder: SessionFolder
) -> tuple[Path, int]:
    """The page of a session that is over, in its folder and under the fixed name.

    Returns the fixed name and the page's size in bytes. Raises WrongUsage.
    """
    page = PageFile(folder.report)
    content = page.made(result, hindsight)
    for path in (folder.report, folder.latest_report):
        _write(path, content)
    return folder.latest_report, len(content)


def _write(path: Path, content: bytes) -> None:
    from adapters.system.atomic_files import replace_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise WrongUsage(
            f"{path}: cannot be written ({error.strerror}); choose another file with --out"
        ) from error

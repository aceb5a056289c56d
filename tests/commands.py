"""The command line, run in this process: the same program without the cost of starting one."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest.mock import patch

from scripts.cli import main as program


@dataclass(frozen=True)
class Said:
    """What a command left: its exit code and the lines on its two streams."""

    code: int
    out: list[str]
    err: list[str]

    @property
    def line(self) -> str:
        """The one line of complaint, without the program's name."""
        assert len(self.err) == 1, f"{len(self.err)} lines on stderr: {self.err}"
        assert self.err[0].startswith("butler: ")
        return self.err[0].removeprefix("butler: ")


def butler(*arguments: object) -> Said:
    """Run `butler ARGUMENTS` to its end."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["butler", *map(str, arguments)]
    with patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        code = _exit_code()
    return Said(code, out.getvalue().splitlines(), err.getvalue().splitlines())


def _exit_code() -> int:
    try:
        program.main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    raise AssertionError("the program leaves by its exit code")

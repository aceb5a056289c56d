"""The supervisors that the manual shows start a session again after what may pass alone."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from scripts.cli.shared.exit_codes import ExitCode

PAGE = (Path(__file__).parents[2] / "docs" / "running-for-weeks.md").read_text(encoding="utf-8")

LEFT_ALONE = {ExitCode.DONE, ExitCode.USAGE, ExitCode.DATA, ExitCode.INTERRUPTED}
"""What a person ended, or must look at first."""


def block(language: str, containing: str) -> str:
    """The page's block in that language with these words."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (found,) = [text for text in blocks if containing in text]
    return str(found)


def by_systemd(code: int) -> bool:
    """Whether the page's unit is started again after this exit code, as systemd.service(5) has it:
    `on-failure` after each that is not clean, but for those that prevent it."""
    keys = dict(re.findall(r"^(\w+)=(.*)$", block("ini", "butler shadow"), re.MULTILINE))
    assert keys["Restart"] == "on-failure"
    clean = {0, *map(int, keys["SuccessExitStatus"].split())}
    return code not in clean | set(map(int, keys["RestartPreventExitStatus"].split()))


def by_the_batch_file(code: int) -> bool:
    """The same of the page's loop for Windows: each line is tried in its order."""
    for line in block("bat", ":again").splitlines():
        ends = re.fullmatch(r"if %code%==(\d+) exit /b %code%", line)
        if ends and int(ends[1]) == code:
            return False
        if line == "goto again":
            return True
    raise AssertionError("the loop does not go on")


@pytest.mark.parametrize("code", ExitCode)
def test_both_supervisors_do_what_the_page_says(code: ExitCode) -> None:
    """No code of the program is left out; a session killed by a signal is started again by both."""
    again = code not in LEFT_ALONE
    assert (by_systemd(code), by_the_batch_file(code)) == (again, again)
    told = re.search(r"\(exit codes ([\d, and]+), a crash\).*\(([\d, and]+)\)", PAGE, re.DOTALL)
    assert told is not None
    restarted, left = (set(map(int, re.findall(r"\d+", codes))) for codes in told.groups())
    assert left == {int(item) for item in LEFT_ALONE}
    assert (code in restarted) == (again and code is not ExitCode.DIFFERENT)


def test_the_unit_starts_the_session_in_order_and_ends_it_so() -> None:
    """What it starts is a command of the program; it is ended as by Ctrl+C, its host with it."""
    unit = block("ini", "butler shadow")
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    program, *words = shlex.split(command)
    assert program.endswith("/butler")
    assert words == ["shadow", "--account-profile", "NAME"]
    assert {"KillSignal=SIGINT", "KillMode=mixed"} <= set(unit.splitlines())

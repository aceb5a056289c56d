"""Lines written while the live view is drawn: above it, without ghosts, and holding up nobody."""

from __future__ import annotations

import io
import re
import sys
import threading

import anyio
import msgspec
import pytest
from rich.console import Console, ConsoleDimensions

from scripts.view.live_lines import LinesAbove, lines_above
from scripts.view.live_view import LiveView
from tests.statuses import STATUS

SECONDS = 60.0
_TOKEN = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\x1b.|(.)", re.DOTALL)


class Terminal(io.StringIO):
    """What a terminal shows of what is written to it: rows that scrolled away, and the screen."""

    def __init__(self, width: int = 100, height: int = 40) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.past: list[str] = []
        self.rows = [""] * height
        self.row = self.column = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        for found in _TOKEN.finditer(text):
            if found[3] is not None:
                self._character(found[3])
            elif found[2] is not None:
                self._order(found[1], found[2])
        return len(text)

    def _character(self, letter: str) -> None:
        if letter == "\r":
            self.column = 0
            return
        if letter == "\n" or self.column == self.width:
            self.column = 0
            self.row += 1
            if self.row == self.height:
                self.past.append(self.rows.pop(0))
                self.rows.append("")
                self.row -= 1
        if letter != "\n":
            line = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = line[: self.column] + letter + line[self.column + 1 :]
            self.column += 1

    def _order(self, number: str, kind: str) -> None:
        match kind:
            case "A":
                self.row = max(0, self.row - int(number or 1))
            case "K":
                self.rows[self.row] = ""
            case "H":
                self.row = self.column = 0
            case "J":
                self.rows = [""] * self.height

    def shown(self) -> list[str]:
        """Every line that stands anywhere, without the empty ones."""
        return [line.rstrip() for line in (*self.past, *self.rows) if line.strip()]


def _printed(line: str) -> None:
    print(line, file=sys.stderr)


@pytest.mark.asyncio
async def test_a_line_and_another_size_leave_no_ghost(monkeypatch: pytest.MonkeyPatch) -> None:
    """After log lines and a narrower window each line stands once, and the view stands once."""
    terminal, long = Terminal(), "longer than the screen is wide " * 4
    monkeypatch.setattr(sys, "stderr", terminal)
    console = Console(stderr=True, force_terminal=True, width=100, height=40, legacy_windows=False)
    shorter = msgspec.structs.replace(STATUS, positions=(), last_events=())
    current = STATUS

    async def until_shown(text: str) -> list[str]:
        with anyio.fail_after(SECONDS):
            while not any(text in line for line in terminal.shown()):  # noqa: ASYNC110 - a screen
                await anyio.sleep(0.001)
        return terminal.shown()

    async with anyio.create_task_group() as tasks:
        screen = LiveView(lambda: current, console, every=0.001)
        tasks.start_soon(screen.run)
        await until_shown("trading active")
        for line in ("first line", long, "[/b] is no markup"):
            _printed(line)
            await until_shown(line[:30])
        current = shorter
        _printed("a line while the view grows shorter")
        await until_shown("grows shorter")
        console.size = ConsoleDimensions(70, 40)
        current = msgspec.structs.replace(STATUS, mode="narrower")
        await until_shown("s-1: narrower")
        _printed("last line")
        await until_shown("last line")
        current = msgspec.structs.replace(current, mode="whole again")
        shown = await until_shown("s-1: whole again")
        tasks.cancel_scope.cancel()
    for part in ("trading active", "balance 100,000.00", "OPEN EURUSD long", "last line"):
        assert sum(part in line for line in shown) == 1, shown
    assert shown[0] == "last line"
    assert terminal.shown() == ["last line"]


def test_a_terminal_that_takes_nothing_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Printing goes on while the console hangs; then every line is shown, once, in order."""
    free = threading.Event()

    class Hung(Terminal):
        def write(self, text: str, /) -> int:
            assert free.wait(SECONDS)
            return super().write(text)

    terminal = Hung()
    monkeypatch.setattr(sys, "stderr", terminal)
    with lines_above(Console(stderr=True, force_terminal=True, width=80)) as lines:
        for number in range(50):
            print("line", number, file=sys.stderr)
        free.set()
        lines.finish(lambda: None)
    assert terminal.shown() == [f"line {number}" for number in range(50)]
    print("afterwards", file=sys.stderr)
    assert terminal.shown()[-1] == "afterwards"


def test_of_too_many_lines_the_newest_are_kept_and_the_others_are_said() -> None:
    free, terminal = threading.Event(), Terminal(height=3_000)
    lines = LinesAbove(Console(file=terminal, force_terminal=True, width=80))

    def wait() -> None:
        assert free.wait(SECONDS)

    lines._outbox.put(wait)
    for number in range(2_500):
        lines.put(str(number))
    free.set()
    lines.finish(lambda: None)
    shown = terminal.shown()
    assert shown[0] == "(500 lines left out: the terminal was too slow for them)"
    assert shown[1:] == [str(number) for number in range(500, 2_500)]


def test_output_into_a_file_goes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strategy's print is in the file that standard output leads to, not on the terminal."""
    file, terminal = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stdout", file)
    monkeypatch.setattr(sys, "stderr", terminal)
    with lines_above(Console(stderr=True, force_terminal=True, width=80)) as lines:
        print("into the file")
        print("begun", end="", file=sys.stderr)
        lines.finish(lambda: None)
    assert file.getvalue() == "into the file\n"

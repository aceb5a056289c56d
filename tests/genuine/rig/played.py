"""The played terminal from the test's side: started, told what to do, killed, and its log read."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.genuine.rig.prefix import ATTEMPTS, START_SECONDS, Prefix, windows

Row = dict[str, Any]

LOGIN, SERVER = 1234567, "Rig-Demo"
"""The account that a new terminal shows."""


class TerminalFailed(Exception):
    """The played terminal itself is broken, which is no finding about the product."""


class PlayedTerminal:
    """One terminal in a folder of its own; several may run beside each other."""

    def __init__(self, prefix: Prefix, folder: Path) -> None:
        self._prefix = prefix
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._said: list[str] = []
        self._told: Row = {}
        self._serial = 0
        self._hands = 0
        self._began = self._recorded_before = 0
        self.recorded = folder / "package.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(prefix.work / "terminal" / "terminal64.exe", folder)

    @property
    def program(self) -> str:
        """The path that is given to `initialize`."""
        return windows(self.folder / "terminal64.exe")

    # --- life

    def start(self) -> None:
        """Start it and wait until it can be reached; it goes on with the account it had.

        One that does not come up is ended and tried again. Raises TerminalFailed with what it said.
        """
        for _ in range(ATTEMPTS):
            self._launch()
            if came(lambda: "ready" in self._said or not self._alive(), START_SECONDS):
                if self._alive():
                    return
                self._reader.join()
            said = "\n".join(self._said[-30:])
            self.kill()
        raise TerminalFailed(
            f"it was not ready within {START_SECONDS:g} s, {ATTEMPTS} times; it said: "
            f"{said or 'nothing'}"
        )

    def _launch(self) -> None:
        arguments = ("-m", "tests.genuine.rig.terminal", windows(self.folder))
        self._process = self._prefix.start(*arguments)
        self._reader = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._reader.start()

    def recover(self) -> None:
        """Start it again where an earlier test left it broken."""
        try:
            self.check()
        except TerminalFailed:
            self.kill()
            self.start()

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._said.append(line.decode(errors="replace").rstrip())

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._said = []

    def check(self) -> None:
        """Raises TerminalFailed when it has failed by itself."""
        if any("Traceback" in line for line in self._said) or not self._alive():
            raise TerminalFailed("\n".join(self._said[-30:]))

    # --- control

    def tell(self, **wishes: Any) -> None:
        """Lay these wishes over the earlier ones; None takes one back. Faults begin anew."""
        self._told.update(wishes)
        self._told = {name: wish for name, wish in self._told.items() if wish is not None}
        self._serial += 1
        draft = self.folder / "control.tmp"
        draft.write_text(json.dumps({**self._told, "serial": self._serial}), encoding="utf-8")
        draft.replace(self.folder / "control.json")

    def reset(self) -> None:
        """A new account at usual prices and no faults; the log is read from here on."""
        self._told = {"reset": self._serial + 1}
        self._began = self.mark()
        self._recorded_before = _length(self.recorded)
        self.tell()

    def fault(self, call: str, do: str, value: Any = None, **more: Any) -> None:
        """One fault, in place of all earlier ones; see `rig.terminal.control.Faults`."""
        self.tell(faults=[{"call": call, "do": do, "value": value, **more}])

    def faults(self, *several: Row) -> None:
        """Several faults, in place of all earlier ones."""
        self.tell(faults=list(several))

    def hand(self, do: str, **terms: Any) -> None:
        """Somebody does something at the terminal, before the next call is answered."""
        self._hands += 1
        hands = [*self._told.get("hands", []), {"id": self._hands, "do": do, **terms}]
        self.tell(hands=hands)

    # --- log

    def mark(self) -> int:
        """The length of the log now: where later reading begins."""
        return _length(self.folder / "calls.jsonl")

    def calls(self, *names: str, since: int | None = None) -> list[Row]:
        """The calls that arrived, oldest first; only those of some names.

        They are read from the last `reset` on, or from a mark.
        """
        rows = _rows(self.folder / "calls.jsonl", self._began if since is None else since)
        return [row for row in rows if not names or row["call"] in names]

    def package_calls(self) -> list[Row]:
        """Calls into the package that a recording host made since the last `reset`.

        Each has function, arguments and keywords, and its result and error, or what it raised.
        """
        return _rows(self.recorded, self._recorded_before)

    def sends(self, since: int | None = None) -> list[Row]:
        """Every `order_send` that arrived, whatever became of it."""
        return self.calls("order_send", since=since)

    def book(self) -> Row:
        """The account as the terminal keeps it."""
        kept: Row = json.loads((self.folder / "account.json").read_text(encoding="utf-8"))
        return kept


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _rows(path: Path, since: int) -> list[Row]:
    """The whole lines of a log after its first `since` bytes."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(since)
        return [json.loads(line) for line in file.read().split(b"\n")[:-1]]


PATIENCE: Final = 4.0
"""So many times as long as a machine of its own would need: it may have much else to do."""


def wait_for(what: Callable[[], Any], seconds: float, label: str) -> Any:
    """The first true answer of `what`; raises TimeoutError naming `label`.

    `seconds` are those of an idle machine.
    """
    if found := came(what, PATIENCE * seconds):
        return found
    raise TimeoutError(f"{label}: not within {PATIENCE * seconds:g} s")


def came(what: Callable[[], Any], seconds: float) -> Any:
    """The first true answer of `what` within that time, else its last one."""
    deadline = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found

"""A disk that loses power: what is left of a process's writes when nothing but synchronised bytes,
or only some of the others, had reached it.

The system calls of a real process are observed (strace), not assumed. From them the content of the
disk is made up as it may be at any moment: a write counts as safe once its file was synchronised
after it, a new or removed name once its folder was. What a disk does that confirms a
synchronisation and loses it all the same, no program can see or help.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.process.cli import ROOT, SECONDS, environment

CALLS = "openat,open,creat,pwrite64,write,pwritev,writev,fdatasync,fsync,ftruncate,unlink,rename"
_LONGEST = 1_000_000

_CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)", re.DOTALL)
_UNFINISHED = re.compile(r"^(\d+ +)(\w+\(.*) <unfinished \.\.\.>$", re.DOTALL)
_RESUMED = re.compile(r"^(\d+ +)<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
_OPENED = re.compile(r'"([^"]+)", [\w|]*O_CREAT')
_ON_FILE = re.compile(r"^\d+<([^>]*)>(?:, )?(.*)$", re.DOTALL)
_WRITTEN = re.compile(r'^(".*"), \d+(?:, (\d+))?$', re.DOTALL)


@dataclass(frozen=True)
class Call:
    """One system call: its name, the file it is about, and what it did there."""

    name: str
    path: str
    data: bytes = b""
    offset: int = 0


@dataclass
class _File:
    synced: bytearray = field(default_factory=bytearray)
    waiting: list[Call] = field(default_factory=list)
    name_synced: bool = False
    removed: bool = False


class Disk:
    """The files of one folder as the calls left them, in the cache and on the disk."""

    def __init__(self, folder: Path, before: dict[str, bytes]) -> None:
        """`before` is what the disk held, safely, when the first call was made."""
        self._folder = str(folder)
        self._files = {
            f"{folder}/{name}": _File(bytearray(content), name_synced=True)
            for name, content in before.items()
        }
        self._gone: dict[str, _File] = {}

    def apply(self, call: Call) -> None:
        """Take the next call into account; raises ValueError for one that the model cannot know."""
        if call.path == self._folder:
            if call.name in ("fsync", "fdatasync"):
                self._sync_names()
            return
        if not call.path.startswith(f"{self._folder}/") or call.path.endswith(("-shm", "-lock")):
            return
        if call.name == "create":
            self._files.setdefault(call.path, _File())
        elif call.name == "unlink":
            self._gone[call.path] = self._files.pop(call.path)
        elif call.name in ("fsync", "fdatasync"):
            file = self._files[call.path]
            _apply(file.synced, file.waiting)
            file.waiting = []
        elif call.name in ("pwrite64", "ftruncate"):
            self._files[call.path].waiting.append(call)
        else:
            raise ValueError(f"{call.name} on {call.path}: the model knows no such write")

    def _sync_names(self) -> None:
        self._gone = {}
        for file in self._files.values():
            file.name_synced = True

    def after_power_cut(self, chance: Random | None) -> dict[str, bytes]:
        """Content by file name: what was synchronised, and with `chance` some of what was not.

        Of the writes under way each may have arrived, been lost, been torn in the middle or left
        zeros; each name that was made or removed may or may not have been.
        """
        found: dict[str, bytes] = {}
        for path, file in self._gone.items():
            if file.name_synced and (chance is None or chance.random() < 0.5):
                found[Path(path).name] = _survived(file, chance)
        for path, file in self._files.items():
            if file.name_synced or (chance is not None and chance.random() < 0.5):
                found[Path(path).name] = _survived(file, chance)
        return found

    def after_kill(self) -> dict[str, bytes]:
        """Content by file name when only the process ends: everything that was written."""
        found = {}
        for path, file in self._files.items():
            content = bytearray(file.synced)
            _apply(content, file.waiting)
            found[Path(path).name] = bytes(content)
        return found


def _survived(file: _File, chance: Random | None) -> bytes:
    content = bytearray(file.synced)
    if chance is not None:
        for call in file.waiting:
            _apply(content, [_spoilt(call, chance)])
    return bytes(content)


def _spoilt(call: Call, chance: Random) -> Call:
    half = len(call.data) // 2
    delivery = chance.choice(["arrived", "lost", "torn", "zeros"])
    if call.name == "ftruncate":
        return call if delivery == "arrived" else Call("pwrite64", call.path)
    data = {
        "arrived": call.data, "lost": b"", "torn": call.data[:half], "zeros": bytes(len(call.data))
    }[delivery]  # fmt: skip
    return Call(call.name, call.path, data, call.offset)


def _apply(content: bytearray, calls: list[Call]) -> None:
    for call in calls:
        if call.name == "ftruncate":
            del content[call.offset :]
            content.extend(bytes(call.offset - len(content)))
        elif call.data:
            content.extend(bytes(max(0, call.offset - len(content))))
            content[call.offset : call.offset + len(call.data)] = call.data


def observed(trace: Path, module: str, *arguments: object) -> list[Call]:
    """The calls of `python -m MODULE ARGUMENTS`, in order, once it has ended well.

    What it writes on standard output is a call `write` on the path "stdout".
    """
    done = subprocess.run(
        ["strace", "-f", "-y", "-x", "-s", str(_LONGEST), "-e", f"trace={CALLS}", "-o", trace,
         sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = trace.read_text(encoding="ascii", errors="replace")
    return [call for line in _whole(text.splitlines()) if (call := _call(line)) is not None]


def why_not_observed(tmp_path: Path) -> str | None:
    """Why the calls of a process cannot be observed here, or None when they can."""
    if shutil.which("strace") is None:
        return "strace, which shows what a process synchronises, is not installed (Linux only)"
    done = subprocess.run(
        ["strace", "-f", "-y", "-o", tmp_path / "try", sys.executable, "-c", ""],
        capture_output=True, encoding="utf-8", timeout=SECONDS, check=False,
    )  # fmt: skip
    return f"strace may not be used here: {done.stderr.strip()}" if done.returncode else None


def _whole(lines: list[str]) -> Iterator[str]:
    """Lines with calls that another thread's interrupted put together, where they ended."""
    begun: dict[str, str] = {}
    for line in lines:
        if found := _UNFINISHED.match(line):
            begun[found[1].strip() + found[2].partition("(")[0]] = found[1] + found[2]
        elif found := _RESUMED.match(line):
            yield begun.pop(found[1].strip() + found[2]) + found[3].replace(")", " )", 1).lstrip()
        else:
            yield line


def _call(line: str) -> Call | None:
    """What a line of the trace says; None when it failed or is of no interest."""
    found = _CALL.match(line)
    if found is None or int(found[3]) < 0:
        return None
    name, arguments = found[1], found[2].strip()
    if name in ("openat", "open", "creat"):
        opened = _OPENED.search(arguments)
        return None if opened is None else Call("create", opened[1])
    if name == "unlink":
        return Call("unlink", ast.literal_eval(arguments))
    if name == "rename":
        return Call("rename", ast.literal_eval(arguments.partition(", ")[0]))
    return _on_file(name, arguments)


def _on_file(name: str, arguments: str) -> Call | None:
    found = _ON_FILE.match(arguments)
    if found is None:
        return None
    path = "stdout" if arguments.startswith("1<") else found[1]
    if name == "ftruncate":
        return Call(name, path, offset=int(found[2]))
    written = _WRITTEN.match(found[2])
    if written is None:
        return Call(name, path)
    return Call(name, path, ast.literal_eval(f"b{written[1]}"), int(written[2] or 0))

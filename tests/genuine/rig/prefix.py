"""The Windows Python under Wine that can import the genuine MetaTrader5 package.

It is built once, by `build.sh`, into the folder that BUTLER_GENUINE_RIG names, or into the user's
cache, and used from there. Building needs Debian or Ubuntu, root where packages are missing, a
standard library of CPython 3.12 on the machine, and 1.2 GB.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[2]
FOLDER_VARIABLE: Final = "BUTLER_GENUINE_RIG"

_SOURCES: Final = ("build.sh", "winpy", "python_stub.c", "dummy_terminal64.c", "bcryptprimitives.c")
_INDIRECT: Final = (
    "annotated-doc", "annotated-types", "click", "colorama", "markdown-it-py", "mdurl", "pydantic",
    "pydantic-core", "pygments", "shellingham", "typing-inspection",
)  # fmt: skip
"""What the project's dependencies need on Windows beyond what `build.sh` brings anyway."""

_LEFT_OUT: Final = (
    "numpy", "msgspec", "anyio", "structlog", "pyyaml", "tzdata", "metatrader5", "pyarrow",
)  # fmt: skip
"""Dependencies that `build.sh` brings by itself, and pyarrow, which does not load under Wine 8."""


class RigMissing(Exception):
    """The rig cannot be had on this machine; the text says why."""


def folder() -> Path:
    """Where the rig is, or is going to be."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "execution-butler" / "genuine-rig"


def windows(path: Path) -> str:
    """A path of this machine as programs under Wine see it."""
    return "Z:" + str(path).replace("/", "\\")


def requirements() -> list[str]:
    """The wheels that the project itself needs there, as pyproject.toml pins them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [line.partition(";")[0].strip() for line in project["dependencies"]]
    return [*(r for r in named if r.partition("==")[0].lower() not in _LEFT_OUT), *_indirect()]


def _indirect() -> list[str]:
    """The versions of this environment where it has them: they were resolved together."""
    pinned = []
    for name in _INDIRECT:
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            pinned.append(name)
    return pinned


class Prefix:
    """A rig that is there: runs programs of its Windows Python."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.python = work / "python" / "python.exe"

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """What a program under Wine is started with; `extra` are Windows' own variables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        caches = windows(self.work / "pycache")
        wine = {
            "WINEPREFIX": str(self.work / "prefix"), "WINEARCH": "win64", "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=", "DISPLAY": "", "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1", "PYTHONPYCACHEPREFIX": caches, "PYTHONPATH": windows(ROOT),
        }  # fmt: skip
        return {**kept, **wine, **(extra or {})}

    def start(
        self, *arguments: object, env: Mapping[str, str] | None = None, cwd: Path = ROOT, **how: Any
    ) -> subprocess.Popen[bytes]:
        """Start `python.exe ARGUMENTS`; its streams must be pipes or nothing, no plain files.

        The process is python.exe itself, so that signals meet it and no helper.
        """
        command = ["wine", str(self.python), *map(str, arguments)]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **how}
        streams.setdefault("stderr", subprocess.STDOUT)
        return subprocess.Popen(command, env=self.environment(env), cwd=cwd, **streams)


def ready(work: Path | None = None) -> Prefix:
    """The rig, built first where it is missing or older than its sources. Raises RigMissing."""
    work = work or folder()
    if not sys.platform.startswith("linux"):
        raise RigMissing(f"the rig runs on Linux, not on {sys.platform}")
    work.mkdir(parents=True, exist_ok=True)
    with (work / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other test processes build nothing meanwhile
        wanted, mark = _wanted(), work / "built"
        if not (mark.is_file() and mark.read_text() == wanted and shutil.which("wine")):
            _build(work)
            mark.write_text(wanted)
    return Prefix(work)


def _wanted() -> str:
    digest = hashlib.sha256()
    for name in _SOURCES:
        digest.update((HERE / name).read_bytes())
    digest.update("\n".join(requirements()).encode())
    return digest.hexdigest()


def _build(work: Path) -> None:
    if not shutil.which("wine") and os.geteuid() != 0:
        raise RigMissing("Wine is not installed, and only root may install it (apt-get)")
    print(f"building the rig in {work}; see build.log there", flush=True)
    command: Sequence[str] = [str(HERE / "build.sh"), str(work), *requirements()]
    with (work / "build.log").open("wb") as log:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, check=False
        ).returncode
    if code:
        lines = (work / "build.log").read_text(errors="replace").splitlines()
        raise RigMissing(f"build.sh ended with {code}: {' / '.join(lines[-3:])}")

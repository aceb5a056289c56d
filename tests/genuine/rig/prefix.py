"""The Windows Python under Wine that can import the genuine MetaTrader5 package.

It is built once, by `build.sh`, into the folder that BUTLER_GENUINE_RIG names, or into the user's
cache, and used from there. Building needs Debian or Ubuntu, root where packages are missing, a
standard library of CPython 3.12 on the machine, and 1.2 GB.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import select
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[2]
FOLDER_VARIABLE: Final = "BUTLER_GENUINE_RIG"

ATTEMPTS: Final = 3
START_SECONDS: Final = 75.0
"""How often, and for how long each time, a program under Wine is waited for: a busy machine needs
some ten seconds, and what Wine itself waits for without a word takes five minutes."""

_KEEPER: Final = "import sys; print('up', flush=True); sys.stdin.read()"

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
        # Whoever starts it takes it along: a test run that is killed leaves nothing behind.
        command = ["setpriv", "--pdeathsig", "KILL", "wine", str(self.python)]
        command += map(str, arguments)
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **how}
        streams.setdefault("stderr", subprocess.STDOUT)
        return subprocess.Popen(command, env=self.environment(env), cwd=cwd, **streams)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Holds Wine up, so that each program under it starts at once. Raises RigMissing.

        A start that meets another one which was cut off waits for it inside Wine, for minutes and
        without a word. So Wine is started here alone, by one process after the other, with a
        deadline; where it is missed, everything in the prefix is ended and begun anew.
        """
        with (self.work / "users.lock").open("w") as users:
            keeper = self._kept_up(users)
            try:
                yield
            finally:
                keeper.kill()
                keeper.communicate()

    def _kept_up(self, users: IO[str]) -> subprocess.Popen[bytes]:
        with (self.work / "start.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            for _ in range(ATTEMPTS):
                fcntl.flock(users, fcntl.LOCK_SH)
                keeper = self.start("-c", _KEEPER, stdin=subprocess.PIPE)
                said = _first_line(keeper, START_SECONDS)
                if said.strip() == b"up":
                    return keeper
                keeper.kill()
                said += keeper.communicate()[0]
                self._end_everything(users)
        text = said.decode(errors="replace")[-500:] or "it said nothing"
        raise RigMissing(
            f"Wine started no program within {START_SECONDS:g} s, {ATTEMPTS} times, in "
            f"{self.work}: {text}; remove that folder to have it built again"
        )

    def _end_everything(self, users: IO[str]) -> None:
        """End whatever runs in the prefix, unless another run of the tests uses it."""
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        subprocess.run(
            ["wineserver", "-k"], env=self.environment(), timeout=START_SECONDS, check=False
        )


def _first_line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """What a process says first; nothing when it takes longer."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if readable else b""


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
            with (work / "users.lock").open("w") as users:
                _nobody_else(users, work)
                _build(work)
            mark.write_text(wanted)
    return Prefix(work)


def _nobody_else(users: IO[str], work: Path) -> None:
    """Raises RigMissing while another run uses the rig: its programs must not change under it."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RigMissing(
            f"the rig in {work} must be built anew, and another run of these tests uses it: wait "
            f"for that run, or name another folder in {FOLDER_VARIABLE}"
        ) from None


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

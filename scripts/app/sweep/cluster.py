"""Workers on several machines, by Dask's distributed: the same trials, the same rows.

A Dask port runs any code that it is sent, so nothing here speaks to another machine without TLS.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from concurrent.futures import Executor
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from scripts.app.errors import BadData, Refused, Unreachable, WrongUsage
from scripts.app.sweep.trial import TrialTask
from scripts.app.terms.request import ReplayRequest
from scripts.app.trials.places import holds, place
from scripts.app.version import program_digest, version

if TYPE_CHECKING:
    from distributed import Client
    from distributed.security import Security

_PATIENCE = 20
"""Seconds to wait for a scheduler."""


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """PEM files: the authority that signed both sides, this side's certificate and its key."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def given(self) -> bool:
        """Whether all three are there; raises WrongUsage for some of them."""
        files = (self.authority, self.certificate, self.key)
        if not any(files):
            return False
        if not all(files):
            raise WrongUsage("--tls-ca, --tls-cert and --tls-key go together")
        missing = next((file for file in files if file and not file.is_file()), None)
        if missing is not None:
            raise WrongUsage(f"{missing}: there is no such file")
        return True


def security_of(address: str, tls: TlsFiles) -> Security | None:
    """How to speak to the scheduler; raises WrongUsage for an address that nobody should trust."""
    parts = urlsplit(address)
    try:
        known = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
    except ValueError:
        known = None
    if not known:
        raise WrongUsage(f"--scheduler {address}: write tcp://127.0.0.1:8786 or tls://HOST:8786")
    if parts.scheme == "tls":
        if not tls.given:
            raise WrongUsage(f"--scheduler {address}: needs --tls-ca, --tls-cert and --tls-key")
        return _security(tls)
    if tls.given:
        raise WrongUsage(f"--scheduler {address}: with certificates write tls://")
    if not _is_loopback(str(parts.hostname)):
        raise WrongUsage(
            f"--scheduler {address}: without TLS anybody on the way could run code here: use "
            "tls:// with certificates, or an SSH tunnel and tcp://127.0.0.1"
        )
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _security(tls: TlsFiles) -> Security:
    from distributed.security import Security

    sides: dict[str, Any] = {}
    for side in ("client", "worker", "scheduler"):
        sides[f"tls_{side}_cert"] = str(tls.certificate)
        sides[f"tls_{side}_key"] = str(tls.key)
    return Security(tls_ca_file=str(tls.authority), require_encryption=True, **sides)


class _Programs(msgspec.Struct, frozen=True):
    """What must be the same on every machine."""

    program: str
    python: str
    numpy: str


def programs_here() -> dict[str, str]:
    """What of this process must be that of every other one."""
    import platform

    import numpy as np

    found = _Programs(program_digest(), platform.python_version(), np.__version__)
    return {**msgspec.structs.asdict(found), "version": version()}


class ClusterWorkers:
    """The workers of a Dask scheduler, for as long as the block lasts."""

    def __init__(self, address: str, tls: TlsFiles) -> None:
        """Raises WrongUsage, Unreachable, or Refused where the scheduler or a worker runs another
        program."""
        self._client = _client(address, security_of(address, tls))
        threads: dict[str, int] = self._client.nthreads()
        if not threads:
            self.close()
            raise Unreachable(
                f"--scheduler {address}: it has no workers: butler sweep worker --scheduler "
                f"{address}"
            )
        self.count = len(threads)
        if shared := [name for name, count in threads.items() if count != 1]:
            self.close()
            raise Refused(f"worker {shared[0]} has several threads: start it with --nthreads 1")
        self._insist_same()

    def _insist_same(self) -> None:
        """Of the scheduler too: it takes every trial apart before a worker gets it."""
        mine = programs_here()
        asked = {"the scheduler": self._of_the_scheduler()} | {
            f"worker {name}": theirs
            for name, theirs in sorted(self._client.run(programs_here).items())
        }
        for name, theirs in asked.items():
            for part, value in mine.items():
                if theirs.get(part) != value:
                    self.close()
                    raise Refused(
                        f"{name} runs another {part} ({theirs.get(part)}, here {value}): "
                        "install the same on both"
                    )

    def _of_the_scheduler(self) -> dict[str, str]:
        try:
            found: dict[str, str] = self._client.run_on_scheduler(programs_here)
        except Exception as error:  # whatever loading our function raises there
            self.close()
            raise Refused(
                f"the scheduler cannot load this program ({type(error).__name__}: {error}): start "
                "dask scheduler where execution-butler is installed, as its workers are"
            ) from error
        return found

    def prepared(self, task: TrialTask) -> TrialTask:
        """The task as workers get it: the files that they lack are sent along, also to those that
        come later."""
        request = _absolute(task.source.request)
        files = {path: _content(Path(path)) for path in _files(request)}
        plugin = _files_plugin(files)
        self._client.register_plugin(plugin, name="butler-files")
        return msgspec.structs.replace(
            task, source=replace(task.source, request=request), program=program_digest()
        )

    def executor(self) -> Executor:
        found: Executor = self._client.get_executor(retries=0)
        return found

    def alone(self) -> Executor:
        return self.executor()

    def end(self, executor: Executor, *, now: bool) -> None:
        executor.shutdown(wait=not now)

    def close(self) -> None:
        """Leave the scheduler; its workers stay."""
        self._client.close()


def _client(address: str, security: Security | None) -> Client:
    try:
        from distributed import Client
    except ImportError as error:
        raise WrongUsage("--scheduler needs the extra cluster: uv sync --extra cluster") from error
    try:
        return Client(address, security=security, timeout=_PATIENCE, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise Unreachable(f"--scheduler {address}: no scheduler answers ({error})") from error


def _files(request: ReplayRequest) -> list[str]:
    """The files that a worker reads."""
    bars = [text.rpartition("=")[2] for text in request.bars or ()]
    return [*bars, *(str(path) for path in request.symbol_spec or ())]


def _absolute(request: ReplayRequest) -> ReplayRequest:
    def of_bars(text: str) -> str:
        name, equals, file = text.rpartition("=")
        return f"{name}{equals}{Path(file).absolute()}"

    return replace(
        request,
        bars=None if request.bars is None else [of_bars(text) for text in request.bars],
        symbol_spec=request.symbol_spec and [path.absolute() for path in request.symbol_spec],
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror})") from error


def _files_plugin(files: dict[str, bytes]) -> Any:
    """What every worker runs once, also one that comes later or was started again."""
    from distributed.diagnostics.plugin import WorkerPlugin

    class _Files(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            del worker
            place_files(files)

    return _Files()


def place_files(files: dict[str, bytes]) -> None:
    """In a worker: those that this machine does not have the same are put into a folder of its
    own."""
    folder = Path(tempfile.gettempdir()) / "butler-sweep-files"
    for path, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        if holds(Path(path), digest):
            continue
        mine = folder / digest[:32] / Path(path).name
        mine.parent.mkdir(parents=True, exist_ok=True)
        if not holds(mine, digest):
            mine.write_bytes(content)
        place(path, str(mine))


def serve(address: str, tls: TlsFiles, jobs: int) -> None:
    """Work for a scheduler until it is gone or the user ends it: `jobs` processes of one thread.

    A process that dies is started again. Raises WrongUsage and Unreachable.
    """
    security = security_of(address, tls)
    try:
        asyncio.run(_serve(address, security, jobs))
    except (OSError, TimeoutError) as error:
        raise Unreachable(f"--scheduler {address}: no scheduler answers ({error})") from error


async def _serve(address: str, security: Security | None, jobs: int) -> None:
    try:
        from distributed import Nanny
    except ImportError as error:
        raise WrongUsage(
            "butler sweep worker needs the extra cluster: uv sync --extra cluster"
        ) from error
    host = None if security is not None else "127.0.0.1"
    made = [
        Nanny(
            address, nthreads=1, host=host, security=security or {}, memory_limit=0,
            dashboard=False, preload=(), death_timeout=_PATIENCE,
        )
        for _ in range(jobs)
    ]  # fmt: skip
    try:
        await asyncio.wait_for(asyncio.gather(*made), 3 * _PATIENCE)
        await asyncio.gather(*(one.finished() for one in made))
    finally:
        await asyncio.gather(*(one.close() for one in made), return_exceptions=True)

"""A sweep over a real Dask scheduler and two worker processes: the same bytes as a pool's."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from adapters.bars import sample
from tests.commands import butler
from tests.process.cli import COMMAND, ROOT, SECONDS, butler_process, environment
from tests.unit.test_user_strategy import PRESET

TABLES = ("trials.parquet", "days.parquet", "summary.json")
OPTIONS = ("--preset", "sma_cross", "--set", "sma_fast=5:16:1", "--set", "lots=by_risk",
           "--to", "2023-02-01", "--quiet")  # fmt: skip
SCHEDULER = (sys.executable, "-m", "distributed.cli.dask_scheduler")
STRANGER = (
    sys.executable, "-c",
    "import sys; sys.modules['scripts'] = None\n"
    "from distributed.cli.dask_scheduler import main; main()",
)  # fmt: skip
"""A scheduler in an environment without this program."""


@contextmanager
def process(*command: object, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """In a process of its own, ended with all that it started."""
    with log.open("wb") as out:
        usual = signal.signal(signal.SIGINT, signal.default_int_handler)
        made = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, env=environment(),
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
        signal.signal(signal.SIGINT, usual)
        try:
            yield made
        finally:
            alive = made.poll() is None
            for child in psutil.Process(made.pid).children(recursive=True) if alive else ():
                child.kill()
            made.kill()
            made.wait()


def wait_for(what: str, until: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < deadline, f"{what}: {log.read_text(errors='replace')}"
        time.sleep(0.1)


@dataclass(frozen=True)
class Keys:
    """An authority's certificate, a certificate that it signed, and its key."""

    ca: Path
    cert: Path
    key: Path

    def of_dask(self) -> tuple[object, ...]:
        return "--tls-ca-file", self.ca, "--tls-cert", self.cert, "--tls-key", self.key

    def of_butler(self) -> tuple[object, ...]:
        return "--tls-ca", self.ca, "--tls-cert", self.cert, "--tls-key", self.key


def self_made(folder: Path) -> Keys:
    """A certificate of its own authority, made by openssl."""
    folder.mkdir()
    cert, key = folder / "own.pem", folder / "own.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return Keys(cert, cert, key)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with one worker command of two processes."""
    with cluster(tmp_path_factory.mktemp("cluster")) as address:
        yield address


@contextmanager
def cluster(
    folder: Path, keys: Keys | None = None, scheduler: tuple[object, ...] = SCHEDULER
) -> Iterator[str]:
    """Over TLS where there are `keys`."""
    file, log, work = folder / "scheduler.json", folder / "scheduler.log", folder / "workers.log"
    with ExitStack() as stack:
        command: tuple[object, ...] = (
            *scheduler, "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", file,
        )  # fmt: skip
        if keys is not None:
            command = (*command, "--protocol", "tls", *keys.of_dask())
        stack.enter_context(process(*command, log=log))
        wait_for("the scheduler", lambda: file.is_file() and file.stat().st_size, log)
        address = str(json.loads(file.read_text("utf-8"))["address"])
        worker: tuple[object, ...] = (
            *COMMAND,
            "sweep",
            "worker",
            "--scheduler",
            address,
            "--jobs",
            2,
        )
        if keys is not None:
            worker = (*worker, *keys.of_butler())
        stack.enter_context(process(*worker, log=work))
        wait_for("two workers", lambda: log.read_text(errors="replace").count("Register") >= 2, log)
        yield address


def run(folder: Path, *options: object) -> None:
    results = folder.with_name(f"{folder.name}-results")
    said = butler_process("sweep", *OPTIONS, "--out", folder, "--results-dir", results, *options)
    assert said.code == 0, said.err


def test_dask_and_a_pool_write_the_same_bytes(tmp_path: Path, scheduler: str) -> None:
    """With bars and a strategy of the user's own, which workers are sent."""
    bars = tmp_path / "bars" / "eurusd_m15.parquet"
    bars.parent.mkdir()
    bars.write_bytes(sample.SAMPLE.read_bytes())
    given = ("--bars", f"EURUSD={bars}", "--clock", "auto")
    run(tmp_path / "pool", *given, "--jobs", 2)
    run(tmp_path / "dask", *given, "--scheduler", scheduler)
    for name in TABLES:
        assert (tmp_path / "pool" / name).read_bytes() == (tmp_path / "dask" / name).read_bytes()


@pytest.mark.deep
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")
def test_tls_between_all_sides_gives_the_same_bytes_and_keeps_others_out(tmp_path: Path) -> None:
    """A side with a certificate of another authority is refused before any trial is sent."""
    keys, stranger = self_made(tmp_path / "keys"), self_made(tmp_path / "stranger")
    (tmp_path / "cluster").mkdir()
    with cluster(tmp_path / "cluster", keys) as address:
        assert address.startswith("tls://")
        run(tmp_path / "dask", "--scheduler", address, *keys.of_butler())
        folder = tmp_path / "refused"
        said = butler_process(
            "sweep", *OPTIONS, "--out", folder, "--results-dir", tmp_path / "r",
            "--scheduler", address, *stranger.of_butler(),
        )  # fmt: skip
        assert said.code != 0
        assert not (folder / "done.jsonl").exists()
        assert "Traceback" not in "\n".join(said.err)
    for jobs in (1, 2):
        run(tmp_path / f"pool{jobs}", "--jobs", jobs)
        for name in TABLES:
            pooled = (tmp_path / f"pool{jobs}" / name).read_bytes()
            assert pooled == (tmp_path / "dask" / name).read_bytes()


@pytest.mark.deep
def test_a_scheduler_without_this_program_is_refused_before_any_trial(tmp_path: Path) -> None:
    """It takes trials apart before a worker gets them: each of them would fail."""
    (tmp_path / "cluster").mkdir()
    folder = tmp_path / "refused"
    with cluster(tmp_path / "cluster", scheduler=STRANGER) as address:
        said = butler_process(
            "sweep", *OPTIONS, "--out", folder, "--results-dir", tmp_path / "r",
            "--scheduler", address,
        )  # fmt: skip
    assert said.code == 4
    assert "the scheduler cannot load this program" in "\n".join(said.err)
    assert not folder.exists()


DIES = """
from __future__ import annotations

import os

import msgspec


class Parameters(msgspec.Struct, frozen=True):
    number: int


class Mine:
    parameters_type = Parameters
    timeframes = ("H1",)

    def __init__(self, spec, parameters):
        if parameters.number == 3:
            os._exit(9)

    def on_bar(self, bar, view):
        return None
"""


@pytest.mark.deep
def test_a_worker_that_dies_costs_its_own_trial_alone(tmp_path: Path, scheduler: str) -> None:
    """It is started again, and the others of it are run elsewhere."""
    (tmp_path / "mine.py").write_text(DIES, "utf-8")
    preset = tmp_path / "own.yaml"
    preset.write_text(
        PRESET.format(name="own", strategy="mine.py:Mine", parameters="{number: 0}"), "utf-8"
    )
    folder = tmp_path / "s"
    said = butler_process(
        "sweep", "--preset", preset, "--set", "number=1:6:1", "--to", "2023-01-20", "--quiet",
        "--out", folder, "--results-dir", tmp_path / "r", "--scheduler", scheduler,
    )  # fmt: skip
    assert said.code == 0, said.err
    import pyarrow.parquet as pq

    errors = pq.read_table(folder / "trials.parquet")["error"].to_pylist()
    assert [bool(error) for error in errors] == [False, False, True, False, False, False]
    assert "KilledWorker" in errors[2]


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (("--scheduler", "localhost"), 2, "write tcp://127.0.0.1:8786"),
        (("--scheduler", "tcp://10.1.2.3:8786"), 2, "without TLS anybody on the way"),
        (("--scheduler", "tls://127.0.0.1:8786"), 2, "needs --tls-ca"),
        (("--scheduler", "tcp://127.0.0.1:8786", "--tls-ca", "x"), 2, "go together"),
        (("--scheduler", "tcp://127.0.0.1:1", "--jobs", "2"), 2, "leave it out"),
        (("walk",), 2, "sweep walk: only 'worker' stands here"),
        (("worker",), 2, "only 'worker' stands here, with --scheduler"),
    ],
)  # fmt: skip
def test_what_nobody_should_trust_is_refused(
    options: tuple[str, ...], code: int, complaint: str, tmp_path: Path
) -> None:
    said = butler("sweep", *options, "--set", "sma_fast=5", "--results-dir", tmp_path)
    assert (said.code, said.out) == (code, [])
    assert complaint in said.line

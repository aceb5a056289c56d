"""`butler shadow` with a strategy that hangs, and an account that is taken over from a session."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import signals.strategy_actor
from adapters.journal import StoredJournal
from adapters.services.watchdog import hangs_within
from engine import events as ev
from engine.trading import HaltCause
from scripts.cli.shared.exit_codes import ExitCode
from tests.http_services import http_service
from tests.process.cli import ROOT, SECONDS, butler_process, environment
from tests.process.shadows import PATIENCE, finished, shadow_process
from tests.process.test_control_commands import told
from tests.process.test_services_of_scripts import until
from tests.unit.test_user_strategy import PRESET

HANGS = """
import time

import msgspec


class Parameters(msgspec.Struct, frozen=True):
    pass


class Mine:
    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, spec, parameters):
        pass

    def on_bar(self, bar, view):
        while True:
            time.sleep(0.05)
"""
"""Without working for it, which other tests would have to wait for."""

HUNG_BEFORE = "its watchdog ended it: the loop did not turn for "


def test_a_strategy_that_hung_twice_stays_out(tmp_path: Path) -> None:
    """The session then goes on without it, as suspended; it is not even made, which may hang."""
    (tmp_path / "mine.py").write_text(HANGS)
    preset = tmp_path / "mine.yaml"
    preset.write_text(PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{}"))
    options = ("--preset", preset, "--speed", "max", "--hang-limit", "5", "--to", "2023-01-04")
    for resumed in ((), ("--resume", "last")):
        code, said = finished(tmp_path, *options, *resumed)
        assert code == ExitCode.HUNG, said
        assert "the session hangs" in said
        assert "on_bar (" in said
        # Who starts it again, or looks at its screen, need not know of that file.
        assert ("did not end in order" in said and HUNG_BEFORE in said) is bool(resumed), said
    (tmp_path / "mine.py").write_text(HANGS.replace("        pass\n\n", "        1 / 0\n\n"))
    code, said = finished(tmp_path, *options, "--resume", "last")
    assert code == ExitCode.DONE, said
    (journal,) = tmp_path.glob("sessions/*/journal.sqlite")
    with StoredJournal(journal) as stored:
        changes = [r.event for r in stored.records()]
    states = [event for event in changes if isinstance(event, ev.TradingStateChanged)]
    assert states[-1].causes == (HaltCause.STRATEGY,)
    assert "hung 2 times" in states[-1].detail


QUICK = """
import sys
from pathlib import Path
from scripts.cli.shadow import shadow

_, preset, results = sys.argv
results = Path(results)
shadow("PAPER", preset=preset, results_dir=results, session_id="s-1", hang_limit=1.6, view=False)
"""
"""The command with a limit that its option, made for real sessions, does not let through."""


def mine(results: Path, source: str) -> Path:
    """A preset of this strategy."""
    (results / "mine.py").write_text(source)
    preset = results / "mine.yaml"
    preset.write_text(PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{}"))
    return preset


def started(results: Path, source: str) -> subprocess.CompletedProcess[str]:
    """A session that does not come to its first turn, with this strategy."""
    return subprocess.run(
        [sys.executable, "-c", QUICK, mine(results, source), results],
        cwd=ROOT, env=environment(), timeout=PATIENCE, check=False, capture_output=True, text=True,
    )  # fmt: skip


HANGS_WHILE_MADE = HANGS.replace("        pass\n\n", "        time.sleep(600)\n\n")
HANGS_WHILE_IMPORTED = "import time\ntime.sleep(600)\n"
HUNG_START = "the start hangs: not over after 0.8 s, it stands at "


def test_a_strategy_that_hangs_while_it_is_made_is_told_and_ended(tmp_path: Path) -> None:
    """Before any loop turns; the start's limit is four times that of a session."""
    done = started(tmp_path, HANGS_WHILE_MADE)
    assert done.returncode == ExitCode.INTERNAL, done
    folder = tmp_path / "sessions" / "s-1"
    assert HUNG_START in (folder / "log.jsonl").read_text()
    assert "mine.py" in (folder / "hangs.txt").read_text()
    assert hangs_within(folder, signals.strategy_actor.__file__) == 1


@pytest.mark.parametrize(
    "how",
    [
        HANGS_WHILE_IMPORTED,
        pytest.param("while True:\n    pass\n", marks=pytest.mark.deep),  # a core for seconds
    ],
)
def test_a_strategy_that_hangs_while_it_is_imported_is_told_and_ended(
    tmp_path: Path, how: str
) -> None:
    """Nothing of the session is there yet, so its stacks are said where it was started."""
    done = started(tmp_path, how)
    assert done.returncode == ExitCode.INTERNAL, done
    assert HUNG_START in done.stderr
    assert 'mine.py", line ' in done.stderr.partition("Timeout (")[2]
    assert not (tmp_path / "sessions").exists()


@pytest.mark.deep
def test_a_session_that_failed_again_and_again_is_given_up_with_its_last_cause(
    tmp_path: Path,
) -> None:
    """Whoever looks at the console, or gets the alert, need not look for it."""
    fails = HANGS.replace(
        "        while True", "        raise ValueError(bar.time)\n        while True"
    )
    options = ("--preset", mine(tmp_path, fails), "--speed", "max", "--to", "2023-01-04")
    for _ in range(4):
        code, said = finished(tmp_path, *options)
        assert code == ExitCode.INTERNAL, said
    code, said = finished(tmp_path, *options)
    assert code == ExitCode.USAGE, said
    assert (
        " failed 3 times, the last time because of this: strategy mine failed on EURUSD: " in said
    )
    assert "(mine.py:19 in on_bar): --resume never begins anew" in said


ALERTED = """
import msgspec
from adapters.services import watchdog
from config.loader import AlertSettings, Secret
from scripts.cli import shadow as cli

chosen, address = cli.choose_account, sys.argv.pop()
watchdog._STARTS = 10_000
cli.choose_account = lambda *given: msgspec.structs.replace(
    chosen(*given), alerts=AlertSettings(urls=[Secret(address)]))
"""
"""Somebody to alert, whom the built-in account does not have, and all the time for it."""


@pytest.mark.deep
@pytest.mark.parametrize("source", [HANGS_WHILE_MADE, HANGS_WHILE_IMPORTED])
def test_whoever_is_to_be_alerted_hears_of_a_start_that_hangs(tmp_path: Path, source: str) -> None:
    """Nobody looks at the console of a service."""
    code = QUICK.replace("\n_, preset", f"{ALERTED}\n_, preset")
    with http_service() as service:
        address = f"json://127.0.0.1:{service.port}/x"
        with subprocess.Popen(
            [sys.executable, "-c", code, mine(tmp_path, source), tmp_path, address],
            cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            heard = service.asked.acquire(timeout=PATIENCE)
            process.kill()
    assert heard
    (body,) = map(json.loads, service.bodies)
    assert body["title"] == "PAPER: the start hangs"
    assert body["message"].startswith(HUNG_START)


ENTERS_AND_HANGS = """
import time
from pathlib import Path

import msgspec

from engine.types import Side, units
from signals.strategy import Enter


class Parameters(msgspec.Struct, frozen=True):
    pass


class Mine:
    parameters_type = Parameters
    timeframes = ("M15",)

    def __init__(self, spec, parameters):
        pass

    def on_bar(self, bar, view):
        time.sleep(0.05)
        while Path({file!r}).exists():
            time.sleep(0.05)
        if view.position is not None:
            return None
        far = view.tick.bid - 3_000
        return Enter(side=Side.LONG, stop_loss=far, take_profit=0, reason="in", volume=units(0.01))
"""
"""Is slow, and hangs once there is a file."""


def test_the_position_of_a_strategy_that_hangs_is_flattened_by_force(tmp_path: Path) -> None:
    """A session that answers is left alone; one that hangs has told so before it is ended."""
    hang = tmp_path / "hang"
    (tmp_path / "mine.py").write_text(ENTERS_AND_HANGS.format(file=str(hang)))
    preset = tmp_path / "mine.yaml"
    preset.write_text(PRESET.format(name="mine", strategy="mine.py:Mine", parameters="{}"))
    flatten = ("flatten", "--account-profile", "PAPER", "--force", "--results-dir", tmp_path)
    options = ("--preset", preset, "--speed", "max", "--no-dry-run", "--session-id", "s-1")
    log = tmp_path / "sessions" / "s-1" / "log.jsonl"
    with shadow_process(tmp_path, *options, "--hang-limit", "600") as process:
        until(process, lambda: holds_one(tmp_path))
        refused = butler_process(*flatten)
        assert refused.code == ExitCode.TERMINAL
        assert "session s-1 answers: butler flatten s-1" in refused.err[0]
        hang.touch()
        until(process, lambda: b"the session hangs" in content(log))
        taken = butler_process(*flatten)
        assert process.wait(SECONDS) != ExitCode.DONE
    assert taken.code == ExitCode.DONE, taken
    first, *steps, last = taken.out
    assert first == f"session s-1 did not answer: its process {process.pid} was ended"
    assert [step.endswith("on EURUSD: gone") for step in steps] == [True], taken
    assert last == "nothing of the engine's is left open"


def holds_one(results: Path) -> bool:
    said = told(results, "status", "--json")
    if said.code != ExitCode.DONE:
        return False
    return len(json.loads(said.out[0])["status"]["positions"]) == 1


def content(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""

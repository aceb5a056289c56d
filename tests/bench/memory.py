"""The most memory that a replay ever holds, in a process of its own.

``python -m tests.bench.memory FILE`` replays the EURUSD bars of FILE and prints its peak in bytes.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def peak_of(bars: Path) -> int | None:
    """Bytes at most resident while a new process replays `bars`; None where none can be told."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", str(bars)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return int(done.stdout) or None


def peak() -> int:
    """This process's own peak in bytes, 0 where the system does not tell."""
    if sys.platform == "linux":
        # Not `ru_maxrss`, which begins with what the process that started this one held.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


def main() -> None:
    from scripts.folders import SIMULATED, SessionFolder
    from scripts.replay import Request, Screen, resolve_terms, run_replay

    request = Request(bars=[f"EURUSD={sys.argv[1]}"], clock="new-york+7")
    with tempfile.TemporaryDirectory() as results:
        folder = SessionFolder(Path(results), "bench", SIMULATED)
        folder.create()
        code = run_replay(resolve_terms(request)[0], folder, Screen(quiet=True))
    if code:
        raise SystemExit(code)
    print(peak())


if __name__ == "__main__":
    main()

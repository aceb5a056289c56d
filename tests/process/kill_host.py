"""A terminal host whose paper terminal hangs as the package does, which lets no other thread run.

``python -m tests.process.kill_host FILE``: a byte in FILE tells that it hangs from now on, so that
not even the end of its parent is noticed. Further arguments are the host's own.
"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.mt5.host import server
from adapters.mt5.host.service import HostConfig
from tests.simulation.faulty_spec import build, process_effects


def _seize(file: Path) -> None:
    """Tell so and sleep without once letting another thread run."""
    libc = ctypes.PyDLL(None)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT)
    sys.setswitchinterval(1000)
    libc.write(handle, b"!", 1)
    libc.sleep(60)


def _load(config: HostConfig, file: Path) -> Any:
    effects = replace(process_effects(), hang=lambda: _seize(file))
    return build(config.backend.partition(":")[2], effects)


if __name__ == "__main__":
    seized = Path(sys.argv[1])
    sys.exit(server.main(sys.argv[2:], load=lambda config: _load(config, seized)))

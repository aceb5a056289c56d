"""A session that can be crashed: starts a host, prints its process id, then calls one function.

``python -m tests.process.session_main STATE_FOLDER BARRIER_PORT SYMBOL``; without a symbol to ask
for ("-") it stays idle.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from adapters.mt5.host.client import TerminalClient
from tests.process.hosts import local_host


def main() -> None:
    folder, barrier_port, symbol = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    client = TerminalClient(local_host(folder, barrier_port))
    client.start()
    note = json.loads((folder / "terminal-host.json").read_text(encoding="utf-8"))
    print(note["pid"], flush=True)
    if symbol != "-":
        client.call("symbol_info_tick", symbol, deadline=60)
    sys.stdin.read()


if __name__ == "__main__":
    main()

"""`butler` whose paper terminal has faults: slippage, refused orders, no link for a while.

``python -m tests.process.faulty_paper_main FAULTS ARGUMENTS...``; FAULTS is JSON that goes into the
terminal's specification, the arguments are butler's own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from adapters.mt5.host.launch import LocalHost
from adapters.mt5.host.service import HostConfig
from scripts.app.sessions import connection, paper_market
from scripts.cli.main import main

HOST = (sys.executable, "-m", "tests.process.faulty_host")


def run_with(faults: dict[str, Any]) -> None:
    """Run butler; the paper terminals of this process have the faults."""
    healthy = paper_market.RecordedMarket.spec

    def spec(market: paper_market.RecordedMarket, state: Path, books: Path | None) -> str:
        return json.dumps(json.loads(healthy(market, state, books)) | faults)

    def host(config: HostConfig, folder: Path) -> LocalHost:
        return LocalHost(config, folder, HOST)

    with (
        patch.object(paper_market.RecordedMarket, "spec", spec),
        patch.object(connection, "LocalHost", host),
    ):
        main()


if __name__ == "__main__":
    run_with(json.loads(sys.argv.pop(1)))

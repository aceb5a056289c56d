"""A terminal host with the tests' backend: ``python -m tests.process.host_main BARRIER_PORT``.

Further arguments are the host's own.
"""

from __future__ import annotations

import sys

from adapters.mt5.host import server
from tests.process.backend_clock import ClockBackend

if __name__ == "__main__":
    barrier_port = int(sys.argv[1])
    sys.exit(server.main(sys.argv[2:], load=lambda _config: ClockBackend(barrier_port)))

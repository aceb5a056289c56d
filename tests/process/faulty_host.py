"""A terminal host whose paper terminal has the faults that its specification names.

``python -m tests.process.faulty_host``; arguments are the host's own.
"""

from __future__ import annotations

import sys

from adapters.mt5.host import server
from tests.simulation.faulty_spec import build

if __name__ == "__main__":
    sys.exit(server.main(load=lambda config: build(config.backend.partition(":")[2])))

"""`python -m adapters.mt5.host`: the terminal host as a program of its own."""

from __future__ import annotations

import sys

from adapters.mt5.host.server import main

if __name__ == "__main__":
    sys.exit(main())

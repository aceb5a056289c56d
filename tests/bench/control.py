"""What a pause of a session that sends orders takes, alone and while strangers come in masses.

``python -m tests.bench control [--seconds N]``. Session and strangers are processes of their own.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.bench.machine import machine
from tests.process.strangers import HELD, TALKING, sending, strangers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench control", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each case lasts")
    seconds = parser.parse_args().seconds
    print(machine())
    with tempfile.TemporaryDirectory() as results, sending(Path(results)) as sender:
        print(f"a pause alone: {sender.pauses(seconds)}")
        for held in (0, HELD):
            with strangers(sender.folder, held=held):
                took = sender.pauses(seconds)
            print(f"beside {TALKING} strangers that talk and {held:,} connections: {took}")
        code, filled = sender.stopped()
        print(f"the session ended with {code}; {filled:,} orders were filled")


if __name__ == "__main__":
    main()

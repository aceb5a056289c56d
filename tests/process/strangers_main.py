"""Strangers at a session's control port, in a process of their own, until stdin ends.

``python -m tests.process.strangers_main PORT SEED HELD TALKING`` holds HELD connections, each
opened again when it is dropped, while TALKING others come, say what makes no sense, and go. Prints
"here" once every held one was open.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import sys
import threading

from adapters.services.control_wire import LOOPBACK, TOKEN_LINE

_GOOD = b'{"action":"pause","reason":"f\xc3\xbcr"}\n'
_SPARE = 100
"""Descriptors for everything else."""


def nonsense(rng: random.Random) -> bytes:
    """A token that is none, or any bytes; then a request with a part of it replaced."""
    token = rng.choice((b"0" * (TOKEN_LINE - 1) + b"\n", rng.randbytes(rng.randrange(200)), b""))
    first, last = sorted(rng.choices(range(len(_GOOD)), k=2))
    return token + _GOOD[:first] + rng.randbytes(rng.randrange(40)) + _GOOD[last:]


def hold(port: int, count: int) -> None:
    """Keep `count` connections open, half of which have said a byte and half of which nothing."""
    held = selectors.DefaultSelector()
    saying = [True] * (count // 2) + [False] * (count - count // 2)
    told = False
    while True:
        while saying:
            with contextlib.suppress(OSError):
                fresh = socket.create_connection((LOOPBACK, port), timeout=5)
                held.register(fresh, selectors.EVENT_READ, saying.pop())
                if held.get_key(fresh).data:
                    fresh.sendall(b"x")
        if not told:
            told = True
            print("here", flush=True)
        for key, _ in held.select():
            held.unregister(key.fileobj)
            saying.append(key.data)
            socket.socket.close(key.fileobj)  # type: ignore[arg-type]


def talk(port: int, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - a test's chance
    while True:
        with (
            contextlib.suppress(OSError),
            socket.create_connection((LOOPBACK, port), timeout=5) as one,
        ):
            one.sendall(nonsense(rng))
            if rng.random() < 0.5:
                one.recv(100)


def _allow_descriptors(count: int) -> None:
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < count:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def main() -> None:
    port, seed, held, talking = (int(word) for word in sys.argv[1:5])
    _allow_descriptors(held + talking + _SPARE)
    threads = [threading.Thread(target=hold, args=(port, held), daemon=True)]
    threads += [
        threading.Thread(target=talk, args=(port, seed + n), daemon=True) for n in range(talking)
    ]
    for thread in threads:
        thread.start()
    sys.stdin.read()  # to its end, which is that of whoever started this


if __name__ == "__main__":
    main()

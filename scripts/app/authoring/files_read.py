"""Which files code opens while it runs, as Python's audit events tell."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CODE = (".py", ".pyc", ".pyd", ".so", ".pth", ".dll")
_OWN = tuple(
    str(Path(path).resolve())
    for path in {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
)


class FileWatch:
    """Notes what is opened between `watch` and its end; the hook itself stays for good."""

    def __init__(self) -> None:
        self._into: dict[str, None] | None = None
        self._set = False

    @contextmanager
    def watch(self) -> Iterator[dict[str, None]]:
        """The files opened so far, in order; code of Python and of packages is left out."""
        if not self._set:
            sys.addaudithook(self._heard)
            self._set = True
        found: dict[str, None] = {}
        before, self._into = self._into, found
        try:
            yield found
        finally:
            self._into = before

    def _heard(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._into is None or event != "open":
            return
        path = arguments[0]
        if isinstance(path, str | bytes):
            name = path.decode(errors="replace") if isinstance(path, bytes) else path
            if not name.endswith(_CODE) and not name.startswith((*_OWN, "/dev/", "/proc/")):
                self._into[name] = None


WATCH = FileWatch()

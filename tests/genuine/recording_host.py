"""The product's terminal host with every call into the package written down; runs under Wine.

    python -m tests.genuine.recording_host MODULE LOG [--port PORT] < CONFIG

MODULE is the host's own package, LOG a file as Windows sees it: one JSON line a call.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO


class Recorder:
    """The package's functions, each call noted with what it gave or raised."""

    def __init__(self, package: Any, log: TextIO) -> None:
        self._package = package
        self._log = log

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._package, name)
        if name.startswith("_") or name == "last_error" or not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._noted(name, found, args, kwargs)

        return call

    def _noted(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        shown = {key: "(hidden)" if key == "password" else value for key, value in kwargs.items()}
        entry: dict[str, Any] = {"at": time.time(), "function": name, "arguments": repr(args)}
        entry["keywords"] = repr(shown)
        try:
            # Some functions fail when a keyword object is passed at all, even an empty one.
            value = function(*args, **kwargs) if kwargs else function(*args)
        except BaseException as error:
            entry["raised"] = repr(error)
            raise
        else:
            entry["result"] = type(value).__name__
            entry["error"] = list(self._package.last_error())
            return value
        finally:
            self._log.write(json.dumps(entry) + "\n")


def main() -> int:
    module, path, *arguments = sys.argv[1:]
    host = importlib.import_module(f"{module}.server")
    log = open(path, "a", encoding="utf-8", buffering=1)  # noqa: PTH123, SIM115 - kept to the end

    def load(config: Any) -> Recorder:
        return Recorder(host.load_backend(config), log)

    code: int = host.main(arguments, load)
    return code


if __name__ == "__main__":
    sys.exit(main())

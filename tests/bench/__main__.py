"""`python -m tests.bench [NAME] [OPTIONS]`: the benchmark NAME, `replay` when none is named.

A benchmark is a module in this folder, or the `__main__` of a package in it, with a `main()` that
reads its options from `sys.argv`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    """Every benchmark there is."""
    files = [*HERE.glob("[!_]*.py"), *HERE.glob("*/__main__.py")]
    found = [path for path in files if "\ndef main(" in path.read_text(encoding="utf-8")]
    return sorted(path.parent.name if path.name == "__main__.py" else path.stem for path in found)


def main() -> None:
    name = "replay"
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        name = sys.argv.pop(1)
    if name not in names():
        raise SystemExit(f"there is no benchmark {name!r}; known: {', '.join(names())}")
    package = (HERE / name).is_dir()
    import_module(f"tests.bench.{name}.__main__" if package else f"tests.bench.{name}").main()


if __name__ == "__main__":
    main()

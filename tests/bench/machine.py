"""What a benchmark was measured on."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("execution-butler", "numpy", "pyarrow", "msgspec", "anyio")


def machine() -> str:
    """What was measured on: versions, system, processor."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"{python}, {packages}, SQLite {sqlite3.sqlite_version}\n"
        f"{platform.platform()}, {processor()}, {os.cpu_count()} cores"
    )


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        found = re.search(r"^model name\s*:\s*(.+)$", told.read_text(), re.MULTILINE)
        if found:
            return found[1]
    return platform.processor() or platform.machine()

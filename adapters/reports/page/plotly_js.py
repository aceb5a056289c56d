"""The chart library's script, out of the installed plotly package."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import importlib.util
from pathlib import Path

_SCRIPT = Path("package_data", "plotly.min.js")


class PlotlyMissing(Exception):
    """Raised when the plotly package, or its script, is not installed."""

    def __str__(self) -> str:
        return (
            "the report needs the packages plotly and jinja2, which belong to this program: "
            "install it anew"
        )


def plotly_script() -> str:
    """The script's text; raises PlotlyMissing. The package itself is not imported."""
    found = importlib.util.find_spec("plotly")
    for folder in (found.submodule_search_locations or ()) if found else ():
        file = Path(folder) / _SCRIPT
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise PlotlyMissing


def shared_script() -> tuple[str, bytes]:
    """Name and content of the script for a folder of reports that share it."""
    content = plotly_script().encode()
    return f"plotly-{importlib.metadata.version('plotly')}.min.js", content


def csp_hash(script: str) -> str:
    """The script as a source of a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"

"""The resolved configuration that every session leaves beside its journal."""

from __future__ import annotations

from typing import Any

import msgspec

from adapters.system.atomic_files import replace_file
from engine.events import SessionStarted
from scripts.app.session_folder import SessionFolder


def write_configuration(
    folder: SessionFolder, started: SessionStarted, metadata: dict[str, Any], **more: Any
) -> None:
    """Write the session's configuration, without secrets; raises OSError.

    `metadata` is what its first record carries beside the terms, `more` what is in neither.
    """
    document = {**metadata, **more, "terms": msgspec.to_builtins(started)}
    text = msgspec.json.format(msgspec.json.encode(document), indent=2)
    replace_file(folder.configuration, text + b"\n")

"""Reading a YAML file into plain values that know their lines.

Whatever is wrong with the file comes out as one `ConfigError` with file, line and key path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from config.errors import BadYaml, ConfigError, KeyPath

_LARGEST: Final = 256 * 1024
"""Bytes. Configuration written by hand is far smaller; a larger file is another file."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content: plain values (`root`) and the line of every key path.

    `private` says that the file holds passwords: then errors name no value, and no key for which
    `is_public_key` is false, since a password may have slipped into any place.
    """

    file: Path
    root: Mapping[str, object] = field(repr=False)
    lines: Mapping[KeyPath, int] = field(repr=False)
    is_public_key: Callable[[KeyPath], bool] | None = field(default=None, repr=False)

    @property
    def private(self) -> bool:
        return self.is_public_key is not None

    def error(self, path: KeyPath, message: str) -> ConfigError:
        """The error that stands at `path`."""
        return located(self.file, path, self._line(path), message, self.is_public_key)

    def _line(self, path: KeyPath) -> int | None:
        """The line of `path`, or of the nearest key above it (a missing or merged key)."""
        for length in range(len(path), 0, -1):
            if (line := self.lines.get(path[:length])) is not None:
                return line
        return None


def load_yaml(
    file: Path, *, is_public_key: Callable[[KeyPath], bool] | None = None, missing: str = ""
) -> Document:
    """Read `file`, whose top level must be a mapping.

    `missing` is the remedy named when there is no such file. `is_public_key` marks a file with
    passwords (see `Document`). Raises ConfigError.
    """
    return document_of(file, _read(file, missing), is_public_key=is_public_key)


def document_of(
    file: Path, text: str, *, is_public_key: Callable[[KeyPath], bool] | None = None
) -> Document:
    """The document in `text`, which was read from `file`, maybe elsewhere. Raises ConfigError."""
    from config import yaml_nodes  # keeps PyYAML out of the commands that read no file

    problem: ConfigError
    try:
        root, lines = yaml_nodes.parse(text)
    except BadYaml as error:
        problem = located(file, error.path, error.line, error.message, is_public_key)
    else:
        if isinstance(root, dict):
            return Document(file, root, lines, is_public_key)
        found = "is empty" if root is None else "must hold keys with values (`key: value`)"
        problem = ConfigError(f"the file {found}; see the example files in config/", file=file)
    raise problem


def located(
    file: Path,
    path: KeyPath,
    line: int | None,
    message: str,
    is_public_key: Callable[[KeyPath], bool] | None,
) -> ConfigError:
    """A ConfigError at `path`, cut before the first key that may not be shown."""
    shown = len(path)
    if is_public_key is not None:
        cuts = (n for n in range(len(path)) if not is_public_key(path[: n + 1]))
        shown = next(cuts, shown)
    return ConfigError(message, file=file, path=dotted(path[:shown]), line=line)


def dotted(path: KeyPath) -> str:
    """A key path for people: ``limits.max_positions``, ``symbols[2]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _read(file: Path, missing: str) -> str:
    problem: ConfigError
    try:
        with file.open("rb") as stream:
            raw = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        remedy = missing or "check the name and the folder"
        problem = ConfigError(f"there is no such file; {remedy}", file=file)
    except IsADirectoryError:
        problem = ConfigError("this is a folder; name the YAML file in it", file=file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name is not valid"
        problem = ConfigError(f"the file cannot be read ({reason}); check its rights", file=file)
    else:
        return _decoded(file, raw)
    raise problem


def _decoded(file: Path, raw: bytes) -> str:
    if len(raw) > _LARGEST:
        raise ConfigError(
            f"the file is larger than {_LARGEST // 1024} KiB; name a configuration file", file=file
        )
    problem: ConfigError
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        found = "is saved as UTF-16" if wide else "is not UTF-8 text"
        problem = ConfigError(
            f"the file {found}; save it as UTF-8 in the editor", file=file, line=line
        )
    raise problem

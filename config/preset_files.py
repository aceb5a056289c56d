"""Reading presets: a strategy's numbers and limits, from ``config/presets`` or the user's file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from config.errors import KeyPath
from config.limits import LIMIT_NAMES, OPTIONAL_LIMITS, CheckedLimits, limit_complaint
from config.schema import Preset
from config.section import Section, unknown_name
from config.yaml_strict import Document, document_of, load_yaml
from engine.decoding import converted

DEFAULT_PRESET: Final = "ftmo_m15"

_FOLDER: Final = Path(__file__).parent / "presets"
_KEYS: Final = ("name", "title", "strategy", "timeframe", "symbols", "parameters", "limits")
_TIMEFRAMES: Final = ("M1", "M5", "M15", "M30", "H1", "H4", "D1")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_STRATEGY: Final = re.compile(r"[a-z][a-z0-9_]*|[^:]+\.py:[A-Za-z_][A-Za-z0-9_]*")
_DEEPEST: Final = 4
"""Levels of nesting in a strategy's parameters; a table within a mapping needs three."""


def list_presets() -> list[str]:
    """The names of the presets that come with the program, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.yaml"))


def load_preset(name_or_path: str | Path) -> Preset:
    """The preset of that name, or the one in the user's file.

    A text that ends in .yaml or .yml or holds a slash is a path. Raises ConfigError.
    """
    return _preset(load_yaml(preset_file(name_or_path)))


def preset_in(file: Path, text: str) -> Preset:
    """The preset in `text`, which was read from `file`, maybe elsewhere. Raises ConfigError."""
    return _preset(document_of(file, text))


def _preset(document: Document) -> Preset:
    top = Section(document, (), document.root, _KEYS)
    name, strategy = top.text("name"), top.text("strategy")
    if not _NAME.fullmatch(name):
        raise top.error("name", f"must be lower-case letters, digits and _, not {name!r}")
    if not _STRATEGY.fullmatch(strategy):
        raise top.error(
            "strategy",
            f"must be a strategy's name or a class of your own as my_file.py:MyClass, "
            f"not {strategy!r}",
        )
    parameters = top.mapping("parameters")
    _check_parameters(document, ("parameters",), parameters)
    return Preset(
        name=name,
        title=top.text("title"),
        strategy=strategy,
        timeframe=top.choice("timeframe", _TIMEFRAMES),
        symbols=top.texts("symbols"),
        parameters=parameters,
        limits=_limits(top.section("limits", LIMIT_NAMES)),
        file=str(document.file),
    )


def preset_file(name_or_path: str | Path) -> Path:
    """Where a preset stands; raises ConfigError for a name that there is not."""
    if isinstance(name_or_path, Path):
        return name_or_path
    if name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path or "\\" in name_or_path:
        return Path(name_or_path)
    names = list_presets()
    if name_or_path in names:
        return _FOLDER / f"{name_or_path}.yaml"
    raise unknown_name(f"there is no preset {name_or_path!r}", name_or_path, names, "preset")


def _check_parameters(document: Document, path: KeyPath, value: object) -> None:
    """Refuses null and deep nesting; what the names and types must be, the strategy knows."""
    if value is None:
        raise document.error(path, "has no value; give one, or remove the line")
    if len(path) > _DEEPEST:
        raise document.error(path, "is nested too deeply; flatten it")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_parameters(document, (*path, key), item)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            _check_parameters(document, (*path, position), item)


def _limits(section: Section) -> CheckedLimits:
    def checked(name: str) -> object:
        value = section.value(name)
        if complaint := limit_complaint(name, value):
            raise section.error(name, complaint)
        return value

    names = [n for n in LIMIT_NAMES if n not in OPTIONAL_LIMITS or not section.off(n)]
    return converted({name: checked(name) for name in names}, CheckedLimits)

"""From a preset to what makes its strategies, the user's own classes included."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.errors import ConfigError
from config.preset_files import load_preset
from config.schema import Preset
from engine.events import NO_STRATEGY, SessionStarted
from scripts.app.errors import BadData, WrongUsage
from signals.failure import FROM_OUTSIDE, message_of
from signals.strategies.registry import BadParameters, UnknownStrategy, registered, strategy_factory
from signals.strategy import StrategyFactory

Timeframes = tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """A preset, what makes its strategies, and the timeframes that they want."""

    preset: Preset
    factory: StrategyFactory
    timeframes: Timeframes
    known: tuple[str, ...] = ()
    """The names of the strategy's parameters."""

    @property
    def strategy(self) -> str:
        """How a session's first record names the code: by nothing where the preset's name does."""
        preset = self.preset
        return "" if preset.strategy == preset.name else preset.strategy

    @property
    def file(self) -> Path | None:
        """Where a strategy of the user's own stands."""
        file_name, colon, _ = self.preset.strategy.rpartition(":")
        return (Path(self.preset.file).parent / file_name).absolute() if colon else None


def load(name_or_path: str) -> Loaded:
    """The preset and its strategy; raises AppError with one line."""
    try:
        preset = load_preset(name_or_path)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    return loaded_of(preset, name_or_path)


def loaded_of(preset: Preset, called: str, code: bytes | None = None) -> Loaded:
    """A preset that was read already, `called` so, with what makes its strategies.

    `code` is that of a strategy of the user's own, where it is known (None: its file is read).
    Raises AppError with one line.
    """
    try:
        strategy: Any = _strategy_class(preset, code)
        factory = strategy_factory(strategy, preset.parameters)
    except (BadParameters, UnknownStrategy) as error:
        raise WrongUsage(f"preset {called}: {error}") from error
    known = strategy.parameters_type.__struct_encode_fields__
    return Loaded(preset, factory, tuple(strategy.timeframes), known)


def load_again(started: SessionStarted, file: str) -> tuple[StrategyFactory | None, Timeframes]:
    """What made a recorded session's strategies, from today's code, and their timeframes.

    `file` is where a class of the user's own stood. Raises AppError with one line.
    """
    if started.strategy == NO_STRATEGY:
        return None, ()
    name = started.strategy or started.preset
    _, colon, class_name = name.rpartition(":")
    try:
        strategy: Any = _class_in(Path(file), class_name) if colon else registered(name)
        return strategy_factory(strategy, started.parameters), tuple(strategy.timeframes)
    except (BadParameters, UnknownStrategy) as error:
        raise BadData(f"the session's preset {started.preset} cannot run again: {error}") from error


def _strategy_class(preset: Preset, code: bytes | None) -> type:
    file_name, colon, class_name = preset.strategy.rpartition(":")
    if not colon:
        return registered(preset.strategy)
    file = Path(preset.file).parent / file_name
    return _class_in(file, class_name, code)


class _Code(importlib.abc.SourceLoader):
    """A module's code from memory: nothing is cached beside the user's file."""

    def __init__(self, file: Path, code: bytes) -> None:
        self._file, self._code = str(file), code

    def get_filename(self, _fullname: str) -> str:
        return self._file

    def get_data(self, _path: str | bytes) -> bytes:
        return self._code


def _class_in(file: Path, class_name: str, code: bytes | None = None) -> type:
    """The class `class_name` of a Python file; its own errors are reported, not swallowed.

    The module is made anew each time, so that no state of it is left from another run, and is named
    by the hash of its code: two files of one name do not replace each other.
    """
    if code is None:
        try:
            code = file.read_bytes()
        except OSError as error:
            raise UnknownStrategy(f"strategy file {file} does not exist") from error
    name = f"user_strategy_{file.stem}_{hashlib.sha256(code).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, file, loader=_Code(file, code))
    if spec is None or spec.loader is None:
        raise UnknownStrategy(f"strategy file {file} is no module of Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and msgspec look their modules up there
    try:
        spec.loader.exec_module(module)
        found = getattr(module, class_name, None)
    except FROM_OUTSIDE as error:
        raise UnknownStrategy(
            f"strategy file {file} cannot be imported: {message_of(error)}"
        ) from error
    if not isinstance(found, type):
        raise UnknownStrategy(f"strategy file {file} has no class {class_name}")
    return found

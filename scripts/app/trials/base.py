"""What all trials of one preset share, made once in each process; and one trial of it."""

from __future__ import annotations

import copy
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from config.loader import ConfigError, Preset, preset_file, preset_in, with_overrides
from risk.challenge import Challenge
from scripts.app.errors import BadData, WrongUsage
from scripts.app.terms.objectives import with_firms_day
from scripts.app.terms.replay_terms import Terms, resolve_terms
from scripts.app.terms.request import ReplayRequest
from scripts.app.terms.strategies import Loaded, loaded_of
from scripts.app.trials.bars import remembered
from scripts.app.trials.places import placed

Settings = dict[str, Any]
"""Parameters that differ from the preset's, and `limits.NAME` for its limits."""

LIMITS = "limits."


@dataclass(frozen=True, kw_only=True)
class TrialSource:
    """A preset as text, with the code of a strategy of the user's own and the replay it is for.

    So it can be made in any process, on any machine that has the bars. `challenge` are the rules of
    a firm that nothing ends (None: our own limits alone).
    """

    request: ReplayRequest
    text: str
    file: str
    code: bytes | None
    challenge: Challenge | None

    @property
    def digest(self) -> str:
        """Names what is shared in a process that serves several sources."""
        parts = (repr(self.request), self.text, self.file, repr(self.challenge))
        found = hashlib.sha256("\0".join(parts).encode())
        found.update(self.code or b"")
        return found.hexdigest()


@dataclass(frozen=True, kw_only=True)
class TrialBase:
    """What all trials of a source share: terms with bars in memory, preset, notes for the user."""

    source: TrialSource
    preset: Preset
    loaded: Loaded
    terms: Terms
    notes: tuple[str, ...]


def source_of_preset(request: ReplayRequest, challenge: Challenge | None) -> TrialSource:
    """The request's preset as text, with its code; raises WrongUsage for one that there is not."""
    try:
        file = preset_file(request.preset)
        text = file.read_text(encoding="utf-8-sig")
        preset = preset_in(file, text)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"preset {request.preset}: cannot be read ({error})") from error
    # The rules go with the source, resolved: no worker reads them again.
    bare = replace(request, objectives=None, attempts=None, calendar=None)
    return TrialSource(
        request=bare, text=text, file=str(file), code=_code(preset), challenge=challenge
    )


def _code(preset: Preset) -> bytes | None:
    """The bytes of the user's strategy; None where the strategy comes with the program."""
    name, colon, _ = preset.strategy.rpartition(":")
    if not colon:
        return None
    file = Path(preset.file).parent / name
    try:
        return file.read_bytes()
    except OSError as error:
        raise WrongUsage(f"preset {preset.file}: strategy file {file} does not exist") from error


def base_of(source: TrialSource) -> TrialBase:
    """What the trials share, with all bars checked; raises AppError with one line."""
    loaded = loaded_from(source)
    terms, notes = resolve_terms(placed(source.request), loaded)
    terms = replace(
        terms,
        inputs=[remembered(item) for item in terms.inputs],
        objectives=source.challenge,
        limits=with_firms_day(terms.limits, source.challenge),
    )
    return TrialBase(
        source=source, preset=loaded.preset, loaded=loaded, terms=terms, notes=tuple(notes)
    )


def loaded_from(source: TrialSource) -> Loaded:
    """The source's preset and strategy, its module made anew; raises WrongUsage with one line."""
    try:
        preset = preset_in(Path(source.file), source.text)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    return loaded_of(preset, source.request.preset, source.code)


_KEPT = 2
_bases: OrderedDict[str, TrialBase] = OrderedDict()


def base_here(source: TrialSource) -> TrialBase:
    """The same, made once in this process; of several sources the last two are kept."""
    digest = source.digest
    found = _bases.pop(digest, None)
    if found is None:
        found = base_of(source)
    _bases[digest] = found
    while len(_bases) > _KEPT:
        _bases.popitem(last=False)
    return found


def trial_terms(base: TrialBase, settings: Settings) -> Terms:
    """The terms of one trial; raises WrongUsage that names the parameter or limit at fault.

    Its strategy's module is made anew, so that no trial sees state of another one.
    """
    preset = with_settings(base.preset, settings, base.loaded.known)
    loaded = loaded_of(preset, base.source.request.preset, base.source.code)
    try:
        limits = with_overrides(preset.limits, **base.source.request.limits)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    return replace(
        base.terms,
        parameters=preset.parameters,
        factory=loaded.factory,
        limits=with_firms_day(limits, base.terms.objectives),
    )


def with_settings(preset: Preset, settings: Settings, known: tuple[str, ...]) -> Preset:
    """The preset with these parameters and limits; `known` are the strategy's parameters."""
    parameters: dict[str, Any] = copy.deepcopy(preset.parameters)
    limits = {}
    for name, value in settings.items():
        if name.startswith(LIMITS):
            limits[name.removeprefix(LIMITS)] = value
        else:
            _set(parameters, name, value, known)
    try:
        checked = with_overrides(preset.limits, **limits)
    except ConfigError as error:
        raise WrongUsage(str(error)) from error
    return msgspec.structs.replace(preset, parameters=parameters, limits=checked)


def _set(parameters: dict[str, Any], name: str, value: object, known: tuple[str, ...]) -> None:
    first, *rest = name.split(".")
    if first not in known and first not in parameters:
        raise WrongUsage(
            f"--set {name}: the strategy has no parameter {first}; it has {', '.join(known)}, and "
            "limits.NAME for a limit"
        )
    place: Any = parameters
    for part in [first, *rest][:-1]:
        place = place.setdefault(part, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise WrongUsage(f"--set {name}: {first} holds no names of its own")
    place[name.rpartition(".")[2]] = value


def value_of(preset: Preset, name: str) -> object:
    """What the preset has for a name that may be set; None where it has nothing."""
    place: Any = preset.parameters
    if name.startswith(LIMITS):
        return getattr(preset.limits, name.removeprefix(LIMITS), None)
    for part in name.split("."):
        place = place.get(part) if isinstance(place, Mapping) else None
    found: object = place
    return found


def insist_unchanged(base: TrialBase, hashes: Mapping[str, str]) -> None:
    """Raise BadData where this process read other bars than the one that began the sweep."""
    for item in base.terms.inputs:
        if hashes.get(item.spec.name) != item.ref.sha256:
            raise BadData(f"{item.file.path}: it is not the file that the sweep began with")

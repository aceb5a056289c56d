"""Reading the accounts file, whose passwords no error may show.

A password can slip into any place of such a file, so errors name line and key and say what kind of
value stands there, never the value.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Final, cast, get_args

from config.alerts import ALERT_FIELDS, alert_settings
from config.challenge import CARRIED_FIELDS, CHALLENGE_FIELDS, challenge_settings
from config.errors import KeyPath
from config.schema import DEFAULT_SYMBOL, PROFILE_FIELDS, AccountProfile, Purpose
from config.secrets import Secret
from config.section import Section
from config.yaml_strict import load_yaml

_HERE: Final = Path(__file__).parent
ACCOUNTS_FILE: Final = "config/mt5_accounts.yaml"
LARGEST_LOGIN: Final = 2**63 - 1
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LONGEST_SYMBOL: Final = 29  # what an order request takes
_LONGEST_PATH: Final = 4096
_HOST: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:]+)\]|(?P<name>[^:\[\]]+)):(?P<port>[0-9]{1,5})"
)


def accounts_file(folder: Path) -> Path:
    """The accounts file of someone working in `folder`.

    The first that exists of ``config/mt5_accounts.yaml`` and ``mt5_accounts.yaml`` in `folder` and
    the one beside this module, since a checkout's commands run from any folder. If there is none,
    the place where one is expected, for the error to name.
    """
    usual, own = folder / ACCOUNTS_FILE, _HERE / "mt5_accounts.yaml"
    for file in (usual, folder / "mt5_accounts.yaml", own):
        if file.is_file():
            return file
    return own if (_HERE.parent / "pyproject.toml").is_file() else usual


def how_to_create(place: str = ACCOUNTS_FILE) -> str:
    """The sentence that tells how an accounts file comes to be at `place`."""
    return f"copy {_HERE / 'mt5_accounts.example.yaml'} to {place} and put your account in"


def load_profiles(file: Path) -> dict[str, AccountProfile]:
    """The profiles of `file` by name. Raises ConfigError, which never shows a value."""
    document = load_yaml(file, is_public_key=_is_public_key, missing=how_to_create("this place"))
    profiles = Section(document, (), document.root, ("profiles",)).section("profiles")
    if not profiles.keys:
        raise profiles.error(None, "holds no profile; add one, as mt5_accounts.example.yaml does")
    return {name: _profile(profiles, name, file) for name in profiles.keys}


def loopback_complaint(host: str) -> str | None:
    """What is wrong with `host` as the address of a terminal host; None if nothing is."""
    match = _HOST.fullmatch(host)
    if match is None or not 1 <= int(match["port"]) <= 65535:
        return "must be host:port, such as 127.0.0.1:18812"
    name = match["six"] or match["name"]
    try:
        loopback = name.lower() == "localhost" or ip_address(name).is_loopback
    except ValueError:
        loopback = False
    if loopback:
        return None
    return "must be on this machine (127.0.0.1 or localhost); reach another through an SSH tunnel"


def _is_public_key(path: KeyPath) -> bool:
    """Whether the last key of `path` may be shown: ``profiles``, a profile's name, a field."""
    match path:
        case ("profiles",):
            return True
        case ("profiles", str(name)):
            return bool(_NAME.fullmatch(name))
        case ("profiles", _, field):
            return field in PROFILE_FIELDS
        case ("profiles", _, "alerts", field):
            return field in ALERT_FIELDS
        case ("profiles", _, "challenge", field):
            return field in CHALLENGE_FIELDS
        case ("profiles", _, "challenge", "carried", field):
            return field in CARRIED_FIELDS
        case _:
            return False


def _profile(profiles: Section, name: str, file: Path) -> AccountProfile:
    if not _NAME.fullmatch(name):
        raise profiles.error(
            name, "a profile's name may hold letters, digits, '_', '.' and '-' only; rename it"
        )
    section = profiles.section(name, PROFILE_FIELDS)
    has = section.has
    return AccountProfile(
        name=name,
        file=str(file),
        given=frozenset(section.keys),
        server=section.text("server") if has("server") else None,
        login=_login(section) if has("login") else None,
        password=Secret(section.raw_text("password")) if has("password") else None,
        default_symbol=_symbol(section, "default_symbol")
        if has("default_symbol")
        else DEFAULT_SYMBOL,
        purpose=_purpose(section) if has("purpose") else "demo",
        terminal_path=section.text("terminal_path", longest=_LONGEST_PATH)
        if has("terminal_path")
        else None,
        symbol_map=_symbol_map(section.section("symbol_map")) if has("symbol_map") else {},
        host=_host(section) if has("host") else None,
        alerts=alert_settings(section.section("alerts", ALERT_FIELDS)) if has("alerts") else None,
        challenge=challenge_settings(section.section("challenge", CHALLENGE_FIELDS))
        if has("challenge")
        else None,
    )


def _symbol(section: Section, key: str) -> str:
    return section.text(key, longest=_LONGEST_SYMBOL)


def _login(section: Section) -> int:
    return section.whole("login", least=1, most=LARGEST_LOGIN)


def _purpose(section: Section) -> Purpose:
    return cast("Purpose", section.choice("purpose", get_args(Purpose)))


def _symbol_map(section: Section) -> dict[str, str]:
    names: dict[str, str] = {}
    for ours in section.keys:
        theirs = _symbol(section, ours)
        if theirs in names.values():
            raise section.error(
                ours, "two of our symbols have the same name at the broker; keep one of them"
            )
        names[ours] = theirs
    return names


def _host(section: Section) -> str:
    host = section.text("host")
    if complaint := loopback_complaint(host):
        raise section.error("host", complaint)
    return host

"""Which account a run uses: command line first, then the environment, then the profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from config.errors import ConfigError
from config.profiles import ACCOUNTS_FILE, LARGEST_LOGIN, how_to_create
from config.schema import (
    DEFAULT_SYMBOL,
    PROFILE_FIELDS,
    AccountProfile,
    CliOverrides,
    ResolvedAccount,
)
from config.secrets import Secret
from config.section import did_you_mean

ENVIRONMENT: Final = {
    "server": "OMEGA_MT5_SERVER",
    "login": "OMEGA_MT5_LOGIN",
    "password": "OMEGA_MT5_PASSWORD",
}
"""The fields that environment variables may give. A variable set to nothing counts as unset."""

_OF_THE_PROFILE: Final = tuple(name for name in PROFILE_FIELDS if name not in ENVIRONMENT)
"""The fields that nothing but a profile gives."""

COMMAND_LINE: Final = "command line"
DEFAULT: Final = "default"
HOSTS_OWN: Final = "the terminal host's own configuration"
"""Where the password is from that a profile with `host` does not have."""

_PLAIN_DIGITS: Final = re.compile(r"[1-9][0-9]{0,18}")


class _Pick(msgspec.Struct, frozen=True):
    """The value that won a field, and where it comes from."""

    value: object
    origin: str


def resolve_account(
    profile_name: str | None,
    profiles: Mapping[str, AccountProfile],
    cli: CliOverrides,
    environ: Mapping[str, str],
) -> ResolvedAccount:
    """The account that command line, environment and profile give together, field by field.

    `profile_name` None uses no profile. Raises ConfigError for an unknown profile, a bad value on
    the command line or in the environment, and for fields that nothing gives. A `host` of the
    profile logs in by its own configuration, so that with one no password is needed.
    """
    profile = None if profile_name is None else _chosen(profile_name, profiles)
    rest = profile or AccountProfile(name="", file="", default_symbol=DEFAULT_SYMBOL)
    picks = {name: _pick(name, cli, environ, profile) for name in ENVIRONMENT}
    if picks["password"] is None and rest.host:
        picks["password"] = _Pick(Secret(""), HOSTS_OWN)
    missing = [name for name in ENVIRONMENT if picks[name] is None]
    if missing:
        raise _missing(missing, profile)
    found = {name: pick for name, pick in picks.items() if pick is not None}
    return ResolvedAccount(
        profile=profile_name,
        server=_server(found["server"]),
        login=_login(found["login"]),
        password=_password(found["password"]),
        **{name: getattr(rest, name) for name in _OF_THE_PROFILE},
        origins={name: pick.origin for name, pick in found.items()} | _other_origins(profile),
        warnings=_warnings(cli, environ, profile) + _useless(rest, found["password"]),
    )


def _chosen(name: str, profiles: Mapping[str, AccountProfile]) -> AccountProfile:
    if name in profiles:
        return profiles[name]
    if not profiles:
        raise ConfigError(
            f"there is no profile {name!r}, for no accounts file was read; {how_to_create()}",
            path="--account-profile",
        )
    file = next(iter(profiles.values())).file
    hint = did_you_mean(name, profiles)
    raise ConfigError(
        f"there is no profile {name!r}{hint}; the known ones are {', '.join(sorted(profiles))}; "
        "name one of them or add yours to the file",
        file=file,
        path="profiles",
    )


def _pick(
    name: str, cli: CliOverrides, environ: Mapping[str, str], profile: AccountProfile | None
) -> _Pick | None:
    variable = ENVIRONMENT[name]
    if (typed := getattr(cli, name)) is not None:
        return _Pick(typed, COMMAND_LINE)
    if text := environ.get(variable):
        return _Pick(text, f"environment {variable}")
    if profile is not None and (written := getattr(profile, name)) is not None:
        return _Pick(written, _in_profile(profile))
    return None


def _in_profile(profile: AccountProfile) -> str:
    return f"profile {profile.name} in {profile.file}"


def _other_origins(profile: AccountProfile | None) -> dict[str, str]:
    given = frozenset() if profile is None else profile.given
    written = "" if profile is None else _in_profile(profile)
    return {name: written if name in given else DEFAULT for name in _OF_THE_PROFILE}


def _missing(names: list[str], profile: AccountProfile | None) -> ConfigError:
    options = ", ".join(f"--{name}" for name in names)
    variables = ", ".join(ENVIRONMENT[name] for name in names)
    place = (
        f"in a profile of {ACCOUNTS_FILE}, named with --account-profile"
        if profile is None
        else f"in profile {profile.name} of {profile.file}"
    )
    several = len(names) > 1
    what = f"{', '.join(names[:-1])} and {names[-1]}" if several else names[0]
    verb, them = ("are", "them") if several else ("is", "it")
    return ConfigError(
        f"{what} {verb} not given; give {them} in one of three ways: on the command line "
        f"({options}), in the environment ({variables}), or {place}",
        file=None if profile is None else profile.file,
        path=None if profile is None else f"profiles.{profile.name}",
    )


def _server(pick: _Pick) -> str:
    server = pick.value
    if not isinstance(server, str) or not server or server != server.strip():
        raise _bad(pick, "server", "must be a server's name with no space at either end")
    if not server.isprintable():
        raise _bad(pick, "server", "must be a server's name on one line")
    return server


def _login(pick: _Pick) -> int:
    # The value stays out of the message: a password put here by mistake would be shown.
    text = str(pick.value)
    if isinstance(pick.value, bool) or not _PLAIN_DIGITS.fullmatch(text):
        raise _bad(pick, "login", "must be the account's number in plain digits")
    if int(text) > LARGEST_LOGIN:
        raise _bad(pick, "login", f"must be at most {LARGEST_LOGIN}")
    return int(text)


def _password(pick: _Pick) -> Secret:
    secret = pick.value if isinstance(pick.value, Secret) else Secret(str(pick.value))
    if not secret and pick.origin != HOSTS_OWN:
        raise _bad(pick, "password", "is empty")
    if not secret.reveal().isprintable():
        raise _bad(pick, "password", "holds a line break or another unprintable sign")
    return secret


def _bad(pick: _Pick, name: str, complaint: str) -> ConfigError:
    option = f"--{name}"
    where = option if pick.origin == COMMAND_LINE else ENVIRONMENT[name]
    return ConfigError(f"{complaint}; correct it or leave it out", path=where)


def _useless(profile: AccountProfile, password: _Pick) -> list[str]:
    """The sentence for a password that nobody logs in with."""
    if not profile.host or password.origin == HOSTS_OWN:
        return []
    return [
        f"the password of {password.origin} has no effect with host: the terminal host at "
        f"{profile.host} logs in with the one of its own configuration; leave it out"
    ]


def _warnings(
    cli: CliOverrides, environ: Mapping[str, str], profile: AccountProfile | None
) -> list[str]:
    warnings = []
    if cli.password is not None:
        warnings.append(
            "--password shows the password in the machine's list of processes; "
            f"{ENVIRONMENT['password']} or a profile keeps it out of sight"
        )
    for name, variable in ENVIRONMENT.items():
        overridden = environ.get(variable) and getattr(cli, name) is None
        if profile is not None and overridden and name in profile.given:
            warnings.append(
                f"the environment variable {variable} replaces the {name} of {_in_profile(profile)}"
            )
    return warnings

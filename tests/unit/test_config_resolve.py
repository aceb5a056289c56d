"""Which source gives each field of the account, and what the user is told about it."""

from pathlib import Path

import msgspec
import pytest

from config.loader import (
    AccountProfile,
    CliOverrides,
    ConfigError,
    ResolvedAccount,
    Secret,
    config_report,
    load_profiles,
    resolve_account,
)

FULL = """\
profiles:
  DEMO:
    server: Profile-Server
    login: 111
    password: profile-secret
    symbol_map: {XAUUSD: GOLD}
  BARE:
    default_symbol: GBPUSD
"""
ENVIRON = {
    "OMEGA_MT5_SERVER": "Env-Server",
    "OMEGA_MT5_LOGIN": "222",
    "OMEGA_MT5_PASSWORD": "env-secret",
}
CLI = CliOverrides(server="Cli-Server", login=333, password=Secret("cli-secret"))
NOTHING = CliOverrides()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.yaml"
    path.write_text(FULL)
    return path


@pytest.fixture
def profiles(file: Path) -> dict[str, AccountProfile]:
    return load_profiles(file)


def account_of(resolved: ResolvedAccount) -> tuple[str, int, str]:
    return resolved.server, resolved.login, resolved.password.reveal()


def test_the_profile_gives_what_nothing_else_gives(
    profiles: dict[str, AccountProfile], file: Path
) -> None:
    account = resolve_account("DEMO", profiles, NOTHING, {})
    assert account_of(account) == ("Profile-Server", 111, "profile-secret")
    written = f"profile DEMO in {file}"
    assert account.origins == {
        "server": written,
        "login": written,
        "password": written,
        "default_symbol": "default",
        "purpose": "default",
        "terminal_path": "default",
        "symbol_map": written,
        "host": "default",
        "alerts": "default",
        "challenge": "default",
    }
    assert account.warnings == []


def test_the_environment_beats_the_profile_and_warns(
    profiles: dict[str, AccountProfile], file: Path
) -> None:
    account = resolve_account("DEMO", profiles, NOTHING, ENVIRON)
    assert account_of(account) == ("Env-Server", 222, "env-secret")
    assert account.origins["login"] == "environment OMEGA_MT5_LOGIN"
    assert account.warnings == [
        f"the environment variable OMEGA_MT5_{name.upper()} replaces the {name} of "
        f"profile DEMO in {file}"
        for name in ("server", "login", "password")
    ]


def test_the_command_line_beats_both(profiles: dict[str, AccountProfile]) -> None:
    account = resolve_account("DEMO", profiles, CLI, ENVIRON)
    assert account_of(account) == ("Cli-Server", 333, "cli-secret")
    assert {account.origins[name] for name in ("server", "login", "password")} == {"command line"}
    assert len(account.warnings) == 1
    assert account.warnings[0].startswith("--password shows the password in the machine's list")


def test_each_field_is_resolved_on_its_own(profiles: dict[str, AccountProfile]) -> None:
    account = resolve_account(
        "DEMO", profiles, CliOverrides(server="Cli-Server"), {"OMEGA_MT5_LOGIN": "222"}
    )
    assert account_of(account) == ("Cli-Server", 222, "profile-secret")


def test_the_environment_fills_what_the_profile_leaves_out_without_a_warning(
    profiles: dict[str, AccountProfile],
) -> None:
    account = resolve_account("BARE", profiles, NOTHING, ENVIRON)
    assert account_of(account) == ("Env-Server", 222, "env-secret")
    assert account.default_symbol == "GBPUSD"
    assert account.warnings == []


def behind_a_host(tmp_path: Path, *lines: str) -> dict[str, AccountProfile]:
    text = ["profiles:", "  FAR:", "    server: Far-Demo", "    login: 111"]
    path = tmp_path / "far.yaml"
    path.write_text("\n".join([*text, "    host: 127.0.0.1:18812", *lines, ""]), encoding="utf-8")
    return load_profiles(path)


def test_a_profile_with_a_host_needs_no_password(tmp_path: Path) -> None:
    """The terminal host logs in by its own configuration."""
    account = resolve_account("FAR", behind_a_host(tmp_path), NOTHING, {})
    assert account_of(account) == ("Far-Demo", 111, "")
    assert "terminal host" in account.origins["password"]
    assert account.warnings == []


@pytest.mark.parametrize("given", ["command line", "environment OMEGA_MT5_PASSWORD", "profile FAR"])
def test_a_password_beside_a_host_has_no_effect_and_says_so(tmp_path: Path, given: str) -> None:
    """Nothing that the user gives is ignored without a word."""
    written = ["    password: useless"] if given.startswith("profile") else []
    cli = CliOverrides(password=Secret("useless")) if given == "command line" else NOTHING
    environ = {"OMEGA_MT5_PASSWORD": "useless"} if given.startswith("environment") else {}
    account = resolve_account("FAR", behind_a_host(tmp_path, *written), cli, environ)
    said = account.warnings[-1]
    assert said.startswith(f"the password of {given}")
    assert "no effect with host" in said
    assert "useless" not in said


def test_no_profile_is_needed() -> None:
    account = resolve_account(None, {}, NOTHING, ENVIRON)
    assert account_of(account) == ("Env-Server", 222, "env-secret")
    assert account.profile is None
    assert account.default_symbol == "EURUSD"
    assert account.warnings == []


def test_a_variable_set_to_nothing_counts_as_unset(profiles: dict[str, AccountProfile]) -> None:
    account = resolve_account("DEMO", profiles, NOTHING, dict.fromkeys(ENVIRON, ""))
    assert account_of(account) == ("Profile-Server", 111, "profile-secret")
    assert account.warnings == []


def test_the_text_of_an_option_is_taken_as_a_login(profiles: dict[str, AccountProfile]) -> None:
    assert resolve_account("DEMO", profiles, CliOverrides(login="444"), {}).login == 444


@pytest.mark.parametrize("value", ["abc", "-1", "0", "012", "1.5", " 1", "1 ", "٣", "9" * 19])
def test_a_bad_login_names_its_source_and_not_its_value(
    profiles: dict[str, AccountProfile], value: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_account("DEMO", profiles, NOTHING, {"OMEGA_MT5_LOGIN": value})
    assert str(caught.value).startswith("OMEGA_MT5_LOGIN: must be ")
    with pytest.raises(ConfigError) as caught:
        resolve_account("DEMO", profiles, CliOverrides(login=value), {})
    assert str(caught.value).startswith("--login: must be ")
    if len(value) > 2:
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OMEGA_MT5_SERVER": " S"}, "OMEGA_MT5_SERVER: must be a server's name with no space"),
        ({"OMEGA_MT5_SERVER": "a\x07b"}, "OMEGA_MT5_SERVER: must be a server's name on one line"),
        ({"OMEGA_MT5_PASSWORD": "pass\r\n"}, "OMEGA_MT5_PASSWORD: holds a line break"),
    ],
)
def test_bad_text_in_the_environment_is_refused(
    profiles: dict[str, AccountProfile], environ: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_account("DEMO", profiles, NOTHING, environ)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("cli", "said"),
    [
        (CliOverrides(server=""), "--server: must be a server's name"),
        (CliOverrides(password=Secret("")), "--password: is empty"),
    ],
)
def test_an_empty_option_is_refused(
    profiles: dict[str, AccountProfile], cli: CliOverrides, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_account("DEMO", profiles, cli, {})
    assert str(caught.value).startswith(said)


def test_missing_fields_name_all_three_ways_to_give_them(
    profiles: dict[str, AccountProfile], file: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_account("BARE", profiles, CliOverrides(server="S"), {})
    assert str(caught.value) == (
        f"{file}, profiles.BARE: login and password are not given; give them in one of three ways: "
        "on the command line (--login, --password), in the environment (OMEGA_MT5_LOGIN, "
        f"OMEGA_MT5_PASSWORD), or in profile BARE of {file}"
    )


def test_a_single_missing_field_without_profile_names_the_accounts_file() -> None:
    environ = {name: text for name, text in ENVIRON.items() if "PASSWORD" not in name}
    with pytest.raises(ConfigError) as caught:
        resolve_account(None, {}, NOTHING, environ)
    text = str(caught.value)
    assert text.startswith("password is not given; give it in one of three ways")
    assert "--password" in text
    assert "OMEGA_MT5_PASSWORD" in text
    assert "in a profile of config/mt5_accounts.yaml" in text


def test_an_unknown_profile_lists_the_known_ones(profiles: dict[str, AccountProfile]) -> None:
    with pytest.raises(ConfigError, match=r"no profile 'DEM'; did you mean DEMO\?.*BARE, DEMO"):
        resolve_account("DEM", profiles, NOTHING, ENVIRON)


def test_a_profile_without_any_file_tells_how_to_create_one() -> None:
    with pytest.raises(ConfigError, match=r"copy .*example\.yaml to config/mt5_accounts\.yaml"):
        resolve_account("DEMO", {}, NOTHING, ENVIRON)


def test_the_report_shows_every_field_its_origin_and_no_password(
    profiles: dict[str, AccountProfile], file: Path
) -> None:
    account = resolve_account("DEMO", profiles, NOTHING, {"OMEGA_MT5_LOGIN": "222"})
    written = f"profile DEMO in {file}"
    rows = [(row.field, row.value, row.origin) for row in config_report(account)]
    assert rows == [
        ("account_profile", "DEMO", "command line"),
        ("server", "Profile-Server", written),
        ("login", "222", "environment OMEGA_MT5_LOGIN"),
        ("password", "(set, hidden)", written),
        ("default_symbol", "EURUSD", "default"),
        ("purpose", "demo", "default"),
        ("terminal_path", "(not set)", "default"),
        ("symbol_map", "XAUUSD: GOLD", written),
        ("host", "(not set)", "default"),
        ("alerts", "(not set)", "default"),
        ("challenge", "(not set)", "default"),
    ]


def test_a_resolved_account_cannot_be_encoded_by_accident(
    profiles: dict[str, AccountProfile],
) -> None:
    account = resolve_account("DEMO", profiles, NOTHING, {})
    with pytest.raises(TypeError):
        msgspec.json.encode(account)
    assert b"profile-secret" not in msgspec.json.encode(account, enc_hook=str)
    assert "profile-secret" not in repr(account)

"""The accounts file: simple files load, anything doubtful is one error that shows no value."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.loader import accounts_file, load_profiles
from config.secrets import Secret

ROOT = Path(__file__).resolve().parents[2]

SIMPLE = """\
profiles:
  METAQUOTES_DEMO:
    server: MetaQuotes-Demo
    login: 12345678
    password: my-demo-password
    default_symbol: EURUSD
  FTMO_TRIAL:
    server: OANDA-Demo-1
    login: 87654321
    password: ftmo-trial-password
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mt5_accounts.yaml"


def complaint(file: Path, content: str) -> str:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_profiles(file)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(file))
    return text.removeprefix(str(file))


def of_field(file: Path, line: str) -> str:
    """The complaint about `line` as the only line of a profile, without file and line number."""
    prefix = ", line 3"
    text = complaint(file, f"profiles:\n  DEMO:\n    {line}\n")
    assert text.startswith(prefix)
    return text.removeprefix(prefix).lstrip(", :")


def test_a_simple_file_loads(file: Path) -> None:
    file.write_text(SIMPLE)
    profiles = load_profiles(file)
    assert list(profiles) == ["METAQUOTES_DEMO", "FTMO_TRIAL"]
    demo = profiles["METAQUOTES_DEMO"]
    assert (demo.server, demo.login, demo.default_symbol) == ("MetaQuotes-Demo", 12345678, "EURUSD")
    assert demo.password == Secret("my-demo-password")
    assert (demo.purpose, demo.terminal_path, demo.symbol_map, demo.host) == (
        "demo",
        None,
        {},
        None,
    )
    assert profiles["FTMO_TRIAL"].default_symbol == "EURUSD"


def test_every_field_loads(file: Path) -> None:
    file.write_text(
        "profiles:\n  T.1:\n    server: S\n    login: 1\n    password: ' two words '\n"
        "    default_symbol: GBPUSD\n    purpose: trial\n"
        "    terminal_path: 'C:\\MT5\\terminal64.exe'\n"
        "    symbol_map: {XAUUSD: GOLD, EURUSD: EURUSD.r}\n    host: '[::1]:18812'\n"
    )
    profile = load_profiles(file)["T.1"]
    assert profile.password == Secret(" two words ")
    assert profile.purpose == "trial"
    assert profile.terminal_path == "C:\\MT5\\terminal64.exe"
    assert profile.symbol_map == {"XAUUSD": "GOLD", "EURUSD": "EURUSD.r"}
    assert profile.host == "[::1]:18812"


def test_the_example_file_loads_and_holds_placeholders_only() -> None:
    profiles = load_profiles(ROOT / "config" / "mt5_accounts.example.yaml")
    assert {name: p.login for name, p in profiles.items()} == {
        "METAQUOTES_DEMO": 12345678,
        "FTMO_TRIAL": 87654321,
    }
    assert profiles["FTMO_TRIAL"].purpose == "trial"


def test_a_profile_may_leave_the_account_to_other_sources(file: Path) -> None:
    file.write_text("profiles:\n  DEMO: {server: S}\n")
    profile = load_profiles(file)["DEMO"]
    assert (profile.login, profile.password) == (None, None)
    assert profile.given == {"server"}


def test_profiles_may_share_fields_through_an_anchor(file: Path) -> None:
    file.write_text(
        "profiles:\n  A: &base {server: S, login: 1, password: pw-one}\n"
        "  B:\n    <<: *base\n    login: 2\n"
    )
    assert load_profiles(file)["B"].server == "S"
    assert load_profiles(file)["B"].login == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("password: 12345678", "password: must be text but is a whole number; put it in quotes"),
        ("password: 1.5", "password: must be text but is a decimal number; put it in quotes"),
        ("password: true", "password: must be text but is true or false; put it in quotes"),
        ("password: yes", "password: YAML reads this as yes or no"),
        ("password: 012345", "password: YAML reads this as a number in another notation"),
        ("password: 12:34:56", "password: YAML reads this as a number in another notation"),
        ("password: 2024-01-31", "password: YAML reads this as a date"),
        ("password: null", "password: has no value; give one (in quotes if"),
        ("password: ~", "password: has no value"),
        ("password: '~'x", "indentation"),
        ("password:", "password: has no value"),
        ("password: #hash", "password: has no value; give one (in quotes if"),
        ("password: ''", "password: is empty"),
        ("password: [a, b]", "password: must be text but is a list"),
        ("password: {a: b}", "password: must be text but is a mapping of keys"),
        ('password: "two\\nlines"', "password: holds a line break"),
        ("password: *pointer", "alias without anchor"),
        ("password: !bang", "begins with '!'"),
        ("password: a: b", "put text with ': ' in quotes"),
        ("server: 1.5", "server: must be text but is a decimal number; put it in quotes"),
        ("server: ' S'", "server: begins or ends with a space"),
        (f"server: {'s' * 256}", "server: is longer than 255 characters"),
        ("login: 012345", "login: YAML reads this as a number in another notation"),
        ("login: '12345'", "login: must be a whole number but is text; write plain digits"),
        ("login: 1.0", "login: must be a whole number but is a decimal number"),
        ("login: true", "login: must be a whole number but is true or false"),
        ("login: 0", "login: must be a whole number from 1 to"),
        ("login: -5", "login: must be a whole number from 1 to"),
        ("default_symbol: [EURUSD]", "default_symbol: must be text but is a list"),
        (f"default_symbol: {'s' * 30}", "default_symbol: is longer than 29 characters"),
        ("purpose: funded", "purpose: must be one of demo, trial"),
        ('terminal_path: "C:\\new"', "terminal_path: holds a line break or another unprintable"),
        ("symbol_map: GOLD", "symbol_map: must hold keys but is text"),
        ("symbol_map: {XAUUSD: 1}", "symbol_map: must be text but is a whole number"),
        ("symbol_map: {A: X, B: X}", "symbol_map: two of our symbols have the same name"),
        ("host: example.com:18812", "host: must be on this machine"),
        ("host: 192.168.0.5:18812", "host: must be on this machine"),
        ("host: 127.0.0.1", "host: must be host:port"),
        ("host: 127.0.0.1:0", "host: must be host:port"),
        ("host: 127.0.0.1:65536", "host: must be host:port"),
        ("pasword: x", "pasword: unknown key 'pasword'; did you mean 'password'?"),
        ("Server: x", "Server: unknown key 'Server'; did you mean 'server'?"),
        ("colour: x", "unknown key; the known ones are server, login, password"),
    ],
)
def test_a_wrong_field_is_one_error_with_its_path(file: Path, line: str, said: str) -> None:
    text = of_field(file, line)
    assert said in text
    if f"{line.partition(':')[0]}: " in said:
        assert text.startswith("profiles.DEMO.")


def test_profiles_that_contain_themselves_are_refused(file: Path) -> None:
    assert "contains itself" in complaint(file, "profiles: &p\n  DEMO: *p\n")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:65535", "LOCALHOST:80", "127.8.8.8:9"])
def test_hosts_on_this_machine_are_fine(file: Path, host: str) -> None:
    file.write_text(f"profiles:\n  DEMO: {{host: '{host}'}}\n")
    assert load_profiles(file)["DEMO"].host == host


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("accounts: {}\n", ", line 1: unknown key; the known ones are profiles"),
        ("profile:\n  A: {}\n", ", line 1, profile: unknown key 'profile'; did you mean"),
        ("profiles:\n", ", line 1, profiles: has no value"),
        ("profiles: {}\n", ", line 1, profiles: holds no profile; add one"),
        ("profiles: [a]\n", ", line 1, profiles: must hold keys but is a list"),
        ("profiles:\n  A:\n", ", line 2, profiles.A: has no value"),
        ("profiles:\n  A: text\n", ", line 2, profiles.A: must hold keys but is text; indent"),
        ("profiles:\n  A:\n  login: 5\n", ", line 2, profiles.A: has no value"),
        ("profiles:\n  'a b': {}\n", ", line 2, profiles: a profile's name may hold letters"),
        (SIMPLE + "  FTMO_TRIAL: {}\n", ", line 11, profiles.FTMO_TRIAL: the key is given twice"),
        (SIMPLE + "    login: 5\n", ", line 11, profiles.FTMO_TRIAL.login: the key is given twice"),
        ("profiles:\n  A:\n    password:no-space\n", ", line 2, profiles.A: must hold keys but"),
    ],
)
def test_a_wrong_layout_is_one_error_with_its_path(file: Path, content: str, said: str) -> None:
    assert complaint(file, content).startswith(said)


def test_a_missing_file_tells_how_to_create_it(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file; copy .*mt5_accounts\.example\.yaml to"):
        load_profiles(file)


def test_the_accounts_file_is_sought_in_the_folder_and_beside_the_example(tmp_path: Path) -> None:
    fallback = accounts_file(tmp_path)
    assert fallback in {ROOT / "config" / "mt5_accounts.yaml", tmp_path / "mt5_accounts.yaml"}
    beside = tmp_path / "mt5_accounts.yaml"
    beside.write_text(SIMPLE)
    assert accounts_file(tmp_path) == beside
    usual = tmp_path / "config" / "mt5_accounts.yaml"
    usual.parent.mkdir()
    usual.write_text(SIMPLE)
    assert accounts_file(tmp_path) == usual

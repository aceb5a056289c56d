"""The `alerts` section of a profile: what it means, and that no error shows an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.alerts import ALERT_KINDS, AlertSettings
from config.errors import ConfigError
from config.loader import CliOverrides, config_report, load_profiles, resolve_account
from config.secrets import Secret

TOKEN = "t0ken"  # noqa: S105 - one that must not show
PROFILE = "profiles:\n  DEMO:\n    server: A-Demo\n    login: 1\n    password: x\n    alerts:\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "accounts.yaml"


def settings(file: Path, *lines: str) -> AlertSettings:
    file.write_text(PROFILE + "".join(f"      {line}\n" for line in lines), encoding="utf-8")
    alerts = load_profiles(file)["DEMO"].alerts
    assert alerts is not None
    return alerts


def complaint(file: Path, *lines: str) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(file, *lines)
    assert TOKEN not in str(caught.value)
    return str(caught.value).removeprefix(f"{file}, ")


def test_everything_that_it_may_say_is_read(file: Path) -> None:
    found = settings(
        file, f"urls: ['tgram://{TOKEN}/1']", "urls_from: [MY_URL]", "ping_url_from: MY_PING",
        "ping_seconds: 30", "disconnect_seconds: 5", "halt: false", "daily_summary: true",
    )  # fmt: skip
    assert found.urls == [Secret(f"tgram://{TOKEN}/1")]
    assert (found.ping_seconds, found.disconnect_seconds) == (30, 5)
    assert found.kinds == ("breach", "disconnect", "mute_feed", "daily_summary", "service")
    environ = {"MY_URL": "json://x", "MY_PING": "https://y"}
    assert [item.reveal() for item in found.addresses(environ)] == [
        f"tgram://{TOKEN}/1",
        "json://x",
    ]
    assert found.ping_address(environ) == Secret("https://y")


def test_what_is_left_out_is_on_and_has_the_usual_times(file: Path) -> None:
    found = settings(file, "urls: ['json://x']")
    assert found == AlertSettings(urls=[Secret("json://x")])
    assert (found.kinds, found.ping_seconds, found.disconnect_seconds) == (ALERT_KINDS, 60, 60)
    assert found.ping_address({}) is None


def test_the_ping_may_stand_in_the_file(file: Path) -> None:
    found = settings(file, f"ping_url: 'https://{TOKEN}'")
    assert found.ping_address({}) == Secret(f"https://{TOKEN}")


def test_a_profile_without_the_section_has_no_alerts(file: Path) -> None:
    file.write_text("profiles:\n  DEMO:\n    server: A-Demo\n", encoding="utf-8")
    assert load_profiles(file)["DEMO"].alerts is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"urls: json://{TOKEN}", "line 7, profiles.DEMO.alerts.urls: must be a list"),
        ("urls: []", "must be a list with at least an address"),
        (f"urls: [1, '{TOKEN}']", "each entry must be an address"),
        ("urls_from: [[A]]", "each entry must be the name of an environment variable"),
        (f"hlat: {TOKEN}", "unknown key 'hlat'; did you mean 'halt'?"),
        (f"{TOKEN}: 1", "unknown key; the known ones are urls"),
        ("halt: 1", "alerts.halt: must be true or false but is a whole number"),
        (f"halt: '{TOKEN}'", "must be true or false but is text"),
        ("disconnect_seconds: -1", "must be a whole number from 0 to 86400"),
        ("ping_seconds: 1", "must be a whole number from 10 to 86400"),
        (f"ping_url: ['{TOKEN}']", "ping_url: must be text"),
    ],
)
def test_what_it_may_not_say_is_told_with_line_and_key_and_without_a_value(
    file: Path, line: str, said: str
) -> None:
    assert said in complaint(file, line)


def test_two_addresses_to_ping_are_one_too_many(file: Path) -> None:
    text = complaint(file, f"ping_url: 'https://{TOKEN}'", "ping_url_from: MY_PING")
    assert "ping_url is given too; keep one of them" in text


def test_a_variable_that_is_not_set_is_named(file: Path) -> None:
    found = settings(file, "urls_from: [MY_URL]", "ping_url_from: MY_PING")
    with pytest.raises(ConfigError, match="MY_URL: is not set"):
        found.addresses({"MY_URL": ""})
    with pytest.raises(ConfigError, match="MY_PING: is not set"):
        found.ping_address({})


def test_the_report_counts_addresses_and_shows_none(file: Path) -> None:
    settings(file, f"urls: ['json://{TOKEN}']", f"ping_url: 'https://{TOKEN}'", "halt: false")
    account = resolve_account("DEMO", load_profiles(file), CliOverrides(), {})
    (row,) = [row for row in config_report(account) if row.field == "alerts"]
    assert row.value == (
        "1 addresses (hidden) for breach, disconnect, mute_feed, daily_summary, "
        "service, a dead man's switch"
    )
    assert TOKEN not in repr(account)

"""The `challenge` section of a profile: what it may say, and one error for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.challenge import (
    CHALLENGE_FIELDS,
    Began,
    CarriedSettings,
    ChallengeSettings,
    challenge_settings,
)
from config.errors import ConfigError
from config.section import Section
from config.yaml_strict import load_yaml


def settings(tmp_path: Path, *lines: str) -> ChallengeSettings:
    file = tmp_path / "c.yaml"
    file.write_text("challenge:\n" + "".join(f"  {line}\n" for line in lines), encoding="utf-8")
    document = load_yaml(file)
    top = Section(document, (), document.root, ("challenge",))
    return challenge_settings(top.section("challenge", CHALLENGE_FIELDS))


def test_everything_that_it_may_say_is_read(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "rules: ftmo_1step",
        "initial: 100000",
        'started: "2026-06-15"',
        "phase: challenge",
        "transfers: accept",
        "login: 531",
        "carried:",
        '  as_of: "2026-06-16T00:00:00+02:00"',
        "  high: 102600.00",
        "  trading_days: 4",
        "  profitable_days: 1",
        "  best_day: 900.10",
        "  good_days: 2500",
    )
    assert found == ChallengeSettings(
        rules="ftmo_1step",
        initial=10_000_000,
        started=Began(date="2026-06-15"),
        phase="challenge",
        accept_transfers=True,
        login=531,
        carried=CarriedSettings(
            as_of=Began(at=1_781_560_800_000),
            high=10_260_000,
            trading_days=4,
            profitable_days=1,
            best_day=90_010,
            good_days=250_000,
        ),
    )
    assert str(found) == (
        "rules: ftmo_1step, initial: 100000.00, started: 2026-06-15, phase: challenge, "
        "transfers: accept, login: 531, carried: {as_of: 2026-06-15T22:00:00+00:00, "
        "high: 102600.00, trading_days: 4, profitable_days: 1, best_day: 900.10, "
        "good_days: 2500.00}"
    )


def test_the_rules_alone_are_enough(tmp_path: Path) -> None:
    assert settings(tmp_path, "rules: ftmo_2step") == ChallengeSettings(rules="ftmo_2step")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["initial: 1"], "rules: is missing"),
        (["rules: a", "initial: 0"], "initial: must be from 0.01"),
        (["rules: a", "initial: 100.005"], "initial: has parts of a cent"),
        (["rules: a", "initial: '100'"], "initial: must be a number"),
        (["rules: a", "started: 2026-06-15"], "a date: put text in quotes"),
        (["rules: a", 'started: "2026-06-31"'], "started: is no date; write a date of the firm's"),
        (["rules: a", 'started: "2026-06-15T10:00"'], "started: has no offset from UTC"),
        (["rules: a", "transfers: maybe"], "transfers: must be one of accept"),
        (["rules: a", "begun: 1"], "unknown key 'begun'"),
        (["rules: a", "carried:", "  high: 1"], "carried.as_of: is missing"),
        (
            ["rules: a", "carried:", '  as_of: "2026-06-15"', "  best_day: 2", "  good_days: 1"],
            "carried.best_day: is more than good_days",
        ),
    ],
)
def test_what_it_may_not_say_is_refused_with_line_and_key(
    tmp_path: Path, lines: list[str], told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, *lines)
    assert told in str(caught.value)
    assert "line " in str(caught.value)

"""The guard knows one account, to the last digit and letter."""

from __future__ import annotations

import pytest

from adapters.mt5.api import contract as mt5
from adapters.mt5.api.account_guard import objection

LOGIN, SERVER = 1_234_567, "Broker-Demo"


def account(**changes: int | str) -> mt5.AccountInfo:
    return mt5.AccountInfo.of(**{"login": LOGIN, "server": SERVER, "trade_mode": 0, **changes})


def test_the_very_account_is_let_through() -> None:
    assert objection(account(), LOGIN, SERVER) is None


@pytest.mark.parametrize(
    "server",
    [
        "broker-demo",
        "BROKER-DEMO",
        "Broker-Dem",
        "Broker-Demo2",
        " Broker-Demo",
        "Broker-Demo ",
        "",
    ],
)
def test_a_server_of_nearly_that_name_is_another_one(server: str) -> None:
    """Two servers of one broker may differ in nothing but that; one of them has real accounts."""
    found = objection(account(server=server), LOGIN, SERVER)
    assert found == f"account {LOGIN} is on server {server!r}, not {SERVER!r}"


@pytest.mark.parametrize("login", [12_345_670, 123_456, 1_234_568, 0, -LOGIN, 567, 12_345_671_234])
def test_a_login_that_begins_or_ends_like_it_is_another_one(login: int) -> None:
    found = objection(account(login=login), LOGIN, SERVER)
    assert found == f"account {login} is logged in, not {LOGIN}"

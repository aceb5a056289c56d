"""The clocks that an account's history may be read by."""

from __future__ import annotations

import pytest

from scripts.app.account.clocks import candidates
from signals.market_data.clocks import SERVER_CLOCKS, server_of

NOW = 1_784_000_000_000
"""In July 2026: New York and the European Union both have summer time."""


def _names(tick: int, known: tuple[tuple[int, str], ...] = ()) -> list[str]:
    return [name for name, _ in candidates(tick, NOW, known)]


def test_without_a_fresh_tick_or_a_known_clock_every_servers_clock_is_possible() -> None:
    """A closed market tells nothing of the clock: the history is read by each of them."""
    assert _names(0) == list(SERVER_CLOCKS)


@pytest.mark.parametrize("name", SERVER_CLOCKS)
def test_a_fresh_tick_leaves_the_clocks_that_show_its_time(name: str) -> None:
    """Only clocks of servers: nobody runs one by the time of day of London or New York."""
    shown = server_of(name, NOW // 1000)
    expected = [other for other in SERVER_CLOCKS if server_of(other, NOW // 1000) == shown]
    assert _names(shown - 5) == expected


def test_a_known_clock_decides_between_those_that_fit_and_while_the_market_is_closed() -> None:
    """New York + 7 h and the European clock are equal nearly all year."""
    shown = server_of("eu-dst", NOW // 1000)
    assert _names(shown, ((0, "eu-dst"),)) == ["eu-dst"]
    assert _names(0, ((0, "Europe/Kyiv"),)) == ["Europe/Kyiv"]


def test_a_name_that_is_no_clock_is_not_followed() -> None:
    """It cannot be read, so the clocks are as if nothing were known."""
    assert _names(0, ((0, "nowhere"),)) == list(SERVER_CLOCKS)

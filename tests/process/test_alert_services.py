"""Alerts over real HTTP: what arrives, what is said when nothing does, and that no secret shows."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import msgspec
import pytest

from adapters.services.alerts import Alert, AlertKind, AlertRules, Alerts, Policy
from adapters.services.apprise_sender import AlertsUnavailable, AppriseSender, NotTaken
from config.loader import AlertSettings, CliOverrides, ResolvedAccount, Secret
from engine.bus import Bus
from engine.journal import MemoryJournal
from scripts.app.sessions.alerts import alert_of_hang, send_refusal
from scripts.app.sessions.connection import resolve
from scripts.app.sessions.paper import PAPER
from scripts.cli.shared.exit_codes import ExitCode
from tests.builders import ended, halted
from tests.commands import butler
from tests.http_services import http_service
from tests.sessions import edges

SECRET = "t0ken-of-the-user"  # noqa: S105 - one that must not show
ALERT = Alert(AlertKind.HALT, "s-1: no new orders", "equity 97,900.00 USD  größer")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def url(port: int, *, seconds: float = 60.0) -> str:
    """The address of a service, which is given up after so many seconds."""
    return f"json://127.0.0.1:{port}/{SECRET}?rto={seconds}&cto={seconds}"


class TestSender:
    def test_title_and_text_arrive_at_every_service(self) -> None:
        with http_service() as one, http_service() as two:
            AppriseSender([url(one.port), url(two.port)])(ALERT)
        for service in (one, two):
            (body,) = map(json.loads, service.bodies)
            assert (body["title"], body["message"]) == (ALERT.title, ALERT.text)
            assert service.paths[0].startswith(f"/{SECRET}")

    def test_one_service_that_fails_is_named_and_the_others_get_it(self) -> None:
        with (
            http_service(status=500) as bad,
            http_service() as good,
            pytest.raises(NotTaken) as caught,
        ):
            AppriseSender([url(bad.port), url(good.port)])(ALERT)
        assert caught.value.places == (1,)
        assert len(good.bodies) == 1

    def test_a_service_that_hangs_is_given_up(self) -> None:
        with http_service(hangs=True) as service, pytest.raises(NotTaken):
            AppriseSender([url(service.port, seconds=0.2)])(ALERT)

    def test_no_failure_shows_the_address(
        self, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG), http_service(status=500) as service:
            sender = AppriseSender([url(service.port), url(1)])
            with pytest.raises(NotTaken) as caught:
                sender(ALERT)
        said = "".join(capfd.readouterr())
        own = "".join(item.getMessage() for item in caplog.records if "urllib3" not in item.name)
        assert SECRET not in said + own + str(caught.value) + repr(caught.value) + repr(sender)

    def test_an_address_of_an_unknown_kind_is_refused_without_showing_it(self) -> None:
        with pytest.raises(AlertsUnavailable, match="address 1 is none") as caught:
            AppriseSender([f"nosuch://{SECRET}"])
        assert SECRET not in str(caught.value)

    def test_without_the_library_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "apprise", None)
        with pytest.raises(AlertsUnavailable, match="uv sync --extra alerts"):
            AppriseSender([])


@pytest.mark.asyncio
async def test_a_halt_on_the_bus_arrives_at_the_service() -> None:
    warnings: list[str] = []
    bus = Bus(MemoryJournal())
    with http_service() as service:
        actor = Alerts(
            AlertRules(Policy(), "s-1"), AppriseSender([url(service.port)]), lambda: 0,
            warnings.append,
        )  # fmt: skip
        with edges(bus, actor.kinds) as (subscription,):
            bus.publish(halted())
            bus.publish(ended())
            await bus.flush()
            bus.close_subscriptions()
            await actor.run(subscription)
    (body,) = map(json.loads, service.bodies)
    assert body["title"] == "s-1: no new orders: daily_loss"
    assert warnings == []


class TestCommand:
    """`butler alerts test`."""

    def accounts(self, folder: Path, alerts: str) -> Path:
        file = folder / "accounts.yaml"
        file.write_text(
            f"profiles:\n  MINE:\n    server: A-Demo\n    login: 1\n    password: x\n{alerts}",
            encoding="utf-8",
        )
        return file

    def test_it_sends_one_message_to_every_service(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with http_service() as one, http_service() as two:
            monkeypatch.setenv("MY_ALERTS", url(two.port))
            file = self.accounts(
                tmp_path, f"    alerts: {{urls: ['{url(one.port)}'], urls_from: [MY_ALERTS]}}\n"
            )
            said = butler("alerts", "test", "--account-profile", "MINE", "--accounts", file)
        assert (said.code, said.out) == (
            ExitCode.DONE,
            ["sent to 2 services; see whether it arrived"],
        )
        assert [len(one.bodies), len(two.bodies)] == [1, 1]

    def test_a_service_that_does_not_take_it_is_one_line_without_its_address(
        self, tmp_path: Path
    ) -> None:
        with http_service(status=403) as service:
            file = self.accounts(tmp_path, f"    alerts: {{urls: ['{url(service.port)}']}}\n")
            said = butler("alerts", "test", "--account-profile", "MINE", "--accounts", file)
        assert said.code == ExitCode.TERMINAL
        assert said.line.startswith("alerts of profile MINE: service 1 did not take it")
        assert SECRET not in said.line

    def test_a_profile_without_addresses_is_a_wrong_configuration(self, tmp_path: Path) -> None:
        file = self.accounts(tmp_path, "    alerts: {halt: true}\n")
        said = butler("alerts", "test", "--account-profile", "MINE", "--accounts", file)
        assert said.code == ExitCode.USAGE
        assert "names nobody to alert" in said.line

    def test_a_variable_that_is_not_set_is_named(self, tmp_path: Path) -> None:
        file = self.accounts(tmp_path, "    alerts: {urls_from: [NO_SUCH_VARIABLE_HERE]}\n")
        said = butler("alerts", "test", "--account-profile", "MINE", "--accounts", file)
        assert said.code == ExitCode.USAGE
        assert said.line.startswith("NO_SUCH_VARIABLE_HERE: is not set")


class TestRefusals:
    """A service that a person must help tells him so: nobody looks at its console."""

    def test_who_is_to_be_alerted_hears_why_no_session_begins(self) -> None:
        with http_service() as service:
            settings = AlertSettings(urls=[Secret(url(service.port))])
            assert send_refusal("MINE", settings, "state challenge.initial") is None
        (body,) = map(json.loads, service.bodies)
        assert body["title"] == "MINE: no session begins"
        assert body["message"] == "state challenge.initial"

    def test_what_does_not_arrive_is_said_without_the_address(self) -> None:
        with http_service(status=500) as service:
            said = send_refusal("MINE", AlertSettings(urls=[Secret(url(service.port))]), "why")
        assert said == "alerts: service 1 did not take it"

    def test_nobody_is_told_without_a_service_or_when_halts_are_switched_off(self) -> None:
        assert send_refusal("MINE", None, "why") is None
        with http_service() as service:
            off = AlertSettings(urls=[Secret(url(service.port))], kinds=("breach",))
            assert send_refusal("MINE", off, "why") is None
        assert service.bodies == []


class TestStartsThatHang:
    """Before there is a session, nothing else would say so where nobody looks at the console."""

    def test_who_is_to_be_alerted_hears_where_it_stands(self) -> None:
        told: list[str] = []
        with http_service() as service:
            settings = AlertSettings(urls=[Secret(url(service.port))])
            alert_of_hang(account(settings), "it stands at x.py:3", told.extend)
            off = AlertSettings(urls=[Secret(url(service.port))], kinds=("halt",))
            alert_of_hang(account(off), "it stands at x.py:3", told.extend)
            alert_of_hang(account(None), "it stands at x.py:3", told.extend)
        (body,) = map(json.loads, service.bodies)
        assert body["title"] == "PAPER: the start hangs"
        assert body["message"] == "it stands at x.py:3"
        assert told == []

    def test_what_does_not_arrive_is_said_without_the_address(self) -> None:
        told: list[str] = []
        with http_service(status=500) as service:
            settings = AlertSettings(urls=[Secret(url(service.port))])
            alert_of_hang(account(settings), "why", told.extend)
        assert told == ["alerts: service 1 did not take it"]


def account(settings: AlertSettings | None) -> ResolvedAccount:
    paper = resolve(PAPER, CliOverrides(), None, {})
    return msgspec.structs.replace(paper, alerts=settings)

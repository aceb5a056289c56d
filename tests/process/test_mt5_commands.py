"""The commands of an MT5 account as a user starts them, on the built-in PAPER account."""

from __future__ import annotations

import importlib.util
import json
import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.journal import StoredJournal
from config.loader import CliOverrides
from engine import events as ev
from scripts.app.sessions import connection
from scripts.cli.shared.exit_codes import ExitCode
from tests.commands import Said, butler
from tests.process.cli import ROOT, SECONDS, butler_process, environment, everything
from tests.process.paper_books import (
    DAY,
    deposit,
    end_of_sample,
    lost_today,
    open_at_weekends,
    within_one_day,
    write_books,
)
from tests.statement_files import html_history, write_html

SMOKE_SUMMARY = "mt5_demo_smoketest_summary.json"
PASSWORD = "Zq7-not-to-be-seen"  # noqa: S105 - of an account that does not exist
SMOKE_SCRIPT = shlex.split(
    "scripts/run_exec_mt5_smoketest.py --account_profile METAQUOTES_DEMO --dry_run"
)
REPLAY_SCRIPT = shlex.split(
    "scripts/run_exec_mt5_demo_from_signals.py --account_profile METAQUOTES_DEMO --dry_run "
    "--max_positions 2 --per_trade_risk_fraction 0.004 --daily_loss_fraction 0.02 "
    "--limit_trades 50"
)
"""The two documented lines, word for word; tests add where files are."""

without_package = pytest.mark.skipif(
    importlib.util.find_spec("MetaTrader5") is not None,
    reason="says what happens where MetaTrader5 is not installed",
)


def script(line: list[str], *more: object, cwd: Path, **env: str) -> Said:
    """Runs a documented line from the folder `cwd`, without the packages' being findable there."""
    variables = environment(**env)
    del variables["PYTHONPATH"]
    done = subprocess.run(
        [sys.executable, str(ROOT / line[0]), *line[1:], *map(str, more)],
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    return Said(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())


def on_paper(line: list[str]) -> list[str]:
    return ["PAPER" if word == "METAQUOTES_DEMO" else word for word in line]


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True)
class Kept:
    """The journal of the only session in a folder of results."""

    records: list[ev.Record]
    sealed: bool

    def of(self, kind: type[ev.Event | ev.Input]) -> list[Any]:
        return [item.event for item in self.records if isinstance(item.event, kind)]


def journal(results: Path) -> Kept:
    (folder,) = results.glob("sessions/*")
    return journal_of(folder)


def journal_of(folder: Path) -> Kept:
    """The journal of one session."""
    with StoredJournal(folder / "journal.sqlite") as stored:
        sealed = stored.sealed_hash()
        return Kept(list(stored.records()), sealed is not None and sealed == stored.hexdigest())


def accounts_file(folder: Path) -> Path:
    path = folder / "accounts.yaml"
    path.write_text(
        "profiles:\n  METAQUOTES_DEMO:\n    server: MetaQuotes-Demo\n    login: 12345678\n"
        f"    password: '{PASSWORD}'\n",
        encoding="utf-8",
    )
    return path


def test_a_dry_smoke_test_checks_an_order_and_sends_none(tmp_path: Path) -> None:
    said = script(on_paper(SMOKE_SCRIPT), "--results_dir", tmp_path / "out", cwd=tmp_path)
    assert (said.code, said.err) == (ExitCode.DONE, [])
    told = document(tmp_path / "out" / SMOKE_SUMMARY)
    flags = ("account_profile", "dry_run", "connected", "order_sent", "order_closed", "error")
    assert [told[name] for name in flags] == ["PAPER", True, True, False, False, None]
    steps = told["steps"]
    names = [step["step"] for step in steps]
    assert names == ["connect", "guard", "symbol", "tick", "order_check"]
    assert {step["outcome"] for step in steps} == {"ok"}
    assert all(step["milliseconds"] >= 0 for step in steps)
    assert steps[3]["bid"] < steps[3]["ask"]
    (said_of_it,) = steps[4]["events"]
    assert said_of_it.startswith("dry run, order_check says:")
    assert said_of_it.endswith("Done")
    kept = journal(tmp_path / "out")
    assert (kept.sealed, len(kept.of(ev.OrderSubmitted)), kept.of(ev.OrderFilled)) == (True, 1, [])


def test_a_smoke_test_sends_an_order_and_closes_it(tmp_path: Path) -> None:
    said = butler(
        "smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", 0,
        "--results-dir", tmp_path,
    )  # fmt: skip
    assert (said.code, said.err) == (ExitCode.DONE, [])
    told = document(tmp_path / SMOKE_SUMMARY)
    assert (told["dry_run"], told["order_sent"], told["order_closed"]) == (False, True, True)
    assert told["steps"][-1]["step"] == "order"
    kept = journal(tmp_path)
    (opened,), (closed,) = kept.of(ev.PositionOpened), kept.of(ev.PositionClosed)
    # 10 pips of 0.04 lot are 4 USD; with its commission a fifth hundredth would cost more than 5.
    assert (opened.volume, opened.price - opened.stop_loss) == (400, 100)
    assert closed.position == opened.position
    assert kept.sealed
    assert document(tmp_path / "mt5_demo_exec_summary.json")["number_of_trades"] == 1


def test_doctor_says_line_by_line_that_all_is_in_place(tmp_path: Path) -> None:
    said = butler("doctor", "--account-profile", "PAPER", "--results-dir", tmp_path)
    assert (said.code, said.err) == (ExitCode.DONE, [])
    verdicts = {line[9:23].strip(): line.split()[0] for line in said.out}
    # The paper market stands at the end of the sample, so that its last tick is an old one.
    assert verdicts.pop("server clock") == "WARNING"
    assert set(verdicts.values()) <= {"ok", "WARNING"}
    topics = {"results", "package", "account", "AutoTrading", "symbol", "money", "history"}
    assert topics <= set(verdicts)
    (money,) = (line[24:] for line in said.out if line[9:14] == "money")
    assert money.startswith("a point of a lot of EURUSD is worth 1 USD (as the formula has it)")
    assert "filling FOK or IOC" in "\n".join(said.out)
    assert not (tmp_path / "sessions").exists()


def test_a_dry_replay_plays_the_terminals_history(tmp_path: Path) -> None:
    said = script(on_paper(REPLAY_SCRIPT), "--results_dir", tmp_path / "out", cwd=tmp_path)
    assert said.code == ExitCode.DONE
    told = document(tmp_path / "out" / "mt5_demo_exec_summary.json")
    assert (told["outcome"], told["account_profile"]) == ("done", "PAPER")
    assert (told["max_open_positions"], told["per_trade_risk_fraction"]) == (2, 0.004)
    assert 0 < told["number_of_trades"] <= 50
    assert (tmp_path / "out" / "mt5_demo_exec_log.csv").is_file()
    assert journal(tmp_path / "out").sealed


def test_a_replay_that_sends_opens_and_closes_each_signal(tmp_path: Path) -> None:
    said = butler_process(
        "replay", "--account-profile", "PAPER", "--limit-trades", 3, "--no-dry-run",
        "--hold-seconds", 0, "--pace", 0, "--results-dir", tmp_path,
    )  # fmt: skip
    assert (said.code, said.err) == (ExitCode.DONE, [])
    assert said.out[-3].startswith("3 positions opened, 3 closed")
    told = document(tmp_path / "mt5_demo_exec_summary.json")
    assert (told["dry_run"], told["number_of_trades"], told["open_positions"]) == (False, 3, 0)
    kept = journal(tmp_path)
    assert kept.sealed
    gained = sum(closed.net for closed in kept.of(ev.PositionClosed))
    assert round(told["total_pnl"] * 100) == gained
    (folder,) = tmp_path.glob("sessions/*")
    said = butler("journal", "replay", folder)
    assert (said.code, said.err) == (ExitCode.DONE, [])
    assert said.out[0].endswith("all the same")


@pytest.mark.parametrize("sends", [False, True], ids=["history", "sending"])
def test_a_replay_on_a_profile_follows_a_firms_objectives(tmp_path: Path, sends: bool) -> None:
    """Over the terminal's history attempts are made; while signals are sent one account is judged.

    Whether anything may be opened today is the firm's calendar's, so nothing is said of that.
    """
    how = ("--no-dry-run", "--hold-seconds", 0, "--pace", 0) if sends else ("--attempts", "repeat")
    said = butler(
        "replay", "--account-profile", "PAPER", "--limit-trades", 1, "--objectives", "ftmo_2step",
        *how, "--results-dir", tmp_path,
    )  # fmt: skip
    assert said.code == ExitCode.DONE
    kept = journal(tmp_path)
    (started,), (began, *_) = kept.of(ev.SessionStarted), kept.of(ev.AttemptStarted)
    assert started.objectives["repeat"] is not sends
    assert (began.phase, began.day_limit, began.max_limit) == (1, 9_500_000, 9_000_000)
    told = document(tmp_path / "mt5_demo_exec_summary.json")
    assert told["objectives"]["title"] == "FTMO 2-Step"
    (folder,) = tmp_path.glob("sessions/*")
    again = butler("journal", "replay", folder)
    assert again.out[0].endswith("all the same")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--attempts", "repeat", "--objectives", "ftmo_2step"), "an account cannot begin anew"),
        (("--attempts", "once"), "--attempts needs --objectives to go with"),
        (("--objectives", "never"), "never"),
        (("--objectives", "ftmo_2step", "--resume", "x"), "follows those that it began with"),
        (("--initial-balance", "100000", "--resume", "x"), "keeps the one that it began with"),
        (("--initial-balance", "100000"), "--initial-balance needs --objectives to go with"),
        (("--objectives", "ftmo_2step", "--initial-balance", "0"), "must be above 0"),
        (("--objectives", "ftmo_2step", "--initial-balance", "1", "--dry-run"), "--starting-equ"),
    ],
)
def test_objectives_that_do_not_fit_are_one_line(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    said = butler(
        "replay", "--account-profile", "PAPER", "--no-dry-run", *options, "--results-dir", tmp_path
    )
    assert said.code == ExitCode.USAGE
    assert words in said.line
    assert not list(tmp_path.glob("sessions/*"))


@pytest.mark.parametrize(
    "command",
    [
        ("shadow", "--account-profile", "PAPER", "--dry-run"),
        ("replay", "--account-profile", "PAPER", "--no-dry-run"),
    ],
)
def test_a_reward_is_not_promised_where_none_is_paid(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    calendar = tmp_path / "calendar.csv"
    calendar.write_text("time,kind,until,currencies\n2024-03-20T12:00:00Z,reward,,\n")
    said = butler(
        *(*command, "--objectives", "ftmo_1step:account", "--calendar", calendar),
        *("--results-dir", tmp_path),
    )
    assert said.code == ExitCode.USAGE
    assert "has a reward (2024-03-20 12:00 UTC), which only a replay pays" in said.line
    assert not list(tmp_path.glob("sessions/*"))


def test_objectives_hang_on_what_the_account_began_with_in_every_session(tmp_path: Path) -> None:
    """The challenge began with 100,000.00; what sessions lost since moves no limit."""
    sending = (
        "replay", "--account-profile", "PAPER", "--no-dry-run", "--limit-trades", 1,
        "--objectives", open_at_weekends(tmp_path), "--hold-seconds", 0, "--pace", 0, "--quiet",
        "--results-dir", tmp_path,
    )  # fmt: skip
    balances = []
    for session in ("one", "two", "three"):
        assert butler(*sending, "--session-id", session).code == ExitCode.DONE
        kept = journal_of(tmp_path / "sessions" / session)
        (began,) = kept.of(ev.AttemptStarted)
        assert (began.day_limit, began.max_limit) == (9_500_000, 9_000_000)
        assert began.target == 11_000_000
        balances.append(began.account.balance)
        again = butler("journal", "replay", tmp_path / "sessions" / session)
        assert again.out[0].endswith("all the same")
    assert balances[0] == 10_000_000 > balances[1] > balances[2]
    refused = butler(*sending, "--initial-balance", 120_000)
    assert refused.code == ExitCode.USAGE
    assert "with 120,000.00 USD, the account had 100,000.00 USD then" in refused.line


def smoke_tests_of_a_day(results: Path, count: int, *, fresh: bool) -> tuple[set[bool], str]:
    """Which of that many smoke tests sent something, and what they said."""
    if not fresh:
        write_books(results, deposit(end_of_sample() - 9 * DAY, 10_000_000), lost_today(-4_500))
    sent, lines = set(), []
    for number in range(count):
        said = butler(
            "smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", 0,
            "--risk-amount", 3_000, "--per-trade-risk-fraction", 0.04, "--stop-pips", 100,
            "--daily-loss-fraction", 0.0305, "--results-dir", results,
            "--session-id", f"s{number}",
        )  # fmt: skip
        kept = journal_of(results / "sessions" / f"s{number}")
        (standing,) = kept.of(ev.LedgerUpdated)
        sends = bool(kept.of(ev.OrderSubmitted))
        assert standing.figures.own.day_start == 10_000_000
        assert sends == (standing.balance - 300_000 >= 9_695_000), standing.balance
        assert said.code == (ExitCode.DONE if sends else ExitCode.TERMINAL)
        sent.add(sends)
        lines += said.err
    return sent, "\n".join(lines)


@pytest.mark.parametrize(
    ("count", "fresh"),
    [pytest.param(10, True, marks=pytest.mark.deep, id="ten"), pytest.param(2, False, id="two")],
)
def test_smoke_tests_are_denied_by_the_day_whichever_session_lost_the_money(
    tmp_path: Path, count: int, fresh: bool
) -> None:
    """Each may lose 3,000.00 and the day 3,050.00 of 100,000.00: once 50.00 are lost none may."""
    sent, lines = within_one_day(
        tmp_path, lambda results: smoke_tests_of_a_day(results, count, fresh=fresh)
    )
    assert sent == {True, False}
    assert "daily_loss" in lines


def test_an_account_shows_where_it_stands_and_begins_anew_on_request(tmp_path: Path) -> None:
    """The line to paste is what the ledger found; PAPER alone is given fresh books."""
    sent = butler(
        "smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", 0,
        "--results-dir", tmp_path,
    )  # fmt: skip
    assert sent.code == ExitCode.DONE
    asked = (
        "account", "PAPER", "--objectives", "ftmo_2step", "--json", "--results-dir", tmp_path
    )  # fmt: skip
    before = everything(tmp_path / "accounts")
    told = json.loads("\n".join(butler(*asked).out))
    figures = told["figures"]
    assert (figures["initial"], figures["floor_today"]) == (10_000_000, 9_500_000)
    assert (figures["floor_overall"], figures["target"]) == (9_000_000, 11_000_000)
    assert told["balance"] < 100_000
    assert "initial: 100000.00" in told["challenge_yaml"]
    books = {name for name in before if name.endswith("paper_account.json")}
    after = everything(tmp_path / "accounts")
    assert {name: before[name] for name in books} == {name: after[name] for name in books}
    assert butler("account", "PAPER", "--reset", "--results-dir", tmp_path).code == ExitCode.DONE
    told = json.loads("\n".join(butler(*asked).out))
    assert told["balance"] == 100_000
    assert {item["code"] for item in told["findings"]} == {"FRESH", "PHASE_ASSUMED"}


def test_a_statement_of_another_account_is_no_statement_of_this_one(tmp_path: Path) -> None:
    """Nothing in common is a difference (exit code 5), a file that is no statement a refusal."""
    sent = butler(
        "smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", 0,
        "--results-dir", tmp_path,
    )  # fmt: skip
    assert sent.code == ExitCode.DONE
    statement = tmp_path / "statement.html"
    write_html(statement, html_history())
    how = ("reconcile", "--account-profile", "PAPER", "--results-dir", tmp_path, "--statement")
    found = butler(*how, statement)
    assert found.code in (ExitCode.DIFFERENT, ExitCode.DATA), found
    statement.write_text("nothing", encoding="utf-8")
    assert butler(*how, statement).code == ExitCode.DATA


def test_a_smoke_test_without_a_profile_still_writes_its_summary(tmp_path: Path) -> None:
    results = tmp_path / "out"
    said = script(
        SMOKE_SCRIPT, "--accounts", accounts_file(tmp_path), "--account-profile", "NOBODY",
        "--results_dir", results, cwd=tmp_path,
    )  # fmt: skip
    assert said.code == ExitCode.USAGE
    told = document(results / SMOKE_SUMMARY)
    assert (told["connected"], told["error"], told["steps"]) == (False, said.line, [])


@without_package
@pytest.mark.parametrize("line", [SMOKE_SCRIPT, REPLAY_SCRIPT], ids=["smoke test", "replay"])
def test_without_metatrader_one_line_says_how_to_go_on(tmp_path: Path, line: list[str]) -> None:
    """Both documented lines, word for word, from another folder, end with exit code 4."""
    accounts, results = accounts_file(tmp_path), tmp_path / "out"
    said = script(line, "--accounts", accounts, "--results_dir", results, cwd=tmp_path)
    assert said.code == ExitCode.TERMINAL
    assert "MetaTrader5" in said.line
    assert "--account-profile PAPER needs no MetaTrader" in said.line
    if line is SMOKE_SCRIPT:
        told = document(results / SMOKE_SUMMARY)
        assert (told["connected"], told["order_sent"], told["order_closed"]) == (False,) * 3
        assert told["error"] == said.line
        assert [step["outcome"] for step in told["steps"]] == ["failed"]
    spoken = "\n".join([*said.out, *said.err])
    assert PASSWORD not in spoken
    written = everything(results)
    assert not [name for name, content in written.items() if PASSWORD.encode() in content]


@without_package
def test_doctor_without_metatrader_fails_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password comes from the environment here, and is seen nowhere either."""
    monkeypatch.setenv("OMEGA_MT5_PASSWORD", PASSWORD[::-1])
    said = butler(
        "doctor", "--account-profile", "METAQUOTES_DEMO", "--accounts", accounts_file(tmp_path),
        "--results-dir", tmp_path / "out",
    )  # fmt: skip
    assert said.code == ExitCode.TERMINAL
    assert said.out[-1].startswith("FAILURE  terminal")
    assert "PAPER needs no MetaTrader" in said.out[-1]
    seen = "\n".join([*said.out, *said.err]).encode() + b"".join(
        everything(tmp_path / "out").values()
    )
    assert PASSWORD[::-1].encode() not in seen
    assert PASSWORD.encode() not in seen


@pytest.mark.parametrize("command", ["smoke-test", "replay", "doctor"])
def test_an_unknown_profile_is_a_wrong_option(tmp_path: Path, command: str) -> None:
    said = butler(
        command, "--account-profile", "NOPE", "--accounts", accounts_file(tmp_path),
        "--results-dir", tmp_path / "out",
    )  # fmt: skip
    assert said.code == ExitCode.USAGE
    assert said.out == []
    assert "'NOPE'" in said.line
    assert "METAQUOTES_DEMO" in said.line
    assert not (tmp_path / "out" / "sessions").exists()


def test_config_check_knows_the_built_in_account() -> None:
    said = butler("config", "check", "--account-profile", "PAPER")
    assert (said.code, said.err) == (ExitCode.DONE, [])
    rows = {line.split()[0]: line.split()[1:] for line in said.out}
    assert rows["server"] == ["Paper-Demo", "built", "in"]
    assert rows["login"] == ["1", "built", "in"]


@pytest.mark.parametrize("command", ["smoke-test", "doctor", "config check"])
def test_the_built_in_account_takes_no_login(command: str, tmp_path: Path) -> None:
    # A refused smoke test leaves a summary, and none among the user's.
    place = ("--results-dir", tmp_path) if command == "smoke-test" else ()
    said = butler(*command.split(), "--account-profile", "PAPER", "--login", 5, *place)
    assert said.code == ExitCode.USAGE
    assert "--login, --server and --password do not go with PAPER" in said.line


def test_doctor_looks_at_every_symbol_that_the_profile_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XAUUSD is named otherwise here: the terminal has no such symbol, which is one line."""
    paper = connection.resolve("PAPER", CliOverrides(), None, {})
    mapped = msgspec.structs.replace(paper, symbol_map={"XAUUSD": "GOLD"})
    monkeypatch.setattr("scripts.cli.doctor.choose_account", lambda *_: mapped)
    said = butler("doctor", "--account-profile", "PAPER", "--results-dir", tmp_path)
    assert said.code == ExitCode.TERMINAL
    symbols = [line for line in said.out if line[9:15] == "symbol"]
    assert symbols[0].startswith("ok       symbol         EURUSD:")
    assert "FAILURE" in symbols[1]
    assert "the terminal has no symbol GOLD; it has XAUUSD: set symbol_map" in symbols[1]


def test_a_smoke_test_shrinks_its_order_to_what_the_limits_allow(tmp_path: Path) -> None:
    said = butler(
        "smoke-test", "--account-profile", "PAPER", "--no-dry-run", "--hold-seconds", 0,
        "--per-trade-risk-fraction", 0.00002, "--results-dir", tmp_path,
    )  # fmt: skip
    assert (said.code, said.err) == (ExitCode.DONE, [])
    assert [opened.volume for opened in journal(tmp_path).of(ev.PositionOpened)] == [100]


def test_a_smoke_test_says_when_the_smallest_order_is_too_much_for_the_account(
    tmp_path: Path,
) -> None:
    said = butler(
        "smoke-test", "--account-profile", "PAPER", "--results-dir", tmp_path,
        "--per-trade-risk-fraction", 0.000005,
    )  # fmt: skip
    assert said.code == ExitCode.TERMINAL
    assert "0.01 lots, the least that EURUSD allows, risk 1.06 USD at 10 pips" in said.line
    assert "--per-trade-risk-fraction allows on this account" in said.line
    told = document(tmp_path / SMOKE_SUMMARY)
    assert (told["error"], told["order_sent"], told["order_closed"]) == (said.line, False, False)
    assert told["steps"][-1]["outcome"] == "failed"


@pytest.mark.parametrize(
    ("token", "code", "words"),
    [
        ("", ExitCode.USAGE, "OMEGA_MT5_HOST_TOKEN is not set"),
        ("xyz-secret", ExitCode.USAGE, "OMEGA_MT5_HOST_TOKEN: must be the host's token"),
        ("a" * 64, ExitCode.TERMINAL, "is the terminal host running, and the tunnel open?"),
    ],
)
def test_a_host_elsewhere_that_cannot_be_reached_is_one_line_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str, code: ExitCode, words: str
) -> None:
    with socket.socket() as taken:  # bound but not listening: nobody answers there
        taken.bind(("127.0.0.1", 0))
        accounts = accounts_file(tmp_path)
        # The host logs in with a password of its own.
        text = accounts.read_text(encoding="utf-8").replace(f"    password: '{PASSWORD}'\n", "")
        port = taken.getsockname()[1]
        accounts.write_text(f"{text}    host: 127.0.0.1:{port}\n", encoding="utf-8")
        monkeypatch.setenv("OMEGA_MT5_HOST_TOKEN", token)
        said = butler(
            "smoke-test", "--account-profile", "METAQUOTES_DEMO", "--accounts", accounts,
            "--results-dir", tmp_path / "out",
        )  # fmt: skip
    assert said.code == code
    assert words in said.line
    assert not token or token not in said.line
    assert document(tmp_path / "out" / SMOKE_SUMMARY)["error"] == said.line

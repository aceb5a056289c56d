"""`butler journal replay`: sessions of every kind run again, and what keeps them from it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest

from adapters.journal import SqliteJournal, StoredJournal
from engine import events as ev
from scripts.cli.shared.exit_codes import ExitCode
from tests import synthetic
from tests.commands import Said, butler
from tests.process.cli import butler_process
from tests.reruns import recorded
from tests.user_signal_runs import signal_file

JANUARY = ("--from", "2023-01-02", "--to", "2023-01-20")

OWN_STRATEGY = """
import msgspec
from tests.simulation.strategy import Restless

class Nothing(msgspec.Struct):
    pass

class Mine(Restless):
    parameters_type = Nothing

    def __init__(self, spec, parameters):
        super().__init__(spec)

    def on_bar(self, bar, view):
        return {answer}
"""
DAY = 86_400
SAME = "super().on_bar(bar, view)"


def again(results: Path, *more: object, session: str = "one") -> Said:
    return butler("journal", "replay", session, "--results-dir", results, *more)


def complaint(said: Said) -> str:
    assert (said.code, said.out) == (ExitCode.DATA, [])
    return said.line


def replayed(results: Path, *options: object) -> Path:
    """The folder of a replay's session."""
    said = butler("replay", *options, "--results-dir", results, "--session-id", "one", "--quiet")
    assert (said.code, said.err) == (ExitCode.DONE, [])
    return results / "sessions" / "one"


def rewritten(folder: Path, change: Callable[[list[ev.Record]], Iterable[ev.Record]]) -> None:
    """Put other records into a session's journal."""
    file = folder / "journal.sqlite"
    with StoredJournal(file) as stored:
        records = list(stored.records())
    file.unlink()
    stored_as(file, change(records))


def stored_as(file: Path, records: Iterable[ev.Record]) -> None:
    async def write() -> None:
        journal = SqliteJournal(file, power_safe=False)
        for record in records:
            journal.append(record)
        await journal.close()

    asyncio.run(write())


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a replay of some days of the sample."""
    return replayed(tmp_path_factory.mktemp("january"), *JANUARY)


@pytest.fixture
def january(once: Path, tmp_path: Path) -> Path:
    """The same in a place where its journal may be changed."""
    return shutil.copytree(once, tmp_path / "sessions" / "one")


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Two weeks of EURUSD."""
    made = synthetic.feed(2, days=14)["EURUSD"]
    return synthetic.write_parquet(made, tmp_path / "eurusd.parquet")


class TestReplays:
    def test_the_shipped_sample(self, tmp_path: Path) -> None:
        """In a process of its own, started elsewhere."""
        replayed(tmp_path, *JANUARY, "--limit-trades", 7, "--slippage-points", 2)
        said = butler_process("journal", "replay", tmp_path / "sessions" / "one", cwd=tmp_path)
        assert (said.code, said.err) == (ExitCode.DONE, [])
        (line,) = said.out
        assert line.startswith("0 inputs, ")
        assert line.endswith(" decisions, all the same")

    def test_terms_of_every_kind(self, bars: Path, tmp_path: Path) -> None:
        """Limits, costs, clock, equity, another preset."""
        replayed(
            tmp_path, "--bars", f"EURUSD={bars}", "--preset", "sma_cross", "--clock", "eu-dst",
            "--max-positions", 1, "--daily-loss-fraction", 0.004, "--max-loss-fraction", 0.03,
            "--per-trade-risk-fraction", 0.002, "--starting-equity", 5_000, "--spread-floor", 7,
            "--commission", 3.5, "--swap", "EURUSD=-6.5/2.1",
        )  # fmt: skip
        said = again(tmp_path, "--json")
        assert (said.code, said.err) == (ExitCode.DONE, [])
        found = json.loads("\n".join(said.out))
        assert found["decisions"] > 20
        assert (found["same"], found["difference"], found["beyond"]) == (True, None, 0)

    def test_repaired_bars_are_repaired_again(self, tmp_path: Path) -> None:
        text = synthetic.write_text(
            synthetic.feed(2, days=3)["EURUSD"], tmp_path / "bars.csv"
        ).read_text(encoding="utf-8")
        lines = text.splitlines()
        (tmp_path / "bars.csv").write_text("\n".join([*lines, lines[-1]]), encoding="utf-8")
        option = f"EURUSD={tmp_path / 'bars.csv'}"
        butler(
            "replay", "--bars", option, "--repair", "--results-dir", tmp_path,
            "--session-id", "one", "--quiet",
        )  # fmt: skip
        assert again(tmp_path).code == ExitCode.DONE

    def test_given_signals(self, bars: Path, tmp_path: Path) -> None:
        """Their file is known by its hash; a moved one can be named, a changed one is refused."""
        at_noon = (synthetic.SPRING // DAY * DAY + DAY // 2) * 1000
        given = {
            "time": at_noon, "symbol": "EURUSD", "direction": "long",
            "stop_loss": 0.9, "take_profit": 1.9,
        }  # fmt: skip
        file = signal_file(tmp_path, [given])
        folder = replayed(tmp_path, "--bars", f"EURUSD={bars}", "--signals", file)
        with StoredJournal(folder / "journal.sqlite") as stored:
            assert any(isinstance(record.event, ev.SignalRaised) for record in stored.records())
        assert again(tmp_path).code == ExitCode.DONE
        moved = tmp_path / "elsewhere.csv"
        file.rename(moved)
        assert "--signals FILE" in complaint(again(tmp_path))
        assert again(tmp_path, "--signals", moved).code == ExitCode.DONE
        moved.write_text(moved.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        assert "was changed" in complaint(again(tmp_path, "--signals", moved))

    def test_a_strategy_of_the_user_s_own(self, bars: Path, tmp_path: Path) -> None:
        """Changed code is a difference; a strategy that is gone is an error with its file."""
        preset = tmp_path / "mine.yaml"
        code = tmp_path / "mine.py"
        code.write_text(OWN_STRATEGY.format(answer=SAME), encoding="utf-8")
        preset.write_text(
            "name: mine\ntitle: Mine\nstrategy: mine.py:Mine\ntimeframe: M15\n"
            "symbols: [EURUSD]\nparameters: {}\nlimits:\n  max_positions: 2\n"
            "  max_positions_per_symbol: 1\n  per_trade_risk_fraction: 0.004\n"
            "  daily_loss_fraction: 0.02\n  max_loss_fraction: null\n"
            "  reset_zone: Europe/Prague\n",
            encoding="utf-8",
        )
        replayed(tmp_path, "--bars", f"EURUSD={bars}", "--preset", preset)
        assert again(tmp_path).code == ExitCode.DONE
        code.write_text(OWN_STRATEGY.format(answer="None"), encoding="utf-8")
        said = again(tmp_path)
        assert said.code == ExitCode.DIFFERENT
        assert said.out[0].startswith("record ")
        assert ", signal: today's program " in said.out[0]
        code.unlink()
        assert str(code) in complaint(again(tmp_path))

    def test_a_changed_decision_is_named_with_its_fields(
        self, january: Path, tmp_path: Path
    ) -> None:
        changed: list[ev.Record] = []

        def change(records: list[ev.Record]) -> Iterable[ev.Record]:
            for record in records:
                if isinstance(record.event, ev.OrderApproved) and not changed:
                    event = msgspec.structs.replace(record.event, volume=record.event.volume + 100)
                    changed.append(record)
                    yield msgspec.structs.replace(record, event=event)
                else:
                    yield record

        rewritten(january, change)
        said = again(tmp_path)
        (right,) = changed
        assert isinstance(right.event, ev.OrderApproved)
        assert said.code == ExitCode.DIFFERENT
        assert said.out[0].startswith(f"record {right.seq} of 2023-01-")
        assert said.out[0].endswith("order_approved differs (recorded | today's)")
        volume = right.event.volume
        assert said.out[1] == f"  volume: {volume + 100} | {volume}"
        found = json.loads("\n".join(again(tmp_path, "--json").out))
        assert found["same"] is False
        assert found["difference"]["fields"] == ["volume"]
        assert found["difference"]["today"]["volume"] == volume

    def test_a_journal_cut_short_is_compared_as_far_as_it_goes(
        self, january: Path, tmp_path: Path
    ) -> None:
        """What comes after its end is told, and no difference."""
        rewritten(january, lambda records: records[:50])
        said = again(tmp_path)
        assert said.code == ExitCode.DONE
        assert said.out[0] == "0 inputs, 49 decisions, all the same"
        assert said.out[1].startswith("beyond what the journal holds, today's program records ")

    def test_an_interrupted_session_is_compared_as_far_as_it_goes(
        self, january: Path, tmp_path: Path
    ) -> None:

        def interrupt(records: list[ev.Record]) -> Iterable[ev.Record]:
            last = records[-1]
            assert isinstance(last.event, ev.SessionEnded)
            event = msgspec.structs.replace(last.event, outcome=ev.SessionOutcome.INTERRUPTED)
            return [*records[:40], msgspec.structs.replace(last, seq=41, event=event)]

        rewritten(january, interrupt)
        said = again(tmp_path)
        assert (said.code, said.out[0]) == (ExitCode.DONE, "0 inputs, 39 decisions, all the same")
        assert "beyond" in said.out[1]

    def test_more_than_today_s_run_decides_is_a_difference(
        self, january: Path, tmp_path: Path
    ) -> None:

        def longer(records: list[ev.Record]) -> Iterable[ev.Record]:
            extra = ev.OrderCancelled(order_id=1, reason="made up")
            last = records[-1]
            return [*records, msgspec.structs.replace(last, seq=last.seq + 1, event=extra)]

        rewritten(january, longer)
        said = again(tmp_path)
        assert said.code == ExitCode.DIFFERENT
        assert said.out[0].endswith(", order_cancelled: today's program decides nothing")


class TestFiles:
    def test_changed_bars_are_refused_with_both_hashes(self, bars: Path, tmp_path: Path) -> None:
        replayed(tmp_path, "--bars", f"EURUSD={bars}")
        before = hashlib.sha256(bars.read_bytes()).hexdigest()
        synthetic.write_parquet(synthetic.feed(3, days=14)["EURUSD"], bars)
        after = hashlib.sha256(bars.read_bytes()).hexdigest()
        line = complaint(again(tmp_path))
        assert all(part in line for part in (str(bars), before, after, "--bars EURUSD=FILE"))

    def test_moved_bars_can_be_named(self, bars: Path, tmp_path: Path) -> None:
        """Or lie beside the journal, as those of an account do."""
        folder = replayed(tmp_path, "--bars", f"EURUSD={bars}")
        moved = tmp_path / "moved.parquet"
        bars.rename(moved)
        line = complaint(again(tmp_path))
        assert f"{bars} is not there" in line
        assert again(tmp_path, "--bars", f"EURUSD={moved}").code == ExitCode.DONE
        shutil.copy(moved, folder / bars.name)
        assert again(tmp_path).code == ExitCode.DONE

    def test_an_unreadable_journal_is_bad_data(self, january: Path, tmp_path: Path) -> None:
        (january / "journal.sqlite").write_bytes(b"no journal")
        assert "journal.sqlite" in complaint(again(tmp_path))
        assert "no journal in" in complaint(again(tmp_path, session="another"))


class TestOnATerminal:
    def test_a_session_that_crashed_and_went_on_with_a_strategy(self, tmp_path: Path) -> None:
        """From its file, whose path the first record tells."""
        folder = tmp_path / "sessions" / "one"
        folder.mkdir(parents=True)
        code = tmp_path / "mine.py"
        code.write_text(OWN_STRATEGY.format(answer=SAME), encoding="utf-8")
        from tests.simulation.strategy import RandomStrategy

        first, *rest = recorded(6, RandomStrategy)
        assert isinstance(first.event, ev.SessionStarted)
        event = msgspec.structs.replace(first.event, strategy="mine.py:Mine")
        metadata = {**(first.metadata or {}), "strategy_file": str(code)}
        stored_as(
            folder / "journal.sqlite",
            [msgspec.structs.replace(first, event=event, metadata=metadata), *rest],
        )
        said = again(tmp_path)
        assert (said.code, said.err) == (ExitCode.DONE, [])
        assert said.out[0].endswith(" decisions, all the same")
        line = again(tmp_path, "--bars", "EURUSD=x").line
        assert line.startswith("--bars: the journal of a session on a terminal")
        code.write_text(OWN_STRATEGY.format(answer="None"), encoding="utf-8")
        assert again(tmp_path).code == ExitCode.DIFFERENT

    @pytest.mark.deep
    def test_sent_signals_and_their_replies(self, tmp_path: Path) -> None:
        """On the PAPER account, through a terminal host; then gone on with."""
        sending = [
            "replay", "--account-profile", "PAPER", "--no-dry-run",
            "--hold-seconds", "0", "--pace", "0", "--results-dir", str(tmp_path),
        ]  # fmt: skip
        said = butler_process(*sending, "--limit-trades", 2, "--session-id", "one")
        assert said.code == ExitCode.DONE
        assert butler_process(*sending, "--resume", "one").code == ExitCode.DONE
        with StoredJournal(tmp_path / "sessions" / "one" / "journal.sqlite") as stored:
            kinds = [type(record.event) for record in stored.records()]
        assert ev.SessionResumed in kinds
        said = again(tmp_path)
        assert (said.code, said.err) == (ExitCode.DONE, [])
        inputs, decisions = (int(word) for word in said.out[0].split() if word.isdecimal())
        assert min(inputs, decisions) > 10

    @pytest.mark.deep
    def test_a_dry_replay_on_an_account(self, tmp_path: Path) -> None:
        """Its bars were kept beside its journal."""
        said = butler_process(
            "replay", "--account-profile", "PAPER", "--limit-trades", 5,
            "--results-dir", tmp_path / "first", "--session-id", "one",
        )  # fmt: skip
        assert said.code == ExitCode.DONE
        (tmp_path / "first").rename(tmp_path / "second")
        assert again(tmp_path / "second").code == ExitCode.DONE

"""`butler journal`: what each command prints, writes and returns, on journals made for it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
from pathlib import Path

import msgspec
import pytest

from adapters.journal.lock import JournalLock
from engine import events as ev
from engine.fields import ExecutionResult, VenueOutcome
from engine.types import Side
from scripts.app.journals.share import Mask
from tests.builders import ended, halted, started
from tests.commands import Said, butler
from tests.journals import RECORDS, record, spoil, stored, unseal

DONE, USAGE, DATA, DIFFERENT = 0, 2, 3, 5
DAY = 86_400


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of RECORDS, to be copied: writing one anew waits for the disk each time."""
    path = tmp_path_factory.mktemp("made") / "journal.sqlite"
    return asyncio.run(stored(path, per_commit=4))


def copied(made: Path, results: Path, name: str) -> Path:
    """A finished session's folder with a copy of `made`; returns the journal."""
    journal = results / "sessions" / name / made.name
    journal.parent.mkdir(parents=True)
    shutil.copyfile(made, journal)
    return journal


def session(results: Path, name: str, records: list[ev.Record]) -> Path:
    """A finished session's folder with a journal of other records; returns the journal."""
    folder = results / "sessions" / name
    folder.mkdir(parents=True)
    return asyncio.run(stored(folder / "journal.sqlite", records, per_commit=4))


def run(results: Path, *arguments: object) -> Said:
    return butler("journal", *arguments, "--results-dir", results)


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    """Results with one session, `one`."""
    copied(made, tmp_path, "one")
    return tmp_path


class TestShow:
    def test_each_record_is_one_line_in_the_journals_own_units(self, results: Path) -> None:
        said = run(results, "show", "one")
        assert (said.code, len(said.out), said.err) == (DONE, len(RECORDS), [])
        assert said.out[8].split() == [
            "9", "1970-01-01T00:00:09+00:00", "order_filled",
            "EURUSD@1970-01-01T00:00:00.009+00:00", "order_id=1", "ticket=7", "deal=2",
            "volume=10000", "price=110010", "(note=about", "9)",
        ]  # fmt: skip

    def test_a_range_and_kinds(self, results: Path) -> None:
        said = run(results, "show", "one", "--from-seq", 2, "--to-seq", 4)
        assert [line.split()[0] for line in said.out] == ["2", "3", "4"]
        said = run(results, "show", "one", "--kind", "day_rolled", "--kind", "signal")
        assert [line.split()[2] for line in said.out] == ["signal", "day_rolled"]

    def test_json_holds_the_whole_record(self, results: Path) -> None:
        said = run(results, "show", "one", "--json")
        back = [msgspec.json.decode(line, type=ev.Record) for line in said.out]
        assert back == RECORDS

    def test_a_line_stays_one_line_whatever_a_terminal_said(self, tmp_path: Path) -> None:
        event = ev.OrderCancelled(order_id=1, reason="two\nlines\x1b[2J")
        session(tmp_path, "odd", [ev.Record(1, 0, None, event)])
        said = run(tmp_path, "show", "odd")
        assert len(said.out) == 1
        assert said.out[0].endswith(r"reason=two\nlines\x1b[2J")

    def test_a_kind_that_there_is_not(self, results: Path) -> None:
        said = run(results, "show", "one", "--kind", "deals")
        assert said.code == USAGE
        assert "--kind deals: there is no such kind; one of account, " in said.line

    def test_a_range_that_ends_before_it_begins(self, results: Path) -> None:
        said = run(results, "show", "one", "--from-seq", 5, "--to-seq", 4)
        assert (said.code, said.line) == (USAGE, "--to-seq 4 comes before --from-seq 5")


class TestVerify:
    def test_a_sealed_journal_is_whole(self, results: Path) -> None:
        said = run(results, "verify", "one")
        assert (said.code, said.err) == (DONE, [])
        assert said.out[0].startswith("whole: 19 records in 5 blocks, journal hash ")
        assert said.out[1] == "sealed: nothing is missing at the end"

    def test_an_unsealed_one_is_whole_as_far_as_anybody_can_tell(self, results: Path) -> None:
        unseal(results / "sessions" / "one" / "journal.sqlite")
        said = run(results, "verify", "one")
        assert said.code == DONE
        assert said.out[1].startswith("not sealed: ")
        assert said.out[1].endswith("anything after record 19")

    @pytest.mark.parametrize("given", ["one", "sessions/one", "sessions/one/journal.sqlite"])
    def test_damage_is_one_line_and_exit_code_3(self, results: Path, given: str) -> None:
        path = results / "sessions" / "one" / "journal.sqlite"
        spoil(path, "UPDATE records SET about = NULL WHERE seq = 7")
        said = run(results, "verify", given if given == "one" else results / given)
        assert (said.code, said.out) == (DATA, [])
        assert said.line == f"{path}: the block of records 5 to 8 was changed"

    def test_a_file_that_is_no_journal(self, tmp_path: Path) -> None:
        path = tmp_path / "note.txt"
        path.write_text("this is no journal at all, however long it may go on about it")
        said = run(tmp_path, "verify", path)
        assert said.code == DATA
        assert said.line == f"{path}: not a readable journal (file is not a database)"


class TestDiff:
    def test_the_same_records_with_other_abouts_are_the_same(self, results: Path) -> None:
        other = [
            msgspec.structs.replace(item, metadata={"session_id": "other"}) for item in RECORDS
        ]
        session(results, "two", other)
        said = run(results, "diff", "one", "two")
        assert (said.code, said.out) == (DONE, ["the same: 19 records"])

    def test_the_fields_of_the_first_divergent_record(self, results: Path) -> None:
        changed = list(RECORDS)
        for place in (8, 12):  # the later one is not told
            event = msgspec.structs.replace(changed[place].event, price=110_020)
            changed[place] = msgspec.structs.replace(changed[place], time=8_500, event=event)
        session(results, "two", changed)
        said = run(results, "diff", "one", "two")
        assert said.code == DIFFERENT
        assert said.out == [
            "first divergence: record 9 of 1970-01-01T00:00:09+00:00, order_filled",
            "  price: 110010 | 110020",
            "  time: 9000 | 8500",
        ]

    def test_another_kind_of_record(self, results: Path) -> None:
        session(results, "two", [*RECORDS[:4], record(5)])
        said = run(results, "diff", "one", "two")
        assert said.code == DIFFERENT
        assert said.out == [
            "first divergence: record 5 of 1970-01-01T00:00:05+00:00, order_approved in the "
            "first, record 5 of 1970-01-01T00:00:00.005+00:00, order_cancelled in the second"
        ]

    @pytest.mark.parametrize(("pair", "shorter"), [("two one", "first"), ("one two", "second")])
    def test_one_that_ends_earlier(self, results: Path, pair: str, shorter: str) -> None:
        session(results, "two", RECORDS[:4])
        said = run(results, "diff", *pair.split())
        assert said.code == DIFFERENT
        assert said.out == [
            f"the {shorter} journal ends before record 5 of 1970-01-01T00:00:05+00:00, "
            "order_approved"
        ]

    def test_one_that_is_not_there(self, results: Path) -> None:
        said = run(results, "diff", "one", "none")
        assert said.code == DATA
        assert said.line.startswith("session none: no journal in ")


def aged(journal: Path, days: float) -> None:
    """Let the journal be last written to so many days ago."""
    then = time.time() - days * DAY
    os.utime(journal, (then, then))


class TestPrune:
    @pytest.fixture
    def results(self, made: Path, tmp_path: Path) -> Path:
        """Sessions of 1, 10, 20 and 30 days ago, each with a summary beside its journal."""
        for days in (1, 10, 20, 30):
            journal = copied(made, tmp_path, f"s{days}")
            journal.with_name("execution_sim_summary.json").write_text("{}")
            aged(journal, days + 0.1)
        return tmp_path

    def left(self, results: Path) -> set[str]:
        return {path.parent.name for path in (results / "sessions").glob("*/journal.sqlite")}

    def test_it_says_what_it_would_delete_and_deletes_nothing(self, results: Path) -> None:
        said = run(results, "prune", "--days", 15)
        assert said.code == DONE
        assert [line.split()[0] for line in said.out[:-1]] == ["s20", "s30"]
        assert said.out[-1].endswith("in 2 journals to delete (nothing was; --yes does it)")
        assert self.left(results) == {"s1", "s10", "s20", "s30"}

    @pytest.mark.parametrize(
        ("options", "left"),
        [
            (("--days", 15), {"s1", "s10"}),
            (("--days", 30), {"s1", "s10", "s20"}),
            (("--days", 0), set()),
            (("--keep", 1), {"s1"}),
            (("--keep", 9), {"s1", "s10", "s20", "s30"}),
            (("--keep", 3, "--days", 5), {"s1", "s10", "s20"}),
        ],
    )
    def test_days_and_keep(
        self, results: Path, options: tuple[object, ...], left: set[str]
    ) -> None:
        assert run(results, "prune", *options, "--yes").code == DONE
        assert self.left(results) == left
        summaries = (results / "sessions").glob("*/execution_sim_summary.json")
        assert len(list(summaries)) == 4

    def test_nothing_of_a_deleted_journal_stays(self, results: Path) -> None:
        run(results, "prune", "--days", 30, "--yes")
        names = [path.name for path in (results / "sessions" / "s30").iterdir()]
        assert names == ["execution_sim_summary.json"]

    def test_one_in_use_stays(self, results: Path) -> None:
        lock = JournalLock(results / "sessions" / "s20" / "journal.sqlite")
        said = run(results, "prune", "--keep", 0, "--unsealed", "--yes")
        lock.release()
        assert said.err == ["butler: s20 stays: it is in use"]
        assert self.left(results) == {"s20"}

    def test_one_without_a_seal_stays_unless_asked_for(self, results: Path) -> None:
        journal = results / "sessions" / "s20" / "journal.sqlite"
        unseal(journal)
        aged(journal, 20)
        said = run(results, "prune", "--days", 15, "--yes")
        assert said.line.startswith("s20 stays: its session did not end in order")
        assert self.left(results) == {"s1", "s10", "s20"}
        run(results, "prune", "--days", 15, "--unsealed", "--yes")
        assert self.left(results) == {"s1", "s10"}

    def test_one_that_cannot_be_read_stays(self, results: Path) -> None:
        journal = results / "sessions" / "s20" / "journal.sqlite"
        journal.write_bytes(b"no journal")
        said = run(results, "prune", "--keep", 0, "--yes")
        assert said.line.startswith("s20 stays: it cannot be read")
        assert self.left(results) == {"s20"}

    def test_it_wants_to_know_which(self, results: Path) -> None:
        said = run(results, "prune", "--yes")
        assert (said.code, said.line) == (USAGE, "say which: --days N, --keep N or both")
        assert len(self.left(results)) == 4

    def test_results_without_sessions(self, tmp_path: Path) -> None:
        said = run(tmp_path / "none", "prune", "--days", 1)
        assert said.out == ["0.0 MiB in 0 journals to delete (nothing was; --yes does it)"]


METADATA = {
    "session_id": "one", "version": "0.1.0", "dry_run": False, "started_at": "then",
    "account_profile": "MY_PROFILE", "account": "51234567@Broker-Demo 3",
    "files": {"EURUSD": "my_bars.parquet"}, "terminal": ["C:\\Users\\Jo\\mt5"], "host": None,
}  # fmt: skip


SECRETS = ("51234567", "99887766", "Demo", "MY_PROFILE", "my_bars", "Jo", "Doe", "/home")
EXPORTED = ["mt5_demo_exec_log.csv", "mt5_demo_exec_summary.json"]


class TestShare:
    def exported(self, tmp_path: Path, *options: str) -> dict[str, str]:
        detail = (
            "account 51234567 is logged in, not 99887766; server 'Other-Demo', MY_PROFILE: "
            r"see C:\Users\Jo Doe\mt5 and /home/jo/results/x.csv"
        )
        records = [
            ev.Record(1, 0, None, started(), METADATA),
            ev.Record(2, 1, None, halted(detail=detail)),
            ev.Record(3, 2, None, ended(detail="51234567 of Broker-Demo 3 left at 1.25/1.26")),
        ]
        session(tmp_path, "one", records)
        said = run(tmp_path, "export", "one", *options)
        assert (said.code, said.err) == (DONE, [])
        return {Path(name).name: Path(name).read_text(encoding="utf-8") for name in said.out}

    def test_nothing_tells_who_and_where_the_user_is(self, tmp_path: Path) -> None:
        files = self.exported(tmp_path, "--share")
        assert sorted(files) == [
            "journal.jsonl",
            "mt5_demo_exec_log.csv",
            "mt5_demo_exec_summary.json",
        ]
        for content in files.values():
            for secret in (
                "51234567",
                "99887766",
                "Demo",
                "MY_PROFILE",
                "my_bars",
                "Jo",
                "Doe",
                "/home",
            ):
                assert secret not in content
        assert json.loads(files["mt5_demo_exec_summary.json"])["session_id"] == "one"

    def test_what_happened_stays(self, tmp_path: Path) -> None:
        lines = self.exported(tmp_path, "--share")["journal.jsonl"].splitlines()
        first, second, third = (msgspec.json.decode(line, type=ev.Record) for line in lines)
        assert first.event == started()
        assert first.metadata == {
            "session_id": "one", "version": "0.1.0", "dry_run": False, "started_at": "then",
            "account_profile": "masked", "account": "masked",
            "files": {"EURUSD": "masked"}, "terminal": ["masked"], "host": None,
        }  # fmt: skip
        assert msgspec.structs.replace(second.event, detail="") == halted(detail="")
        assert third.event == ended(detail="masked of masked left at 1.25/1.26")

    def test_an_export_for_oneself_masks_nothing_and_has_no_records(self, tmp_path: Path) -> None:
        files = self.exported(tmp_path)
        assert sorted(files) == EXPORTED
        assert "MY_PROFILE" in files["mt5_demo_exec_summary.json"]

    def test_what_a_terminal_said_is_masked_and_its_figures_stay(self, tmp_path: Path) -> None:
        figures = ev.Account(balance=525, equity=0)
        other = ev.VenuePosition(
            ticket=9, symbol="EURUSD", traded="EURUSD", side=Side.LONG, volume=1, ours=False,
            comment="for 51234567", entry=1, stop_loss=0, take_profit=0, swap=0,
        )  # fmt: skip
        refused = "Authorization failed for 51234567"
        reply = ExecutionResult(VenueOutcome.REJECTED, -6, refused, account=figures)
        metadata = {"session_id": "one", "account": "51234567@Broker-Demo 3"}
        records = [
            ev.Record(1, 0, None, started(), metadata),
            ev.Record(2, 1, None, ev.AccountSnapshot(account=figures, positions=(other,))),
            ev.Record(3, 2, None, ev.VenueReplied(1, reply)),
            ev.Record(4, 3, None, ev.VenueReplied(1, None)),
            ev.Record(5, 4, None, ev.LinkChanged(False, "no server 'Broker-Demo 3'")),
        ]
        session(tmp_path, "one", records)
        said = run(tmp_path, "export", "one", "--share")
        assert (said.code, said.err) == (DONE, [])
        (lines,) = [Path(name).read_text("utf-8") for name in said.out if name.endswith("jsonl")]
        for secret in ("51234567", "Demo", "Broker"):
            assert secret not in lines
        assert lines.count("525") == 2
        back = [msgspec.json.decode(line, type=ev.Record).event for line in lines.splitlines()]
        assert isinstance(back[1], ev.AccountSnapshot)
        assert back[1].positions[0].comment == "for masked"

    def test_records_without_secrets_pass_unchanged(self) -> None:
        mask = Mask()
        plain = [msgspec.structs.replace(item, metadata=None) for item in RECORDS]
        assert [mask.record(item) for item in plain] == plain


class TestExport:
    def test_a_changed_about_is_not_exported(self, results: Path) -> None:
        path = results / "sessions" / "one" / "journal.sqlite"
        spoil(path, "UPDATE records SET about = NULL WHERE seq = 1")
        said = run(results, "export", "one")
        assert (said.code, said.out) == (DATA, [])
        assert said.line == f"{path}: the block of records 1 to 4 was changed"
        assert not (path.parent / "export").exists()

    def test_one_without_a_seal_is_exported_with_a_warning(self, results: Path) -> None:
        path = unseal(results / "sessions" / "one" / "journal.sqlite")
        said = run(results, "export", "one")
        assert said.code == DONE
        assert said.line == f"{path}: its session did not end in order, so it has no seal"
        assert len(said.out) == 2

"""Streams of `butler serve`: no gap and no double for whoever comes again, and nobody in the way
of others."""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("plotly")

from adapters.journal.store import Store
from adapters.services.heartbeat import Beat, write_beat
from engine import events as ev
from engine.journal import row_of
from tests.commands import butler
from tests.process.cli import SECONDS
from tests.reruns import recorded
from tests.serving import Served, Stream, serving
from tests.unit.test_live_page import Viewer

SEED = 2


class Session:
    """A session's folder whose journal grows by the test's hand."""

    def __init__(self, results: Path, name: str = "s-1") -> None:
        self.folder = results / "sessions" / name
        self.folder.mkdir(parents=True)
        self.records: Sequence[ev.Record] = recorded(SEED)
        self.store = Store.create(self.folder / "journal.sqlite", power_safe=False)
        self.written = 0
        self.beat()

    def beat(self) -> None:
        beat = Beat(
            session="s-1", pid=os.getpid(), time=1, seq=self.written, state="active", every=600
        )
        write_beat(self.folder / "heartbeat.json", beat)

    def grow(self, count: int) -> int:
        """Write so many records more; the number of the last."""
        part = self.records[self.written : self.written + count]
        self.store.write([row_of(record) for record in part])
        self.written += len(part)
        return part[-1].seq

    def seal(self) -> None:
        self.store.seal()
        self.store.close()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    found = Session(tmp_path / "results")
    found.grow(20)
    yield found
    found.store.close()


@pytest.fixture
def served(session: Session) -> Iterator[Served]:
    with serving(session.folder.parent.parent) as found:
        assert found.enter().status == 204
        yield found


def test_a_stream_goes_on_with_the_record_after_the_last_one(
    served: Served, session: Session
) -> None:
    """However often the line is cut: ids only grow, each message follows on the one before, and
    the whole is what somebody has who comes only now."""
    viewer, ids = Viewer(), [0]
    step = len(session.records) // 12
    while session.written < len(session.records):
        last = session.grow(min(step, len(session.records) - session.written))
        with Stream(served, "/events/0/s-1?after=0", str(ids[-1])) as stream:
            for event in stream.records():
                assert event.json["after"] == ids[-1]
                viewer.take(event.data.encode())
                ids.append(int(event.id))
                assert ids[-1] == viewer.seq
                if ids[-1] == last:
                    break
    assert ids == sorted(set(ids))
    fresh = Viewer()
    with Stream(served, "/events/0/s-1") as stream:
        fresh.take(next(stream.records()).data.encode())
    assert (fresh.seq, fresh.tables, fresh.values) == (viewer.seq, viewer.tables, viewer.values)


def test_an_id_that_is_none_gets_everything(served: Served) -> None:
    with Stream(served, "/events/0/s-1?after=7", None) as stream:
        assert stream.status == 200
    for last in ("x", "-1", "9" * 40, "1e3", "\u0661", "999999999999", ""):
        path = "/events/0/s-1?after=" + "".join(f"%{byte:02x}" for byte in last.encode())
        with Stream(served, path) as stream:
            event = next(stream.records())
            assert event.json["after"] == 0, last
            assert event.json["tables"]["points"]["count"] > 0, last


def test_who_does_not_read_holds_nobody(served: Served, session: Session) -> None:
    """Viewers that never read stay behind alone, be it a stream or an answer of megabytes; another
    one is told of every record."""
    with ExitStack() as stack:
        for path in ("/events/0/s-1", "/static/plotly.js") * 10:
            lazy = stack.enter_context(socket.socket())
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
            lazy.connect(("127.0.0.1", served.port))
            lazy.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
                f"Cookie: {served.cookie}\r\n\r\n".encode()
            )
        stream = stack.enter_context(Stream(served, "/events/0/s-1"))
        seen = stream.records()
        next(seen)
        while session.written < len(session.records):
            last = session.grow(20)
            while int(next(seen).id) != last:
                pass


def test_strangers_are_bounded_and_dropped(served: Served) -> None:
    """Silent ones, dripping ones and those that never end a request; a visitor is answered all the
    time."""
    with ExitStack() as stack:
        strangers = []
        for number in range(400):
            stranger = stack.enter_context(
                socket.create_connection(("127.0.0.1", served.port), timeout=SECONDS)
            )
            strangers.append(stranger)
            if number % 3:
                stranger.sendall(b"GET / HTTP/1.1\r\nHost: x" if number % 3 == 1 else b"\x16\x03")
            if number % 50 == 0:
                assert served.ask("/").status == 200
        assert served.ask("/").status == 200
        for stranger in strangers:
            assert is_dropped(stranger)
        assert served.ask("/").status == 200


@pytest.mark.deep
@pytest.mark.skipif(sys.platform != "linux", reason="a limit is set from outside")
def test_a_full_table_of_files_is_said_once_and_costs_strangers_only(tmp_path: Path) -> None:
    """Strangers who take every descriptor make room; a visitor is answered, no log is filled."""
    import resource

    with serving(tmp_path, faults="Too many open files") as served, ExitStack() as stack:
        assert served.enter().status == 204
        pid = served.process.pid
        few = len(list(Path(f"/proc/{pid}/fd").iterdir())) + 20
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, few))
        for _ in range(60):
            stack.enter_context(
                socket.create_connection(("127.0.0.1", served.port), timeout=SECONDS)
            )
        for _ in range(3):
            assert served.ask("/").status == 200


def is_dropped(stranger: socket.socket) -> bool:
    """Whether the server ends the connection, whatever it says before."""
    try:
        while stranger.recv(4_096):
            pass
    except ConnectionError:
        pass
    return True  # otherwise the socket's own deadline raised


def test_a_visitor_beside_a_stream_may_leave_a_request_unfinished(served: Served) -> None:
    """A head that drips is a stranger's, whoever had the connection before."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=SECONDS) as own:
        own.sendall(
            f"GET /static/site.css HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"Cookie: {served.cookie}\r\n\r\nGET /static".encode()
        )
        assert is_dropped(own)


def test_viewers_are_bounded_and_make_room_when_they_leave(served: Served) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(Stream(served, "/events")) for _ in range(64)]
        for stream in streams:
            assert stream.status == 200
            next(stream.events())
        for path in ("/events", "/events/0/s-1"):
            refused = served.ask(path)
            assert refused.status == 503
            assert "64 pages are open already" in refused.text
    deadline = time.monotonic() + SECONDS
    while served.ask("/", "HEAD").status == 200:
        with Stream(served, "/events/0/s-1") as stream:
            if stream.status == 200:
                next(stream.records())
                return
        assert time.monotonic() < deadline


def test_a_session_seals_its_journal_as_one_plain_file_while_it_is_watched(
    served: Served, session: Session
) -> None:
    """A reader that stayed would leave the write-ahead log beside it."""
    with Stream(served, "/events/0/s-1") as stream:
        seen = stream.records()
        next(seen)
        last = session.grow(len(session.records))
        session.seal()
        while int(next(seen).id) != last:
            pass
    assert not list(session.folder.glob("*-wal"))


def test_the_overview_lists_runs_and_cards(served: Served) -> None:
    with Stream(served, "/events") as stream:
        news: dict[str, Any] = {}
        for event in stream.events():
            news |= event.json
            if news.get("cards") and news["cards"][0]["meters"] and "runs" in news:
                break
    (card,) = news["cards"]
    assert (card["session"], card["health"]) == ("s-1", "running")
    assert [run["session"] for run in news["runs"]] == ["s-1"]


def test_a_finished_run_opens_its_report_which_can_reach_nothing(tmp_path: Path) -> None:
    results = tmp_path / "results"
    said = butler(
        "replay", "--from", "2023-01-02", "--to", "2023-01-12", "--results-dir", results,
        "--session-id", "r-1", "--quiet",
    )  # fmt: skip
    assert said.code == 0
    (results / "odds" / "o 1").mkdir(parents=True)
    (results / "odds" / "o 1" / "report.html").write_text("<p>odds</p>")
    (results / "sweeps" / "w").mkdir(parents=True)
    (results / "sweeps" / "w" / "sweep.json").write_text("<script>")
    with serving(results) as served:
        served.enter()
        reply = served.ask("/report/0/r-1")
        assert reply.status == 200
        assert re.search(r"<h1><b>", reply.text)
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("sandbox allow-scripts; default-src 'none'")
        assert "connect-src" not in policy
        study = served.ask("/study/0/odds/o%201")
        assert (study.status, study.text) == (200, "<p>odds</p>")
        assert "sandbox" in study.headers["content-security-policy"]
        sweep = served.ask("/study/0/sweeps/w")
        assert (sweep.text, sweep.headers["content-type"]) == (
            "<script>", "text/plain; charset=utf-8",
        )  # fmt: skip
        for path in (
            "/session/0/r-1", "/events/0/r-1", "/report/0/r-2", "/report/1/r-1", "/report/0/..",
            "/report/0/%2e%2e", "/session/0/x",
            "/study/0/odds/..", "/study/0/sessions/r-1", "/study/0/odds/%2e%2e%2fsessions",
            "/study/9/odds/o%201", "/static/page.css", "/static/..%2fsite.css", "/static/",
        ):  # fmt: skip
            assert served.ask(path).status == 404, path


def test_a_report_beside_which_a_library_lies_is_made_whole(tmp_path: Path) -> None:
    """What `butler report --shared-js` wrote needs another file, which is not served."""
    results = tmp_path / "results"
    session = Session(results)
    session.grow(len(session.records))
    session.seal()
    report = session.folder / "execution_sim_report.html"
    with serving(results) as served:
        served.enter()
        report.write_text("<p>its own</p>")
        assert served.ask("/report/0/s-1").text == "<p>its own</p>"
        report.write_text('<script src="../../plotly.js"></script>')
        assert "<h1><b>" in served.ask("/report/0/s-1").text
        report.write_text("<p>of before the session went on</p>")
        os.utime(report, (1, 1))
        assert "<h1><b>" in served.ask("/report/0/s-1").text

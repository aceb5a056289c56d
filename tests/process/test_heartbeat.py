"""Signs of life: a file that is always whole, and a ping whose address nobody sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import pytest

from adapters.services.heartbeat import Beat, Heartbeat, Ping
from tests.http_services import HttpService, http_service
from tests.process.cli import everything

pytestmark = pytest.mark.asyncio

SECONDS = 60.0
SECRET = "t0ken"  # noqa: S105 - one that must not show


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class Counting:
    """Beats that are numbered, and an event for when the third is asked for."""

    def __init__(self) -> None:
        self.count = 0
        self.third = anyio.Event()

    def beat(self) -> Beat:
        self.count += 1
        if self.count == 3:
            self.third.set()
        return Beat(session="s-1", pid=7, time=1_000, seq=self.count, state="active")


async def until_third(heartbeat: Heartbeat, beats: Counting) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heartbeat.run)
        with anyio.fail_after(SECONDS):
            await beats.third.wait()
        tasks.cancel_scope.cancel()


def read(file: Path) -> Beat:
    return msgspec.json.decode(file.read_bytes(), type=Beat)


async def test_it_beats_again_and_again_and_says_when_it_is_the_last(tmp_path: Path) -> None:
    file, beats, warnings = tmp_path / "heartbeat.json", Counting(), list[str]()
    await until_third(Heartbeat(file, beats.beat, warnings.append, every=0.001), beats)
    last = read(file)
    assert (last.session, last.pid, last.state, last.alive) == ("s-1", 7, "active", False)
    assert last.seq == beats.count >= 4
    assert everything(tmp_path).keys() == {"heartbeat.json"}
    assert warnings == []


async def test_a_file_that_cannot_be_written_is_told_once_and_ends_nothing(tmp_path: Path) -> None:
    beats, warnings = Counting(), list[str]()
    file = tmp_path / "no such folder" / "heartbeat.json"
    await until_third(Heartbeat(file, beats.beat, warnings.append, every=0.001), beats)
    assert warnings == [f"heartbeat: {file} cannot be written (No such file or directory)"]


async def pinged(service: HttpService, warn: Callable[[str], None], times: int) -> None:
    ping = Ping(f"http://127.0.0.1:{service.port}/{SECRET}", warn, every=0.01)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ping.run)
        for _ in range(times):
            assert await anyio.to_thread.run_sync(lambda: service.asked.acquire(timeout=SECONDS))
        tasks.cancel_scope.cancel()


async def test_the_address_is_asked_for_again_and_again() -> None:
    warnings: list[str] = []
    with http_service() as service:
        await pinged(service, warnings.append, 3)
    assert set(service.paths) == {f"/{SECRET}"}


async def test_a_service_that_fails_is_told_once_without_its_address() -> None:
    warnings: list[str] = []
    with http_service(status=500) as service:
        await pinged(service, warnings.append, 4)
    assert warnings == ["heartbeat: the address to ping does not answer; look at the service"]


async def test_a_service_that_hangs_is_told_and_holds_up_neither_loop_nor_end() -> None:
    told = anyio.Event()
    with http_service(hangs=True) as service:
        ping = Ping(f"http://127.0.0.1:{service.port}/{SECRET}", lambda _: told.set(), every=0.01)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ping.run)
            with anyio.fail_after(SECONDS):
                await told.wait()
            tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    "url", ["ftp://t0ken", "t0ken", "file:///t0ken", "https://", "http://[t0ken"]
)
async def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="must be an address that begins with https") as caught:
        Ping(url, lambda _: None)
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(Ping(f"https://{SECRET}", lambda _: None))

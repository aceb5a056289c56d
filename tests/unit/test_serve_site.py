"""A look of the page's server that fails: it is told, seen on the page, and ends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest

pytest.importorskip("starlette")
pytest.importorskip("plotly")

from scripts.app.web import site as site_module
from scripts.app.web import watched as watched_module
from scripts.app.web.catalog import Catalog
from scripts.app.web.site import SessionSite
from tests.unit.test_serve_catalog import session


class Failing:
    """A function that fails until it is mended."""

    def __init__(self, whole: Callable[..., Any]) -> None:
        self.whole = whole
        self.mended = False

    def __call__(self, *arguments: Any) -> Any:
        if not self.mended:
            raise RuntimeError("no look")
        return self.whole(*arguments)


async def troubles_once(site: SessionSite, holds: Callable[[dict[str, Any]], bool]) -> list[str]:
    """What the overview says is wrong, once its cards are so."""
    number = 0
    with site.overview() as topics:
        while True:
            number, content = await topics.cards.newer(number)
            document = msgspec.json.decode(content)
            if holds(document):
                return list(document["troubles"])


@pytest.mark.parametrize(
    ("place", "name", "doing"),
    [
        (Catalog, "sessions", "finding sessions"),
        (site_module, "signs_of", "choosing the cards"),
        (watched_module, "card", "following 0/s-1"),
    ],
)
def test_a_look_that_fails_is_told_once_and_tried_again(
    tmp_path: Path, place: Any, name: str, doing: str
) -> None:
    session(tmp_path, "s-1")
    said: list[str] = []
    failing = Failing(getattr(place, name))

    async def main() -> None:
        site = SessionSite([tmp_path], tmp_path, said.append)
        await site.scan()
        work = asyncio.create_task(site.run())
        bad = await troubles_once(site, lambda document: bool(document["troubles"]))
        assert bad == [f"{doing}: RuntimeError: no look"]
        failing.mended = True
        await troubles_once(site, lambda document: document["cards"] and not document["troubles"])
        assert not work.done()
        work.cancel()
        await asyncio.wait([work])

    # A method of a class gets its object only from a real function.
    replaced = (lambda *given: failing(*given)) if place is Catalog else failing
    with (
        patch.object(place, name, replaced),
        patch.object(site_module, "_SCAN_SECONDS", 0.01),
        patch.object(watched_module, "_LATER_SECONDS", 0.01),
    ):
        asyncio.run(asyncio.wait_for(main(), 60))
    assert said == [
        f"{doing}: failed (RuntimeError: no look); tried again",
        f"{doing}: works again",
    ]

"""Feeds: where prepared bars come from."""

from __future__ import annotations

from collections.abc import Iterator

import anyio.to_thread

from engine.bars import PreparedBars


class ChunkReader:
    """Reads chunks of bars in a worker thread, one at a time: the loop never waits on the disk.

    Only one chunk is in memory at a time, so a long history needs no more room than a short one.
    """

    def __init__(self, chunks: Iterator[PreparedBars]) -> None:
        self._chunks = chunks

    async def next(self) -> PreparedBars | None:
        """The next chunk that has bars to be played, or None at the end."""
        while True:
            chunk = await self._taken()
            if chunk is None or (len(chunk) and not chunk.past):
                return chunk

    async def _taken(self) -> PreparedBars | None:
        return await anyio.to_thread.run_sync(next, self._chunks, None)


class ChunksAtHand(ChunkReader):
    """Takes chunks that are in memory: nothing waits on a disk, so no thread is asked."""

    async def _taken(self) -> PreparedBars | None:
        return next(self._chunks, None)

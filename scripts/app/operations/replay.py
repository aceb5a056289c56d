"""Running a replay whose terms are resolved."""

from __future__ import annotations

import asyncio

from adapters.services.logs import SessionLog
from adapters.system.garbage import rare_collections
from engine.clock import SystemClock
from scripts.app.configuration import write_configuration
from scripts.app.frontend import Frontend
from scripts.app.operations.finished import FinishedSession
from scripts.app.session_folder import SessionFolder
from scripts.app.sessions.failures import explained
from scripts.app.sessions.replay import build_replay, files_of, started
from scripts.app.terms.replay_terms import Terms
from scripts.app.version import session_metadata


def run_replay(
    terms: Terms,
    folder: SessionFolder,
    frontend: Frontend,
    profile: str | None = None,
    *,
    parquet: bool = False,
) -> FinishedSession:
    """Run the session, whose folder exists, to its end; raises AppError when it cannot go on."""
    with rare_collections():
        return asyncio.run(_run(terms, folder, frontend, profile, parquet))


async def _run(
    terms: Terms, folder: SessionFolder, frontend: Frontend, profile: str | None, parquet: bool
) -> FinishedSession:
    clock = SystemClock()
    log = SessionLog(folder.log, folder.session_id, clock.now, say=frontend.warn)
    metadata = session_metadata(folder.session_id, profile, dry_run=True)
    metadata |= files_of(terms)
    try:
        write_configuration(folder, started(terms), metadata)
        with explained(folder, log):
            replay = build_replay(terms, folder, clock, metadata, log, parquet=parquet)
        total = sum(item.ref.rows for item in terms.inputs)
        stop = replay.session.request_stop
        with frontend.progress(total) as show, frontend.interruptible(stop):
            replay.session.on_slice = lambda: show(replay.feed.bars_played)
            with explained(folder, log):
                outcome = await replay.session.run()
    finally:
        log.close()
    summary = replay.summary.projection.summary()
    return FinishedSession(folder, outcome, summary, result=replay.tables.result)

"""Which session a start goes on with, and what is open that no session manages. Pure.

A session is *unfinished* when it never ended, or was interrupted; it is the *same* when mode, dry
or sending, and terms are; it *holds* what lies at the venue with its tag. An *orphan* is a position
or order of the Butler's with the tag of no session that runs or is resumed.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

import msgspec

from adapters.state.store import SessionRow
from engine.decoding import from_json
from engine.types import Millis

AUTO, LAST, NEVER = "auto", "last", "never"
ATTEMPTS = 3
"""So many failed resumes of one session within `ATTEMPTS_WITHIN` ms end the trying."""

ATTEMPTS_WITHIN: Millis = 600_000
YOUNG: Millis = 600_000
"""Until then something with an unknown tag may be another Butler's that works right now."""


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """A position or (`waits`) a pending order of the Butler's at the venue, in a trader's words.

    `symbol` is the venue's name.
    """

    ticket: int
    tag: int
    words: str
    opened: Millis
    symbol: str = ""
    waits: bool = False


class StartAction(enum.Enum):
    """What a start does."""

    NEW = enum.auto()
    RESUME = enum.auto()
    REFUSE = enum.auto()  # a person must act
    WAIT = enum.auto()  # refused; it may pass by itself
    DAMAGED = enum.auto()  # refused: a journal cannot be read back


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, the line that tells it, and the sessions that are given up by it."""

    kind: StartAction
    session: str | None = None
    line: str = ""
    given_up: tuple[str, ...] = ()
    adopted: tuple[Holding, ...] = ()
    left_alone: tuple[Holding, ...] = ()


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is about to begin on an account.

    `terms` are named (preset, limits, ...) and told by a hash each; `failed` counts the recent
    failed resumes by session, `causes` says why the last one of each failed, `unreadable` gives
    the reason why a session's journal cannot be read; `recent` is what the Butler opened lately,
    closed again or not; `symbols` are those that the session trades, by the venue's names.
    """

    wanted: str
    mode: str
    dry: bool
    terms: Mapping[str, str]
    now: Millis
    adopt: bool = False
    recent: tuple[Holding, ...] = ()
    symbols: frozenset[str] = frozenset()
    account_name: str = "NAME"
    failed: Mapping[str, int] = {}
    causes: Mapping[str, str] = {}
    unreadable: Mapping[str, str] = {}


def terms_text(terms: Mapping[str, str]) -> str:
    """Terms as a session's row keeps them."""
    return msgspec.json.encode(dict(sorted(terms.items()))).decode()


def choose(start: Start, sessions: Sequence[SessionRow], held: Sequence[Holding]) -> Choice:
    """What a start does, by what is unfinished (newest first) and what is open at the venue."""
    stranger = _stranger(start, sessions, held)
    if stranger is not None:
        return stranger
    choice = _chosen(start, sessions, held)
    if choice.kind in (StartAction.NEW, StartAction.RESUME):
        return _with_orphans(start, choice, sessions, held)
    return choice


def _unfinished(sessions: Sequence[SessionRow]) -> list[SessionRow]:
    return [one for one in sessions if one.unfinished]


def _chosen(start: Start, sessions: Sequence[SessionRow], held: Sequence[Holding]) -> Choice:
    if start.wanted == NEVER:
        return Choice(kind=StartAction.NEW)
    if start.wanted == LAST:
        return _last(start, sessions, held)
    if start.wanted != AUTO:
        return _by_id(start, sessions, held)
    unfinished = _unfinished(sessions)
    if not unfinished:
        return Choice(kind=StartAction.NEW)
    newest = unfinished[0]
    differing = _differing(start, newest)
    if not differing:
        return _resumed(start, newest, held)
    if not _held_by(newest, held) or start.dry:
        given_up = () if start.dry and not newest.dry else (newest.id,)
        return Choice(
            kind=StartAction.NEW,
            line=f"{newest.id} began with other terms ({differing}): a new session",
            given_up=given_up,
        )
    return _other_terms(start, newest, held, differing)


def _last(start: Start, sessions: Sequence[SessionRow], held: Sequence[Holding]) -> Choice:
    unfinished = _unfinished(sessions)
    if not unfinished:
        return Choice(kind=StartAction.REFUSE, line="no unfinished session of this account")
    return _insisted(start, unfinished[0], held)


def _by_id(start: Start, sessions: Sequence[SessionRow], held: Sequence[Holding]) -> Choice:
    named = [one for one in sessions if one.id == start.wanted]
    if not named:
        return Choice(kind=StartAction.WAIT, line=f"{start.wanted} is no session of this account")
    return _insisted(start, named[0], held)


def _insisted(start: Start, session: SessionRow, held: Sequence[Holding]) -> Choice:
    differing = _differing(start, session)
    if differing:
        return Choice(
            kind=StartAction.REFUSE,
            line=f"{session.id} began with other terms ({differing}): start it with its own",
        )
    return _resumed(start, session, held)


def _resumed(start: Start, session: SessionRow, held: Sequence[Holding]) -> Choice:
    if reason := start.unreadable.get(session.id):
        return _unreadable(start, session, held, reason)
    if start.failed.get(session.id, 0) >= ATTEMPTS:
        return Choice(
            kind=StartAction.REFUSE,
            line=f"{session.id} failed {start.failed[session.id]} times"
            f"{_last_cause(start, session)}: --resume never begins anew",
        )
    count = len(_held_by(session, held))
    holds = f", {count} {'position or order' if count == 1 else 'positions and orders'} open"
    return Choice(
        kind=StartAction.RESUME,
        session=session.id,
        line=f"going on with {session.id} (cut off {_hour(session.beat)}{holds if count else ''})",
    )


def _last_cause(start: Start, session: SessionRow) -> str:
    cause = start.causes.get(session.id)
    return f", the last time because of this: {cause}" if cause else ""


def _hour(at: Millis) -> str:
    minutes = at // 60_000
    return f"{minutes // 60 % 24:02}:{minutes % 60:02} UTC"


def _unreadable(start: Start, session: SessionRow, held: Sequence[Holding], reason: str) -> Choice:
    line = f"{session.id} cannot be read back ({reason})"
    if _held_by(session, held) and not start.adopt and not start.dry:
        return Choice(kind=StartAction.DAMAGED, line=line)
    return Choice(kind=StartAction.NEW, line=f"{line}: a new session", given_up=(session.id,))


def _other_terms(
    start: Start, session: SessionRow, held: Sequence[Holding], differing: str
) -> Choice:
    if start.adopt:
        return Choice(kind=StartAction.NEW, given_up=(session.id,))
    words = ", ".join(item.words for item in _held_by(session, held))
    return Choice(
        kind=StartAction.REFUSE,
        line=f"{session.id} holds {words} and began with other terms ({differing}): --resume "
        f"{session.id} with its terms, --adopt, or butler flatten --account-profile "
        f"{start.account_name}",
    )


def _differing(start: Start, session: SessionRow) -> str:
    """The names of what differs; empty for the same session."""
    names = []
    if session.mode != start.mode:
        names.append("mode")
    if session.dry != start.dry:
        names.append("dry run")
    before: dict[str, str] = from_json(session.terms, dict[str, str])
    names += sorted(
        name for name in before.keys() | start.terms.keys()
        if before.get(name) != start.terms.get(name)
    )  # fmt: skip
    return ", ".join(names)


def _held_by(session: SessionRow, held: Sequence[Holding]) -> list[Holding]:
    return [item for item in held if item.tag == session.tag]


# --- orphans ---


def _stranger(
    start: Start, sessions: Sequence[SessionRow], held: Sequence[Holding]
) -> Choice | None:
    """Something young with a tag that no session here knows: another Butler may be at work."""
    known = {one.tag for one in sessions}
    for item in (*held, *start.recent):
        if item.tag not in known and start.now - item.opened < YOUNG and not start.dry:
            return Choice(
                kind=StartAction.WAIT,
                line=f"another Butler works on this account ({_mark(item.tag)}): stop it first",
            )
    return None


def _mark(tag: int) -> str:
    return f"tag {tag:06x}" if tag >= 0 else "without a session's tag"


def _with_orphans(
    start: Start, choice: Choice, sessions: Sequence[SessionRow], held: Sequence[Holding]
) -> Choice:
    """The choice, unless something is open that nobody would manage."""
    by_tag = {one.tag: one for one in sessions}
    orphans = tuple(
        item for item in held if item.tag not in by_tag or by_tag[item.tag].id != choice.session
    )
    if not orphans:
        return choice
    if start.dry:
        return msgspec.structs.replace(choice, left_alone=orphans)
    if start.adopt:
        return _adopting(start, choice, orphans, by_tag)
    first = orphans[0]
    owner = by_tag.get(first.tag)
    session = f"session {owner.id}" if owner is not None else "an unknown session"
    resume = f"--resume {owner.id}, " if owner is not None else ""
    more = f" and {len(orphans) - 1} more" if len(orphans) > 1 else ""
    return Choice(
        kind=StartAction.REFUSE,
        line=f"the Butler opened {first.ticket} {first.words} ({session}){more}, which nobody "
        f"manages: --adopt, {resume}or butler flatten --account-profile {start.account_name}",
    )


def _adopting(
    start: Start, choice: Choice, orphans: tuple[Holding, ...], by_tag: Mapping[int, SessionRow]
) -> Choice:
    """Take over what can be: positions on the session's own symbols."""
    for item in orphans:
        owner = by_tag.get(item.tag)
        session = owner.id if owner is not None else "an unknown session"
        resume = f"--resume {owner.id}, or " if owner is not None else ""
        flatten = f"{resume}butler flatten --account-profile {start.account_name}"
        if item.waits:
            return Choice(
                kind=StartAction.REFUSE,
                line=f"order {item.ticket} {item.words} of {session} waits at the venue and cannot "
                f"be taken over: {flatten}",
            )
        if item.symbol not in start.symbols:
            return Choice(
                kind=StartAction.REFUSE,
                line=f"position {item.ticket} {item.words} of {session} cannot be taken over by a "
                f"session that does not trade {item.symbol}: add the symbol, {flatten}",
            )
    return msgspec.structs.replace(choice, adopted=orphans)

"""No bytes from outside make a parser raise anything but its own error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outside_inputs import GOOD, good
from tests.outside_parsers import CORPUS, PARSERS

NASTY = [
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"f\xfcr", b"[" * 100_000, b'{"a":' * 5_000,
    b"1" * 5_000, b"-0", b"1e999", b"NaN", b"\r", b"\n" * 100, b'"', b"'", b"\\ud800", b"&a [*a]",
    b"!!python/object", b"\xf4\x90\x80\x80", b"9" * 400 + b"-01-01", b"\x1b]0;x\x07",
]  # fmt: skip


def varied(name: str) -> st.SearchStrategy[bytes]:
    """Any bytes, and a good input with a part of it replaced, or written over where it stands."""
    whole = good(name)
    places = st.integers(0, len(whole))
    told = st.sampled_from([at for at, byte in enumerate(whole) if byte])
    inserted = st.binary(max_size=12) | st.sampled_from(NASTY)
    changed = st.builds(
        lambda one, other, part: whole[: min(one, other)] + part + whole[max(one, other) :],
        places, places, inserted,
    )  # fmt: skip
    spoilt = st.builds(
        lambda at, part: whole[:at] + part + whole[at + len(part) :], told, st.binary(max_size=12)
    )
    return st.binary(max_size=200) | changed | spoilt


def test_every_parser_has_a_good_input() -> None:
    assert GOOD.keys() == PARSERS.keys()


SHORT = [name for name in PARSERS if isinstance(GOOD[name], bytes)]
"""Whole files that are made first, databases above all, take the time that a long run has."""


@pytest.mark.parametrize("name", SHORT)
@settings(max_examples=40)
@given(data=st.data())
def test_a_parser_raises_its_own_error_alone(name: str, data: st.DataObject) -> None:
    PARSERS[name](data.draw(varied(name)))


@pytest.mark.parametrize("name", PARSERS)
def test_what_was_found_before_is_refused_by_all(name: str) -> None:
    for content in (*NASTY, *(path.read_bytes() for path in sorted(CORPUS.glob("*")))):
        try:
            PARSERS[name](content)
        except BaseException as error:
            error.add_note(f"given {content[:200]!r}")
            raise


FOUND = [
    # SQLite quotes what is damaged, and what is no text makes Python raise another kind of error
    ("journal", b"ON records (kind)", b"ON records (k\x80nd)"),
    ("journal (listed)", b"ON records (kind)", b"ON records (k\x80nd)"),
    ("ledger", b"ON approvals (at)", b"ON approvals (\x80t)"),
    ("ledger", b"ended INTEGER, how TEXT", b"ended INTEGER_ how TEXT"),
    # a file of no version, in which something stands
    ("ledger", b"\x00\x00\x00\x01\x00\x00\x00\x03", b"\x00\x00\x00\x01\x00\x00\x00\x00"),
    ("statement", b"1,2026-06-15 10", b"9" * 5_000 + b",2026-06-15 10"),
    ("statement", b"1,2026-06-15 10", "\u00b2,2026-06-15 10".encode()),
    ("summary (listed)", b'[{"outcome":"passed","cause":null}]', b'"passed"'),
    ("trials that were tried", b"0123", b"\xff123"),
    ("ticks", b"2025.01.07 12:00:00.123,1.1,1.10002", b",1"),
    ("ticks", b"1.1,1.10002", b'1.1,"' + b"x" * 200_000),
    ("event log (named)", b"timestamp", b"time"),
    ("event log (named)", b"m:1,s,", b"m:1," + b"[" * 300 + b","),
    ("summary (named)", b"s-1", b"x" * 300),
    ("summary (named)", b"s-1", b"a\\u0000b"),
    ("sweep", b'"seed"', b'"\\ud800"'),
    ("bars (zip)", b"PK\x01\x02", b"PK\x01\x02\x00\x00\x40"),
    ("statement (XLSX)", b"PK\x03\x04", b"PK\x04"),
    ("statement (HTML)", b"colspan=4", b"colspan=" + b"4" * 5_000),
    ("statement (HTML)", b"colspan=4", "colspan=\u00b2".encode()),
    ("event log", b"1.06981", b"1.01e9996981"),
    ("bars", b"1.2,1.0", b"1.2," + b"1" * 400),
    ("bars (parquet)", b"\xf1?", b"\xf1\xff"),
]
"""Parsers, and the change of a good input that they once answered wrongly."""


@pytest.mark.parametrize(("name", "was", "is_now"), FOUND)
def test_a_change_that_was_found_before_is_refused(name: str, was: bytes, is_now: bytes) -> None:
    whole = good(name)
    assert was in whole
    PARSERS[name](whole.replace(was, is_now, 1))

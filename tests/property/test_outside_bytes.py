"""No bytes from outside make a parser raise anything but its own error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outside_parsers import CORPUS, GOOD, PARSERS

NASTY = [
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"f\xfcr", b"[" * 100_000, b'{"a":' * 5_000,
    b"1" * 5_000, b"-0", b"1e999", b"NaN", b"\r", b"\n" * 100, b'"', b"'", b"\\ud800", b"&a [*a]",
    b"!!python/object", b"\xf4\x90\x80\x80", b"9" * 400 + b"-01-01", b"\x1b]0;x\x07",
]  # fmt: skip


def varied(name: str) -> st.SearchStrategy[bytes]:
    """Any bytes, and a good input with a part of it replaced."""
    good = GOOD[name]
    cuts = st.tuples(st.integers(0, len(good)), st.integers(0, len(good)))
    inserted = st.binary(max_size=12) | st.sampled_from(NASTY)
    changed = st.builds(
        lambda ends, part: good[: min(ends)] + part + good[max(ends) :], cuts, inserted
    )
    return st.binary(max_size=200) | changed


def test_every_parser_has_a_good_input() -> None:
    assert GOOD.keys() == PARSERS.keys()


@pytest.mark.parametrize("name", PARSERS)
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

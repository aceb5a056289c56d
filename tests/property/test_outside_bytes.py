"""No bytes from outside make a parser raise anything but its own error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.outside_parsers import CORPUS, PARSERS, good

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


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_parser_raises_its_own_error_alone(name: str, data: st.DataObject) -> None:
    PARSERS[name](data.draw(varied(name)))


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("content", [*NASTY, *(p.read_bytes() for p in sorted(CORPUS.glob("*")))])
def test_what_was_found_before_is_refused_by_all(name: str, content: bytes) -> None:
    PARSERS[name](content)

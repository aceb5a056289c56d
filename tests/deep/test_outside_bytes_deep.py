"""Bytes from outside, for as long as a deep run has time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outside_parsers import PARSERS
from tests.property.test_outside_bytes import varied

pytestmark = pytest.mark.deep


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=20_000)
@given(data=st.data())
def test_a_parser_raises_its_own_error_alone(name: str, data: st.DataObject) -> None:
    PARSERS[name](data.draw(varied(name)))

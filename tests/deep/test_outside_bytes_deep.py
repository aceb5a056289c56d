"""Bytes from outside, for as long as a deep run has time.

A minute for each parser by default with --deep; ``FUZZ_SECONDS=600`` in the environment makes it
ten. Each has its own share, so that a slow one leaves the others theirs.
"""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.outside_parsers import PARSERS
from tests.property.test_outside_bytes import varied

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
AT_ONCE = 200
"""Inputs between two looks at the clock; those after each look are fresh ones."""

pytestmark = pytest.mark.deep


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_raises_its_own_error_alone(name: str) -> None:
    @settings(max_examples=AT_ONCE)
    @given(data=st.data())
    def refused(data: st.DataObject) -> None:
        PARSERS[name](data.draw(varied(name)))

    until = time.monotonic() + SECONDS
    refused()
    while time.monotonic() < until:
        refused()

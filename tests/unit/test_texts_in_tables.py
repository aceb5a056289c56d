"""A text in a CSV file is shown by a spreadsheet program and never computed."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.reports.projection import LOG_COLUMNS
from adapters.reports.sinks import csv_bytes


def reason_of(text: str) -> str:
    (row,) = csv.DictReader(io.StringIO(csv_bytes([{"reason": text}], header=True).decode()))
    return row["reason"]


@pytest.mark.parametrize(
    "text", ["=1+1", "-5,SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "-"]
)
def test_what_would_be_a_formula_is_a_text(text: str) -> None:
    assert reason_of(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-12.50", "+3", "-0", "breakout", "a=b", ""])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    assert reason_of(text) == text


@given(st.text(), st.sampled_from(LOG_COLUMNS))
def test_no_cell_begins_like_a_formula(text: str, column: str) -> None:
    content = csv_bytes([{column: text}], header=False).decode()
    for cell in next(csv.reader(io.StringIO(content, newline=""))):
        if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
            float(cell)

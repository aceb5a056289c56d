"""Worked cases of accounts' histories, read from a file beside the checkout where there is one."""

from __future__ import annotations

import json

import pytest

from tests.ledger_cases import Case, report_of, shared_folder, told

FILE = shared_folder() / "reference" / "ledger_vectors.json"
DOCUMENT = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {"cases": []}


@pytest.mark.skipif(not FILE.exists(), reason=f"{FILE} is not there")
@pytest.mark.parametrize("case", DOCUMENT["cases"], ids=lambda case: case["id"])
def test_a_worked_case_gives_the_figures_and_the_verdict_that_it_expects(case: Case) -> None:
    """Every figure, code and exit status that the case names."""
    found = told(report_of(case, DOCUMENT["rule_sets"], DOCUMENT["magic"]))
    expected = case["expected"]
    assert {name: found[name] for name in expected} == expected

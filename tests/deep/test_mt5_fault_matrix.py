"""Every fault at every function that a session calls, over the real host process.

The seed chooses which call of the function is struck and how long what lasts goes on; it is printed
with each case (`pytest -v` shows the ids), and the same seed makes the same case again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deep.cases import CASES, Case
from tests.deep.faulty_sessions import check, run

pytestmark = pytest.mark.deep


@pytest.mark.parametrize("case", CASES, ids=str)
def test_whatever_goes_wrong_no_promise_is_broken(tmp_path: Path, case: Case) -> None:
    print(case)
    check(run(tmp_path, case.faults(), kind=case.session))

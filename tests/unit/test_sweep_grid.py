"""Which parameter sets a sweep tries, and the conditions that they must meet."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.app.errors import BadData, WrongUsage
from scripts.app.sweep.grid import (
    Axis,
    axis_of,
    grid_trials,
    listed_trials,
    random_trials,
    value_in,
)
from scripts.app.sweep.where import conditions

TWO = (Axis("fast", (10, 20, 30)), Axis("slow", (20, 40)))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=10:40:10", (10, 20, 30, 40)),
        ("a=10:45:10", (10, 20, 30, 40)),
        ("a=0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("a=5:5:1", (5,)),
        ("a=by_risk", ("by_risk",)),
        ("limits.x=0.0025,0.005", (0.0025, 0.005)),
        ("a=true,false", (True, False)),
        ("a=[v1_cross],[v1_cross,v2_momentum]", (["v1_cross"], ["v1_cross", "v2_momentum"])),
        ("a = 1, 2", (1, 2)),
        ("a=-1,1e3", (-1, 1000.0)),
    ],
)
def test_an_axis_takes_a_range_or_a_list(text: str, values: tuple[object, ...]) -> None:
    found = axis_of(text)
    assert found.values == values
    assert [type(one) for one in found.values] == [type(one) for one in values]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a", "write NAME=VALUES"),
        ("=1", "write NAME=VALUES"),
        ("a=", "write NAME=VALUES"),
        ("a=1:2", "a range is FIRST:LAST:STEP"),
        ("a=1:x:2", "a range is FIRST:LAST:STEP"),
        ("a=2:1:1", "goes up from FIRST to LAST"),
        ("a=1:2:0", "goes up from FIRST to LAST"),
        ("a=1:nan:1", "a range"),
        ("a=1:9999999:1", "at most 100,000"),
        ("a=1,1", "a value is given twice"),
    ],
)
def test_what_is_no_axis_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(WrongUsage, match=complaint):
        axis_of(text)


def test_the_last_axis_turns_fastest_and_conditions_leave_combinations_out() -> None:
    where = conditions(["fast < slow and slow <= 40"])
    trials = grid_trials(TWO, where, {})
    assert [tuple(one.settings.values()) for one in trials] == [
        (10, 20), (10, 40), (20, 40), (30, 40),
    ]  # fmt: skip
    assert [one.number for one in trials] == [0, 1, 2, 3]
    assert trials[2].place == (1, 1)


def test_a_condition_may_name_what_the_preset_has() -> None:
    trials = grid_trials(TWO[:1], conditions(["fast < slow_ma"]), {"slow_ma": 15})
    assert [one.settings for one in trials] == [{"fast": 10}]
    with pytest.raises(WrongUsage, match="slow_ma is None, which is no number"):
        grid_trials(TWO[:1], conditions(["fast < slow_ma"]), {"slow_ma": None})


@pytest.mark.parametrize(
    "text",
    ["", "fast", "fast <", "< slow", "fast slow", "fast < slow slow", "__import__('os')", "a = 1",
     "fast < (slow)", "a < b; c", "1 < 2 3"],
)  # fmt: skip
def test_what_is_no_condition_is_refused(text: str) -> None:
    """Names and numbers are compared, nothing is evaluated."""
    with pytest.raises(WrongUsage, match="compare names and numbers"):
        conditions([text])


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.sampled_from(["<", "<=", "==", "!=", ">"]))
def test_a_condition_compares_as_python_does(a: float, b: float, sign: str) -> None:
    (found,) = conditions([f"a {sign} b"])
    expected = {"<": a < b, "<=": a <= b, "==": a == b, "!=": a != b, ">": a > b}[sign]
    assert found.holds({"a": a, "b": b}) is expected


def test_chains_hold_where_every_part_does() -> None:
    (chain,) = conditions(["5 < fast < 25 <= slow"])
    assert [chain.holds({"fast": fast, "slow": 25}) for fast in (5, 10, 25)] == [False, True, False]


@given(st.integers(0, 99), st.integers(1, 8))
def test_draws_have_no_repeats_and_are_the_same_for_the_same_seed(seed: int, count: int) -> None:
    drawn = random_trials(TWO, (), {}, count, seed)
    assert len({one.place for one in drawn}) == len(drawn) == min(count, 6)
    assert drawn == random_trials(TWO, (), {}, count, seed)


def test_draws_from_a_grid_too_large_to_list() -> None:
    axes = [Axis(name, tuple(range(1_000))) for name in "abc"]
    drawn = random_trials(axes, conditions(["a < b"]), {}, 50, 3)
    assert len({one.place for one in drawn}) == 50
    assert all(one.settings["a"] < one.settings["b"] for one in drawn)
    with pytest.raises(WrongUsage, match="1,000,000,000 combinations"):
        grid_trials(axes, (), {})


def test_a_list_has_a_row_for_each_parameter_set(tmp_path: Path) -> None:
    file = tmp_path / "sets.csv"
    file.write_text("fast,lots\n10,by_risk\n\n20,0.5\n", "utf-8")
    assert [one.settings for one in listed_trials(file, (), {})] == [
        {"fast": 10, "lots": "by_risk"}, {"fast": 20, "lots": 0.5},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("fast\n", "a header of names and a row"),
        ("a,a\n1,2\n", "each column needs a name of its own"),
        ("a,b\n1\n", "row 2 has 1 cells, the header 2"),
    ],
)
def test_a_list_that_is_none_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    file = tmp_path / "sets.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(BadData, match=complaint):
        listed_trials(file, (), {})


def test_nothing_left_and_a_name_twice_are_refused() -> None:
    with pytest.raises(WrongUsage, match="nothing is left to try"):
        grid_trials(TWO, conditions(["fast > slow and fast < 5"]), {})
    with pytest.raises(WrongUsage, match="--set fast: it is given twice"):
        grid_trials((TWO[0], TWO[0]), (), {})


def test_a_value_is_what_yaml_would_have() -> None:
    assert [value_in(text) for text in ("1", "1.0", "x", "[]", "nan")] == [1, 1.0, "x", [], "nan"]

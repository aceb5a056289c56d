"""Choices among trials: overfitting, deflated Sharpe ratios, plateaus, ranks, walk-forward."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from risk.odds.grid import best_of, plateau, rank_correlation, rank_of
from risk.odds.overfitting import Overfitting, overfitting
from risk.odds.sharpe import deflated_best, deflated_sharpe, moments, sharpe
from risk.odds.table import Floats
from risk.odds.windows import (
    BadWindows,
    WalkWindow,
    out_of_sample,
    spans,
    walk_forward,
    windows,
)
from tests.odds_records import date_of, stream


def by_loops(results: Floats, blocks: int) -> Overfitting:
    """The definition, split after split."""
    parts = np.split(results, blocks)
    ranks, outs = [], []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[i] for i in chosen])
        outside = np.concatenate([parts[i] for i in range(blocks) if i not in chosen])
        one, other = (half.mean(axis=0) / half.std(axis=0) for half in (inside, outside))
        best = int(np.argmax(one))
        ranks.append(((other < other[best]).sum() + 1) / (results.shape[1] + 1))
        outs.append(other[best])
    w = np.array(ranks)
    return Overfitting(
        pbo=float((w <= 0.5).mean()), median_rank=float(np.median(w)),
        loss=float((np.array(outs) < 0).mean()), splits=len(w),
    )  # fmt: skip


@pytest.mark.parametrize(("days", "trials", "blocks"), [(40, 5, 4), (96, 12, 8), (60, 3, 6)])
def test_overfitting_is_what_plain_loops_find(days: int, trials: int, blocks: int) -> None:
    results = stream(days).normal(0.05, 1, (days, trials))
    expected, found = by_loops(results, blocks), overfitting(results, blocks)
    assert found.pbo == pytest.approx(expected.pbo, abs=1e-12)
    assert found.median_rank == pytest.approx(expected.median_rank, abs=1e-12)
    assert found.loss == pytest.approx(expected.loss, abs=1e-12)
    assert found.splits == expected.splits == math.comb(blocks, blocks // 2)


def test_one_real_edge_among_noise_is_less_overfit_than_noise() -> None:
    noise = stream(8).normal(0, 1, (500, 20))
    edge = noise.copy()
    edge[:, 7] += 0.3
    assert overfitting(edge).pbo < 0.05
    assert overfitting(edge).splits == 12_870
    assert overfitting(noise).pbo > 0.2


def test_equal_trials_share_the_middle_rank() -> None:
    column = stream(4).normal(0, 1, (64, 1))
    found = overfitting(np.repeat(column, 9, axis=1), 8)
    assert (found.pbo, found.median_rank) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("shape", "blocks", "words"),
    [((100, 5), 5, "even"), ((100, 1), 4, "2 trials"), ((15, 3), 8, "too few")],
)
def test_what_cannot_be_split_is_refused(shape: tuple[int, int], blocks: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        overfitting(np.ones(shape), blocks)


def test_a_deflated_ratio_falls_with_the_number_of_trials() -> None:
    one = moments(stream(6).normal(0.1, 1, 500))
    found = [deflated_sharpe(one, trials, 0.004) for trials in (1, 10, 1_000)]
    assert found[0].expected == 0.0
    assert found[0].probability > found[1].probability > found[2].probability
    normal = NormalDist()
    expected = math.sqrt(0.004) * (
        (1 - 0.5772156649) * normal.inv_cdf(0.9)
        + 0.5772156649 * normal.inv_cdf(1 - 1 / (10 * math.e))
    )
    assert found[1].expected == pytest.approx(expected, abs=1e-9)
    for trials, variance in ((0, 0.1), (5, -0.1), (5, math.nan)):
        with pytest.raises(ValueError, match="needs at least"):
            deflated_sharpe(one, trials, variance)


def test_the_best_trial_is_deflated_by_all_that_were_made() -> None:
    results = stream(2).normal(0, 1, (400, 30))
    results[:, 4] += 0.2
    ratios = sharpe(results)
    assert np.argmax(ratios) == 4
    expected = deflated_sharpe(moments(results[:, 4]), 90, float(ratios.var()))
    assert deflated_best(results, 90) == expected
    assert deflated_best(results, 1).probability > expected.probability


def test_moments_are_those_of_the_population() -> None:
    found = moments(np.array([1.0, 1.0, 1.0, 5.0]))
    assert found.sharpe == pytest.approx(2 / math.sqrt(3))
    assert found.skew == pytest.approx(2 / math.sqrt(3))
    assert found.kurtosis == pytest.approx(7 / 3)
    still = moments(np.full(9, 0.1))
    assert (still.sharpe, still.skew, still.kurtosis) == (0.0, 0.0, 3.0)
    assert sharpe(np.zeros((5, 2))).tolist() == [0.0, 0.0]


def test_a_peak_stands_out_of_its_neighbours_and_a_plateau_does_not() -> None:
    places = list(itertools.product(range(3), range(3)))
    figures = np.array([0.0, 1.0, 0.0, 1.0, 9.0, 3.0, 0.0, np.nan, 0.0])
    found = plateau(places, figures, 4)
    assert (found.chosen, found.neighbours, found.count) == (9.0, 1.0, 3)
    assert plateau([(0,), (5,)], np.array([1.0, 2.0]), 0).neighbours is None


def test_ties_go_to_the_smaller_number_and_share_ranks() -> None:
    figures = np.array([np.nan, 2.0, 3.0, 3.0, 1.0])
    assert best_of(figures) == 2
    assert rank_of(figures[1:], 1) == 1.5
    assert rank_correlation(np.arange(5.0), np.arange(5.0) ** 3) == pytest.approx(1)
    assert rank_correlation(np.arange(5.0), -np.arange(5.0)) == pytest.approx(-1)
    assert rank_correlation(np.arange(5.0), np.ones(5)) is None
    with pytest.raises(ValueError, match="no trial"):
        best_of(np.full(3, np.nan))


def two_years() -> list[str]:
    return [date_of(number) for number in range(522)]


def test_two_years_hold_nine_windows_of_six_and_two_months() -> None:
    dates = two_years()
    rolling = windows(dates, *spans("6m/2m"))
    assert len(rolling) == 9
    assert dates[rolling[0].test] == "2024-07-01"
    assert dates[rolling[1].train] == "2024-03-01"
    fixed = windows(dates, *spans("6m / 2m"), anchored=True)
    assert [one.test for one in fixed] == [one.test for one in rolling]
    assert {one.train for one in fixed} == {0}


@given(
    st.integers(1, 500),
    st.sampled_from(["6m/2m", "1y/3m", "30d/7d", "8w/2w", "1m/1m"]),
    st.booleans(),
)
def test_test_windows_follow_each_other_without_a_gap(days: int, text: str, anchored: bool) -> None:
    dates = two_years()[:days]
    try:
        found = windows(dates, *spans(text), anchored=anchored)
    except BadWindows:
        return
    for one, following in itertools.pairwise(found):
        assert one.end == following.test
    for one in found:
        assert 0 <= one.train < one.test < one.end <= days


@pytest.mark.parametrize("text", ["6m", "6m/2", "0m/2m", "6m/2m/1m", "m/2m", "6h/2h", "-6m/2m"])
def test_text_that_names_no_windows_is_refused(text: str) -> None:
    with pytest.raises(BadWindows, match="6m/2m"):
        spans(text)


def test_too_few_days_are_refused() -> None:
    with pytest.raises(BadWindows, match="too few"):
        windows(two_years()[:50], *spans("6m/2m"))
    with pytest.raises(BadWindows, match="no days"):
        windows([], *spans("6m/2m"))


def test_the_choice_of_a_window_is_judged_on_the_days_after_it() -> None:
    """The trial that was best until then, its figure there, and its rank among all."""
    results = np.array([[1, 2, 0], [1, 2, 0], [3, -1, 2], [3, -1, 2]], np.float64)
    chosen = walk_forward(results, [WalkWindow(0, 2, 4)], lambda part: part.sum(axis=0))
    assert [(one.trial, one.in_sample, one.out_of_sample, one.rank) for one in chosen] == [
        (1, 4.0, -2.0, 3.0)
    ]
    assert out_of_sample(results, chosen).tolist() == [-1.0, -1.0]
    assert len(out_of_sample(results, [])) == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_overfitting_does_not_depend_on_the_unit_of_results(seed: int, trials: int) -> None:
    results = stream(seed).normal(0, 0.01, (48, trials))
    one, other = overfitting(results, 6), overfitting(results * 1_000, 6)
    assert 0 <= one.pbo <= 1
    assert one == other

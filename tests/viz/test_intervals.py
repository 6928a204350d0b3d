"""Wilson's interval against its equation and scipy's."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from viz.intervals import Z95, wilson


@pytest.mark.parametrize(("right", "trials"), [(0, 1), (0, 20), (1, 3), (50, 100), (197, 200), (9, 9)])  # fmt: skip
def test_it_is_scipys(right: int, trials: int) -> None:
    theirs = binomtest(right, trials).proportion_ci(0.95, method="wilson")
    assert wilson(right, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(("right", "trials"), [(3, 10), (70, 71)])
def test_its_ends_solve_the_equation_of_the_score_test(right: int, trials: int) -> None:
    share = right / trials
    for end in wilson(right, trials):
        assert abs(share - end) == pytest.approx(Z95 * math.sqrt(end * (1 - end) / trials))


def test_ends() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10)[0] == 0.0
    assert wilson(10, 10)[1] == 1.0
    assert wilson(0, 10, z=1.0)[1] == pytest.approx(1 / 11)  # z² / (n + z²)


@pytest.mark.parametrize(("right", "trials"), [(-1, 5), (6, 5), (0, -1)])
def test_no_share_is_refused(right: int, trials: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(right, trials)

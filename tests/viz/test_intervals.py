"""Wilson's interval against its equation and scipy's."""

from __future__ import annotations

import math

import pytest

from viz.intervals import Z95, wilson

SCIPY = [  # scipy.stats.binomtest(right, trials).proportion_ci(0.95, method="wilson"), scipy 1.17.1
    (0, 1, 0.0, 0.7934506856227626),
    (0, 20, 0.0, 0.16112515805281935),
    (1, 3, 0.06149194472039626, 0.7923403991979523),
    (50, 100, 0.4038315303659956, 0.5961684696340044),
    (197, 200, 0.9568342712073097, 0.9948857622067417),
    (9, 9, 0.7008549515804559, 1.0),
]


@pytest.mark.parametrize(("right", "trials", "low", "high"), SCIPY)
def test_it_is_scipys(right: int, trials: int, low: float, high: float) -> None:
    assert wilson(right, trials) == pytest.approx((low, high), abs=1e-12)


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

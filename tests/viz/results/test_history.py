"""Which moments the time machine looks at, as a run grows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from training.snapshots import is_snapshot_step
from viz.results.history import MAX_MOMENTS, Moment, choose_moments

SNAPSHOTS = tuple(step for step in range(30_000) if is_snapshot_step(step))


def test_a_short_history_is_shown_whole() -> None:
    assert choose_moments(SNAPSHOTS[:MAX_MOMENTS]) == SNAPSHOTS[:MAX_MOMENTS]
    assert choose_moments(()) == ()
    assert choose_moments((0,)) == (0,)


@pytest.mark.parametrize("count", range(MAX_MOMENTS, len(SNAPSHOTS) + 1))
def test_a_long_one_keeps_its_ends_and_its_log_spacing(count: int) -> None:
    steps = SNAPSHOTS[:count]
    chosen = choose_moments(steps)
    assert len(chosen) <= MAX_MOMENTS
    assert chosen[0] == 0
    assert chosen[-1] == steps[-1]
    assert set(chosen) <= set(steps)
    assert list(chosen) == sorted(chosen)
    assert len(chosen) >= min(count, MAX_MOMENTS // 2)
    inner = [step for step in chosen[:-1] if step >= 10]
    ratios = [after / before for before, after in itertools.pairwise(inner)]
    # Twice the spacing of the snapshots, or four times: equal on the log scale but for rounding.
    assert all(ratio == pytest.approx(np.median(ratios), rel=0.12) for ratio in ratios)


def test_what_a_growing_run_adds_is_all_that_is_new() -> None:
    before: tuple[int, ...] = ()
    for count in range(1, len(SNAPSHOTS) + 1):
        chosen = choose_moments(SNAPSHOTS[:count])
        assert set(chosen) - set(before) <= {SNAPSHOTS[count - 1]}
        before = chosen


def test_steps_that_are_not_on_the_grid() -> None:
    steps = tuple(range(0, 5000, 7))
    chosen = choose_moments(steps, 10)
    assert 4 <= len(chosen) <= 10
    assert (chosen[0], chosen[-1]) == (0, steps[-1])


def test_accuracy_is_the_diagonal() -> None:
    counts = np.array([[3, 1], [2, 4]])
    moment = Moment(0, None, None, np.zeros(2, np.float32), counts, 0.5, None)
    assert moment.accuracy == 0.7
    nothing = Moment(0, None, None, np.zeros(2, np.float32), None, math.nan, None)
    assert math.isnan(nothing.accuracy)

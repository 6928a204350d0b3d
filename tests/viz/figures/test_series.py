"""Smoothing, bands, label placement and the suggested learning rate, each against its definition."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from viz.figures.series import compute_band, smooth, smooth_range, spread_labels, suggest_lr
from viz.results import Curve


def curve(steps: npt.ArrayLike, values: npt.ArrayLike) -> Curve:
    return Curve(np.asarray(steps, float), np.asarray(values, float))


def test_smooth_is_the_kernel_average_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    steps = np.cumsum(rng.integers(1, 9, 50)).astype(float)
    values = rng.standard_normal(50)
    weights = np.exp(-np.abs(steps[:, None] - steps) / 7.0)
    expected = weights @ values / weights.sum(axis=1)
    assert np.allclose(smooth(curve(steps, values), window=7), expected)


@pytest.mark.parametrize("window", [0.3, 7.0, 400.0, 1e7])
def test_smooth_of_long_curves_is_exact_whatever_the_window(window: float) -> None:
    """The sums are doubled as long as a weight still counts: with gaps and with repeated steps."""
    rng = np.random.default_rng(1)
    steps = np.cumsum(rng.choice([0, 1, 3, 900], 600)).astype(float)
    values = 5 + rng.standard_normal(600)
    weights = np.exp(-np.abs(steps[:, None] - steps) / window)
    expected = weights @ values / weights.sum(axis=1)
    assert np.abs(smooth(curve(steps, values), window=window) - expected).max() < 1e-9


def test_smooth_leaves_out_what_is_not_finite() -> None:
    values = [1.0, np.nan, 1.0, np.inf, 1.0]
    smoothed = smooth(curve(range(5), values), window=2)
    assert np.array_equal(np.isnan(smoothed), [False, True, False, True, False])
    assert np.allclose(smoothed[[0, 2, 4]], 1)


@pytest.mark.parametrize("values", [[], [3.0], [np.nan], [np.nan, 2.0]])
def test_smooth_of_almost_nothing(values: list[float]) -> None:
    result = smooth(curve(range(len(values)), values))
    assert np.array_equal(result, values, equal_nan=True)


def test_smooth_of_repeated_steps_is_finite() -> None:
    assert np.allclose(smooth(curve([5, 5, 5], [1, 2, 3])), 2)


def test_band_is_over_the_steps_all_runs_reached() -> None:
    band = compute_band([curve([0, 10], [0, 10]), curve([0, 5, 20], [2, 7, 22])])
    assert band.steps.tolist() == [0, 5, 10]
    assert band.mean.tolist() == [1, 6, 11]
    assert band.low.tolist() == [0, 5, 10]
    assert band.high.tolist() == [2, 7, 12]
    assert band.seeds == 2


def test_band_of_runs_that_share_no_step_is_empty() -> None:
    assert len(compute_band([curve([0, 1], [1, 1]), curve([5, 6], [1, 1])]).steps) == 0
    assert len(compute_band([]).steps) == 0


@given(st.lists(st.floats(-100, 100), max_size=12), st.floats(0.1, 20))
def test_labels_keep_order_and_distance(positions: list[float], gap: float) -> None:
    placed = spread_labels(positions, gap=gap)
    order = np.argsort(positions, kind="stable")
    assert np.all(np.diff(placed[order]) >= gap - 1e-9)
    assert placed.sum() == pytest.approx(sum(positions), abs=1e-6)  # no drift


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread_labels([5, 0, 9], gap=2).tolist() == [5, 0, 9]
    assert spread_labels([1, 1], gap=2).tolist() == [0, 2]


def test_suggested_rate_is_on_the_steep_part() -> None:
    rates = np.logspace(-6, 1, 200)
    falls_at = 1e-3
    losses = 2.3 - 1.5 / (1 + (falls_at / rates) ** 1.5)  # steepest at falls_at
    losses[rates > 0.5] = 50  # divergence
    found = suggest_lr(rates, losses)
    assert found is not None
    assert 0.5 * falls_at < found < 2 * falls_at


@pytest.mark.parametrize("losses", [np.linspace(1, 9, 50), np.full(50, np.nan), np.array([])])
def test_no_rate_is_suggested_when_the_loss_never_falls(losses: npt.NDArray[np.float64]) -> None:
    assert suggest_lr(np.logspace(-4, 0, len(losses)), losses) is None


def test_divergence_does_not_leak_into_the_smoothed_range() -> None:
    rates = np.logspace(-4, 0, 100)
    losses = np.where(rates < 0.1, 1.0, 1e6)
    _, _, smoothed = smooth_range(rates, losses)
    assert smoothed.max() <= 2

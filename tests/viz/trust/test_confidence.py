"""Intervals against closed forms, and what must not matter to them."""

from __future__ import annotations

import numpy as np
import pytest

from viz.trust.confidence import FEWEST, bands, difference_intervals, mean_interval, wilson

RANDOM = np.random.default_rng


def test_the_interval_of_a_normal_mean_is_two_standard_errors() -> None:
    values = RANDOM(0).normal(3, 2, size=200)
    mean, low, high = mean_interval(values)
    error = values.std() / np.sqrt(200)
    assert mean == pytest.approx(values.mean())
    assert low == pytest.approx(mean - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(mean + 1.96 * error, abs=0.15 * error)


def test_it_covers_the_truth_about_as_often_as_it_says() -> None:
    intervals = [mean_interval(RANDOM(seed).exponential(1, 64)) for seed in range(150)]
    covered = np.mean([low <= 1 <= high for _, low, high in intervals])
    assert 0.86 <= covered <= 0.99


def test_order_does_not_matter_and_what_is_missing_is_left_out() -> None:
    values = RANDOM(1).normal(size=30)
    assert mean_interval(values) == mean_interval(values[::-1].copy())
    assert mean_interval(values) == mean_interval(np.append(values, np.nan))


def test_too_few_images_have_a_mean_but_no_interval() -> None:
    mean, low, high = mean_interval(np.ones(FEWEST - 1))
    assert mean == 1
    assert np.isnan([low, high]).all()
    assert np.isnan(mean_interval(np.array([]))).all()
    assert mean_interval(np.ones(FEWEST)) == (1, 1, 1)


def test_bands_are_the_intervals_of_each_point() -> None:
    curves = RANDOM(2).normal(size=(40, 3))
    mean, low, high = bands(curves)
    np.testing.assert_allclose(mean, curves.mean(0))
    assert (low < mean).all()
    assert (mean < high).all()
    shuffled = bands(curves[RANDOM(3).permutation(40)])
    np.testing.assert_allclose(low, shuffled[1])


def test_differences_are_paired() -> None:
    # Two methods that differ by 0.1 on every image, however much the images differ.
    hard = RANDOM(4).normal(0, 10, size=25)
    low, high = difference_intervals(np.stack([hard + 0.1, hard]))
    assert low[0, 1] == pytest.approx(0.1)
    assert high[0, 1] == pytest.approx(0.1)
    assert low[1, 0] == pytest.approx(-0.1)
    assert (low[0, 0], high[1, 1]) == (0, 0)
    few = difference_intervals(np.ones((2, FEWEST - 1)))
    assert np.isnan(few[0]).all()


def test_wilson_has_the_published_values() -> None:
    # 76 and 102 errors of 1500: 4.07 to 6.30 % and 5.63 to 8.19 %.
    assert wilson(76, 1500) == pytest.approx((0.0407, 0.0630), abs=5e-5)
    assert wilson(102, 1500) == pytest.approx((0.0563, 0.0819), abs=5e-5)
    assert np.isnan(wilson(0, 0)).all()
    assert wilson(0, 10)[0] == 0

"""Intervals against closed forms, and what must not matter to them."""

from __future__ import annotations

import numpy as np
import pytest

from viz.trust.confidence import FEWEST, bands, difference_intervals, mean_interval

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


def test_what_one_method_lacks_is_missing_from_its_own_comparisons_only() -> None:
    a, b, c = RANDOM(5).normal(size=(3, 30))
    alone = difference_intervals(np.stack([a, b]))
    c[:25] = np.nan  # too few to compare c with anybody
    low, high = difference_intervals(np.stack([a, c, b]))
    assert (low[0, 2], high[0, 2]) == (alone[0][0, 1], alone[1][0, 1])
    assert np.isnan([low[0, 1], high[1, 0], low[1, 2], low[1, 1]]).all()
    c[:10], c[10:] = np.nan, b[10:] + 1
    low, _ = difference_intervals(np.stack([a, c, b]))
    assert low[1, 2] == pytest.approx(1)  # of the 20 images that both have


def test_a_whole_table_is_compared_pair_by_pair() -> None:
    values = RANDOM(6).normal(size=(4, 20))
    low, high = difference_intervals(values)
    for i in range(4):
        for j in range(4):
            pair = difference_intervals(values[[i, j]])
            assert (low[i, j], high[i, j]) == pytest.approx((pair[0][0, 1], pair[1][0, 1]))
    turned = difference_intervals(values[:, ::-1])
    np.testing.assert_array_equal(low, turned[0])

"""Imputation against systems solved by hand and by numpy, and ROAD where its value is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.viz.lenses.trust.conftest import Trained
from tests.viz.lenses.trust.linear import linear_context
from viz.lenses.trust.imputation import impute
from viz.lenses.trust.road import PERCENTILES, fill_in, keep_mask, road
from viz.results.trust import Road

IMAGE = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 10]])


def filled(known: list[list[int]], image: Tensor = IMAGE) -> Tensor:
    return impute(image[None, None], torch.tensor(known, dtype=torch.bool)[None])[0, 0]


def measured(context: object, **options: object) -> Road:
    last: Road
    *_, last = road(context, None, None, **options)
    return last


def dense_solution(image: Tensor, known: Tensor) -> Tensor:
    """The same system written out pixel by pixel and solved by numpy, in float64."""
    height, width = image.shape
    places = [(y, x) for y in range(height) for x in range(width)]
    matrix, right = np.eye(len(places)), image.double().flatten().numpy().copy()
    for row, (y, x) in enumerate(places):
        if known[y, x]:
            continue
        near = [(y + a, x + b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
        inside = [(v, u) for v, u in near if 0 <= v < height and 0 <= u < width]
        weights = [1 / 12 if v != y and u != x else 1 / 6 for v, u in inside]
        right[row] = 0
        for (v, u), weight in zip(inside, weights, strict=True):
            matrix[row, v * width + u] = -weight / sum(weights)
    return torch.from_numpy(np.linalg.solve(matrix, right)).reshape(height, width)


def test_a_pixel_in_the_middle_is_the_weighted_mean_of_its_neighbours() -> None:
    found = filled([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
    # (2 + 4 + 6 + 8) / 6 + (1 + 3 + 7 + 10) / 12
    assert float(found[1, 1]) == pytest.approx(20 / 6 + 21 / 12, abs=1e-3)
    assert torch.equal(found[0], IMAGE[0])


def test_at_the_corner_the_weights_of_those_that_exist_sum_to_one() -> None:
    found = filled([[0, 1, 1], [1, 1, 1], [1, 1, 1]])
    assert float(found[0, 0]) == pytest.approx((2 * 2 + 2 * 4 + 5) / 5, abs=1e-3)


def test_two_missing_pixels_are_solved_together() -> None:
    # a in the corner, b beside it: 5a = 2b + 2·4 + 5 and 8b = 2a + 2·3 + 2·5 + 4 + 6.
    found = filled([[0, 0, 1], [1, 1, 1], [1, 1, 1]])
    a, b = np.linalg.solve([[5.0, -2.0], [-2.0, 8.0]], [13.0, 26.0])
    assert float(found[0, 0]) == pytest.approx(a, abs=1e-3)
    assert float(found[0, 1]) == pytest.approx(b, abs=1e-3)


@pytest.mark.parametrize("left", [0.9, 0.5, 0.1])
def test_large_holes_agree_with_a_dense_solution(left: float) -> None:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(2, 2, 11, 14, generator=generator)
    known = torch.rand(2, 11, 14, generator=generator) < left
    known[1, 3:9, 2:12] = False
    found = impute(images, known)
    for n in range(2):
        for c in range(2):
            expected = dense_solution(images[n, c], known[n])
            assert torch.allclose(found[n, c].double(), expected, atol=5e-3)


def test_what_is_known_stays_bit_for_bit_and_a_ramp_is_continued_evenly() -> None:
    ramp = torch.arange(12.0).expand(1, 1, 12, 12).clone()
    known = torch.ones(1, 12, 12, dtype=torch.bool)
    known[0, 2:10, 2:10] = False
    found = impute(ramp, known)
    assert torch.equal(found[0, 0][known[0]], ramp[0, 0][known[0]])
    assert torch.allclose(found, ramp, atol=0.02)


def test_an_image_with_nothing_left_is_refused() -> None:
    with pytest.raises(ValueError, match="keep at least one"):
        impute(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4, dtype=torch.bool))


def test_a_percentile_removes_the_rest_from_the_front() -> None:
    order = torch.tensor([[3, 1, 0, 2, 4, 5, 6, 7, 8, 9]])
    assert keep_mask(order, 80)[0].tolist() == [True, False, True, False] + [True] * 6
    assert int(keep_mask(order, 10).sum()) == 1


def test_a_network_that_looks_at_one_pixel_has_the_value_on_paper() -> None:
    # Only the middle pixel is bright and only it counts: without it the logit is 0 (but for noise),
    # with it 5, whatever else is imputed. So LeRF never loses anything, MoRF always everything;
    # of the noise, 0.01, the logit shows five times as much, the probability a quarter of that.
    weights, image = torch.zeros(5, 5), torch.zeros(1, 1, 5, 5)
    weights[2, 2], image[0, 0, 2, 2] = 5.0, 1.0
    found = measured(linear_context(weights, image), methods=["saliency"])
    [result] = found.measurements
    expected = (1 / (1 + math.exp(-5)) - 0.5) / 2
    assert result.scores[0].mean == pytest.approx(expected, abs=0.01)
    assert result.chance == 0
    morf, lerf = (each for each in found.curves if each.method == "saliency")
    assert (morf.curve, lerf.curve) == ("morf", "lerf")
    assert morf.mean[0] == lerf.mean[0] == 0
    np.testing.assert_allclose(morf.mean[1:], -2 * expected, atol=0.03)
    np.testing.assert_allclose(lerf.mean, 0, atol=1e-6)
    np.testing.assert_allclose(morf.shares, np.arange(10) / 10)
    assert len(PERCENTILES) == 9


def test_a_random_map_is_worth_nothing_and_the_order_of_images_too(plain_net: Trained) -> None:
    found = measured(plain_net, methods=["saliency"], images=48)
    [result] = found.measurements
    by_name = {score.method: score for score in result.scores}
    assert by_name["random"].low - 0.02 <= 0 <= by_name["random"].high + 0.02
    assert by_name["saliency"].low > by_name["random"].high
    again = measured(plain_net, methods=["saliency"], images=48)
    np.testing.assert_array_equal(
        by_name["saliency"].values, again.measurements[0].scores[0].values
    )


def test_noise_belongs_to_the_image_and_is_as_large_as_published() -> None:
    images = torch.zeros(3, 1, 12, 12)
    images[:, 0, 0, 0] = torch.tensor([1.0, 2.0, 2.0])  # kept: the same holes in images that differ
    order = torch.arange(1, 144)
    order = torch.cat([order, torch.zeros(1, dtype=torch.int64)]).expand(3, -1)
    filled = fill_in(images, order, 50)
    noise = filled - torch.stack([impute_half(image, order[:1]) for image in images])
    hidden = ~keep_mask(order[:1], 50).reshape(12, 12)
    first, second, third = (each[0][hidden] for each in noise)
    assert torch.equal(second, third)
    assert not torch.allclose(first, second, atol=1e-3)
    assert float(noise[:2, 0][:, hidden].std()) == pytest.approx(0.01, rel=0.2)
    assert bool((noise[:, 0][:, ~hidden] == 0).all())
    turned = fill_in(images.flip(0), order, 50)
    assert torch.equal(turned.flip(0), filled)
    assert not torch.allclose(fill_in(images, order, 50), fill_in(images, order, 40))


def impute_half(image: Tensor, order: Tensor) -> Tensor:
    return impute(image[None], keep_mask(order, 50).reshape(1, 12, 12))[0]

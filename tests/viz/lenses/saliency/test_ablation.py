"""Feature ablation and the regions it shares with LIME and SHAP."""

from __future__ import annotations

import pytest
import torch
from captum.attr import FeatureAblation
from torch import nn

from tests.viz.lenses.saliency.hand import info_of, linear, problem_of
from viz.lenses.registry import LensError
from viz.lenses.saliency.methods import attribute
from viz.lenses.saliency.segments import segment

WEIGHTS = torch.tensor([[[1.0, 0.0, -1.0, 2.0], [2.0, 0.0, 0.0, 1.0]]])  # (1, 2, 4)
IMAGE = torch.tensor([[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]]])


def test_pixels_of_a_linear_network_have_their_terms() -> None:
    found = attribute("feature_ablation", problem_of(linear(WEIGHTS), IMAGE, regions="pixels"))
    assert torch.allclose(found.values, WEIGHTS * IMAGE)
    assert found.forward_passes == 9


def test_a_region_has_the_sum_of_its_terms_at_each_pixel() -> None:
    problem = problem_of(linear(WEIGHTS), IMAGE, regions="grid", segments=2)
    rows = [[11.0, 11.0, 13.0, 13.0], [11.0, 11.0, 13.0, 13.0]]
    assert attribute("feature_ablation", problem).values.tolist() == [[rows]]


def test_equals_captum_with_superpixels_and_a_blurred_image() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 18 * 18, 3))
    images = torch.rand(2, 3, 20, 20)
    images[:, :, 5:12, 8:] += 1
    problem = problem_of(net, images / 2, classes=[0, 2], fill="black", segments=9)
    regions = segment(problem.images, problem.info, "superpixels", 9)
    theirs = FeatureAblation(net).attribute(
        problem.images, target=torch.tensor([0, 2]), feature_mask=regions[:, None]
    )
    found = attribute("feature_ablation", problem).values
    assert torch.allclose(found.expand_as(theirs), theirs, atol=1e-5)


def test_too_many_pixels_are_refused_with_the_way_out() -> None:
    problem = problem_of(
        linear(torch.zeros(1, 65, 64)), torch.zeros(1, 1, 65, 64), regions="pixels"
    )
    with pytest.raises(LensError, match=r"4,160 pixels takes too long: choose superpixels"):
        attribute("feature_ablation", problem)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 224, 224), (1, 5, 9)])
@pytest.mark.parametrize("regions", ["superpixels", "grid"])
def test_regions_cover_the_image_and_are_counted_without_gaps(
    shape: tuple[int, ...], regions: str
) -> None:
    images = torch.rand(2, *shape, generator=torch.Generator().manual_seed(0))
    images[:, :, shape[1] // 2 :] /= 4
    found = segment(images, info_of(shape), regions, 0)
    assert found.shape == (2, *shape[1:])
    assert found.dtype == torch.int64
    for one in found:
        numbers = sorted(set(one.flatten().tolist()))
        assert numbers == list(range(len(numbers)))
        assert 4 <= len(numbers) <= 64
    assert torch.equal(found, segment(images, info_of(shape), regions, 0))


def test_superpixels_follow_an_edge() -> None:
    image = torch.zeros(1, 3, 32, 32)
    image[:, :, :, 11:] = 1.0
    found = segment(image, info_of((3, 32, 32)), "superpixels", 16)[0]
    left, right = (set(part.flatten().tolist()) for part in (found[:, :11], found[:, 11:]))
    assert not left & right


def test_an_image_of_one_colour_gets_a_grid() -> None:
    image = torch.full((1, 1, 8, 8), 0.5)
    found = segment(image, info_of((1, 8, 8)), "superpixels", 4)[0]
    rows = [[0] * 4 + [1] * 4] * 4 + [[2] * 4 + [3] * 4] * 4
    assert found.tolist() == rows

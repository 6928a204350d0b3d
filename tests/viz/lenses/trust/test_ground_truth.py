"""Mask share and pointing game by hand, and on a network that the tests train."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.viz.lenses.trust.conftest import Trained
from tests.viz.lenses.trust.linear import linear_context
from viz.lenses.registry import LensError
from viz.lenses.trust.ground_truth import ground_truth
from viz.lenses.trust.inside import points_inside, share_inside, spread_places, widen
from viz.results.trust import GroundTruth, MethodScore

MASK = torch.tensor([[[True, False, False], [False, False, False]]])


def measured(context: object, **options: object) -> GroundTruth:
    last: GroundTruth
    *_, last = ground_truth(context, None, None, **options)
    return last


def scores(result: GroundTruth, measure: str) -> dict[str, MethodScore]:
    [found] = [each for each in result.measurements if each.measure == measure]
    return {score.method: score for score in found.scores}


def test_the_share_counts_what_is_positive() -> None:
    share, empty = share_inside(torch.tensor([[[3.0, 1.0, -9.0], [0.0, 0.0, 2.0]]]), MASK)
    assert share.tolist() == [0.5]
    assert empty.tolist() == [False]


def test_a_map_with_nothing_positive_counts_as_an_even_one() -> None:
    share, empty = share_inside(torch.tensor([[[-3.0, 0.0, -1.0], [0.0, 0.0, 0.0]]]), MASK)
    assert share.tolist() == [pytest.approx(1 / 6)]
    assert empty.tolist() == [True]
    assert points_inside(torch.zeros(1, 2, 3), MASK).tolist() == [pytest.approx(1 / 6)]


def test_the_pointing_game_asks_for_the_highest_pixel() -> None:
    beside = torch.tensor([[[0.0, 5.0, 1.0], [0.0, 0.0, 0.0]]])
    assert points_inside(beside, MASK).tolist() == [0]
    assert points_inside(beside, MASK, tolerance=1).tolist() == [1]
    inside = torch.tensor([[[5.0, 5.0, 1.0], [5.0, 0.0, 5.0]]])
    assert points_inside(inside, MASK).tolist() == [0.25]  # one of four that are equally high
    unknown = torch.tensor([[[1.0, float("nan"), 0.0], [0.0, 0.0, 0.0]]])
    assert points_inside(unknown, MASK).tolist() == [1]


def test_a_wider_mask_reaches_along_and_across() -> None:
    assert widen(MASK, 0) is MASK
    assert widen(MASK, 1)[0].tolist() == [[True, True, False], [True, True, False]]


def test_a_network_without_masks_is_told_so() -> None:
    context = linear_context(torch.ones(4, 4), torch.ones(1, 1, 4, 4))
    with pytest.raises(LensError, match="choose a network trained on shapes"):
        measured(context)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tolerance": 99}, "tolerance is 99"),
        ({"examples": 99}, "examples is 99"),
        ({"images": 1000}, "from 1 to 256"),
        ({"methods": ["nothing"]}, "no attribution method 'nothing'"),
    ],
)
def test_wrong_input_is_answered_with_a_sentence(
    plain_net: Trained, options: dict[str, object], words: str
) -> None:
    with pytest.raises(LensError, match=words):
        measured(plain_net, **options)


def test_examples_are_spread_and_never_more_than_there_are() -> None:
    assert spread_places(64, 4) == [0, 16, 32, 48]
    assert spread_places(2, 6) == [0, 1]
    assert spread_places(5, 0) == []


def test_a_network_that_learned_shapes_is_explained_by_its_objects(plain_net: Trained) -> None:
    methods = ["integrated_gradients", "grad_cam", "occlusion"]
    found = measured(plain_net, methods=methods, images=96)
    shares, hits = scores(found, "mask_share"), scores(found, "pointing")
    # Knowing nothing: the share of the image that the objects cover.
    assert found.measurements[0].chance == pytest.approx(found.area)
    assert 0.15 < found.area < 0.3
    assert shares["random"].low <= found.area <= shares["random"].high
    assert hits["random"].low <= found.area <= hits["random"].high
    # The methods clearly know more.
    for method in methods:
        assert shares[method].low > shares["random"].high
        assert hits[method].low > hits["random"].high
    assert found.empty["grad_cam"] == 0
    assert found.images.source.startswith("96 test images the network was not trained on")
    assert (found.images.labels == found.images.predicted).all()


def test_examples_show_the_object_and_every_map(plain_net: Trained) -> None:
    found = measured(plain_net, methods=["saliency"], images=12, examples=3)
    assert len(found.examples) == 3
    test = plain_net.dataset.test
    for example in found.examples:
        index = int(example.name.rpartition("/")[2])
        np.testing.assert_array_equal(example.image, test.images[index].permute(1, 2, 0).numpy())
        assert example.label == int(test.labels[index])
        assert list(example.maps) == ["saliency", "random", "centre", "edges"]
        assert example.maps["saliency"].shape == example.mask.shape == (32, 32)
        assert plain_net.dataset.masks is not None
        np.testing.assert_array_equal(
            example.mask, plain_net.dataset.masks["test"][index, 0].numpy()
        )

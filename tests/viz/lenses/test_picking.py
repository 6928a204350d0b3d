"""The lenses of the image picker against the data set itself."""

from __future__ import annotations

import numpy as np
import pytest

from data.catalogue import get_info
from data.load import load_dataset
from tests.viz.lenses.conftest import WriteWeights
from viz.lenses.context import LensContext
from viz.lenses.picking import picture, split_labels
from viz.lenses.registry import LensError


def test_a_picture_is_what_the_network_sees_with_its_class(
    context: LensContext, run_id: str, write: WriteWeights
) -> None:
    write(seed=1, step=0)
    digits = load_dataset("digits")
    found = picture(context, f"run:{run_id}", "digits/test/5")
    np.testing.assert_array_equal(found.image[..., 0], digits.test.images[5, 0].numpy())
    assert found.label == get_info("digits").classes[int(digits.test.labels[5])]
    foreign = picture(context, f"run:{run_id}", "sample:chelsea")
    assert foreign.image.shape == (16, 16, 1)
    assert foreign.label is None


def test_untrained_networks_see_the_images_they_are_made_for() -> None:
    found = picture(LensContext(), "random:lenet5", "shapes/test/2", dataset={"name": "shapes"})
    shapes = load_dataset("shapes")
    np.testing.assert_array_equal(found.image, shapes.test.images[2].permute(1, 2, 0).numpy())
    assert found.label == get_info("shapes").classes[int(shapes.test.labels[2])]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_labels_are_those_of_the_split(
    context: LensContext, run_id: str, write: WriteWeights, split: str
) -> None:
    write(seed=1, step=0)
    found = split_labels(context, f"run:{run_id}", None, split=split)
    labels = getattr(load_dataset("digits"), split).labels
    np.testing.assert_array_equal(found.labels, labels.numpy())
    assert found.classes == get_info("digits").classes


def test_what_is_not_there_is_one_sentence() -> None:
    with pytest.raises(LensError, match="no split"):
        split_labels(LensContext(), "random:lenet5", None, split="all")
    with pytest.raises(LensError, match="names no image"):
        picture(LensContext(), "random:lenet5", "nothing")

"""Sample pictures for every kind of network, and images of other data sets."""

from __future__ import annotations

import pytest
import torch

from data.imagenet import imagenet_info
from data.images import decode_image, normalize
from data.paths import DataError
from data.samples import SAMPLES, read_sample
from training.spec import DatasetSpec
from viz.lenses.context import LensContext, Subject
from viz.lenses.pictures import fit
from viz.lenses.registry import LensError


def pretrained(context: LensContext) -> Subject:
    """What a network of ImageNet asks for, with any network in its place."""
    like = context.subject("random:lenet5")
    info = imagenet_info([f"class {index}" for index in range(1000)])
    return Subject(like.net, "Some", info, None, 0, None, None)


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_samples_fit_every_network(name: str, context: LensContext) -> None:
    for subject, shape in (
        (context.subject("random:lenet5"), (1, 16, 16)),
        (context.subject("random:lenet5", {"name": "shapes"}), (3, 32, 32)),
        (pretrained(context), (3, 224, 224)),
    ):
        fitted, label = fit(context, f"sample:{name}", subject)
        assert label is None
        assert fitted.picture.shape == shape
        assert fitted.batch.shape == (1, *shape)
        assert torch.isfinite(fitted.batch).all()
        assert torch.equal(fitted.batch, normalize(fitted.picture[None], subject.info))
        assert fitted.picture.float().std() > 2  # not a blank picture


def test_a_photo_for_photos_is_its_middle(context: LensContext) -> None:
    fitted, _ = fit(context, "sample:astronaut", pretrained(context))
    whole = decode_image(read_sample("astronaut"))  # (3, 512, 512): 256 makes halves of it
    middle = whole[:, 32:480, 32:480].float()
    halved = torch.nn.functional.avg_pool2d(middle, 2)
    assert (fitted.picture.float() - halved).abs().mean() < 6


def test_images_of_a_data_set_fit_a_pretrained_network(context: LensContext) -> None:
    fitted, label = fit(context, "digits/test/3", pretrained(context))
    assert fitted.picture.shape == (3, 224, 224)
    assert label is None


def test_a_data_set_with_options_keeps_its_labels(context: LensContext) -> None:
    subject = context.subject("random:lenet5", {"name": "digits", "train_limit": 30})
    fitted, label = fit(context, "digits/train/29", subject)
    data = context.data(DatasetSpec(name="digits", train_limit=30))
    assert torch.equal(fitted.picture, data.train.images[29])
    assert label == int(data.train.labels[29])
    with pytest.raises(LensError, match="has 30 images"):
        fit(context, "digits/train/30", subject)


@pytest.mark.parametrize("image", ["sample:nosuch", "sample:chelse"])
def test_samples_that_are_not_there(image: str, context: LensContext) -> None:
    with pytest.raises(DataError, match="There is no sample picture"):
        fit(context, image, context.subject("random:lenet5"))


@pytest.mark.parametrize("image", ["sample:", "sample:../x", "sample:Chelsea", "samples:chelsea"])
def test_what_is_no_reference_to_a_sample(image: str, context: LensContext) -> None:
    with pytest.raises(LensError, match="names no image"):
        fit(context, image, context.subject("random:lenet5"))

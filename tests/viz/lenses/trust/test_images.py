"""Which images are measured: held out, spread over the classes, drawn by a seed, named."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from data.samples import SAMPLES
from tests.viz.lenses.nets import OneNet, split
from tests.viz.lenses.trust.linear import linear_context
from viz.lenses.context import LensContext, Subject
from viz.lenses.registry import LensError
from viz.lenses.trust.images import choose_images


def forty() -> OneNet:
    """Forty images, half of each class; brighter ones come later."""
    images = (torch.arange(40) / 255).view(-1, 1, 1, 1).expand(40, 1, 4, 4)
    return linear_context(torch.ones(4, 4), images.clone(), [0, 1] * 20)


@dataclass
class Photos(OneNet):
    """A network of photos whose data is elsewhere."""

    def subject(self, model: str | None, dataset: object = None) -> Subject:
        """It has no data set."""
        found = super().subject(model)
        return replace(found, dataset=None, info=replace(found.info, framing=None))


def photos() -> Photos:
    return Photos(
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)), {}, (3, 16, 16)
    )


def choose(context: LensContext, **options: object) -> tuple[str, tuple[str, ...]]:
    chosen = choose_images(context, context.subject("one"), **options)  # type: ignore[arg-type]
    return chosen.told.source, chosen.told.names


def test_every_class_has_its_share_and_the_seed_says_which() -> None:
    context = forty()
    chosen = choose_images(context, context.subject("one"), count=10)
    assert chosen.told.labels.tolist().count(0) == 5
    places = [int(name.rpartition("/")[2]) for name in chosen.told.names]
    assert places == sorted(places)
    data = context.images_of["test"]
    assert torch.equal(chosen.pictures, data.images[places])
    assert chosen.told.labels.tolist() == data.labels[places].tolist()
    assert choose(context, count=10) == choose(context, count=10)
    assert choose(context, count=10) != choose(context, count=10, seed=1)


def test_all_there_are_where_more_are_wanted() -> None:
    source, names = choose(forty(), count=200)
    assert source == "all 40 test images the network was not trained on"
    assert len(names) == 40


def test_training_images_are_called_so() -> None:
    context = forty()
    context.images_of["train"] = context.images_of["test"]
    assert choose(context, split="train", count=3)[0] == "3 training images"


def test_photos_are_the_sample_pictures() -> None:
    source, names = choose(photos())
    assert source == f"all {len(SAMPLES)} sample pictures"
    assert names[0] == f"sample:{SAMPLES[0].name}"
    chosen = choose_images(photos(), photos().subject("one"), count=4)
    assert chosen.told.labels.tolist() == [-1] * 4
    assert chosen.masks is None
    with pytest.raises(LensError, match="explain the predicted class"):
        choose(photos(), only_right=True)
    with pytest.raises(LensError, match="explain the predicted class"):
        choose(photos(), target="true")


def test_a_network_that_answers_with_no_number_still_has_an_answer() -> None:
    context = linear_context(torch.full((2, 2), torch.nan), torch.ones(3, 1, 2, 2))
    chosen = choose_images(context, context.subject("one"))
    assert chosen.classes.tolist() == [0, 0, 0]


def test_nothing_there_is_a_sentence() -> None:
    empty = linear_context(torch.ones(2, 2), torch.ones(1, 1, 2, 2))
    empty.images_of["test"] = split(torch.ones(1, 1, 2, 2), [0]).at(
        torch.tensor([], dtype=torch.int64)
    )
    with pytest.raises(LensError, match="is empty"):
        choose(empty)

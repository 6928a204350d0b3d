"""Moving an image through a whole network: both answers are torch's, the meter is on every layer."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from data.images import normalize
from data.load import Dataset
from viz.lenses.context import LensContext
from viz.lenses.registry import LensError
from viz.lenses.transform import transform

IMAGE = "digits/test/5"


def test_both_answers_are_those_of_torch(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset
) -> None:
    found = transform(context, model, IMAGE, kind="shift", dx=2, dy=-1, layer="relu1")
    image = digits.test.images[5]
    moved = torch.from_numpy(found.after).permute(2, 0, 1)
    assert torch.equal(torch.from_numpy(found.before).permute(2, 0, 1), image)
    assert torch.equal(moved[:, :-1, 2:], image[:, 1:, :-2])
    with torch.no_grad():
        x = normalize(torch.stack([image, moved]), digits.info)
        maps = net.get_submodule("norm1")(net.get_submodule("conv1")(x)).relu()
        probs = net(x).softmax(dim=1)
    assert np.allclose([found.probs_before, found.probs_after], probs, atol=1e-5)
    assert np.allclose([found.maps_before, found.maps_after], maps, atol=1e-5)
    assert found.maps_expected is not None
    assert np.allclose(found.maps_expected[:, :-1, 2:], found.maps_before[:, 1:, :-2])
    assert np.isnan(found.maps_expected[:, -1]).all()
    assert (found.layer, found.kind, found.stride, found.step) == ("relu1", "ReLU", (1, 1), 40)
    assert found.label == int(digits.test.labels[5])


def test_every_layer_is_measured_in_the_order_of_running(context: LensContext, model: str) -> None:
    found = transform(context, model, IMAGE, kind="shift", dx=4, layer="conv1")
    names = [change.layer for change in found.changes]
    assert names[:3] == ["conv1", "relu1", "pool1"]
    assert names[-1].startswith("fc")
    assert not {"norm1", "flatten", "dropout1"} & set(names)
    first = found.changes[0]
    assert first.interior == 0
    assert first.num_interior == (16 - 4 - 4) * (16 - 4)
    assert first.invariance == pytest.approx(
        np.linalg.norm(found.maps_after - found.maps_before) / np.linalg.norm(found.maps_before),
        rel=1e-4,
    )
    assert math.isnan(found.changes[-1].equivariance)


def test_moving_by_nothing_moves_nothing(context: LensContext, model: str) -> None:
    for options in ({"kind": "shift"}, {"kind": "rotate", "angle": 0.0}):
        found = transform(context, model, IMAGE, **options)
        assert np.array_equal(found.before, found.after)
        assert all(change.invariance == 0 for change in found.changes)
        assert found.probs_moved == 0


def test_an_occlusion_changes_only_what_sees_it(context: LensContext, model: str) -> None:
    found = transform(context, model, IMAGE, kind="occlude", left=4, top=4, size=2, layer="conv1")
    assert found.maps_expected is None
    first = found.changes[0]
    assert first.num_unseeing == 256 - 36  # a 5×5 field touches 2×2 pixels from 6×6 places
    assert first.unseeing <= 1e-6
    changed = (found.maps_after != found.maps_before).any(axis=0)
    assert not changed[8:].any()
    assert changed[2:8, 2:8].any()


def test_a_limit_leaves_the_number_of_channels_known(context: LensContext, model: str) -> None:
    found = transform(context, model, IMAGE, layer="conv1", limit=3)
    assert found.maps_before.shape == found.maps_after.shape == (3, 16, 16)
    assert found.num_channels == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "mirror"}, "'mirror' is no way to move"),
        ({"dx": 17}, "dx is 17: choose a whole number of pixels from -16 to 16"),
        ({"dy": 1.5}, "dy is 1.5"),
        ({"kind": "rotate", "angle": 400}, "angle is 400"),
        ({"kind": "rotate", "angle": math.nan}, "angle is nan"),
        ({"kind": "rotate", "angle": "90"}, "angle is '90'"),
        ({"kind": "occlude", "size": 0}, "size is 0"),
        ({"kind": "occlude", "size": 4, "top": 99}, "top is 99"),
        ({"layer": "fc1"}, "has no layer with maps called 'fc1'"),
        ({"layer": "nosuch"}, "has no layer with maps called 'nosuch'"),
    ],
)
def test_what_cannot_be_done_gets_a_sentence(
    context: LensContext, model: str, options: dict[str, object], words: str
) -> None:
    with pytest.raises(LensError, match=words):
        transform(context, model, IMAGE, **options)
    net = context.subject(model).net
    assert sum(len(module._forward_hooks) for module in net.modules()) == 0


@pytest.mark.parametrize(("layer", "kind"), [("norm1", "BatchNorm2d"), ("block1", "ResidualBlock")])
def test_a_chosen_norm_or_block_is_measured_too(
    context: LensContext, model: str, layer: str, kind: str
) -> None:
    found = transform(context, model, IMAGE, kind="shift", dx=2, layer=layer)
    names = [change.layer for change in found.changes]
    (change,) = (each for each in found.changes if each.layer == layer)
    assert (change.kind, change.shape) == (kind, found.maps_before.shape)
    assert change.invariance == pytest.approx(
        np.linalg.norm(found.maps_after - found.maps_before) / np.linalg.norm(found.maps_before),
        rel=1e-4,
    )
    assert len(set(names)) == len(names)
    # in its place: the norm after its convolution, the block after the last layer in it
    before = "conv1" if layer == "norm1" else "block1.relu2"
    assert names[names.index(layer) - 1] == before

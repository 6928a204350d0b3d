"""Statistics and best patches over a data set against brute force, one image at a time."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data.images import normalize
from data.load import Dataset
from viz.lenses import layer_runs
from viz.lenses.best_patches import best_patches
from viz.lenses.context import LensContext
from viz.lenses.feature_maps import layer_maps
from viz.lenses.map_statistics import _by_class, map_statistics
from viz.lenses.recorder import record
from viz.lenses.registry import LensError
from viz.lenses.transform import transform


def maps_of(net: nn.Module, layer: str, images: Tensor, digits: Dataset) -> Tensor:
    """(N, C, h, w), one image at a time."""
    found = []
    for image in images:
        with record(net, [layer]) as outputs, torch.no_grad():
            net(normalize(image[None], digits.info))
        found.append(outputs[layer][-1][0])
    return torch.stack(found)


@pytest.mark.parametrize("layer", ["conv1", "relu1", "block1"])
def test_statistics_are_those_of_brute_force(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset, layer: str
) -> None:
    found = map_statistics(context, model, None, layer=layer, per_class=4)
    labels = digits.val.labels
    index = torch.cat([
        torch.nonzero(labels == k).squeeze(1)[[int((i + 0.5) * int((labels == k).sum()) / 4) for i in range(4)]]
        for k in range(10)
    ])  # fmt: skip
    maps = maps_of(net, layer, digits.val.images[index], digits).double()  # (40, C, h, w)
    positive = maps.clamp(min=0).mean(dim=(2, 3)).reshape(10, 4, -1).mean(dim=1).T  # (C, K)
    assert found.num_images == 40
    assert np.allclose(found.class_means, positive, atol=1e-5)
    assert np.allclose(found.means, maps.mean(dim=(0, 2, 3)), atol=1e-5)
    assert np.allclose(found.lows, maps.amin(dim=(0, 2, 3)), atol=1e-5)
    assert np.allclose(found.highs, maps.amax(dim=(0, 2, 3)), atol=1e-5)
    high = positive.max(dim=1).values
    rest = (positive.sum(dim=1) - high) / 9
    assert np.allclose(found.selectivity, (high - rest) / (high + rest), atol=1e-5)
    assert (found.classes, found.source, found.step) == (
        digits.info.classes,
        "validation images",
        40,
    )


def test_a_dead_channel_is_found(context: LensContext, model: str, net: nn.Sequential) -> None:
    subject = context.subject(model)
    subject.net.get_parameter("norm1.weight")[2] = 0
    subject.net.get_parameter("norm1.bias")[2] = -1
    found = map_statistics(context, model, None, layer="relu1", per_class=2)
    assert found.constant.tolist() == [False, False, True, False]
    assert np.isnan(found.selectivity[2])


@pytest.mark.parametrize("layer", ["relu1", "block1"])
def test_best_patches_are_those_of_brute_force(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset, layer: str
) -> None:
    found = best_patches(context, model, None, layer=layer, split="val", count=5)
    maps = maps_of(net, layer, digits.val.images, digits)  # (180, C, h, w)
    best = maps.flatten(2).max(dim=2).values.T  # (C, 180)
    assert (found.num_searched, found.num_there, found.split) == (180, 180, "val")
    assert (found.dataset, found.shape) == ("digits", tuple(maps.shape[2:]))
    for channel, (values, indices, units) in enumerate(
        zip(found.values, found.indices, found.units, strict=True)
    ):
        assert np.allclose(values, best[channel].sort(descending=True).values[:5], atol=1e-5)
        assert len(set(indices.tolist())) == 5  # an image counts once
        for value, index, (row, column) in zip(values, indices, units, strict=True):
            assert float(maps[index, channel, row, column]) == pytest.approx(float(value), abs=1e-5)


def test_a_patch_is_all_that_its_unit_saw(
    context: LensContext, model: str, net: nn.Sequential, digits: Dataset
) -> None:
    """Whatever is painted outside the patch, the unit's value stays; one pixel inside changes it."""
    found = best_patches(context, model, None, layer="pool1", split="val", count=3)
    assert found.geometry is not None
    for channel in range(4):
        row, column = found.units[channel, 0]
        top, left, bottom, right = found.geometry.box(int(row), int(column))
        image = digits.val.images[found.indices[channel, 0]]
        noise = torch.randint(0, 256, image.shape, dtype=torch.uint8)
        inside = torch.zeros(image.shape, dtype=torch.bool)
        inside[:, max(top, 0) : bottom, max(left, 0) : right] = True
        images = torch.stack([torch.where(inside, image, noise), torch.where(inside, noise, image)])
        same, other = maps_of(net, "pool1", images, digits)[:, channel, row, column].tolist()
        assert same == pytest.approx(float(found.values[channel, 0]), abs=1e-5)
        assert abs(other - same) > 1e-3


def test_a_part_of_the_images_is_spread_over_the_split(context: LensContext, model: str) -> None:
    found = best_patches(context, model, None, split="val", count=18, images=18)
    assert found.num_searched == 18
    assert sorted(found.indices[0].tolist()) == list(range(0, 180, 10))


def test_a_large_network_searches_fewer_images(
    context: LensContext, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_runs, "MACS_AT_ONCE", 1)
    assert best_patches(context, model, None, split="test").num_searched == 100
    assert map_statistics(context, model, None).num_images == 40


def test_without_its_own_data_the_sample_pictures_are_searched(
    context: LensContext, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a network of ImageNet."""
    subject = dataclasses.replace(context.subject(model), dataset=None)
    monkeypatch.setattr(context, "subject", lambda *_: subject)
    found = best_patches(context, model, None, layer="relu1", count=3)
    assert found.pictures is not None
    assert found.pictures.shape[1:] == (16, 16, 1)
    assert (found.split, found.dataset) == ("", "")
    assert len(found.names) == len(found.pictures) == found.num_searched
    statistics = map_statistics(context, model, None, layer="relu1")
    assert (statistics.source, statistics.classes) == ("sample pictures", ())
    assert np.isnan(statistics.selectivity).all()


@pytest.mark.parametrize("lens", [best_patches, map_statistics])
@pytest.mark.parametrize("layer", ["fc1", "nosuch", "flatten"])
def test_layers_without_maps_get_a_sentence(
    context: LensContext, model: str, lens: object, layer: str
) -> None:
    with pytest.raises(LensError, match="has no layer with maps called"):
        lens(context, model, None, layer=layer)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count": 0}, "count is 0"),
        ({"images": -1}, "images is -1"),
        ({"split": "other"}, "'other' is no split"),
    ],
)
def test_options_out_of_range_get_a_sentence(
    context: LensContext, model: str, options: dict[str, object], words: str
) -> None:
    with pytest.raises(LensError, match=words):
        best_patches(context, model, None, **options)


def test_a_diverged_network_is_answered_with_what_it_says(context: LensContext, model: str) -> None:
    context.subject(model).net.get_parameter("conv1.bias").fill_(torch.nan)
    assert np.isnan(map_statistics(context, model, None, per_class=1).highs).all()
    assert not np.isfinite(best_patches(context, model, None, count=2).values).any()
    sheet = layer_maps(context, model, "digits/test/1", peak=True)
    assert np.isnan(sheet.maps).all()
    assert sheet.peak is not None
    assert np.isfinite(sheet.peak)
    moved = transform(context, model, "digits/test/1", dx=1)
    assert np.isnan([moved.changes[0].invariance, moved.probs_moved]).all()


def test_a_class_without_images_has_no_mean() -> None:
    values = torch.tensor([[1.0, 2.0], [3.0, 6.0], [5.0, 0.0]], dtype=torch.float64)
    labels = torch.tensor([9, 0, 2, 0])
    means = _by_class(values, labels, torch.tensor([1, 2, 3]), 3)
    expected = [[3.0, math.nan, 3.0], [1.0, math.nan, 6.0]]  # classes 0, 1, 2
    assert np.array_equal(means.numpy(), expected, equal_nan=True)

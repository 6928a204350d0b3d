"""Feature inversion: what loses nothing is rebuilt, what loses something is not, and both are measured."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.viz.lenses.nets import OneNet
from tests.viz.lenses.visualize.nets import context
from tests.viz.lenses.visualize.unchanged import unchanged
from viz.lenses.registry import LensError
from viz.lenses.visualize.inversion import Target, feature_inversion, psnr
from viz.results.dream import Inversion

IMAGE = "sample:chelsea"


def invert(where: OneNet, layers: list[str] | None, **settings: Any) -> Inversion:
    last: Inversion
    *_, last = feature_inversion(
        where, "a net", IMAGE, layers=layers, settings={"size": 0, **settings}
    )
    return last


def orthogonal(channels: int = 3) -> nn.Conv2d:
    """Four-by-four patches turned by a random rotation: every number is kept, none where it was."""
    inside = channels * 16
    generator = torch.Generator().manual_seed(2)
    turn, _ = torch.linalg.qr(torch.randn(inside, inside, generator=generator))
    layer = nn.Conv2d(channels, inside, 4, stride=4, bias=False)
    with torch.no_grad():
        layer.weight.copy_(turn.view(inside, channels, 4, 4))
    return layer


@pytest.mark.parametrize("basis", ["fourier", "pixels"])
@pytest.mark.parametrize("layer", [nn.Identity(), orthogonal()])
def test_a_layer_that_loses_nothing_gives_the_picture_back(layer: nn.Module, basis: str) -> None:
    where = context(nn.Sequential(layer, nn.Flatten(), nn.Linear(432, 4)))
    with unchanged(where.net):
        found = invert(where, ["0"], steps=150, tv=0.0, basis=basis, seeds=2)
    [rebuilt] = found.rebuilt
    assert rebuilt.feature_error.max() < 0.01
    assert rebuilt.psnr.min() > 35
    assert rebuilt.disagreement < 0.01
    assert np.abs(rebuilt.images[0].astype(int) - found.image).mean() < 3


def test_what_a_layer_throws_away_differs_from_start_to_start() -> None:
    """The mean of each colour is all that is left; everything else is free."""
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4))
    [rebuilt] = invert(context(net), ["0"], steps=40, tv=0.0, seeds=3, basis="pixels").rebuilt
    assert rebuilt.feature_error.max() < 0.02  # for the layer it is the same picture
    assert rebuilt.psnr.max() < 25  # for us it is not
    assert rebuilt.disagreement > 0.005
    assert rebuilt.numbers == 3


def test_deeper_layers_give_less_back() -> None:
    found = invert(context(), ["0", "3", "6"], steps=60)
    errors = [rebuilt.psnr.mean() for rebuilt in found.rebuilt]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("channels", [1, 3])
def test_five_steps_come_nearer(channels: int) -> None:
    where = context(channels=channels)
    with unchanged(where.net):
        found = invert(where, ["3"], steps=5, seeds=1)
    [rebuilt] = found.rebuilt
    assert rebuilt.feature_error[0] < 0.8 * rebuilt.curve[0, 0]
    assert rebuilt.images.shape == (1, 12, 12, channels)
    assert math.isnan(rebuilt.disagreement)
    assert len(rebuilt.answers) == 1


def test_errors_are_what_they_say() -> None:
    target = Target(torch.tensor([[3.0, 4.0]]), 5.0)
    errors = target.error(torch.tensor([[3.0, 4.0], [0.0, 0.0], [3.0, 9.0]]))
    assert errors.tolist() == pytest.approx([0, 1, 1])
    image = torch.zeros(1, 1, 2, 2)
    assert float(psnr(image + 0.1, image)) == pytest.approx(20, abs=1e-4)
    assert float(psnr(image, image)) == math.inf


def test_total_variation_makes_it_smoother() -> None:
    rough, smooth = (
        invert(context(), ["6"], steps=30, tv=tv, seeds=1).rebuilt[0].images[0].astype(float)
        for tv in (0.0, 2.0)
    )
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.6 * np.abs(np.diff(rough, axis=0)).mean()


def test_one_layer_after_the_other_comes_and_stays() -> None:
    results = list(
        feature_inversion(context(), "a net", IMAGE, layers=["0", "3"], settings={"steps": 12, "size": 0})
    )  # fmt: skip
    assert [each.share for each in results] == sorted(each.share for each in results)
    assert [rebuilt.layer for rebuilt in results[0].rebuilt] == ["0"]
    assert [rebuilt.layer for rebuilt in results[-1].rebuilt] == ["0", "3"]
    assert results[-1].layers == ("0", "3")
    assert results[-1].share == 1.0
    stills = results[-1].rebuilt[1].stills
    assert stills[0].step == 0
    assert stills[-1].step == 12


def test_layers_are_spread_over_the_network_where_nobody_chooses() -> None:
    assert invert(context(), None, steps=2).layers == ("0", "2", "3", "6")


def test_the_same_seed_makes_the_same_picture() -> None:
    first, again = (invert(context(), ["3"], steps=6, seed=4).rebuilt[0] for _ in range(2))
    assert np.array_equal(first.images, again.images)
    other = invert(context(), ["3"], steps=6, seed=5).rebuilt[0]
    assert not np.array_equal(first.images, other.images)


def test_a_start_does_not_hang_on_how_many_others_run() -> None:
    """Otherwise what starts disagree in would not be what the layer leaves open."""
    alone, two, four = (invert(context(), ["3"], steps=12, seeds=n).rebuilt[0] for n in (1, 2, 4))
    assert np.array_equal(four.images[:2], two.images)
    assert np.array_equal(two.images[:1], alone.images)
    assert np.array_equal(four.feature_error[:1], alone.feature_error)
    assert np.array_equal(four.curve[: len(alone.curve), 0], alone.curve[:, 0])
    assert not np.array_equal(four.images[0], four.images[1])


def test_a_silent_layer_is_a_sentence_and_leaves_nothing() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    nn.init.constant_(net[0].bias, -1e3)  # type: ignore[arg-type]
    where = context(net)
    with unchanged(net), pytest.raises(LensError, match="puts out only zeros"):
        invert(where, ["1"])


@pytest.mark.parametrize(
    ("layers", "words"),
    [(["99"], "no layer '99'"), ([], "0 layers"), (list("012345678"), "9 layers")],
)
def test_layers_that_are_none_are_a_sentence(layers: list[str], words: str) -> None:
    with pytest.raises(LensError, match=words):
        invert(context(), layers)

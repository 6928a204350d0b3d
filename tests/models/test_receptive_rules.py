"""Single operations: which keep a unit's place, which mix the whole map, which cannot be followed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.build import build_network
from models.layers import Norm
from models.receptive_field import receptive_fields
from models.registry import get_architecture


@pytest.mark.parametrize(
    ("layer", "whole", "place"),
    [
        (nn.AdaptiveAvgPool2d(1), True, False),
        (nn.AdaptiveMaxPool2d(1), True, False),
        (nn.Flatten(), True, False),
        (nn.GroupNorm(2, 4), True, True),
        (nn.InstanceNorm2d(4), True, True),
        (nn.LayerNorm([4, 5, 5]), True, True),
        (nn.BatchNorm2d(4), False, True),
        (nn.Dropout(), False, True),
        (nn.Hardswish(inplace=True), False, True),
        (nn.PReLU(), False, True),
        (nn.GLU(1), False, True),
        (nn.LocalResponseNorm(3), False, True),
        (nn.ChannelShuffle(2), False, True),
        (nn.Softmax(1), False, True),
        (nn.CircularPad2d(1), True, False),  # far sides meet, so it is not followed
    ],
)
def test_what_sees_the_whole_image(layer: nn.Module, whole: bool, place: bool) -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), layer)
    fields = receptive_fields(net, (1, 7, 7))
    assert (fields["1"].whole, fields["1"].has_place) == (whole, place)
    mixes = whole and not isinstance(layer, nn.Flatten)
    assert fields["1"].whole_since == ("1" if mixes else "")
    if place:
        assert (fields["1"].size, fields["1"].start) == ((3, 3), (0, 0))


@pytest.mark.parametrize("mode", ["batch", "group", "instance", "layer"])
def test_the_builders_norms(mode: str) -> None:
    layers = get_architecture("resnet8").layers((3, 16, 16), 10)
    changed = tuple(Norm(mode=mode) if isinstance(each, Norm) else each for each in layers)
    net = build_network(changed, (3, 16, 16), 10, seed=0)
    field = receptive_fields(net, (3, 16, 16))["norm1"]
    assert field.whole == (mode != "batch")
    assert field.size == (3, 3)


class _Attention(nn.Module):
    """Every place asks every other."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        flat = x.flatten(2)  # (N, C, H W)
        weights = (flat.transpose(1, 2) @ flat).softmax(-1)
        return (flat @ weights.transpose(1, 2)).view_as(x)


class _Written(nn.Module):
    """Writes into parts of a tensor it made."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        made = torch.zeros_like(x)
        made[:, :, 1:] = x[:, :, :-1]
        return made


@pytest.mark.parametrize("module", [_Attention(), _Written()])
def test_what_cannot_be_followed_sees_everything(module: nn.Module) -> None:
    """Never a box that is too small."""
    field = receptive_fields(nn.Sequential(nn.Conv2d(1, 1, 3), module), (1, 7, 7))["1"]
    assert field.whole
    assert field.box(0, 0) == (0, 0, 7, 7)

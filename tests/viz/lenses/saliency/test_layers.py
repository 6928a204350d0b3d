"""Layers for class activation maps: found in any network, with a default and its reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import get_model

from models.build import build_network
from models.registry import list_architectures
from models.separate import separate
from viz.lenses.registry import LensError
from viz.lenses.saliency.layers import SpatialLayers, choose_layer, spatial_layers

# The input of what pools everything or lays it flat; local poolings before that are left out.
OURS = {
    "all_conv": ("conv9", (10, 8, 8)),
    "convnetjs_cifar": ("relu3", (20, 8, 8)),
    "convnetjs_mnist": ("relu2", (16, 16, 16)),
    "fast_mnist": ("relu2", (32, 5, 5)),
    "fast_resnet": ("block2.relu2", (512, 4, 4)),
    "lenet5": ("relu2", (16, 10, 10)),
    "lenet5_1998": ("scaled_tanh4", (16, 5, 5)),
    "plain20": ("relu19", (64, 8, 8)),
    "resnet8": ("block3.relu2", (64, 8, 8)),
    "resnet20": ("block9.relu2", (64, 8, 8)),
    "small_conv": ("relu2", None),
    "small_fc": (None, None),
    "small_local": ("relu2", None),
    "small_vgg": ("relu6", None),
    "tiny_vgg": ("relu4", None),
}

TORCHVISION = {
    "mobilenet_v2": ("features.18.2", (1280, 7, 7)),
    "squeezenet1_1": ("classifier.2", (1000, 13, 13)),
    "resnet18": ("layer4.1.relu", (512, 7, 7)),
    "alexnet": ("features.11", (256, 13, 13)),
    "googlenet": ("inception5b", (1024, 7, 7)),
    "densenet121": ("relu_1", (1024, 7, 7)),
    "mobilenet_v3_small": ("features.12.2", (576, 7, 7)),
    "mnasnet0_5": ("layers.16", (1280, 7, 7)),
    "shufflenet_v2_x1_0": ("conv5.2", (1024, 7, 7)),
    "efficientnet_b0": ("features.8.2", (1280, 7, 7)),
    "convnext_tiny": ("features.7.2", (768, 7, 7)),
    "regnet_y_400mf": ("trunk_output.block4.block4-5.activation", (440, 7, 7)),
}


def found_in(net: nn.Module, shape: tuple[int, int, int]) -> SpatialLayers:
    image = torch.rand(1, *shape, generator=torch.Generator().manual_seed(0))
    net.eval().requires_grad_(False)
    return spatial_layers(separate(net, image).net, image)


@pytest.mark.parametrize("name", [each.name for each in list_architectures()])
def test_default_of_every_architecture(name: str) -> None:
    shape = (3, 32, 32)
    layers = next(each for each in list_architectures() if each.name == name).layers(shape, 10)
    found = found_in(build_network(layers, shape, 10, seed=0), shape)
    wanted, size = OURS[name]
    assert found.default == wanted
    if wanted is None:
        assert found.layers == ()
        assert "no layer with maps" in found.why
        return
    by_name = {each.name: each for each in found.layers}
    assert size is None or by_name[wanted].shape == size
    assert wanted in found.why
    channels, height, width = by_name[wanted].shape
    assert f"{channels} maps, of {height}×{width} places" in found.why


@pytest.mark.parametrize("name", TORCHVISION)
def test_default_of_torchvisions_networks(name: str) -> None:
    options: dict[str, Any] = {"init_weights": False} if name == "googlenet" else {}
    found = found_in(get_model(name, weights=None, **options), (3, 224, 224))
    by_name = {each.name: each.shape for each in found.layers}
    wanted, size = TORCHVISION[name]
    assert (found.default, by_name[found.default or ""]) == (wanted, size)


def test_the_reason_says_what_comes_next() -> None:
    pooled = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    )
    flat = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(12, 2))
    finer = nn.Sequential(nn.Conv2d(1, 3, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3, 2))
    assert "before they are pooled into one number a map" in found_in(pooled, (1, 4, 4)).why
    assert "before they are laid out flat:" in found_in(flat, (1, 4, 4)).why
    assert "0 puts out the last 3 maps, of 2×2 places" in found_in(finer, (1, 4, 4)).why


class Odd(nn.Module):
    """A shortcut around a block, one ReLU for two places, a functional one at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 3, 1), nn.Conv2d(3, 3, 1)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, H, W) to (N, 2)."""
        x = self.relu(self.conv1(x))
        x = F.relu(x + self.relu(self.conv2(x)))
        found: Tensor = self.fc(x.mean((2, 3)))
        return found


def test_an_activation_that_is_a_function_is_found() -> None:
    found = found_in(Odd(), (1, 4, 4))
    assert [each.name for each in found.layers] == ["conv1", "relu_2", "conv2", "relu", "relu_1"]
    assert found.default == "relu_1"


def test_layers_behind_the_pooling_and_unknown_ones_are_refused() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    net.eval()
    image = torch.rand(1, 1, 4, 4)
    assert choose_layer(net, image, None) == "0"
    with pytest.raises(LensError, match=r"^1 has no places left.* such as 0\.$"):
        choose_layer(net, image, "1")
    with pytest.raises(LensError, match="'features' is no layer"):
        choose_layer(net, image, "features")
    with pytest.raises(LensError, match="'' is no layer"):
        choose_layer(net, image, "")


def test_a_block_whose_output_is_its_last_layers_is_listed_once_but_may_be_named() -> None:
    block = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Dropout())
    net = nn.Sequential(block, nn.Flatten(), nn.Linear(8, 2)).eval()
    image = torch.rand(1, 1, 2, 2)
    assert [each.name for each in spatial_layers(net, image).layers] == ["0.0", "0.1"]
    assert choose_layer(net, image, None) == "0.1"
    assert choose_layer(net, image, "0") == "0"


def test_no_hook_is_left() -> None:
    net = Odd()
    found_in(net, (1, 4, 4))
    assert not any(each._forward_hooks for each in net.modules())

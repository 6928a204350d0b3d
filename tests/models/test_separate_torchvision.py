"""torchvision's networks with one module for each activation: the same answers, bit for bit."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import get_model

from models.separate import separate
from tests.models.test_separate import uses

ZOO = {
    "resnet18": 17 + 1,
    "mobilenet_v2": 35,
    "squeezenet1_1": 26 + 3,
    "densenet121": 121 + 1,
    "googlenet": 57 + 13,
    "efficientnet_b0": 1 + 15 + 3 * 16 + 1,
    "convnext_tiny": 18,
    "shufflenet_v2_x1_0": 37 + 1,
    "mobilenet_v3_small": 1 + 10 + 11 + 2 * 9 + 2,
    "vit_b_16": 12,
}


@pytest.mark.parametrize("name", [*ZOO, "vgg11"])
def test_torchvisions_networks(name: str) -> None:
    """The number of activations and max poolings that run is counted by hand from the papers."""
    options = {"init_weights": False} if name == "googlenet" else {}
    with torch.device("meta" if name == "vgg11" else "cpu"):
        net = get_model(name, **options).eval()
    if name == "vgg11":  # its linear layers are half a gigabyte
        net = nn.Sequential(net.features.to_empty(device="cpu"), nn.Flatten()).eval()
        for parameter in net.parameters():
            nn.init.normal_(parameter, std=0.05)
    side = 224 if name == "vit_b_16" else 64
    batch = torch.randn(1, 3, side, side)
    found = separate(net, batch)
    assert found.refusal == ""
    assert torch.equal(found.net(batch), net(batch))
    ran = uses(found.net, batch)
    assert len(ran) == (13 if name == "vgg11" else ZOO[name]), ran
    used = {name for name, module in net.named_modules() if not any(module.children())}
    assert used <= set(dict(found.net.named_modules()))
    assert all(
        type(found.net.get_submodule(each)) is type(net.get_submodule(each)) for each in used
    )

"""A network whose every answer can be worked out by hand: two classes, the first's logit a weighted
sum of the pixels, the second's 0."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.viz.lenses.nets import OneNet, split


def linear_context(weights: Tensor, images: Tensor, labels: list[int] | None = None) -> OneNet:
    """A context of that network with test images.

    Args:
        weights: (H, W).
        images: (N, 1, H, W) in [0, 1], multiples of 1/255.
        labels: (N,), default: all of class 0.
    """
    layer = nn.Linear(weights.numel(), 2)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([weights.flatten(), torch.zeros(weights.numel())]))
        layer.bias.zero_()
    data = split(images, labels or [0] * len(images))
    net = nn.Sequential(nn.Flatten(), layer)
    shape = (1, *map(int, weights.shape))
    return OneNet(net, {"test": data}, (shape[0], shape[1], shape[2]))

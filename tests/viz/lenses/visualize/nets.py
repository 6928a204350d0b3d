"""Nets small enough to know what their best pictures are, and the climbing of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from data.load import Split
from tests.viz.lenses.nets import OneNet
from viz.lenses.context import LensContext
from viz.lenses.visualize.lens import feature_visualization
from viz.results.visualize import Visualization


def small_net(channels: int = 3, *, seed: int = 0) -> nn.Sequential:
    """Two convolutions with ReLUs that work in place, and a row of four classes for 12 × 12 pixels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
            nn.Conv2d(6, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(288, 4),
        )  # fmt: skip


def pictures(channels: int = 3, count: int = 12, side: int = 12) -> Split:
    """Random uint8 pictures whose channels vary together."""
    generator = torch.Generator().manual_seed(5)
    shared = torch.rand(count, 1, side, side, generator=generator)
    own = torch.rand(count, channels, side, side, generator=generator)
    images = (0.7 * shared + 0.3 * own).mul(255).round().to(torch.uint8)
    return Split(images, torch.arange(count) % 4)


def context(
    net: nn.Module | None = None, channels: int = 3, side: int = 12, classes: int = 4
) -> OneNet:
    """A context of one net with training and test pictures."""
    found = pictures(channels, side=side)
    return OneNet(
        small_net(channels) if net is None else net, {"train": found, "test": found},
        (channels, side, side), tuple("abcdefgh"[:classes]),
    )  # fmt: skip


def climb(
    where: LensContext,
    goal: Mapping[str, Any],
    *,
    model: str = "a net",
    image: str | None = None,
    **options: Any,
) -> Visualization:
    """The last result."""
    last: Visualization
    *_, last = feature_visualization(where, model, image, goal=goal, **options)
    return last

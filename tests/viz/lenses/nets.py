"""Nets small enough to be worked out by hand, and contexts that answer with them."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import nn

from data.catalogue import DatasetInfo, get_info
from data.load import Split
from training.spec import DatasetSpec
from viz.lenses.context import LensContext, Subject
from viz.lenses.registry import LensError


@dataclass
class OneNet(LensContext):
    """A context whose every model reference means one network with some images of its own."""

    net: nn.Module
    images_of: dict[str, Split] = field(default_factory=dict)
    shape: tuple[int, int, int] = (1, 4, 4)
    classes: tuple[str, ...] = ("a", "b")

    def __post_init__(self) -> None:
        super().__init__()
        self.net.eval().requires_grad_(False)

    def info(self) -> DatasetInfo:
        """Pixels go in as they are, in [0, 1]."""
        channels = self.shape[0]
        digits = get_info("digits")
        values = {**vars(digits), "shape": self.shape, "classes": self.classes}
        return DatasetInfo(**{**values, "mean": (0.0,) * channels, "std": (1.0,) * channels})

    def subject(self, model: str | None, dataset: object = None) -> Subject:
        """The network, whatever is asked for."""
        return Subject(self.net, "A net", self.info(), DatasetSpec(), 0, None, None)

    def images(self, subject: Subject, split: str) -> Split:
        """Its images; without any, as for a network whose data is elsewhere."""
        if split not in self.images_of:
            raise LensError("A net was trained on images that are not here: choose a run.")
        return self.images_of[split]


def split(images: torch.Tensor, labels: list[int]) -> Split:
    """Images in [0, 1] (N, C, H, W) as a split."""
    return Split(images.mul(255).round().to(torch.uint8), torch.tensor(labels))


def conv(weights: torch.Tensor, bias: list[float] | None = None, groups: int = 1) -> nn.Conv2d:
    """A convolution with these filters (O, I, kh, kw)."""
    count, inputs, height, width = weights.shape
    layer = nn.Conv2d(inputs * groups, count, (height, width), groups=groups, bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weights)
        if layer.bias is not None and bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer

"""The network of ConvNetJS's CIFAR-10 demo: 22,466 parameters on 3×32×32 with 10 classes."""

from __future__ import annotations

from models.architectures.base import register
from models.layers import Activation, Conv, Flatten, LayerList, Linear, Pool, Shape


@register(
    "convnetjs_cifar",
    title="ConvNetJS CIFAR-10",
    summary="Three convolutions, each followed by a pool, and one linear layer.",
    source="Karpathy, ConvNetJS, CIFAR-10 demo",
    smallest=8,
)
def convnetjs_cifar(input_shape: Shape, num_classes: int) -> LayerList:
    """conv 5×5 with 16, 20 and 20 channels, pool 2 after each, linear."""
    stages: LayerList = ()
    for channels in (16, 20, 20):
        conv = Conv(out_channels=channels, kernel_size=5, padding=2)
        stages = (*stages, conv, Activation(), Pool())
    return (*stages, Flatten(), Linear())

"""The CIFAR networks of He et al. (2015, section 4.2): 6n + 2 layers in three stages.

The residual and the plain net of the same n have the same parameters, because the shortcuts of
option A have none. So what differs between them is the shortcut alone.
"""

from __future__ import annotations

from models.architectures.blocks import conv_norm_relu
from models.layers import GlobalPool, LayerList, Linear, Residual

_STAGES = ((16, 1), (32, 2), (64, 2))  # channels, stride of the stage's first convolution


def residual_net(n: int) -> LayerList:
    """`n` residual blocks a stage, option A."""
    blocks = tuple(
        Residual(out_channels=channels, stride=stride if number == 0 else 1)
        for channels, stride in _STAGES
        for number in range(n)
    )
    return (*conv_norm_relu(16), *blocks, GlobalPool(), Linear())


def plain_net(n: int) -> LayerList:
    """The same convolutions without shortcuts."""
    layers = conv_norm_relu(16)
    for channels, stride in _STAGES:
        for number in range(2 * n):
            layers = (*layers, *conv_norm_relu(channels, stride=stride if number == 0 else 1))
    return (*layers, GlobalPool(), Linear())

"""The small net: two strided convolutions and a linear layer, the top of the staircase."""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.staircase import steps
from models.layers import Activation, Conv, Flatten, LayerList, Linear, Shape


@register(
    "small_conv",
    title="Small net",
    summary="Two convolutions and a linear layer; compare with its unshared and full counterparts.",
    source="ConvScope, after LeCun, Generalization and network design strategies, 1989",
    smallest=1,
)
def small_conv(input_shape: Shape, num_classes: int) -> LayerList:
    """8 and 16 channels, strides instead of pools so that all three steps have the same units."""
    layers: LayerList = ()
    for step in steps(input_shape):
        conv = Conv(
            out_channels=step.channels,
            kernel_size=step.kernel_size,
            stride=step.stride,
            padding=step.padding,
        )
        layers = (*layers, conv, Activation())
    return (*layers, Flatten(), Linear())

"""The small net without weight sharing: every place has its own filters."""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.staircase import steps
from models.layers import Activation, Flatten, LayerList, Linear, Local, Shape


@register(
    "small_local",
    title="Small net, locally connected",
    summary="The small net's units and connections, but no weight is shared between places.",
    source="ConvScope, after LeCun, Generalization and network design strategies, 1989",
    smallest=1,
)
def small_local(input_shape: Shape, num_classes: int) -> LayerList:
    """The small net with its convolutions unshared."""
    layers: LayerList = ()
    for step in steps(input_shape):
        local = Local(
            out_channels=step.channels,
            kernel_size=step.kernel_size,
            stride=step.stride,
            padding=step.padding,
        )
        layers = (*layers, local, Activation())
    return (*layers, Flatten(), Linear())

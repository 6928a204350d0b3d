"""The small net fully connected: as many units in each layer, each of them sees everything."""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.staircase import steps
from models.layers import Activation, Flatten, LayerList, Linear, Shape


@register(
    "small_fc",
    title="Small net, fully connected",
    summary="As many units as the small net, each connected to all units before it.",
    source="ConvScope, after LeCun, Generalization and network design strategies, 1989",
    smallest=1,
)
def small_fc(input_shape: Shape, num_classes: int) -> LayerList:
    """The small net's unit counts as linear layers."""
    layers: LayerList = (Flatten(),)
    _, height, width = input_shape
    for step in steps(input_shape):
        height, width = step.side(height), step.side(width)
        units = step.channels * height * width
        layers = (*layers, Linear(out_features=units), Activation())
    return (*layers, Linear())

"""The network of ConvNetJS's MNIST demo.

5,994 parameters for 10 classes on 1×24×24 (the demo's text) and on 1×28×28 (what its code feeds):
the last pool turns both 12 and 14 cells into 4, at 28 leaving two rows and columns unread.
"""

from __future__ import annotations

from models.architectures.base import register
from models.layers import Activation, Conv, Flatten, LayerList, Linear, Pool, Shape


@register(
    "convnetjs_mnist",
    title="ConvNetJS MNIST",
    summary="Two convolutions and one linear layer, trained in a browser in 2014.",
    source="Karpathy, ConvNetJS, MNIST demo",
    smallest=6,
)
def convnetjs_mnist(input_shape: Shape, num_classes: int) -> LayerList:
    """conv 5×5×8, pool 2, conv 5×5×16, pool 3, linear; padding keeps the maps' size."""
    return (
        Conv(out_channels=8, kernel_size=5, padding=2),
        Activation(),
        Pool(kernel_size=2),
        Conv(out_channels=16, kernel_size=5, padding=2),
        Activation(),
        Pool(kernel_size=3),
        Flatten(),
        Linear(),
    )

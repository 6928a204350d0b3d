"""LeNet-5 as it is rebuilt today: full connections in C3, ReLU, max pooling, a linear output.

61,706 parameters on 1×32×32, and on 1×28×28 padded to 32, with 10 classes.
"""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.blocks import lenet_padding
from models.layers import Activation, Conv, Flatten, LayerList, Linear, Pool, Shape


@register(
    "lenet5",
    title="LeNet-5",
    summary="Two convolutions and three linear layers: the classic digit reader in today's parts.",
    source="after LeCun et al., Gradient-based learning applied to document recognition, 1998",
    smallest=1,
)
def lenet5(input_shape: Shape, num_classes: int) -> LayerList:
    """Images smaller than 32×32 are zero-padded to it by the first convolution."""
    return (
        Conv(out_channels=6, kernel_size=5, padding=lenet_padding(input_shape)),
        Activation(),
        Pool(),
        Conv(out_channels=16, kernel_size=5),
        Activation(),
        Pool(),
        Flatten(),
        Linear(out_features=120),
        Activation(),
        Linear(out_features=84),
        Activation(),
        Linear(),
    )

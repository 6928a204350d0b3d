"""LeNet-5 as published: partial connections in C3, trained subsampling, scaled tanh, RBF output.

Exactly 60,000 trained parameters on 1×32×32, and on 1×28×28 padded to 32: C1 156, S2 12, C3 1,516,
S4 32, C5 48,120, F6 10,164; the RBF codes are fixed (LeCun et al. 1998, section II.B). On larger
images C5's maps grow beyond 1×1, as the paper says they would, and F6 reads all of them.
Only the loss differs: ours is cross-entropy on the RBF's logits (see `models.modules.RBF`).
"""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.blocks import lenet_padding
from models.layers import (
    Activation,
    Conv,
    Flatten,
    LayerList,
    Linear,
    PartialConv,
    Rbf,
    Shape,
    Subsample,
)

# Table I of the paper: the S2 maps each of the 16 C3 maps reads.
_THREE = tuple(tuple((first + step) % 6 for step in range(3)) for first in range(6))
_FOUR = tuple(tuple((first + step) % 6 for step in range(4)) for first in range(6))
_SPLIT = tuple(tuple((first + step) % 6 for step in (0, 1, 3, 4)) for first in range(3))
C3_CONNECTIONS = (*_THREE, *_FOUR, *_SPLIT, tuple(range(6)))


@register(
    "lenet5_1998",
    title="LeNet-5 (1998)",
    summary="The published network to the last parameter: 60,000, none in its output layer.",
    source="LeCun et al., Gradient-based learning applied to document recognition, 1998",
    smallest=1,
)
def lenet5_1998(input_shape: Shape, num_classes: int) -> LayerList:
    """Images smaller than 32×32 are zero-padded to it by C1."""
    squash = Activation(function="scaled_tanh")
    return (
        Conv(out_channels=6, kernel_size=5, padding=lenet_padding(input_shape)),
        squash,
        Subsample(),
        squash,
        PartialConv(connections=C3_CONNECTIONS, kernel_size=5),
        squash,
        Subsample(),
        squash,
        Conv(out_channels=120, kernel_size=5),
        squash,
        Flatten(),
        Linear(out_features=84),
        squash,
        Rbf(),
    )

"""Short layer sequences that several architectures share."""

from __future__ import annotations

from models.layers import Activation, Conv, LayerList, Norm, Shape

LENET_SIDE = 32


def conv_norm_relu(channels: int, *, kernel_size: int = 3, stride: int = 1) -> LayerList:
    """A convolution that keeps the map size at stride 1, batch norm, ReLU (odd kernels only)."""
    return (
        Conv(
            out_channels=channels,
            kernel_size=kernel_size,
            stride=stride,
            padding=kernel_size // 2,
            bias=False,
        ),
        Norm(),
        Activation(),
    )


def lenet_padding(input_shape: Shape) -> int:
    """Zeros that bring a smaller image to LeNet's 32×32 field, in which its digits were centred."""
    return max(0, (LENET_SIDE - min(input_shape[1:]) + 1) // 2)

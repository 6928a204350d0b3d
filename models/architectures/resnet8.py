"""ResNet-8 for CIFAR-10: 75,290 parameters on 3×32×32 with 10 classes."""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.cifar_stages import residual_net
from models.layers import LayerList, Shape


@register(
    "resnet8",
    title="ResNet-8",
    summary="The smallest CIFAR ResNet: one residual block in each of three stages.",
    source="He et al., Deep residual learning for image recognition, 2015, section 4.2",
    smallest=8,
)
def resnet8(input_shape: Shape, num_classes: int) -> LayerList:
    """16, 32 and 64 channels, global mean, linear."""
    return residual_net(1)

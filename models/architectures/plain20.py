"""Plain-20 for CIFAR-10: 269,722 parameters on 3×32×32 with 10 classes."""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.cifar_stages import plain_net
from models.layers import LayerList, Shape


@register(
    "plain20",
    title="Plain-20",
    summary="ResNet-20 without its shortcuts, all else equal: what are the shortcuts good for?",
    source="He et al., Deep residual learning for image recognition, 2015, section 4.2",
    smallest=8,
)
def plain20(input_shape: Shape, num_classes: int) -> LayerList:
    """16, 32 and 64 channels, global mean, linear."""
    return plain_net(3)

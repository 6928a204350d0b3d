"""A network of convolutions only: strides instead of pools, a global mean instead of linear layers.

Springenberg et al.'s All-CNN-C with a third of its channels and with batch norm, so that it trains
in minutes. Its last maps are one per class: their means are the logits.
"""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.blocks import conv_norm_relu
from models.layers import Conv, GlobalPool, LayerList, Shape


@register(
    "all_conv",
    title="All-convolutional net",
    summary="Convolutions only; each class has its own last map, and the map's mean is its logit.",
    source="after Springenberg et al., Striving for simplicity: the all convolutional net, 2014",
    smallest=8,
)
def all_conv(input_shape: Shape, num_classes: int) -> LayerList:
    """3×3 convolutions of 32 and 64 channels, each third one with stride 2, then two 1×1."""
    return (
        *conv_norm_relu(32) * 2,
        *conv_norm_relu(32, stride=2),
        *conv_norm_relu(64) * 2,
        *conv_norm_relu(64, stride=2),
        *conv_norm_relu(64),
        *conv_norm_relu(64, kernel_size=1),
        Conv(out_channels="classes", kernel_size=1),
        GlobalPool(),
    )

"""A nine-layer residual net that reaches high CIFAR-10 accuracy in few epochs on a GPU.

Page's DAWNBench net: wide, shallow, pooled early, so that nearly all time goes into a few large
convolutions. 6.6 million parameters on 3×32×32 with 10 classes.
"""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.blocks import conv_norm_relu
from models.layers import GlobalPool, LayerList, Linear, Pool, Residual, Shape


@register(
    "fast_resnet",
    title="Fast ResNet-9",
    summary="Wide and shallow with two residual blocks: the best accuracy in the fewest epochs.",
    source="Page, How to train your ResNet, 2018",
    smallest=16,
)
def fast_resnet(input_shape: Shape, num_classes: int) -> LayerList:
    """64, 128, 256 and 512 channels, halved maps between them, residual blocks at 128 and 512."""
    return (
        *conv_norm_relu(64),
        *conv_norm_relu(128),
        Pool(),
        Residual(out_channels=128),
        *conv_norm_relu(256),
        Pool(),
        *conv_norm_relu(512),
        Pool(),
        Residual(out_channels=512),
        GlobalPool(mode="max"),
        Linear(),
    )

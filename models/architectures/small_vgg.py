"""A VGG of six 3×3 convolutions with batch norm: the accurate all-rounder for small images."""

from __future__ import annotations

from models.architectures.base import register
from models.architectures.blocks import conv_norm_relu
from models.layers import GlobalPool, LayerList, Linear, Pool, Shape


@register(
    "small_vgg",
    title="Small VGG",
    summary="Pairs of 3×3 convolutions with batch norm; accurate on every data set here.",
    source="after Simonyan and Zisserman, Very deep convolutional networks, 2014; batch norm added",
    smallest=8,
)
def small_vgg(input_shape: Shape, num_classes: int) -> LayerList:
    """Two convolutions each of 32, 64 and 128 channels, pool 2 after each pair, global mean."""
    stages: LayerList = ()
    for channels in (32, 64, 128):
        stages = (*stages, *conv_norm_relu(channels) * 2, Pool())
    return (*stages, GlobalPool(), Linear())

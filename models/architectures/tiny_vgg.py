"""CNN Explainer's Tiny VGG: 19,920 parameters on 3×64×64 with 10 classes."""

from __future__ import annotations

from models.architectures.base import register
from models.layers import Activation, Conv, Flatten, LayerList, Linear, Pool, Shape


@register(
    "tiny_vgg",
    title="Tiny VGG",
    summary="Two pairs of unpadded 3×3 convolutions with ten channels: the net of CNN Explainer.",
    source="Wang et al., CNN Explainer, 2020",
    smallest=16,
)
def tiny_vgg(input_shape: Shape, num_classes: int) -> LayerList:
    """(conv 3×3×10, ReLU, conv 3×3×10, ReLU, pool 2) twice, linear; no padding anywhere."""
    half: LayerList = (*(Conv(out_channels=10), Activation()) * 2, Pool())
    return (*half, *half, Flatten(), Linear())

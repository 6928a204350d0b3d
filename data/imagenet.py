"""ImageNet as torchvision's networks know it: thousand classes, one way to fit a photo.

Its images are not here and cannot be had freely, so it is no data set of the catalogue: nothing can
be trained or measured on it. What is known is what a network trained on it expects of a picture
(torchvision, `torchvision/transforms/_presets.py`). Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from data.catalogue import PHOTO_MEAN, PHOTO_STD, DatasetInfo


def imagenet_info(
    categories: Sequence[str],
    side: int = 224,
    resize: int = 256,
    interpolation: Literal["bilinear", "bicubic"] = "bilinear",
) -> DatasetInfo:
    """What a network trained on ImageNet expects of a picture.

    Args:
        categories: the names of its classes, by index.
        side: pixels a side of what the network sees, cut out of the middle.
        resize: pixels that the picture's shorter side is scaled to first.
        interpolation: how, with antialiasing.
    """
    return DatasetInfo(
        name="imagenet",
        title="ImageNet",
        classes=tuple(categories),
        shape=(3, side, side),
        mean=PHOTO_MEAN,
        std=PHOTO_STD,
        num_train=1_281_167,
        num_val=50_000,
        num_test=100_000,
        licence="For research; the images belong to their owners",
        source="O. Russakovsky et al. 2015, ILSVRC 2012, arXiv:1409.0575",
        note="Its images are not on this machine: take a sample picture, upload one or draw one.",
        resize=resize,
        interpolation=interpolation,
    )

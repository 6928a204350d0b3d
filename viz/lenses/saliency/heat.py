"""A map of any method as one number a pixel, for whoever ranks pixels, measures or draws."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from viz.attribution.method import Method


def heat(values: Tensor, size: tuple[int, int], method: Method) -> Tensor:
    """One number a pixel (N, H, W); positive speaks for what is explained.

    Channels are summed: their attributions add up, and magnitudes of unsigned methods do not
    cancel. A class activation map is scaled up bilinearly, each place in the middle of its share of
    the image (`align_corners=False`); nothing is cut off or normalised.

    Args:
        values: (N, C, H, W) by pixel, or (N, 1, h, w) by place of a layer.
        size: (H, W) of the image.
        method: whose map it is.

    Raises:
        ValueError: the map is of another size and not one of a layer.
    """
    summed = values.sum(1, keepdim=True)  # (N, 1, h, w)
    height, width = summed.shape[-2:]
    if (height, width) != tuple(size):
        if method.family != "cam":
            raise ValueError(
                f"{method.title} gives one value a pixel: a map of {height}×{width} is not one of an "
                f"image of {size[0]}×{size[1]}."
            )
        summed = F.interpolate(summed, size=tuple(size), mode="bilinear", align_corners=False)
    return summed[:, 0]

"""An image divided into regions, each of which is one feature for LIME, SHAP and ablation.

SLIC superpixels (Achanta et al., "SLIC superpixels compared to state-of-the-art superpixel
methods", PAMI 2012) follow the edges of things; a grid does not look at the image.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from data.catalogue import DatasetInfo
from viz.attribution.sizes import num_segments

_COMPACT = {1: 0.3, 3: 20.0}  # how square, by number of channels: in units of colour differences


def segment(images: Tensor, info: DatasetInfo, regions: str, count: int) -> Tensor:
    """int64 (N, H, W): the number of each pixel's region, counted from 0 without gaps.

    Args:
        images: (N, C, H, W), normalised with the mean and deviation of `info`.
        info: the data set of the network.
        regions: superpixels, grid or pixels. An image on which no superpixels are found, such as one of a single
            colour, gets a grid.
        count: about how many; 0: from the size of the image.
    """
    height, width = images.shape[-2:]
    wanted = num_segments((images.shape[1], height, width), count)
    if regions == "pixels":
        return torch.arange(height * width).view(1, height, width).expand(len(images), -1, -1)
    grid = _grid(height, width, wanted)
    if regions == "grid":
        return grid.expand(len(images), -1, -1)
    mean, std = (images.new_tensor(each).view(1, -1, 1, 1) for each in (info.mean, info.std))
    pictures = (images * std + mean).clamp(0, 1)
    return torch.stack([_superpixels(picture, wanted, grid) for picture in pictures])


def _superpixels(picture: Tensor, wanted: int, grid: Tensor) -> Tensor:
    from skimage.segmentation import slic  # takes a second to import, and only this needs it

    pixels = picture.movedim(0, -1).double().numpy()  # (H, W, C)
    if not np.ptp(pixels):
        return grid
    found = slic(
        pixels if pixels.shape[-1] == 3 else pixels.mean(-1),
        n_segments=wanted,
        compactness=_COMPACT.get(pixels.shape[-1], 0.3),
        channel_axis=-1 if pixels.shape[-1] == 3 else None,
        start_label=0,
    )
    _, numbers = np.unique(found, return_inverse=True)
    if numbers.max() + 1 < min(wanted, 4):  # too few to tell anything apart
        return grid
    regions: Tensor = torch.from_numpy(numbers.reshape(found.shape).astype(np.int64))
    return regions


def _grid(height: int, width: int, wanted: int) -> Tensor:
    """(H, W) of about `wanted` rectangles, as square as they come."""
    down = min(height, max(1, round((wanted * height / width) ** 0.5)))
    across = min(width, max(1, round(wanted / down)))
    rows = torch.arange(height) * down // height
    columns = torch.arange(width) * across // width
    numbers: Tensor = rows[:, None] * across + columns
    return numbers

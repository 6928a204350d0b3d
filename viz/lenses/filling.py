"""What stands in a picture where a part of it is painted out.

No filling is neutral: a grey patch is itself something to see, and a network may know it from no
training image. So there are three, and an answer that holds with all of them is worth more.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from data.catalogue import DatasetInfo
from viz.lenses.registry import LensError
from viz.lenses.trust.imputation import impute

Fill = Literal["mean", "blur", "neighbours"]
BLUR: Final = 0.1  # standard deviation, as a share of the longer side


def read_fill(fill: str) -> Fill:
    """The filling of a request.

    Raises:
        LensError: there is no such filling.
    """
    if fill not in get_args(Fill):
        raise LensError(f"{fill[:40]!r} is no filling: choose mean, blur or neighbours.")
    return fill  # type: ignore[return-value]


def paint_out(pixels: Tensor, holes: Tensor, fill: Fill, info: DatasetInfo) -> Tensor:
    """Pictures with their holes filled; everything outside stays as it is, bit for bit.

    Args:
        pixels: float (N, C, H, W) in [0, 1].
        holes: bool (N, 1, H, W).
        fill: mean: the mean colour of the data set, which is 0 to the network; blur: the picture
            itself, blurred; neighbours: what stands around the hole, drawn smoothly into it.
        info: of the data set.
    """
    if fill == "mean":
        filling = torch.tensor(info.mean).view(1, -1, 1, 1).expand_as(pixels)
    elif fill == "blur":
        filling = blur(pixels)
    else:
        mean = torch.tensor(info.mean)
        parts = zip(torch.split(pixels, 1), torch.split(holes, 1), strict=True)
        return torch.cat([_from_neighbours(image, hole, mean) for image, hole in parts])
    return torch.where(holes, filling, pixels)


def _from_neighbours(pixels: Tensor, hole: Tensor, standard: Tensor) -> Tensor:
    """One picture (1, C, H, W), its holes (1, 1, H, W) filled as those of the measure of trust that
    is called ROAD, without its noise; computed in the part around the holes alone, beyond whose rim
    nothing matters. `standard` (C,) where nothing is left of the picture."""
    if not bool(hole.any()):
        return pixels
    if bool(hole.all()):
        return standard.view(1, -1, 1, 1).expand_as(pixels)
    spans = []
    for axis in (2, 3):
        (inside,) = torch.where(hole[0, 0].any(3 - axis))
        spans.append(slice(max(0, int(inside[0]) - 1), int(inside[-1]) + 2))
    place = (slice(None), slice(None), *spans)
    painted = pixels.clone()
    painted[place] = impute(pixels[place], ~hole[place][:, 0])
    return painted


def blur(images: Tensor) -> Tensor:
    """Images (N, C, H, W) under a Gaussian blur, its standard deviation a tenth of the longer side:
    wide enough that shapes are gone, and places keep their colour.

    The one meaning of "blurred" wherever pixels are taken out. A width in pixels, the same down and
    across, so that what is round stays round on images of any shape; what is outside counts as the
    nearest pixel, so that a border is not drawn as an edge.
    """
    return gaussian_blur(images, BLUR * max(images.shape[-2:]))


def gaussian_blur(images: Tensor, sigma: float) -> Tensor:
    """Images (N, C, H, W) under a Gaussian of this standard deviation, in pixels; what is outside
    counts as the nearest pixel."""
    reach = max(1, min(round(3 * sigma), *(2 * side for side in images.shape[-2:])))
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype)
    weights = torch.exp(-0.5 * (offsets / max(sigma, 1e-3)) ** 2)
    weights = weights / weights.sum()
    planes = images.reshape(-1, 1, *images.shape[-2:])
    padded = F.pad(planes, (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, weights[None, None, None, :])
    return F.conv2d(across, weights[None, None, :, None]).reshape(images.shape)

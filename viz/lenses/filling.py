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

Fill = Literal["mean", "blur", "neighbours"]
BLUR: Final = 0.1  # standard deviation, as a share of the longer side
_SMOOTHINGS = 24
_AROUND = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]])


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
        return torch.cat([_inpaint_part(image, hole, mean) for image, hole in parts])
    return torch.where(holes, filling, pixels)


def inpaint(pixels: Tensor, holes: Tensor, standard: Tensor) -> Tensor:
    """Holes filled from their surroundings: each pixel the mean of its neighbours, nearly.

    From coarse to fine, so that also the middle of a large hole takes its colour from the rim
    within few steps.

    Args:
        pixels: float (N, C, H, W).
        holes: bool (N, 1, H, W).
        standard: (C,) the colour where nothing is left of a picture.
    """
    known = (~holes).to(pixels.dtype)
    if not bool(holes.any()):
        return pixels
    height, width = pixels.shape[-2:]
    if min(height, width) <= 1:
        seen = known.sum((2, 3), keepdim=True)
        mean = (pixels * known).sum((2, 3), keepdim=True) / seen.clamp_min(1)
        return torch.where(holes, torch.where(seen > 0, mean, standard.view(1, -1, 1, 1)), pixels)
    share = F.avg_pool2d(known, 2, ceil_mode=True)
    coarse = F.avg_pool2d(pixels * known, 2, ceil_mode=True) / share.clamp_min(1e-6)
    smaller = inpaint(coarse, share == 0, standard)
    found = torch.where(
        holes, F.interpolate(smaller, size=(height, width), mode="bilinear"), pixels
    )
    weights = _AROUND.to(pixels.dtype).view(1, 1, 3, 3).repeat(pixels.shape[1], 1, 1, 1) / 4
    for _ in range(_SMOOTHINGS):
        padded = F.pad(found, (1, 1, 1, 1), mode="replicate")
        mean = F.conv2d(padded, weights, groups=pixels.shape[1])
        found = torch.where(holes, mean, found)
    return found


def _inpaint_part(pixels: Tensor, hole: Tensor, standard: Tensor) -> Tensor:
    """One picture (1, C, H, W), computed in the part around its holes (1, 1, H, W) alone."""
    if not bool(hole.any()):
        return pixels
    spans = []
    for axis in (2, 3):
        (inside,) = torch.where(hole[0, 0].any(3 - axis))
        low, high = int(inside[0]), int(inside[-1]) + 1
        around = max(4, high - low)  # what coarse steps look at
        spans.append(slice(max(0, low - around), high + around))
    place = (slice(None), slice(None), *spans)
    painted = pixels.clone()
    painted[place] = inpaint(pixels[place], hole[place], standard)
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

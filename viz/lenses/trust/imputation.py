"""Pixels taken out of an image and filled in from what is left, so that the hole tells little.

Rong et al., "A consistent and efficient evaluation strategy for attribution methods", ICML 2022,
section 5 (noisy linear imputation): each missing pixel is the weighted mean of its neighbours, 1/6
for those beside it, 1/12 for those at its corners, missing or not; so the missing pixels solve one
linear system. At the border the weights of the neighbours that exist are scaled to sum to 1. The
systems of a whole batch are solved at once by conjugate gradients, from a first guess that is
right at large distances.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional as F

NOISE: Final = 0.01  # standard deviation, in units of normalised pixels, as published
_TOLERANCE: Final = (
    3e-4  # largest difference of a pixel from its neighbours' mean, far below the noise
)
_MOST_ROUNDS: Final = 400
_TINY: Final = 1e-30


def impute(images: Tensor, known: Tensor) -> Tensor:
    """Images whose unknown pixels are filled in, without noise.

    Args:
        images: (N, C, H, W).
        known: bool (N, H, W); at least one pixel of each image.

    Returns:
        (N, C, H, W), equal to `images` where these are known.

    Raises:
        ValueError: nothing is known of an image.
    """
    if not known.flatten(1).any(1).all():
        raise ValueError("An image with no pixel left cannot be filled in: keep at least one.")
    free = (~known)[:, None].to(images.dtype)  # (N, 1, H, W): 1 where unknown
    fixed = images * (1 - free)
    degree = _neighbours(torch.ones_like(images[:1, :1]))  # 1 inside, less at the border
    inverse = free / degree
    found = fixed + free * _guess(fixed, 1 - free)
    residual = free * (_neighbours(found) - degree * found)
    step = residual * inverse
    direction, size = step, _dot(residual, step)
    for _ in range(_MOST_ROUNDS):
        if float(residual.abs().amax()) <= _TOLERANCE:
            break
        image = (degree * direction).sub_(_neighbours(direction)).mul_(free)
        length = size / _dot(direction, image).clamp(min=_TINY)
        found.addcmul_(length, direction)
        residual.addcmul_(length, image, value=-1)
        step = residual * inverse
        before, size = size, _dot(residual, step)
        direction = torch.addcmul(step, size / before.clamp(min=_TINY), direction)
    return found


def _neighbours(values: Tensor) -> Tensor:
    """Sum over the eight neighbours of (N, C, H, W), beside 1/6, at the corners 1/12; 0 outside.

    [1 2 1] along both axes gives twelve times that and four times the pixel itself.
    """
    down = 2 * values
    down[..., 1:, :] += values[..., :-1, :]
    down[..., :-1, :] += values[..., 1:, :]
    both = torch.add(2 * down, values, alpha=-4)
    both[..., 1:] += down[..., :-1]
    both[..., :-1] += down[..., 1:]
    return both.mul_(1 / 12)


def _guess(fixed: Tensor, known: Tensor) -> Tensor:
    """Smooth values (N, C, H, W) for the unknown pixels: the mean of what is known around them, at
    the finest scale that knows anything, blended between scales.

    Args:
        fixed: (N, C, H, W), 0 where unknown.
        known: (N, 1, H, W), 1 or 0.
    """
    height, width = fixed.shape[-2:]
    if height == 1 and width == 1:
        return fixed / known.clamp(min=1e-6)
    coarse_sum = F.avg_pool2d(fixed, 2, ceil_mode=True)
    coarse_known = F.avg_pool2d(known, 2, ceil_mode=True)
    there = (coarse_known > 0).to(fixed.dtype)
    mean = coarse_sum / coarse_known.where(there > 0, torch.ones_like(coarse_known))
    coarse = mean * there + (1 - there) * _guess(mean * there, there)
    return F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """(N, C, 1, 1) of (N, C, H, W)."""
    return (a * b).sum((2, 3), keepdim=True)

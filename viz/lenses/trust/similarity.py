"""How alike two maps are, image by image: rank correlation and structural similarity.

The measures of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. Maps of all images
are compared at once: a check compares thousands.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW = 7  # pixels a side, of structural similarity
_C1, _C2 = 0.01**2, 0.03**2  # Wang et al. 2004, equation 13, for values from 0 to 1


def spearman(first: Tensor, second: Tensor) -> Tensor:
    """Spearman's rank correlation (N,) of maps (N, H, W), float64.

    Equal values share the mean of their ranks. Where one of the two maps is constant there is no
    order to compare, and where a value is no number there is none either: NaN.
    """
    ranks = [_ranks(maps.flatten(1).double()) for maps in (first, second)]
    centred = [rank - rank.mean(1, keepdim=True) for rank in ranks]
    lengths = [rank.norm(dim=1) for rank in centred]
    product = lengths[0] * lengths[1]
    together = (centred[0] * centred[1]).sum(1)
    finite = first.flatten(1).isfinite().all(1) & second.flatten(1).isfinite().all(1)
    found = together / product.clamp(min=1e-300)
    return torch.where((product > 0) & finite, found, torch.nan)


def structural_similarity(first: Tensor, second: Tensor) -> Tensor:
    """Structural similarity (N,) of maps (N, H, W), each stretched to 0 to 1 first, float64.

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment", IEEE Transactions on Image
    Processing 13(4), 2004: the mean over all square windows of `WINDOW` pixels a side, fewer where
    the image is smaller. NaN where one of the maps is constant: it cannot
    be stretched.
    """
    x, y = (_stretched(maps.double())[:, None] for maps in (first, second))
    side = min(WINDOW, *x.shape[-2:])
    side -= 1 - side % 2
    mean_x, mean_y = F.avg_pool2d(x, side, 1), F.avg_pool2d(y, side, 1)
    var_x = F.avg_pool2d(x * x, side, 1) - mean_x**2
    var_y = F.avg_pool2d(y * y, side, 1) - mean_y**2
    both = F.avg_pool2d(x * y, side, 1) - mean_x * mean_y
    found = ((2 * mean_x * mean_y + _C1) * (2 * both + _C2)) / (
        (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
    )
    empty = is_constant(first) | is_constant(second)
    return torch.where(empty, torch.nan, found.mean((1, 2, 3)))


def is_constant(maps: Tensor) -> Tensor:
    """bool (N,): maps (N, H, W) that say nothing, because every pixel has the same value."""
    flat = maps.flatten(1)
    return flat.amax(1) == flat.amin(1)


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 0 along each row (N, P); equal values have the mean of theirs."""
    ordered = values.sort(1).values
    before = torch.searchsorted(ordered, values, right=False)
    upto = torch.searchsorted(ordered, values, right=True)
    return (before + upto - 1).double() / 2


def _stretched(maps: Tensor) -> Tensor:
    low = maps.amin((1, 2), keepdim=True)
    span = maps.amax((1, 2), keepdim=True) - low
    return torch.where(span > 0, (maps - low) / span.clamp(min=1e-300), 0 * maps)

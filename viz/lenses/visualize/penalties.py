"""What pictures pay for: rough neighbours, values far from the mean, and being alike."""

from __future__ import annotations

import torch
from torch import Tensor


def total_variation(images: Tensor) -> Tensor:
    """(N,) mean size of the differences between neighbours of (N, C, H, W), both ways.

    The total variation of Rudin, Osher and Fatemi, "Nonlinear total variation based noise removal
    algorithms", Physica D 60, 1992, with |dx| + |dy| for the length of the gradient. The prior of
    Mahendran and Vedaldi (2015) is another, the sum of (dx² + dy²)^(β / 2).
    """
    down = (images[:, :, 1:] - images[:, :, :-1]).abs().flatten(1).mean(1)
    right = (images[:, :, :, 1:] - images[:, :, :, :-1]).abs().flatten(1).mean(1)
    return down + right


def distance(images: Tensor, mean: Tensor) -> Tensor:
    """(N,) mean square of (N, C, H, W) around `mean` (C,).

    Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", ICLR workshop 2014.
    """
    return (images - mean[:, None, None]).square().flatten(1).mean(1)


def gram(maps: Tensor) -> Tensor:
    """(N, C, C) mean products of the channels of (N, C, H, W) over all positions."""
    flat = maps.flatten(2)  # (N, C, P)
    return flat @ flat.mT / flat.shape[2]


def summary(maps: Tensor, count: int) -> Tensor:
    """What `likeness` needs of the activations (N, C, H, W) of some of `count` pictures: Gram matrices
    (N, C, C), or the activations (N, C, P) where products of those are smaller."""
    flat = maps.flatten(2)  # (N, C, P)
    channels, places = flat.shape[1:]
    return flat if places < channels and count * places**2 <= channels**2 else gram(maps)


def likeness(summaries: Tensor) -> Tensor:
    """(N, N) cosines between the Gram matrices of N pictures, from what `summary` makes of each."""
    if summaries.shape[2] < summaries.shape[1]:  # the same products without the large matrices
        products = torch.einsum("icp,jcq->ijpq", summaries, summaries).square().sum((2, 3))
    else:
        grams = summaries.flatten(1)
        products = grams @ grams.T
    sizes = products.diagonal().clamp(min=1e-20).sqrt()
    return products / (sizes[:, None] * sizes[None])


def mean_likeness(maps: Tensor) -> Tensor:
    """(N,) mean cosine of each picture's Gram matrix with those of the others; 0 for a single one.

    The diversity term of Olah, Mordvintsev and Schubert, "Feature visualization", Distill 2017.
    """
    n = len(maps)
    if n < 2:
        return torch.zeros(n)
    cosines = likeness(summary(maps, n))
    return (cosines.sum(1) - cosines.diagonal()) / (n - 1)

"""What pictures pay for: rough neighbours, values far from the mean, and being alike."""

from __future__ import annotations

import torch
from torch import Tensor


def total_variation(images: Tensor) -> Tensor:
    """(N,) mean size of the differences between neighbours of (N, C, H, W), both ways.

    Mahendran and Vedaldi, "Understanding deep image representations by inverting them", CVPR 2015.
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


def likeness(maps: Tensor) -> Tensor:
    """(N, N) cosines between the Gram matrices of the pictures' activations (N, C, H, W)."""
    flat = maps.flatten(2)  # (N, C, P)
    if flat.shape[2] < flat.shape[1]:  # the same products without the large matrices
        products = torch.einsum("icp,jcq->ijpq", flat, flat).square().sum((2, 3))
    else:
        grams = gram(maps).flatten(1)
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
    cosines = likeness(maps)
    return (cosines.sum(1) - cosines.diagonal()) / (n - 1)

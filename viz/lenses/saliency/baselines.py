"""Images that stand for "nothing there", which an image is compared with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from viz.lenses.saliency.passes import generator
from viz.lenses.saliency.problem import Problem

_BLUR = 0.1  # standard deviation of the blur, as a share of the longer side


def baselines(problem: Problem) -> Tensor:
    """What the setting `baseline` names, for every image (N, C, H, W), normalised.

    One that is the same for all images is there once, expanded.
    """
    settings = problem.settings or {}
    name = str(settings["baseline"])
    images = problem.images
    if name == "blur":
        return blur(images, _BLUR * max(images.shape[-2:]))
    if name == "mean":  # of the data set: what normalising makes 0
        return torch.zeros_like(images[:1]).expand_as(images)
    if name == "random":
        pixels = torch.rand(images.shape[1:], generator=generator(int(settings["seed"])))
    else:
        pixels = torch.full(images.shape[1:], 1.0 if name == "white" else 0.0)
    return normalise(problem, pixels).expand_as(images)


def black(problem: Problem) -> Tensor:
    """A black image (1, C, H, W), normalised."""
    return normalise(problem, torch.zeros(problem.images.shape[1:]))


def normalise(problem: Problem, pixels: Tensor) -> Tensor:
    """Pixels (C, H, W) from 0 to 1 as the network gets them, (1, C, H, W)."""
    mean, std = (
        torch.tensor(each)[:, None, None] for each in (problem.info.mean, problem.info.std)
    )
    return ((pixels - mean) / std)[None]


def blur(images: Tensor, sigma: float) -> Tensor:
    """Images (N, C, H, W) under a Gaussian blur; what is outside counts as the nearest pixel."""
    reach = max(1, min(round(3 * sigma), *(2 * side for side in images.shape[-2:])))
    offsets = torch.arange(-reach, reach + 1, dtype=images.dtype)
    weights = torch.exp(-0.5 * (offsets / max(sigma, 1e-3)) ** 2)
    weights = weights / weights.sum()
    planes = images.reshape(-1, 1, *images.shape[-2:])
    padded = F.pad(planes, (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, weights[None, None, None, :])
    return F.conv2d(across, weights[None, None, :, None]).reshape(images.shape)

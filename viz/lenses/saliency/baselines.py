"""Images that stand for "nothing there", which an image is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from viz.lenses.filling import blur
from viz.lenses.saliency.passes import generator
from viz.lenses.saliency.problem import Problem


def baselines(problem: Problem) -> Tensor:
    """What the setting `baseline` names, for every image (N, C, H, W), normalised.

    One that is the same for all images is there once, expanded.
    """
    settings = problem.settings or {}
    name = str(settings["baseline"])
    images = problem.images
    if name == "blur":
        return blur(images)
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

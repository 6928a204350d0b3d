"""Problems on nets small enough to be worked out by hand; pixels are what the network takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from data.catalogue import DatasetInfo, get_info
from viz.lenses.context import Subject
from viz.lenses.saliency.problem import Aim, Problem, make_problem


class Score(nn.Module):
    """A network of one function: images (N, C, H, W) to a score (N,); the other class has 0."""

    def __init__(self, score: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.score = score

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 2)."""
        found = self.score(x)
        return torch.stack([found, torch.zeros_like(found)], 1)


class Calls(nn.Module):
    """Another network, which notes how many images it is given at a time."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        self.sizes.append(len(x))
        found: Tensor = self.net(x)
        return found


def info_of(shape: tuple[int, ...], mean: float = 0.0, std: float = 1.0) -> DatasetInfo:
    """A data set of such images."""
    values = {**vars(get_info("digits")), "shape": tuple(shape), "classes": ("a", "b")}
    channels = shape[0]
    return DatasetInfo(**{**values, "mean": (mean,) * channels, "std": (std,) * channels})


def subject_of(net: nn.Module, shape: tuple[int, ...], mean: float = 0.0) -> Subject:
    """The network as lenses know it."""
    net.eval().requires_grad_(False)
    return Subject(net, "A net", info_of(shape, mean), None, 0, None, None)


def problem_of(
    net: nn.Module,
    images: Tensor,
    *,
    classes: list[int] | None = None,
    mean: float = 0.0,
    aim: Aim | None = None,
    layer: str | None = None,
    **settings: Any,
) -> Problem:
    """Class 0 of every image explained, or `classes`."""
    subject = subject_of(net, tuple(images.shape[1:]), mean)
    chosen = torch.tensor(classes or [0] * len(images))
    return make_problem(subject, images, chosen, aim=aim, layer=layer, settings=settings)


def linear(weights: Tensor) -> Score:
    """Σ w x with `weights` (C, H, W)."""
    return Score(lambda x: (x * weights).flatten(1).sum(1))

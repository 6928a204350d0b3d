"""What perturbation methods share: many changed copies of the images through the network.

Copies are made a batch at a time, right before the network sees them, so that a thousand masks take
no more memory than a batch. One forward pass a copy, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from viz.lenses.batching import good_batch, in_spans
from viz.lenses.pace import Pace as Pace
from viz.lenses.saliency.baselines import baselines
from viz.lenses.saliency.problem import Problem


def perturbed_scores(
    problem: Problem, owners: Tensor, make: Callable[[slice], Tensor]
) -> Iterator[tuple[slice, Tensor]]:
    """The explained numbers of changed images, in order.

    Args:
        problem: whose network and classes.
        owners: int64 (T,), of which of the problem's images each of T changed images is a copy.
        make: the changed images (n, C, H, W) of a slice of them; the same each time it is asked.

    Yields:
        A slice of the T with their numbers (n,).

    Raises:
        LensError: not even one image fits the memory.
    """
    size = good_batch(problem.net, problem.images[:1])

    def score(span: slice) -> Tensor:
        with torch.inference_mode():
            found: Tensor = problem.quick(make(span), problem.classes[owners[span]])
        return found.clone()  # an ordinary tensor, not one of inference mode

    return in_spans(score, len(owners), size)


def own_scores(problem: Problem) -> Tensor:
    """The numbers (N,) of the unchanged images."""
    everyone = torch.arange(len(problem.images))
    parts = perturbed_scores(problem, everyone, lambda span: problem.images[span])
    return torch.cat([scores for _, scores in parts])


def fill_images(problem: Problem) -> Tensor:
    """What the setting `fill` puts in place of each image's pixels (N, C, H, W), normalised.

    Nothing is neutral: whatever replaces a pixel is seen by the network, too. The mean colour is
    what its inputs vary around in training; black is the absence of strokes on black ground; a
    blurred image keeps colours and loses shapes.
    """
    kind = (problem.settings or {})["fill"]
    return baselines(replace(problem, settings={"baseline": kind}))


def pick(each: Tensor, owners: Tensor) -> Tensor:
    """`each[owners]`, or what stands for it where there is only one."""
    return each if len(each) == 1 else each[owners]


def in_turn(problem: Problem, count: int) -> tuple[Tensor, Tensor]:
    """Owners and numbers (N·count,): the first change of every image, then the second of every one.

    So all images come along at the same pace, and batches are full whatever `count` is.
    """
    n = len(problem.images)
    every = torch.arange(n * count)
    return every % n, every // n

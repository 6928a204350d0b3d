"""The gradient at many noisy copies of the image: its mean is less noisy, its variance tells where
the network is bent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.passes import noise, rounds
from viz.lenses.saliency.problem import Problem


@attributes("smoothgrad")
def smoothgrad(problem: Problem) -> Iterator[Map]:
    """|mean of the gradients| (N, C, H, W)."""
    yield from _over_noise(problem, lambda mean, _variance: mean.abs())


@attributes("vargrad")
def vargrad(problem: Problem) -> Iterator[Map]:
    """Variance of the gradients (N, C, H, W), of the samples themselves (divided by their number)."""
    yield from _over_noise(problem, lambda _mean, variance: variance)


def _over_noise(problem: Problem, combine: Callable[[Tensor, Tensor], Tensor]) -> Iterator[Map]:
    """What `combine` makes of the mean and the variance of the gradients so far."""
    images, settings = problem.images, problem.settings or {}
    samples, seed = int(settings["samples"]), int(settings["seed"])
    flat = images.flatten(1)
    spread = float(settings["noise"]) * (flat.amax(1) - flat.amin(1))  # (N,)
    shape = tuple(images.shape[1:])

    def version(which: Tensor, number: Tensor) -> Tensor:
        return images[which] + spread[which, None, None, None] * noise(shape, seed, number)

    # Welford's updates: the variance of equal gradients is 0, not what rounding leaves.
    mean, squares = torch.zeros_like(images), torch.zeros_like(images)
    done = torch.zeros(len(images))
    for each in rounds(problem, samples, version):
        for index, found in zip(each.which.tolist(), each.gradients, strict=True):
            done[index] += 1
            change = found - mean[index]
            mean[index] += change / done[index]
            squares[index] += change * (found - mean[index])
        passes = max(1, round(each.share * samples))
        yield Map(
            combine(mean.clone(), squares / done.clamp(min=1)[:, None, None, None]),
            forward_passes=passes,
            backward_passes=passes,
            share=each.share,
        )

"""Methods that take the gradient of the network as it is, at the image itself."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from viz.lenses.batching import in_spans
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.passes import batch_size, gradient
from viz.lenses.saliency.problem import Explained, Problem


@attributes("saliency")
def saliency(problem: Problem) -> Iterator[Map]:
    """|∂f/∂x| (N, C, H, W)."""
    yield Map(at_images(problem, problem.quick).abs(), forward_passes=1, backward_passes=1)


@attributes("input_x_gradient")
def input_x_gradient(problem: Problem) -> Iterator[Map]:
    """x ∂f/∂x (N, C, H, W), x as the network gets it."""
    values = problem.images * at_images(problem, problem.quick)
    yield Map(values, forward_passes=1, backward_passes=1)


def at_images(problem: Problem, explained: Explained) -> Tensor:
    """∂f/∂x (N, C, H, W) at the problem's images, f one of its two forms."""

    def some(span: slice) -> Tensor:
        return gradient(explained, problem.images[span], problem.classes[span])

    parts = [part for _, part in in_spans(some, len(problem.images), batch_size(problem.images))]
    return parts[0] if len(parts) == 1 else torch.cat(parts)

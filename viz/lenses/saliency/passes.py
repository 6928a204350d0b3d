"""Gradients of a problem's number by the image: of one image each, or of many versions of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from viz.lenses.batching import in_spans
from viz.lenses.saliency.problem import Explained, Problem

_VALUES_A_PASS = 700_000  # in one batch of images: 4 of 3×224×224, where bigger ones gain nothing
_IMAGES_A_PASS = 64


def gradient(explained: Explained, images: Tensor, classes: Tensor) -> Tensor:
    """∂f/∂x (N, C, H, W); zeros where the number does not depend on the image."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = images.detach().clone().requires_grad_()
        # Copies: the network may work in place, and what was made in inference mode cannot stay.
        scores = explained(leaf.clone(), classes.clone())
        if not scores.requires_grad:
            return torch.zeros_like(leaf, requires_grad=False)
        [found] = torch.autograd.grad(scores.sum(), leaf, allow_unused=True, materialize_grads=True)
    return found


def batch_size(images: Tensor) -> int:
    """How many images of this size (N, C, H, W) are run at once."""
    return max(1, min(_IMAGES_A_PASS, _VALUES_A_PASS // max(1, images[0].numel())))


@dataclass(frozen=True)
class Round:
    """Gradients at some of the versions of some of the images."""

    which: Tensor  # (k,) the images
    number: Tensor  # (k,) their versions
    gradients: Tensor  # (k, C, H, W) at these
    share: float  # of all versions of all images that are done


def rounds(
    problem: Problem, count: int, version: Callable[[Tensor, Tensor], Tensor]
) -> Iterator[Round]:
    """Gradients at `count` versions of each image, as many as make a good batch at a time.

    The first version of every image, then the second: whoever looks in between sees all images.

    Args:
        problem: with N images.
        count: versions of each image.
        version: given which images (k,) and which versions (k,), the images (k, C, H, W); the same
            answer whenever it is asked.
    """
    images = len(problem.images)

    def compute(span: slice) -> tuple[Tensor, Tensor, Tensor]:
        at = torch.arange(span.start, span.stop)
        which, number = at % images, at // images
        points = version(which, number)
        return which, number, gradient(problem.quick, points, problem.classes[which])

    total = images * count
    for span, (which, number, found) in in_spans(compute, total, batch_size(problem.images)):
        yield Round(which, number, found, span.stop / total)


def scores_at(problem: Problem, images: Tensor) -> Tensor:
    """f (N,) of one other image for each of the problem's; run once where it is one for all."""
    if images.stride(0) == 0:
        return mean_scores(problem, images[:1], torch.ones(1))
    parts = in_spans(
        lambda span: problem.at(span).scores(images[span]), len(images), batch_size(images)
    )
    return torch.cat([part for _, part in parts])


@torch.no_grad()
def mean_scores(problem: Problem, images: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean of f (N,) over other images, each run once for all classes.

    Args:
        problem: with N images, of which only the classes matter.
        images: (R, C, H, W); those without weight are not run.
        weights: (R,), which sum up to 1.
    """
    explained, classes = problem.explained, problem.classes
    used = weights.nonzero()[:, 0]
    images, weights = images[used], weights[used]

    def numbers(span: slice) -> Tensor:  # (r, K), or (r, 1) where classes do not matter
        some = images[span]
        if explained.aim.layer is None:
            return torch.as_tensor(explained.net(some))
        none = classes[:1].expand(len(some), -1)
        return torch.as_tensor(explained(some, none))[:, None]

    parts = in_spans(numbers, len(images), batch_size(images))
    mean: Tensor = weights @ torch.cat([part for _, part in parts])  # (K,) or (1,)
    if explained.aim.layer is not None:
        return mean.expand(len(classes))
    chosen = mean[classes]  # (N, 1 or 2)
    return chosen[:, 0] if chosen.shape[1] == 1 else chosen[:, 0] - chosen[:, 1]


def noise(shape: tuple[int, ...], seed: int, numbers: Tensor) -> Tensor:
    """Standard normal (k, *shape), the same for the same number, whatever else is asked for."""
    return torch.stack([torch.randn(shape, generator=generator(seed, int(n))) for n in numbers])


def generator(seed: int, number: int = 0) -> torch.Generator:
    """Random numbers of our own: the global ones stay as they are."""
    return torch.Generator().manual_seed(seed * 1_000_003 + number)

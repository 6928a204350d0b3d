"""Which images are held out, and which labels are spoiled: the choices made on labels alone.

The hold-outs of a set never depend on a run's seed, so `mnist/val/17` is the same image in every
run and runs of different seeds are compared on the same images.
"""

from __future__ import annotations

import torch
from torch import Tensor


def spread(labels: Tensor, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Indices of `count` images in which every class has its share, rising, int64 (count,).

    The images are sorted by class and taken at even distances (systematic sampling), so every class
    contributes its share to within one image. Within a class the order is that of the set, or
    random when there is a `generator`.
    """
    order = torch.arange(len(labels))
    if generator is not None:
        order = torch.randperm(len(labels), generator=generator)
    by_class = order[torch.argsort(labels[order], stable=True)]
    places = (torch.arange(count, dtype=torch.float64) + 0.5) * len(labels) / max(count, 1)
    return by_class[places.long()].sort().values


def without(num_images: int, taken: Tensor) -> Tensor:
    """The indices below `num_images` that are not among `taken`, rising, int64."""
    left = torch.ones(num_images, dtype=torch.bool)
    left[taken] = False
    return left.nonzero().squeeze(1)


def corrupt_labels(
    labels: Tensor, share: float, num_classes: int, generator: torch.Generator
) -> Tensor:
    """A copy in which `share` of the labels, rounded to whole images, is another class at random.

    Zhang et al. 2017 (arXiv:1611.03530) draw from all classes; here a spoiled label is never the
    right one, so `share` is exactly the share of wrong labels.
    """
    spoiled = torch.randperm(len(labels), generator=generator)[: round(share * len(labels))]
    moved_by = torch.randint(1, num_classes, spoiled.shape, generator=generator)
    noisy = labels.clone()
    noisy[spoiled] = (labels[spoiled] + moved_by) % num_classes
    return noisy

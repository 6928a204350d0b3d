"""Feature ablation: each region is taken out once, and the answer's fall is its value."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from viz.lenses.registry import LensError
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.perturb import Pace, fill_images, own_scores, perturbed_scores, pick
from viz.lenses.saliency.problem import Problem
from viz.lenses.saliency.segments import segment

MOST_PIXELS = 4096  # that are taken out one by one: a pass each


@attributes("feature_ablation")
def feature_ablation(problem: Problem) -> Iterator[Map]:
    """f(x) − f(x without the region), at each of its pixels (N, 1, H, W).

    Settings: regions, segments (how many; 0: from the size), fill.

    Raises:
        LensError: there are too many pixels to take out one by one.
    """
    settings = problem.settings or {}
    images = problem.images
    height, width = images.shape[-2:]
    if settings["regions"] == "pixels" and height * width > MOST_PIXELS:
        raise LensError(
            f"One pass for each of {height * width:,} pixels takes too long: choose superpixels or "
            "a grid."
        )
    regions = segment(images, problem.info, settings["regions"], int(settings["segments"]))
    fill = fill_images(problem)
    counts = regions.flatten(1).amax(1) + 1  # (N,)
    owners = torch.repeat_interleave(torch.arange(len(images)), counts)
    numbers = torch.cat([torch.arange(int(count)) for count in counts])

    def make(span: slice) -> Tensor:
        owner = owners[span]
        hidden = pick(regions, owner) == numbers[span][:, None, None]  # (n, H, W)
        return torch.where(hidden[:, None], pick(fill, owner), pick(images, owner))

    whole = own_scores(problem)
    falls = torch.zeros(len(images), int(counts.max()))
    pace = Pace()
    for span, scores in perturbed_scores(problem, owners, make):
        falls[owners[span], numbers[span]] = whole[owners[span]] - scores
        if span.stop == len(owners) or pace.due():
            values = falls.gather(1, regions.flatten(1)).view(len(images), 1, height, width)
            yield Map(
                values,
                forward_passes=1 + -(-span.stop // len(images)),
                backward_passes=0,
                share=span.stop / len(owners),
            )

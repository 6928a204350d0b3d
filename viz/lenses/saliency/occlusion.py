"""Occlusion: a patch slides over the image, and where the answer falls there was evidence.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from viz.attribution.sizes import occlusion_places, occlusion_stride, occlusion_window
from viz.lenses.registry import LensError
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.perturb import (
    Pace,
    fill_images,
    in_turn,
    own_scores,
    perturbed_scores,
    pick,
)
from viz.lenses.saliency.problem import Problem


@attributes("occlusion")
def occlusion(problem: Problem) -> Iterator[Map]:
    """f(x) − f(x without the patch), at each pixel the mean over the patches that cover it.

    Settings: window and stride in pixels (0: from the size of the image), fill. (N, 1, H, W).

    Raises:
        LensError: the steps are wider than the patch.
    """
    settings = problem.settings or {}
    images = problem.images
    shape = (images.shape[1], images.shape[2], images.shape[3])
    window = occlusion_window(shape, int(settings["window"]))
    stride = occlusion_stride(shape, int(settings["window"]), int(settings["stride"]))
    if stride > window:
        raise LensError(
            f"A step of {stride} pixels leaves gaps between patches of {window}: choose a smaller step "
            "or a larger patch."
        )
    rows, columns = (_covers(length, window, stride) for length in shape[1:])  # (Y, H), (X, W)
    fill = fill_images(problem)
    across = len(columns)
    count = len(rows) * across
    owners, numbers = in_turn(problem, count)

    def make(span: slice) -> Tensor:
        number, owner = numbers[span], owners[span]
        down, right = rows[number // across], columns[number % across]  # (n, H), (n, W)
        hidden = down[:, None, :, None] & right[:, None, None, :]  # (n, 1, H, W)
        return torch.where(hidden, pick(fill, owner), pick(images, owner))

    whole = own_scores(problem)  # (N,)
    falls = torch.zeros(len(images), count, dtype=torch.float64)
    known = torch.zeros_like(falls)
    pace = Pace()
    for span, scores in perturbed_scores(problem, owners, make):
        owner, number = owners[span], numbers[span]
        falls[owner, number] = (whole[owner] - scores).double()
        known[owner, number] = 1
        if span.stop == len(owners) or pace.due():
            total, times = (
                rows.double().T @ each.view(len(images), len(rows), across) @ columns.double()
                for each in (falls, known)
            )  # (N, H, W)
            yield Map(
                (total / times.clamp_min(1))[:, None].float(),
                forward_passes=1 + span.stop // len(images),
                backward_passes=0,
                share=span.stop / len(owners),
            )


def _covers(length: int, window: int, stride: int) -> Tensor:
    """bool (places, length): which pixels along a side the patch covers at each of its places."""
    first = torch.arange(occlusion_places(length, window, stride))[:, None] * stride
    pixels = torch.arange(length)
    return (pixels >= first) & (pixels < first + window)

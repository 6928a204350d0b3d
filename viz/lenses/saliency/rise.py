"""RISE: what the answer is on average while a pixel is seen, over random masks.

Petsiuk, Das and Saenko, "RISE: randomized input sampling for explanation of black-box models",
BMVC 2018.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from viz.attribution.sizes import rise_grid
from viz.lenses.saliency.methods import Map, attributes
from viz.lenses.saliency.perturb import Pace, fill_images, in_turn, perturbed_scores, pick
from viz.lenses.saliency.problem import Problem


@attributes("rise")
def rise(problem: Problem) -> Iterator[Map]:
    """Σ f(x seen through M) M / (count · p), (N, 1, H, W), an unbiased estimate of E[f | pixel seen].

    With the mean answer subtracted from each f, which changes the map by no more than the same
    number everywhere and chance: so 0 means that seeing the pixel makes no difference, and the
    noise of how often it happened to be seen falls away.

    Settings: masks (how many), grid (cells a side; 0: from the size), share (p, of cells that are
    seen), centred (yes, or as in the paper), fill, seed.
    """
    settings = problem.settings or {}
    images = problem.images
    count, share = int(settings["masks"]), float(settings["share"])
    masks = Masks((images.shape[2], images.shape[3]), settings, images.shape[1])
    fill = fill_images(problem)
    n = len(images)
    owners, numbers = in_turn(problem, count)

    def make(span: slice) -> Tensor:
        owner, number = owners[span], numbers[span]
        first = int(number[0])
        seen = masks.between(first, int(number[-1]) + 1)  # (m, H, W)
        chosen = seen[:, None] if n == 1 else seen[number - first][:, None]
        return torch.lerp(pick(fill, owner), pick(images, owner), chosen)

    answers = torch.zeros(n, dtype=torch.float64)  # sums over masks
    seen_answers = torch.zeros(n, masks.pixels, dtype=torch.float64)
    seen_times = torch.zeros(n, masks.pixels, dtype=torch.float64)
    pace = Pace()
    for span, scores in perturbed_scores(problem, owners, make):
        owner, number = owners[span], numbers[span]
        first, last = int(number[0]), int(number[-1]) + 1
        table = scores.new_zeros(n, last - first)
        table[owner, number - first] = scores
        there = torch.zeros_like(table)
        there[owner, number - first] = 1
        seen = masks.between(first, last).flatten(1)  # (m, H·W)
        answers += table.sum(1)
        seen_answers += table @ seen
        seen_times += there @ seen
        if span.stop == len(owners) or pace.due():
            done = torch.bincount(owners[: span.stop], minlength=n).clamp_min(1)[:, None]  # (N, 1)
            values = seen_answers
            if settings["centred"] == "yes":
                values = seen_answers - answers[:, None] / done * seen_times
            yield Map(
                (values / (done * share)).float().view(n, 1, *images.shape[2:]),
                forward_passes=span.stop // n,
                backward_passes=0,
                share=span.stop / len(owners),
            )


class Masks:
    """Random smooth masks: coarse grids of zeros and ones, enlarged bilinearly and shifted at random.

    They are the same for the same seed, whichever of them are asked for and in which portions.

    Args:
        size: (H, W) of the image.
        settings: masks, grid, share and seed.
        channels: of the image; only the automatic size asks.
    """

    def __init__(
        self, size: tuple[int, int], settings: Mapping[str, Any], channels: int = 1
    ) -> None:
        grid = rise_grid((channels, *size), int(settings["grid"]))
        count = int(settings["masks"])
        random = torch.Generator().manual_seed(int(settings["seed"]))
        self.pixels = size[0] * size[1]
        cells = [-(-length // grid) for length in size]  # pixels a cell, rounded up
        self._grids = (torch.rand(count, grid, grid, generator=random) < settings["share"]).float()
        self._shifts = torch.stack(
            [torch.randint(0, cell, (count,), generator=random) for cell in cells], 1
        )
        # Enlarging and cutting out are linear along each side: one matrix for each shift.
        self._rows, self._columns = (
            _enlargers(grid, cell, length) for cell, length in zip(cells, size, strict=True)
        )

    def between(self, first: int, last: int) -> Tensor:
        """Masks `first` to `last` (m, H, W), values from 0 (hidden) to 1 (seen)."""
        down, right = self._shifts[first:last].unbind(1)
        found: Tensor = self._rows[down] @ self._grids[first:last] @ self._columns[right].mT
        return found


def _enlargers(grid: int, cell: int, length: int) -> Tensor:
    """(cell, length, grid): for each shift, how much of each cell each pixel along a side has."""
    unit = torch.eye(grid)[:, None]  # (grid, 1, grid)
    large = F.interpolate(unit, size=(grid + 1) * cell, mode="linear", align_corners=False)[:, 0]
    return torch.stack([large[:, shift : shift + length].T for shift in range(cell)])

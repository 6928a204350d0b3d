"""Small random moves of a picture between two steps: what survives them is seen from everywhere.

Mordvintsev, Olah and Tyka ("Inceptionism", Google Research Blog 2015) moved by some pixels; scaling
and rotation came with Olah, Mordvintsev and Schubert ("Feature visualization", Distill 2017). What
comes in at an edge is the picture's mirror image, so that no edge is seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Moves:
    """How far pictures are moved at most."""

    jitter: int = 0  # whole pixels to each side
    scale: float = 0.0  # share
    rotate: float = 0.0  # degrees

    @property
    def any(self) -> bool:
        """Whether anything moves."""
        return bool(self.jitter or self.scale or self.rotate)

    def draw(self, count: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """(N, 2, 3) a move for each of `count` pictures of `size` (H, W), as `move` takes it."""
        shifts = torch.randint(
            -self.jitter, self.jitter + 1, (2, count), generator=generator
        )  # (2, N) rows, columns
        zooms = 1 + self.scale * (2 * torch.rand(count, generator=generator) - 1)
        angles = self.rotate * (2 * torch.rand(count, generator=generator) - 1)
        return moves(shifts.float(), zooms, angles, size)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """`images` (N, C, H, W), each moved in its own way; of the same size and differentiable."""
        if not self.any:
            return images
        size = (images.shape[2], images.shape[3])
        return move(images, self.draw(len(images), size, generator))


def moves(shifts: Tensor, zooms: Tensor, angles: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, 2, 3) from pixels moved down and right (2, N), enlargement (N,), degrees anticlockwise (N,)."""
    height, width = size
    turn = angles * (math.pi / 180)
    cos, sin = turn.cos() / zooms, turn.sin() / zooms
    # Where a pixel comes from, in coordinates that run from -1 to 1 over each side.
    rows = [
        torch.stack([cos, -sin * height / width, -2 * shifts[1] / width], dim=1),
        torch.stack([sin * width / height, cos, -2 * shifts[0] / height], dim=1),
    ]
    return torch.stack(rows, dim=1)


def move(images: Tensor, how: Tensor) -> Tensor:
    """`images` (N, C, H, W) moved by `how` (N, 2, 3)."""
    grid = F.affine_grid(how, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)

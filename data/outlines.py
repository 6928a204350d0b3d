"""Outlines as signed distances: how far each point is from the edge of a shape, negative inside.

One distance field gives everything the Shapes set draws with: cut at 0 it is the object mask,
softened over one pixel it is an anti-aliased edge, exactly and without supersampling. The formulas
are the classic constructions of two-dimensional distance functions; each shape is about 1 in
"radius", so that all look equally large.

All functions take coordinates x, y of one shape, (N, H, W), y pointing down, the object upright
around the origin, and return distances of the same shape in the same units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

Outline = Callable[[Tensor, Tensor], Tensor]

REACH = 1.15  # no shape extends farther from the origin than this


def circle(x: Tensor, y: Tensor) -> Tensor:
    return torch.hypot(x, y) - 0.92


def ring(x: Tensor, y: Tensor) -> Tensor:
    return (torch.hypot(x, y) - 0.74).abs() - 0.24


def square(x: Tensor, y: Tensor) -> Tensor:
    return _box(x, y, 0.78, 0.78)


def cross(x: Tensor, y: Tensor) -> Tensor:
    """Two bars; the union's distance is exact outside and, near the edges, inside too."""
    return torch.minimum(_box(x, y, 0.98, 0.3), _box(x, y, 0.3, 0.98))


def triangle(x: Tensor, y: Tensor) -> Tensor:
    return _polygon(x, y, _regular(3, 1.05, y_offset=0.18))


def star(x: Tensor, y: Tensor) -> Tensor:
    """Five points; the inner radius of a true pentagram is 0.38 of the outer one, 0.45 reads better."""
    outer, inner = _regular(5, 1.08), _regular(5, 0.48, turn=math.pi / 5)
    return _polygon(x, y, [corner for pair in zip(outer, inner, strict=True) for corner in pair])


def heart(x: Tensor, y: Tensor) -> Tensor:
    """A quarter-turned square with a half disc on each upper side: the union of the three."""
    half = 0.52
    y = y - 0.16
    u, v = (x + y) * math.sqrt(0.5), (y - x) * math.sqrt(0.5)
    body = _box(u, v, half, half)
    lobes = torch.hypot(x.abs() - half * math.sqrt(0.5), y + half * math.sqrt(0.5)) - half
    return torch.minimum(body, lobes)


OUTLINES: Mapping[str, Outline] = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": star,
    "cross": cross,
    "ring": ring,
    "heart": heart,
}


def _box(x: Tensor, y: Tensor, half_width: float, half_height: float) -> Tensor:
    dx, dy = x.abs() - half_width, y.abs() - half_height
    outside = torch.hypot(dx.clamp(min=0), dy.clamp(min=0))
    return outside + torch.maximum(dx, dy).clamp(max=0)


def _regular(
    corners: int, radius: float, *, turn: float = 0.0, y_offset: float = 0.0
) -> list[tuple[float, float]]:
    """Corners of a regular polygon, the first one on top (y points down), clockwise."""
    angles = (2 * math.pi * corner / corners + turn for corner in range(corners))
    return [(radius * math.sin(a), y_offset - radius * math.cos(a)) for a in angles]


def _polygon(x: Tensor, y: Tensor, corners: list[tuple[float, float]]) -> Tensor:
    """Distance to the nearest edge; the sign flips at every edge crossed on the way to the right."""
    nearest = torch.full_like(x, math.inf)
    inside = torch.zeros_like(x, dtype=torch.bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        ex, ey = bx - ax, by - ay
        px, py = x - ax, y - ay
        along = ((px * ex + py * ey) / (ex * ex + ey * ey)).clamp(0, 1)
        nearest = torch.minimum(nearest, (px - ex * along) ** 2 + (py - ey * along) ** 2)
        spans = (y < ay) != (y < by)  # the edge crosses this point's horizontal line
        if ey:
            inside ^= spans & (px < ex * py / ey)
    distance = nearest.sqrt()
    return torch.where(inside, -distance, distance)

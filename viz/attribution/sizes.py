"""Settings of methods that depend on the size of the image: what "0: automatic" stands for.

Apart from the lenses, so that the cost a page tells beforehand is the one that is paid.
"""

from __future__ import annotations

import math

Shape = tuple[int, int, int]


def occlusion_window(shape: Shape, window: int) -> int:
    """Side of the patch: a fifth of the image's shorter side, as Zeiler and Fergus had it."""
    side = min(shape[1:])
    return min(window, side) if window else max(2 if side > 1 else 1, round(side / 5))


def occlusion_stride(shape: Shape, window: int, stride: int) -> int:
    """Pixels from patch to patch: a third of the patch, so that patches overlap."""
    return stride or max(1, round(occlusion_window(shape, window) / 3))


def occlusion_places(length: int, window: int, stride: int) -> int:
    """Patches along a side of `length`; the last may reach over the edge."""
    return math.ceil(max(length - window, 0) / stride) + 1


def rise_grid(shape: Shape, grid: int) -> int:
    """Cells of a mask a side: 7, as in the paper, on large images; of four pixels on small ones."""
    side = min(shape[1:])
    return min(grid, side) if grid else max(min(2, side), min(7, side // 4))


def num_segments(shape: Shape, segments: int) -> int:
    """Regions of an image: 49, fewer on small images, so that each has some pixels."""
    height, width = shape[1:]
    most = height * width
    return min(segments, most) if segments else max(min(4, most), min(49, most // 16))

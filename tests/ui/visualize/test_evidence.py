"""Where the unit that answered most is marked on a real picture."""

from __future__ import annotations

import numpy as np

from ui.visualize.evidence import fits, mark
from viz.results.maps import Geometry


def geometry(size: int, stride: int, image: int = 32) -> Geometry:
    """Fields of a square map, each centred on its unit's place."""
    units = image // stride
    middles = np.arange(units) * stride + stride // 2
    low, high = middles - size // 2, middles - size // 2 + size
    return Geometry(
        (size, size), (stride, stride), low, high, low, high, False, True, "", (image, image)
    )


def test_a_field_within_the_picture_is_framed_without_its_padding() -> None:
    assert fits(geometry(8, 4))
    assert mark(geometry(8, 4), (0, 3)) == (0, 10, 6, 18)


def test_a_field_larger_than_the_picture_is_marked_by_its_place() -> None:
    large = geometry(100, 8)
    assert not fits(large)
    assert mark(large, (0, 1)) == (0, 8, 8, 16)
    assert mark(large, (3, 3)) == (24, 24, 32, 32)

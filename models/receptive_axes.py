"""Where the units of a layer look, along one axis of the image: whole-number intervals, exactly.

An `Axis` holds two intervals of pixels for every unit. The box is the textbook's: as if padding
were more image, so it may reach outside (Araujo, Norris and Sim, "Computing receptive fields of
convolutional neural networks", Distill 2019). What is read is the hull of the pixels the unit truly
depends on: padding adds none. Keeping every unit, not one formula for all, makes borders, uneven
windows and paths of different strides right without special cases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FAR = 1 << 40  # beyond any pixel: the neutral element of minimum and, negated, of maximum

Reach = Literal["local", "gated", "pooled"]
"""local: a box of its own; gated: that, and something made of the whole map (squeeze-excitation,
the statistics of a normalisation); pooled: no place of its own any more."""


@dataclass(frozen=True, eq=False)
class Axis:
    """The units along one axis of a map, in pixels of the image; intervals are half-open."""

    starts: Ints  # (n,) first pixel of the box, less than 0 in the padding
    stops: Ints  # (n,)
    low: Ints  # (n,) first pixel read; low >= high where none is
    high: Ints  # (n,)
    stride: int  # between the boxes of neighbours, also of units beyond the last
    reach: Reach = "local"

    @property
    def count(self) -> int:
        """Units along this axis."""
        return len(self.starts)

    @property
    def even(self) -> bool:
        """Whether all boxes are of one size and `stride` apart."""
        steps, sizes = np.diff(self.starts), self.stops - self.starts
        return bool((steps == self.stride).all() and (sizes == sizes[0]).all())

    def boxes(self, positions: Ints) -> tuple[Ints, Ints]:
        """Starts and stops of units anywhere; those outside the map continue it evenly."""
        inside = positions.clip(0, self.count - 1)
        shift = (positions - inside) * self.stride
        return self.starts[inside] + shift, self.stops[inside] + shift


def pixels(count: int) -> Axis:
    """The image itself: every pixel sees itself."""
    here = np.arange(count, dtype=np.int64)
    return Axis(here, here + 1, here, here + 1, 1)


def read(axis: Axis, taps: Ints, stride: int, taken: Bools | None = None) -> Axis:
    """Units that each read several units of `axis`.

    Args:
        taps: (m, k) positions read by each of m units; those outside the map are padding.
        stride: pixels between neighbouring boxes of the result.
        taken: (m, k) False where a tap does not exist at all; default all True.
    """
    taken = np.ones(taps.shape, np.bool_) if taken is None else taken
    starts, stops = axis.boxes(taps)
    real = taken & (taps >= 0) & (taps < axis.count)
    at = taps.clip(0, axis.count - 1)
    # A unit without a single tap has a box of no size where its first tap would be.
    anything = taken.any(axis=1)
    return Axis(
        np.where(anything, np.where(taken, starts, FAR).min(axis=1), starts[:, 0]),
        np.where(anything, np.where(taken, stops, -FAR).max(axis=1), starts[:, 0]),
        np.where(real, axis.low[at], FAR).min(axis=1),
        np.where(real, axis.high[at], -FAR).max(axis=1),
        stride,
        axis.reach,
    )


def slide(axis: Axis, count: int, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
    """`count` windows of a convolution or a pool."""
    first = np.arange(count)[:, None] * stride - padding
    return read(axis, first + np.arange(kernel) * dilation, axis.stride * stride)


def spread(axis: Axis, count: int, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
    """`count` units of a transposed convolution: unit o reads i where o = i·s − p + d·k."""
    offset = np.arange(count)[:, None] + padding - np.arange(kernel) * dilation
    return read(axis, offset // stride, max(1, axis.stride // stride), offset % stride == 0)


def adapt(axis: Axis, count: int) -> Axis:
    """`count` windows of an adaptive pool, which may overlap and differ in size."""
    unit, size = np.arange(count), axis.count
    first, last = unit * size // count, ((unit + 1) * size + count - 1) // count - 1
    width = int((last - first).max()) + 1
    taps = np.minimum(first[:, None] + np.arange(width), last[:, None])
    return read(axis, taps, axis.stride * max(1, round(size / count)))


def take(axis: Axis, positions: Ints, copied: Ints | None = None) -> Axis:
    """Single units by position, such as a slice; those outside the map are padding.

    Args:
        copied: (len(positions),) the unit whose value stands at each position; default itself.
    """
    step = int(positions[1] - positions[0]) if len(positions) > 1 else 1
    found = read(axis, positions[:, None], axis.stride * max(1, abs(step)))
    if copied is None:
        return found
    return replace(found, low=axis.low[copied], high=axis.high[copied])


def interpolate(axis: Axis, count: int, linear: bool, corners: bool) -> Axis:
    """`count` units between those of `axis`: the nearest, or two of them in proportion.

    Args:
        corners: the outermost units of both lie on each other, else the edges of the maps.
    """
    unit, size = np.arange(count), axis.count
    stride = max(1, axis.stride * size // count)
    if not linear:
        return read(axis, (unit * size // count)[:, None], stride)
    if corners:  # where each unit lies among those of `axis`, as a fraction
        top, bottom = unit * (size - 1), max(1, count - 1)
    else:
        top, bottom = ((2 * unit + 1) * size - count).clip(0), 2 * count
    first = top // bottom
    last = np.minimum(first + (top % bottom > 0), size - 1)
    return read(axis, np.stack([first, last], axis=1), stride)


def everything(axis: Axis) -> Axis:
    """One unit that reads all of `axis`; a single unit is that already."""
    if axis.count == 1:
        return axis
    ends = axis.starts.min(), axis.stops.max(), axis.low.min(), axis.high.max()
    starts, stops, low, high = (np.array([end]) for end in ends)
    return Axis(starts, stops, low, high, axis.stride, "pooled")


def gated(axis: Axis) -> Axis:
    """Every unit keeps its box and reads all others too."""
    if axis.count == 1:
        return axis
    low, high = np.full_like(axis.low, axis.low.min()), np.full_like(axis.high, axis.high.max())
    return replace(axis, low=low, high=high, reach="pooled" if axis.reach == "pooled" else "gated")


def merge(one: Axis, other: Axis) -> tuple[Axis, str]:
    """Two paths that meet, unit by unit, and in which way they do not line up ("" if they do).

    A path of one unit goes to every unit of the other.
    """
    if one is other:
        return one, ""
    low, high = np.minimum(one.low, other.low), np.maximum(one.high, other.high)
    if "pooled" in (one.reach, other.reach) and one.reach != other.reach:
        place = other if one.reach == "pooled" else one
        if len(low) == place.count:
            return replace(place, low=low, high=high, reach="gated"), ""
    reach: Reach = "local" if one.reach == other.reach == "local" else "gated"
    if one.reach == other.reach == "pooled":
        reach = "pooled"
    starts, stops = (
        np.minimum(one.starts, other.starts),
        np.maximum(one.stops, other.stops),
    )
    union = Axis(starts, stops, low, high, max(one.stride, other.stride), reach)
    return union, "" if reach == "pooled" else _mismatch(one, other)


def _mismatch(one: Axis, other: Axis) -> str:
    if one.count != other.count:
        return "paths of one and of many units"
    if one.count > 1 and one.stride != other.stride:
        return f"paths of strides {one.stride} and {other.stride} px"
    centres = (one.starts + one.stops) - (other.starts + other.stops)  # twice the distance
    if not centres.any():
        return ""
    return f"paths whose centres lie {np.abs(centres).max() / 2:g} px apart"

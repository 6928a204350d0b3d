"""Moving pictures and maps by the same motion, and measuring how far the one is from the other.

A motion acts on pixel coordinates, so it means the same for an image and for every map made from it:
a unit takes the place of the centre of its receptive field. Values between units or pixels are
interpolated linearly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from viz.results import Floats
from viz.results.maps import Geometry, LayerChange

_ROUNDING = 1e-6  # pixels; a rotation by 90 degrees must not lose its border to rounding
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Motion:
    """A rigid motion of the plane; rows count down, columns to the right."""

    matrix: tuple[tuple[float, float], tuple[float, float]]  # of (row, column), about `centre`
    centre: tuple[float, float]
    shift: tuple[float, float]

    @classmethod
    def translation(cls, dx: int, dy: int) -> Motion:
        """`dx` pixels to the right and `dy` down."""
        return cls(((1.0, 0.0), (0.0, 1.0)), (0.0, 0.0), (float(dy), float(dx)))

    @classmethod
    def rotation(cls, angle: float, height: int, width: int) -> Motion:
        """`angle` degrees counter-clockwise about the middle of an image of this size."""
        turn = math.radians(angle)
        # Whole quarter turns are exact, which they would not be with the cosine of a float.
        c, s = (round(v, 15) for v in (math.cos(turn), math.sin(turn)))
        return cls(((c, -s), (s, c)), ((height - 1) / 2, (width - 1) / 2), (0.0, 0.0))

    def source(self, rows: Doubles, columns: Doubles) -> tuple[Doubles, Doubles]:
        """Where what is at these places afterwards was before."""
        y = rows - self.shift[0] - self.centre[0]
        x = columns - self.shift[1] - self.centre[1]
        (a, b), (c, d) = self.matrix  # orthogonal, so its inverse is its transpose
        return a * y + c * x + self.centre[0], b * y + d * x + self.centre[1]


@dataclass(frozen=True)
class Occlusion:
    """A square that hides part of the image."""

    top: int
    left: int
    size: int


@dataclass(frozen=True)
class Expected:
    """T f(x): the maps of the image before, moved as the image was."""

    maps: Tensor  # (C, h, w), NaN where `known` is False
    known: Bools  # (h, w) units whose place before lies between units
    interior: Bools  # (h, w) of these, units whose fields lie in both images altogether


def border_color(picture: Tensor) -> Tensor:
    """(C,) the median of each channel along the image's border, which fills what is laid bare."""
    edges = [picture[:, 0], picture[:, -1], picture[:, :, 0], picture[:, :, -1]]
    return torch.cat(edges, dim=1).median(dim=1).values


def move_picture(picture: Tensor, motion: Motion) -> Tensor:
    """The picture uint8 (C, H, W) after the motion; what was outside has the border's colour."""
    _, height, width = picture.shape
    rows, columns = np.meshgrid(
        np.arange(height, dtype=float), np.arange(width, dtype=float), indexing="ij"
    )
    source = motion.source(rows, columns)
    axes = np.arange(height, dtype=float), np.arange(width, dtype=float)
    moved, known = _sample(picture.to(torch.float32), axes, source)
    fill = border_color(picture).to(torch.float32)[:, None, None]
    filled = torch.where(torch.from_numpy(known), moved, fill)
    return filled.round().clamp(0, 255).to(torch.uint8)


def occlude(picture: Tensor, square: Occlusion, mean: Sequence[float]) -> Tensor:
    """A copy with the square in the data set's mean colour, which the network sees as 0."""
    hidden = picture.clone()
    color = (torch.tensor(mean) * 255).round().to(torch.uint8)
    rows = slice(max(square.top, 0), max(square.top + square.size, 0))
    columns = slice(max(square.left, 0), max(square.left + square.size, 0))
    hidden[:, rows, columns] = color[:, None, None]
    return hidden


def expected_maps(maps: Tensor, geometry: Geometry, motion: Motion) -> Expected:
    """What an equivariant layer would answer to the moved image, from its maps (C, h, w) before."""
    shape = (maps.shape[1], maps.shape[2])
    axes = geometry.centres(shape)
    rows, columns = np.meshgrid(*axes, indexing="ij")
    source = motion.source(rows, columns)
    moved, known = _sample(maps, axes, source)
    moved[:, ~torch.from_numpy(known)] = torch.nan
    inside = np.zeros(shape, bool)
    if geometry.placed and not geometry.whole:
        fits = _inside(geometry)
        near, _ = _sample(torch.from_numpy(fits.astype(np.float32))[None], axes, source)
        inside = known & fits & (near[0].numpy() > 1 - 1e-4) & _stays_inside(geometry, motion)
    return Expected(moved, known, inside)


def measure(
    name: str, kind: str, output: Tensor, geometry: Geometry | None, act: Motion | Occlusion
) -> LayerChange:
    """How far an output (2, C, h, w) or (2, D), before and after, is from staying and from moving
    along. Without a known geometry only the first can be said."""
    before, after = (part.to(torch.float32).contiguous() for part in output[:2])
    equivariance = interior = unseeing = math.nan
    num_interior = num_unseeing = 0
    if before.ndim == 3 and geometry is not None:
        if isinstance(act, Occlusion):
            blind = torch.from_numpy(_unseeing(geometry, act, (before.shape[1], before.shape[2])))
            num_unseeing = int(blind.sum())
            if num_unseeing:
                largest = float(output.abs().max())
                change = float((after - before)[:, blind].abs().max())
                unseeing = change / largest if largest > 0 else 0.0
        elif before.shape[1:].numel() > 1:
            moved = expected_maps(before, geometry, act)
            off = (after - moved.maps).square_().sum(dim=0).numpy()  # (h, w)
            size = moved.maps.square().sum(dim=0).numpy()
            equivariance = _share(off[moved.known], size[moved.known])
            interior = _share(off[moved.interior], size[moved.interior])
            num_interior = int(moved.interior.sum())
    return LayerChange(
        layer=name,
        kind=kind,
        shape=tuple(before.shape),
        invariance=_distance(after, before),
        equivariance=equivariance,
        interior=interior,
        num_interior=num_interior,
        num_unseeing=num_unseeing,
        unseeing=unseeing,
    )


def _distance(values: Tensor, expected: Tensor) -> float:
    """‖values − expected‖ / ‖expected‖; NaN where there is nothing to compare with."""
    scale = float(expected.norm()) if expected.numel() else 0.0
    return float((values - expected).norm()) / scale if scale > 0 else math.nan


def _share(off: Floats, size: Floats) -> float:
    """The root of a sum of squares in shares of that of another; NaN where the other is 0."""
    whole = float(size.sum(dtype=np.float64))
    return math.sqrt(float(off.sum(dtype=np.float64)) / whole) if whole > 0 else math.nan


def _sample(
    maps: Tensor, axes: tuple[Doubles, Doubles], source: tuple[Doubles, Doubles]
) -> tuple[Tensor, Bools]:
    """Values (C, …) of maps (C, h, w), whose rows and columns lie at `axes`, at places between
    them, linear in between; and where these places are not beyond the outermost rows or columns."""
    (rows, known_y), (columns, known_x) = (
        _between(axis, at) for axis, at in zip(axes, source, strict=True)
    )
    known = known_y & known_x
    if (rows == rows[:, :1]).all() and (columns == columns[:1]).all():
        # A shift: whole rows, then whole columns, which is exact where it hits units.
        return _along(_along(maps, rows[:, 0], 1), columns[0], 2), known
    sides = [max(len(axis) - 1, 1) / 2 for axis in axes]
    grid = np.stack([columns / sides[1] - 1, rows / sides[0] - 1], axis=-1)  # (h, w, 2) in −1..1
    places = torch.from_numpy(grid).to(maps.dtype)[None]
    return grid_sample(
        maps[None], places, mode="bilinear", padding_mode="border", align_corners=True
    )[0], known


def _along(maps: Tensor, places: Doubles, dim: int) -> Tensor:
    """Maps at fractional `places` along one of their dimensions, linear in between."""
    low = np.floor(places).astype(np.int64)
    share = torch.from_numpy(places - low).to(maps.dtype)
    first = maps.index_select(dim, torch.from_numpy(low))
    if not share.any():
        return first
    high = np.minimum(low + 1, maps.shape[dim] - 1)
    return torch.lerp(
        first,
        maps.index_select(dim, torch.from_numpy(high)),
        share[:, None] if dim == 1 else share,
    )


def _between(axis: Doubles, at: Doubles) -> tuple[Doubles, Bools]:
    """The fractional position of each place among the entries of the rising `axis`, at its ends for
    places beyond; and whether the place is not beyond."""
    place = np.interp(at, axis, np.arange(len(axis), dtype=float))
    whole = np.rint(place)
    place = np.where(np.abs(place - whole) < _ROUNDING, whole, place)
    known: Bools = (at >= axis[0] - _ROUNDING) & (at <= axis[-1] + _ROUNDING)
    return place, known


def _inside(geometry: Geometry) -> Bools:
    """(h, w) units whose field lies in the image altogether."""
    height, width = geometry.image
    rows = (geometry.tops >= 0) & (geometry.bottoms <= height)
    columns = (geometry.lefts >= 0) & (geometry.rights <= width)
    inside: Bools = rows[:, None] & columns[None, :]
    return inside


def _stays_inside(geometry: Geometry, motion: Motion) -> Bools:
    """(h, w) units all of whose pixels were in the image before the motion, not laid bare by it."""
    height, width = geometry.image
    inside = np.ones((len(geometry.tops), len(geometry.lefts)), bool)
    for rows in (geometry.tops, geometry.bottoms - 1):
        for columns in (geometry.lefts, geometry.rights - 1):
            corner = np.meshgrid(rows.astype(float), columns.astype(float), indexing="ij")
            y, x = motion.source(corner[0], corner[1])
            inside &= (y >= -_ROUNDING) & (y <= height - 1 + _ROUNDING)
            inside &= (x >= -_ROUNDING) & (x <= width - 1 + _ROUNDING)
    return inside


def _unseeing(geometry: Geometry, square: Occlusion, shape: tuple[int, int]) -> Bools:
    """(h, w) units whose field the square does not touch."""
    if geometry.whole or not geometry.placed:
        return np.zeros(shape, bool)
    height, width = geometry.image
    top, bottom = max(square.top, 0), min(square.top + square.size, height)
    left, right = max(square.left, 0), min(square.left + square.size, width)
    if top >= bottom or left >= right:
        return np.ones(shape, bool)
    rows = (geometry.tops < bottom) & (geometry.bottoms > top)
    columns = (geometry.lefts < right) & (geometry.rights > left)
    blind: Bools = ~(rows[:, None] & columns[None, :])
    return blind

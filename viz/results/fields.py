"""Receptive fields: what each layer's units can see, and what they do see after training.

Positions and boxes are in pixels of the image; boxes are (top, left, bottom, right), half-open, and
may lie partly in the padding. Pairs are (vertical, horizontal).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats, Ints

Doubles = npt.NDArray[np.float64]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class LayerField:
    """What the units of one layer see, by the structure of the network alone."""

    layer: str
    kind: str
    leaf: bool
    units: tuple[int, int]  # positions of a map; (1, 1) where there are no maps
    size: tuple[int, int]  # of the largest box; of the local paths where `whole` and `placed`
    stride: tuple[int, int]
    start: tuple[int, int]  # of the first unit's box, less than 0 in the padding
    whole: bool  # every unit sees the whole image
    placed: bool  # units have a place of their own in the image
    even: bool  # one size and one distance for all boxes, so that a formula gives them
    whole_since: str  # the layer that first mixed the whole map; "" while none has
    misaligned: str  # which paths do not line up, a sentence; "" where all do
    rows: Ints  # (h, 4) a row of units: first and last + 1 row of its box, then of what it reads
    columns: Ints  # (w, 4) likewise

    def box(self, y: int, x: int) -> Box:
        """What unit (y, x) sees along the local paths, padding included."""
        rows, columns = self.rows[y], self.columns[x]
        return int(rows[0]), int(columns[0]), int(rows[1]), int(columns[1])

    def read_box(self, y: int, x: int) -> Box:
        """The hull of the pixels it depends on; all 0 where it reads padding only."""
        rows, columns = self.rows[y], self.columns[x]
        found = int(rows[2]), int(columns[2]), int(rows[3]), int(columns[3])
        return found if found[0] < found[2] and found[1] < found[3] else (0, 0, 0, 0)


@dataclass(frozen=True)
class FieldTable:
    """Every layer of a network, in the order in which they finish."""

    title: str
    image: tuple[int, int]  # (H, W)
    layers: tuple[LayerField, ...]

    def find(self, layer: str) -> LayerField | None:
        """The layer called so."""
        return next((each for each in self.layers if each.layer == layer), None)


@dataclass(frozen=True)
class Support:
    """Which pixels have a gradient to one unit when all weights of the same network are positive."""

    layer: str
    unit: tuple[int, int]
    expected: Box  # what the structure says the unit reads
    found: Box  # hull of the pixels with a gradient; all 0 without any
    num_pixels: int  # with a gradient

    @property
    def matches(self) -> bool:
        """Whether theory and gradient agree to the pixel."""
        return self.expected == self.found


@dataclass(frozen=True)
class Gaussian:
    """a · exp(−(y − μ_y)²/2σ_y² − (x − μ_x)²/2σ_x²), fitted by least squares."""

    sigma: tuple[float, float]  # pixels; NaN: the gradient has no peak to fit
    centre: tuple[float, float]  # pixel coordinates; pixel i has its centre at i
    r2: float  # share of the variance explained; NaN without a fit


@dataclass(frozen=True)
class EffectiveField:
    """What one unit does see: its mean absolute gradient over images."""

    layer: str
    unit: tuple[int, int]
    channel: int | None  # None: the sum of all channels
    heat: Floats  # (H, W) mean over images of |gradient|, summed over the input's channels
    box: Box  # the theoretical field along the local paths
    whole: bool  # the unit also sees the rest of the image
    fit: Gaussian
    inside: float  # share of the gradient inside the box; NaN where there is none
    area95: int  # fewest pixels that hold 95 % of the gradient; 0 where there is none
    num_images: int
    source: str  # "validation images", "sample pictures"
    step: int | None

    @property
    def box_area(self) -> int:
        """Pixels of the image inside the box."""
        height, width = (int(side) for side in self.heat.shape)
        top, left, bottom, right = self.box
        rows = max(0, min(bottom, height) - max(top, 0))
        return rows * max(0, min(right, width) - max(left, 0))

    @property
    def area(self) -> int:
        """Pixels that the unit can see: of the box, or all where a gate sees the rest as well."""
        return self.heat.size if self.whole else self.box_area

    @property
    def share95(self) -> float:
        """`area95` as a share of `area`; NaN where there is no gradient."""
        return self.area95 / self.area if self.area95 and self.area else math.nan


@dataclass(frozen=True)
class FieldGrowth:
    """The effective field of one unit at several moments of the training, oldest first."""

    fields: tuple[EffectiveField, ...]

    @property
    def steps(self) -> Ints:
        """(T,) updates."""
        return np.array([field.step for field in self.fields], np.int64)

    @property
    def sigma(self) -> Doubles:
        """(T, 2) fitted widths in pixels."""
        return np.array([field.fit.sigma for field in self.fields], np.float64).reshape(-1, 2)

    @property
    def side95(self) -> Doubles:
        """(T,) side in pixels of a square of the area that holds 95 %; NaN without a gradient."""
        return np.array([math.sqrt(field.area95) or math.nan for field in self.fields])


@dataclass(frozen=True)
class UnitMap:
    """One layer's answer to an image as one map, to choose a unit on."""

    layer: str
    values: Floats  # (h, w) one channel, or the mean absolute value over all
    channel: int | None
    num_channels: int
    image: Bytes  # (H, W, C) as the network sees it
    note: str
    step: int | None

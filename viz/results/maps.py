"""Feature maps of one layer: the maps and where they sit on the image, what they answer to over many
images, how two of them differ, and how they move when the image does.

Maps are float32 (C, H, W) as the network has them, C channels; positions are (row, column); pictures
are uint8 (H, W, C). Pixel i of an image has its centre at coordinate i.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats, Ints

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Geometry:
    """Where the units of one layer sit on the image, in pixels; pairs are (vertical, horizontal).

    Boxes are half-open and may lie in the padding. Where every unit sees the whole image, but still
    has a place of its own, they are what it sees along the local paths.
    """

    size: tuple[int, int]  # of a unit's receptive field
    stride: tuple[int, int]  # from one unit's field to the next one's
    tops: Ints  # (h,) first row of the field of each row of units
    bottoms: Ints  # (h,)
    lefts: Ints  # (w,)
    rights: Ints  # (w,)
    whole: bool  # every unit sees the whole image
    placed: bool  # False: a unit's place in the map says nothing about a place in the image
    misaligned: str  # which paths do not line up, a sentence; "" where all do
    image: tuple[int, int]  # (H, W) of the image

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Top, left, bottom, right of what a unit sees."""
        return (0, 0, *self.image) if self.whole else self.local_box(row, column)

    def local_box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """`box` along the local paths alone."""
        if not self.placed:
            return 0, 0, *self.image
        rows, columns = (
            (self.tops[row], self.bottoms[row]),
            (self.lefts[column], self.rights[column]),
        )
        return int(rows[0]), int(columns[0]), int(rows[1]), int(columns[1])

    def centres(self, shape: tuple[int, int]) -> tuple[Doubles, Doubles]:
        """Rows (h,) and columns (w,) of the image at which units of a map of `shape` are centred.

        Units without a place of their own share the image evenly.
        """
        if not self.placed:
            return stretched_centres(shape[0], self.image[0]), stretched_centres(
                shape[1], self.image[1]
            )
        return (self.tops + self.bottoms - 1) / 2, (self.lefts + self.rights - 1) / 2

    def offset_of_stretching(self, shape: tuple[int, int]) -> float:
        """Pixels by which a map stretched over the image misplaces its worst unit."""
        return max(
            float(np.abs(stretched_centres(side, image) - true).max())
            for side, image, true in zip(shape, self.image, self.centres(shape), strict=True)
        )


def stretched_centres(side: int, image: int) -> Doubles:
    """Where `side` units sit that share `image` pixels evenly, as a resized map has it."""
    return (np.arange(side) + 0.5) * image / side - 0.5


@dataclass(frozen=True)
class LayerSheet:
    """Every map of one layer for one image."""

    image: Bytes  # (H, W, C) as the network sees it
    layer: str
    kind: str  # class name of the module
    calls: int  # times the network runs the module for an image; the maps are those of the last
    maps: Floats  # (C, h, w)
    geometry: Geometry | None  # None: no path from the image to the layer could be followed
    peak: float | None  # largest size of a value in any layer with maps; None: not looked for
    note: str  # what was done to the image so that it fits; "" for nothing
    label: int | None
    classes: tuple[str, ...]
    step: int | None


@dataclass(frozen=True)
class ChannelStatistics:
    """What the channels of one layer answer to over many images. NaN: nothing to say."""

    layer: str
    kind: str
    # (C, K) mean positive part of the channel for images of each class; NaN: no image of the class
    class_means: Doubles
    means: Doubles  # (C,) mean value over images and positions
    lows: Doubles  # (C,) smallest value
    highs: Doubles  # (C,) largest value
    num_images: int  # that were looked at
    num_there: int  # that there are
    source: str  # "validation images", "sample pictures"
    classes: tuple[str, ...]
    step: int | None

    @property
    def selectivity(self) -> Doubles:
        """(C,) how much more a channel answers to its favourite class than to the others, 0 to 1.

        (μ_max − μ_rest) / (μ_max + μ_rest), where μ_max is the highest of the class means and
        μ_rest the mean of the others: Morcos et al. 2018 (arXiv:1803.06959), with a feature map
        averaged over its positions as in Leavitt & Morcos 2020 (arXiv:2003.01262). It is made for
        what comes out of a ReLU; of a layer that may be negative only the positive part counts, as
        a ReLU behind it would let through. Classes without images do not count. NaN where a
        channel is never positive, and with fewer than two classes.
        """
        seen = ~np.isnan(self.class_means).all(axis=0)  # (K,)
        means = self.class_means[:, seen]
        if means.shape[1] < 2:
            return np.full(len(means), np.nan)
        high = means.max(axis=1)
        rest = (means.sum(axis=1) - high) / (means.shape[1] - 1)
        total = high + rest
        return _ratio(high - rest, total)

    @property
    def favourite(self) -> Ints:
        """(C,) the class with the highest mean."""
        if not self.class_means.shape[1]:
            return np.zeros(len(self.class_means), np.int64)
        means = np.where(np.isnan(self.class_means), -np.inf, self.class_means)
        best: Ints = means.argmax(axis=1)
        return best

    @property
    def constant(self) -> Bools:
        """(C,) channels with one and the same value at every position of every image."""
        same: Bools = self.lows == self.highs
        return same


@dataclass(frozen=True)
class BestPatches:
    """For each channel of a layer, the images in which one of its units is most active, best first."""

    layer: str
    kind: str
    values: Floats  # (C, k) the largest value of the channel in that image
    indices: Ints  # (C, k) position of the image in the split, or in `pictures`
    units: Ints  # (C, k, 2) row and column of the unit in its map
    shape: tuple[int, int]  # (h, w) of a map
    geometry: Geometry | None
    num_searched: int
    num_there: int  # images of the split
    split: str  # "" for sample pictures
    dataset: str  # its name in image references; "" for sample pictures
    pictures: Bytes | None  # (M, H, W, C) the sample pictures; None: they are in the data set
    names: tuple[str, ...]  # of the sample pictures
    step: int | None


@dataclass(frozen=True)
class Comparison:
    """Two stacks of maps of the same shape, (C, h, w)."""

    difference: Floats  # (C, h, w) second − first
    cosine: Doubles  # (C,) cosine similarity per channel; NaN where one is all 0
    relative: Doubles  # (C,) ‖second − first‖ / ‖first‖ per channel; NaN where the first is all 0
    total_cosine: float
    total_relative: float


def compare_maps(first: Floats, second: Floats) -> Comparison:
    """How two stacks of maps (C, h, w) differ, channel by channel and in all.

    Raises:
        ValueError: their shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"Maps of {_size(first)} and of {_size(second)} have no difference: choose layers of the "
            "same shape."
        )
    a, b = (maps.reshape(len(maps), -1).astype(np.float64) for maps in (first, second))
    dots, norms_a, norms_b = (a * b).sum(1), np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    distances = np.linalg.norm(b - a, axis=1)
    return Comparison(
        difference=second - first,
        cosine=_ratio(dots, norms_a * norms_b),
        relative=_ratio(distances, norms_a),
        total_cosine=float(_ratio(dots.sum(keepdims=True), _length(norms_a) * _length(norms_b))[0]),
        total_relative=float(_ratio(_length(distances), _length(norms_a))[0]),
    )


@dataclass(frozen=True)
class LayerChange:
    """How far one layer's output moved when the image did; distances are relative L2, NaN: none."""

    layer: str
    kind: str
    shape: tuple[int, ...]  # (C, h, w) or (D,)
    invariance: float  # ‖f(Tx) − f(x)‖ / ‖f(x)‖ over all units
    equivariance: float  # ‖f(Tx) − T f(x)‖ / ‖T f(x)‖ over the units that both have
    interior: float  # the same over units whose whole field lies in both images
    num_interior: int  # such units of a map
    num_unseeing: int  # units of a map whose field the occluding square does not touch
    unseeing: float  # largest change of one of those, in shares of the layer's largest value


@dataclass(frozen=True)
class Moved:
    """One image before and after it was moved, through the whole network."""

    before: Bytes  # (H, W, C)
    after: Bytes
    probs_before: Floats  # (K,)
    probs_after: Floats
    classes: tuple[str, ...]
    label: int | None
    changes: tuple[LayerChange, ...]  # in the order in which the layers run
    layer: str  # whose maps follow
    kind: str
    maps_before: Floats  # (C, h, w), C limited
    maps_after: Floats
    maps_expected: Floats | None  # T f(x), NaN where no unit came from; None for an occlusion
    num_channels: int  # before the limit
    stride: tuple[int, int] | None  # of `layer`, None where unknown
    note: str
    step: int | None

    @property
    def probs_moved(self) -> float:
        """Total variation distance of the class probabilities, ½ Σ |p − q|: 0 same, 1 disjoint."""
        return float(np.abs(self.probs_after - self.probs_before).sum() / 2)


def _ratio(top: Doubles, bottom: Doubles) -> Doubles:
    result = np.full_like(bottom, math.nan)
    np.divide(top, bottom, out=result, where=bottom > 0)
    return result


def _length(parts: Doubles) -> Doubles:
    length: Doubles = np.sqrt((parts**2).sum(keepdims=True))
    return length


def _size(maps: Floats) -> str:
    return "×".join(map(str, maps.shape))

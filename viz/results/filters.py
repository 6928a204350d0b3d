"""What the lenses on filters return: statistics, one filter, learning, edits and lesions.

Arrays are named as in `viz.results`: O filters of a layer, I input channels of each, kh×kw weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats, Ints


@dataclass(frozen=True)
class FilterStatistics:
    """All filters of one layer, compared."""

    layer: str
    norms: Floats  # (O,) L2 norm of each filter's weights
    biases: Floats | None  # (O,); None: the layer has no bias
    pairs: Ints  # (P, 2) near-duplicate filters, the most alike first, a limited number
    cosines: Floats  # (P,) their cosine similarity
    num_pairs: int  # before the limit
    in_pair: npt.NDArray[np.bool_]  # (O,) whether the filter has a near-duplicate
    compared: str  # what was compared with what, or why nothing was, as a sentence
    histogram: Ints  # (B,) weights of the layer in each bin
    edges: Floats  # (B + 1,) symmetric about 0
    step: int | None


@dataclass(frozen=True)
class FilterActivity:
    """Which filters of one layer any of many images excites."""

    layer: str
    active: Floats | None  # (O,) share of the images that excite it anywhere; None: not measured
    highest: Floats | None  # (O,) its largest activation over all images and positions
    measured: str  # how dead filters were looked for, or why not, as a sentence
    step: int | None

    def dead(self, count: int) -> npt.NDArray[np.bool_]:
        """(count,) filters that no image excites anywhere; none where that was not measured."""
        if self.active is None:
            return np.zeros(count, bool)
        silent: npt.NDArray[np.bool_] = self.active == 0
        return silent


@dataclass(frozen=True)
class FilterDetail:
    """One filter: its weights, and the waves it answers to."""

    layer: str
    number: int  # of the filter in the layer
    kernels: Floats  # (I, kh, kw), I limited
    num_inputs: int  # before the limit
    input_names: tuple[str, ...]  # of all input channels that it reads
    bias: float | None
    norm: float  # L2, over all input channels
    chosen_input: int  # the input channel whose spectrum this is
    spectrum: Floats  # (S, S) |frequency response| of that kernel, frequency 0 in the middle
    total: Floats  # (S, S) root of the sum of squares over all input channels
    frequencies: Floats  # (S,) cycles per cell, rising
    histogram: Ints  # (B,) its weights in each bin of the layer's histogram
    edges: Floats  # (B + 1,)
    nearest: Ints  # (M,) the filters most like it, the most alike first
    cosines: Floats  # (M,) their cosine similarity
    step: int | None


@dataclass(frozen=True)
class FilterLearning:
    """What training is about to do to a layer's weights: gradient, and the optimiser's momentum."""

    layer: str
    gradient: Floats | None  # (O, I, kh, kw), limited as in Filters
    gradient_note: str  # over which images, or why there is none, as a sentence
    loss: float  # over those images; NaN without a gradient
    momentum: Floats | None  # likewise
    momentum_note: str  # of which moment and what it is, or why there is none, as a sentence
    layer_gradient: float  # largest |gradient| of the layer, whole
    layer_momentum: float
    step: int | None


@dataclass(frozen=True)
class PairedCounts:
    """The same images answered by two networks: who was right on which.

    Only images on which the two differ tell them apart (McNemar 1947).
    """

    num_images: int
    right_before: int
    broken: int  # right before, wrong after
    fixed: int  # wrong before, right after

    @property
    def right_after(self) -> int:
        """Images that the second network has right."""
        return self.right_before - self.broken + self.fixed

    @property
    def change(self) -> float:
        """Accuracy after minus before, in −1..1."""
        return (self.fixed - self.broken) / self.num_images

    @property
    def change_error(self) -> float:
        """Standard error of `change` for images drawn anew: that of a mean of −1, 0 and 1."""
        differing = self.broken + self.fixed
        spread = differing / self.num_images - self.change**2
        return math.sqrt(max(spread, 0.0) / self.num_images)


@dataclass(frozen=True)
class Edited:
    """A network with some of its filters changed, beside itself."""

    layer: str  # whose filter and maps these are
    number: int
    kernels_before: Floats  # (I, kh, kw) of that filter, I limited
    kernels_after: Floats
    bias_before: float | None
    bias_after: float | None
    image: Bytes  # (H, W, C) as the network sees it
    maps_layer: str
    maps_before: Floats  # (C, H', W') output of that layer, C limited
    maps_after: Floats
    channels: Ints  # (C,) which channels these are; `number` is among those of `layer`
    num_channels: int
    layers: tuple[str, ...]  # (L,) all layers with maps, as they run
    moved: Floats  # (L,) |after − before| / |before| of each layer's maps
    probs_before: Floats  # (K,)
    probs_after: Floats
    classes: tuple[str, ...]
    label: int | None  # the true class, where it is known
    note: str  # what was done to the picture so that it fits; "" for nothing
    step: int | None


@dataclass(frozen=True)
class EditAccuracy:
    """What edits do to the answers for many held-out images. K classes."""

    counts: PairedCounts | None  # None: see `counted`
    totals: Ints  # (K,) held-out images of each class; empty without
    right_before: Ints  # (K,)
    right_after: Ints  # (K,)
    classes: tuple[str, ...]
    counted: str  # over which images, or why there are none, as a sentence
    step: int | None


@dataclass(frozen=True)
class Lesion:
    """What a network still knows when one part at a time is silenced. M parts, K classes."""

    layer: str | None  # whose filters these are; None: the parts are whole layers
    parts: tuple[str, ...]  # (M,) numbers of filters, or names of layers
    places: tuple[str, ...]  # (M,) the module whose output was set to 0
    right: Ints  # (M, K) images right without the part
    right_whole: Ints  # (K,) images right with everything in place
    totals: Ints  # (K,) images
    broken: Ints  # (M,) images right before, wrong without the part
    fixed: Ints  # (M,) wrong before, right without it
    classes: tuple[str, ...]
    num_parts: int  # before the limit
    note: str  # how it was done and on how many images, as sentences
    step: int | None

    @property
    def num_images(self) -> int:
        """Held-out images that were classified for each part."""
        return int(self.totals.sum())

    def counts(self, part: int) -> PairedCounts:
        """The network with and without a part, image by image."""
        right = int(self.right_whole.sum())
        return PairedCounts(self.num_images, right, int(self.broken[part]), int(self.fixed[part]))

    def ranking(self) -> Ints:
        """Parts from the most to the least damaging; equal ones in their order."""
        return np.argsort(self.right.sum(axis=1), kind="stable").astype(np.int64)

    def drops(self) -> npt.NDArray[np.float64]:
        """(M, K) accuracy lost on each class, in −1..1; NaN for classes without images."""
        totals = np.where(self.totals > 0, self.totals, np.nan)
        return np.asarray((self.right_whole - self.right) / totals, np.float64)

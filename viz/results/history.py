"""A network at many moments of its training: what the time machine plays back.

Layer choice, image and validation images are the same at every moment, so that what differs between
two moments is the weights alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from viz.results import Bytes, Floats, Ints
from viz.results.fields import EffectiveField

MAX_MOMENTS = 24
_PER_DECADE = 12  # as weights are kept: 12 moments for each factor of ten


@dataclass(frozen=True)
class Moment:
    """One snapshot."""

    step: int  # updates its weights have seen
    filters: Floats | None  # (O, I, kh, kw), limited; None: no convolution
    maps: Floats | None  # (C, H, W), limited; None: no layer with maps
    probs: Floats  # (K,) softmax for the image
    confusion: Ints | None  # (K, K) held-out images by [true, predicted]; None: none are here
    loss: float  # mean cross-entropy of the held-out images, nats; NaN without them
    field: EffectiveField | None  # None: no layer whose units have a place in the image

    @property
    def accuracy(self) -> float:
        """Share of the held-out images that are right; NaN without them."""
        if self.confusion is None or not self.confusion.sum():
            return math.nan
        return float(self.confusion.trace() / self.confusion.sum())


@dataclass(frozen=True)
class Moments:
    """The same look at several snapshots of one network, oldest first."""

    moments: tuple[Moment, ...]
    image: Bytes  # (H, W, C) as the network sees it
    label: int | None  # the image's true class, where it is known
    classes: tuple[str, ...]
    layer: str  # whose maps; "" for none
    num_maps: int  # before the limit
    map_shape: tuple[int, int]  # (H, W) of them before they were averaged down
    filter_layer: str  # the convolution at or before `layer`; "" for none
    num_filters: int  # before the limit
    num_inputs: int  # channels that each of them reads, before the limit
    filter_colors: bool  # those channels are the red, green and blue of the image
    field_layer: str  # whose middle unit's field; "" for none
    held_out: str  # what was classified at each moment, such as "all 180 validation images"
    note: str  # what was done to the image so that it fits; "" for nothing
    missing: str  # why there are no held-out images, as a sentence; "" where there are


@dataclass(frozen=True)
class FilterMoves:
    """How far the filters of a layer moved from each of several snapshots to the next."""

    layer: str
    steps: tuple[int, ...]  # rising
    norms: Floats  # (T − 1,) of the differences of all weights, whatever of them is shown


def choose_moments(steps: Sequence[int], most: int = MAX_MOMENTS) -> tuple[int, ...]:
    """At most `most` of the rising `steps`, log-spaced, the first and the last among them.

    While a run goes on `steps` grow at their end. What is chosen then is a subset of what was chosen
    before plus what is new, so that a page that follows it asks for little: the distance between
    moments on the log scale only ever doubles.
    """
    if len(steps) <= most:
        return tuple(steps)
    every = 1
    while True:
        every *= 2
        ranks: dict[int, int] = {}
        for step in steps[:-1]:
            rank = -every if step == 0 else round(_PER_DECADE * math.log10(step))
            if rank % every == 0:
                ranks.setdefault(rank, step)
        chosen = sorted({steps[0], *ranks.values(), steps[-1]})
        if len(chosen) <= most:
            return tuple(chosen)

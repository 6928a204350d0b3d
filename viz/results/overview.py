"""What the "overview" lens returns: a whole network as columns of small maps, and what feeds what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats, Ints

IMAGE = -1
"""Stands for the input image where a column is named by its number."""


@dataclass(frozen=True)
class Column:
    """One step of a network, or a block folded into the output of its last step.

    Either `maps` or `values` (a row of numbers, or maps of a single number) is filled. Maps larger
    than a thumbnail are averaged down and each is kept as −127…127 of its own `limits` entry.
    """

    name: str
    step: str  # the step whose output is shown; `name` itself unless it is a folded block
    kind: str  # class name of the layer or block, or name of a function
    shape: tuple[int, ...]  # of the output, without the batch
    block: str  # the opened block it lies in; "" for none
    steps: int  # folded into it; 1: a single layer
    channels: Ints  # (n,) which channels or features are shown, rising; of classes by probability
    maps: npt.NDArray[np.int8] | None  # (n, h, w)
    limits: Floats  # (n,) largest absolute value of each map
    values: Floats | None  # (n,) of a row of numbers
    peaks: Ints  # (n, 2) row and column of the strongest unit of each map

    @property
    def count(self) -> int:
        """Channels or features there are."""
        return self.shape[0]


@dataclass(frozen=True)
class Link:
    """What one column takes from another.

    `kind`: "weights": `strength` are norms of kernels or absolute weights; "same": channel by
    channel; "all": every channel of the one on every channel of the other, through several layers.
    """

    source: int  # number of a column, or IMAGE
    target: int
    kind: str
    strength: Bytes  # (shown in target, shown in source) 0…255 of `top`
    top: float  # the largest strength


@dataclass(frozen=True)
class Overview:
    """A network for one image."""

    image: Bytes  # (H, W, C) as the network sees it
    columns: tuple[Column, ...]
    links: tuple[Link, ...]
    classes: tuple[str, ...]
    foldable: tuple[str, ...]  # blocks that are opened on request and may be closed again
    label: int | None  # the true class, where known
    note: str
    step: int | None

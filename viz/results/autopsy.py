"""What the lenses of the autopsy return: nearest training images, painted images, doubtful labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats, Ints

SURE_VOTES = 0.7
"""Share of the nearest training images that must have one other class to speak against a label."""


@dataclass(frozen=True)
class Nearby:
    """Training images by distance, the nearest first."""

    images: Bytes  # (k, H, W, C)
    labels: Ints  # (k,)
    indices: Ints  # (k,) positions in the training split
    distances: Floats  # (k,)


@dataclass(frozen=True)
class Evidence:
    """What speaks against the label of each of M images; K classes."""

    labels: Ints  # (M,) as the data set has them
    votes: Ints  # (M, K) nearest training images of each class
    probs: Floats  # (M, K) of the network
    thresholds: (
        Floats  # (K,) mean probability of class k over held-out images labelled k; NaN: none
    )

    @property
    def suggested(self) -> Ints:
        """(M,) the other class that most speaks for: by score."""
        found: Ints = self._scores().argmax(axis=1)
        return found

    @property
    def scores(self) -> Floats:
        """(M,) how much speaks for the suggested class and against the label, −1 to 1.

        The mean of two margins: share of the neighbours, and probability.
        """
        best: Floats = self._scores().max(axis=1)
        return best

    @property
    def confident(self) -> npt.NDArray[np.bool_]:
        """(M,) whether the network is as sure of the suggested class as it is, on average, of
        held-out images labelled so, and less sure of the label than of images of that label: the
        image would be counted off the diagonal of the confident joint."""
        row, other = np.arange(len(self.labels)), self.suggested
        sure = self.probs[row, other] >= self.thresholds[other]  # NaN: never
        kept = self.probs[row, self.labels] >= self.thresholds[self.labels]
        found: npt.NDArray[np.bool_] = sure & ~kept
        return found

    @property
    def surrounded(self) -> npt.NDArray[np.bool_]:
        """(M,) whether nearly all neighbours have the suggested class."""
        row = np.arange(len(self.labels))
        total = np.maximum(self.votes.sum(axis=1), 1)
        found: npt.NDArray[np.bool_] = self.votes[row, self.suggested] / total >= SURE_VOTES
        return found

    @property
    def suspicious(self) -> npt.NDArray[np.bool_]:
        """(M,) both kinds of evidence name the same other class."""
        return self.confident & self.surrounded

    def _scores(self) -> Floats:
        """(M, K), −inf for the label itself."""
        row = np.arange(len(self.labels))
        shares = self.votes / np.maximum(self.votes.sum(axis=1, keepdims=True), 1)
        both = (shares + np.nan_to_num(self.probs)).astype(np.float32) / 2
        margins: Floats = both - both[row, self.labels][:, None]
        margins[row, self.labels] = -np.inf
        return margins


@dataclass(frozen=True)
class Neighbours:
    """The training images whose features are nearest to those of one image."""

    image: Bytes  # (H, W, C)
    label: int | None
    probs: Floats  # (K,)
    nearest: Nearby
    of_class: Nearby | None  # nearest of one class, where it was asked for
    wanted: int | None  # that class
    evidence: Evidence | None  # about the label; None where the image has none
    metric: str  # cosine or euclidean
    layer: str  # whose input the features are
    width: int  # numbers an image
    searched: int  # training images looked at so far
    total: int  # that there are
    classes: tuple[str, ...]
    share: float
    note: str
    step: int | None


@dataclass(frozen=True)
class Suspects:
    """The labels of a split that most deserve a second look."""

    images: Bytes  # (n, H, W, C) the most doubtful first
    indices: Ints  # (n,) positions in the split
    evidence: Evidence  # of these n
    flagged: int  # of all checked: both kinds of evidence
    confident: int  # of all checked: off the diagonal of the confident joint
    joint: Ints  # (K, K) confident joint: by [label, class the network is confident in]
    checked: int
    split: str
    neighbours: int  # asked about each image
    searched: int  # training images
    seen_in_training: bool  # whether the network learned from these very labels
    classes: tuple[str, ...]
    share: float
    step: int | None


@dataclass(frozen=True)
class Repaint:
    """What the network says once parts of an image are painted out."""

    image: Bytes  # (H, W, C)
    painted: Bytes  # (H, W, C)
    before: Floats  # (K,)
    after: Floats  # (K,)
    grid: tuple[int, int]  # rows, columns of patches
    cells: tuple[int, ...]  # painted out, in reading order
    fill: str
    label: int | None
    classes: tuple[str, ...]
    note: str
    step: int | None


@dataclass(frozen=True)
class PatchEffects:
    """What happens if each patch alone is painted out."""

    image: Bytes  # (H, W, C)
    drop: Floats  # (rows, columns) probability of the target lost; NaN: not computed yet
    answers: Ints  # (rows, columns) predicted class then; −1: not computed yet
    target: int  # whose probability
    before: Floats  # (K,)
    fill: str
    classes: tuple[str, ...]
    share: float
    step: int | None

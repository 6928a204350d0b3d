"""What the checks by random weights and random labels return: how far maps follow what was learned."""

from __future__ import annotations

from dataclasses import dataclass

from viz.results import Bytes, Floats, Ints
from viz.results.trust import Doubles, TrustResult


@dataclass(frozen=True)
class Band:
    """A mean at each of S stages over the images that have a number there; NaN where there are too few
    for an interval."""

    mean: Doubles  # (S,)
    low: Doubles  # (S,) 95 % confidence interval of the mean
    high: Doubles  # (S,)


@dataclass(frozen=True)
class MethodChange:
    """One method's maps before, and after each stage of drawing weights anew, stage 0 being before.

    A map that is one constant cannot be compared: its numbers are NaN, and it counts in `empty`.
    S stages so far, N images, E of them to look at.
    """

    method: str  # name in viz.attribution.table, or of a control
    title: str
    control: bool  # whether it knows nothing of the network
    rank: Doubles  # (S, N) Spearman's rank correlation of the maps as they are
    rank_absolute: Doubles  # (S, N) of the absolute values, summed over channels
    similarity: Doubles  # (S, N) structural similarity of the absolute values
    bands: dict[str, Band]  # of these three, by their names
    empty: Ints  # (S,) maps that are one constant, such as a Grad-CAM cut off at 0 everywhere
    maps: Floats  # (S, E, h, w), positive: speaks for the class; scaled down where they are large


@dataclass(frozen=True)
class Randomisation(TrustResult):
    """Weights drawn anew, layer by layer; measure "randomisation": what is left of the maps."""

    order: str  # cascading or independent
    layers: tuple[str, ...]  # as they are drawn anew, the last of the network first
    upper: int  # of these, how many count as the upper half of the network
    changes: tuple[MethodChange, ...]
    probs: Doubles  # (S, N) probability of the explained class
    pictures: Bytes  # (E, H, W, C)
    examples: tuple[int, ...]  # (E,) places of the pictures among the images


@dataclass(frozen=True)
class TwinComparison(TrustResult):
    """The same images explained by a network and by its twin that learned random labels.

    `changes` has two stages: the network itself, and the twin.
    """

    changes: tuple[MethodChange, ...]
    probs: Doubles  # (2, N) probability of the explained class
    pictures: Bytes  # (E, H, W, C)
    examples: tuple[int, ...]
    fitted: float  # share of the twin's training labels that it answers with; NaN: not known
    fitted_images: int  # of how many training images
    label_noise: float  # share of the twin's training labels that are wrong; NaN: not known
    accuracy: tuple[float, float]  # right answers of the network and of the twin on the test images
    twin_title: str
    twin_step: int | None

"""What the measures of trust return: how far each attribution method can be believed on one network.

Every measure gives each method one number an image, so that methods can be compared image by image.
N images, M methods, S points of a curve. Beside the real methods stand the controls, which know
nothing of the network: a method that does not beat them has shown nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from viz.results import Bytes, Floats, Ints

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TrustImages:
    """Which images were measured, and which answer was explained."""

    source: str  # in words, such as "64 test images the network was not trained on"
    names: tuple[str, ...]  # (N,) image references
    labels: Ints  # (N,) true classes; -1: nobody says
    predicted: Ints  # (N,)
    explained: Ints  # (N,) class whose logit the maps explain
    classes: tuple[str, ...]


@dataclass(frozen=True)
class MethodScore:
    """One method by one measure."""

    method: str  # name in viz.attribution.table, or of a control
    title: str
    control: bool  # whether it knows nothing of the network
    values: Doubles  # (N,) an image each; NaN: no number there
    mean: float  # of the numbers that are there
    low: float  # 95 % confidence interval of the mean; NaN where there are too few images
    high: float


@dataclass(frozen=True)
class Measurement:
    """One measure of all methods on the same images."""

    measure: str  # name in viz.trust.measures
    title: str
    what: str  # one sentence: what the number is and which way is better
    higher_is_better: bool
    evidence: bool  # whether it says that a map shows what the network used; counts in the ranking
    chance: float | None  # what knowing nothing gives; None: not known beforehand
    scores: tuple[MethodScore, ...]  # (M,)


@dataclass(frozen=True)
class TrustCurve:
    """The mean over images of a probability, or of its change, as more of the image is taken away."""

    method: str
    title: str
    control: bool
    curve: str  # deletion, insertion, morf or lerf
    shares: Doubles  # (S,) of the pixels, 0 to 1
    mean: Doubles  # (S,)
    low: Doubles  # (S,) 95 % confidence interval of the mean
    high: Doubles  # (S,)


@dataclass(frozen=True)
class TrustResult:
    """What every measure returns; while `share` is below 1, of the methods dealt with so far."""

    images: TrustImages
    measurements: tuple[Measurement, ...]
    refusals: dict[str, str]  # methods left out, each with the sentence why
    note: str  # how it was measured and how the intervals were made, for the caption
    seconds: float
    share: float  # of the work done, 0 to 1
    step: int | None  # updates the weights have seen


@dataclass(frozen=True)
class Faithfulness(TrustResult):
    """Measures "deletion" and "insertion": areas under the curves."""

    curves: tuple[TrustCurve, ...]  # deletion and insertion of each method
    replacement: str  # what removed pixels become


@dataclass(frozen=True)
class Road(TrustResult):
    """Measure "road": half of what removing the least important first leaves above removing the most
    important first."""

    curves: tuple[TrustCurve, ...]  # morf and lerf of each method: change of probability
    percentiles: tuple[int, ...]


@dataclass(frozen=True)
class Robustness(TrustResult):
    """Measures "sensitivity" and "infidelity"."""


@dataclass(frozen=True)
class TrustExample:
    """One image with its object and the maps of all methods, to look at."""

    name: str  # image reference
    image: Bytes  # (H, W, C)
    mask: Flags  # (H, W) where the object is
    patch: Flags | None  # (H, W) where the planted corner patch is
    label: int
    explained: int
    maps: dict[str, Floats]  # method to (H, W), positive: speaks for the class


@dataclass(frozen=True)
class GroundTruth(TrustResult):
    """Measures "mask_share" and "pointing" on images whose object is known."""

    area: float  # mean share of the image that the object covers
    empty: dict[str, int]  # images for which a method found nothing positive
    examples: tuple[TrustExample, ...]


@dataclass(frozen=True)
class Accuracy:
    """Right answers on one version of the same pictures."""

    name: str  # telling, independent or absent
    words: str  # what the patch says in it
    right: int
    total: int
    low: float  # 95 % Wilson interval of the share
    high: float

    @property
    def share(self) -> float:
        """Of right answers; NaN without images."""
        return self.right / self.total if self.total else float("nan")


@dataclass(frozen=True)
class Shortcut(TrustResult):
    """Measures "patch_share", "patch_pointing", "object_share" and "object_pointing" on images with
    the planted patch, and the accuracies that tell whether the network relies on it."""

    planted: float  # how often the patch told the label in training; 0: there was none
    accuracies: tuple[Accuracy, ...]
    relies: bool  # whether accuracy falls, clearly, when the patch tells nothing
    verdict: str  # the two in a sentence
    patch_area: float  # share of the image
    object_area: float  # mean over the images
    examples: tuple[TrustExample, ...]


@dataclass(frozen=True)
class RankedMethod:
    """One row of the table of trust."""

    rank: int  # methods that cannot be told apart share one
    method: str
    title: str
    control: bool
    means: dict[str, tuple[float, float, float]]  # measure to mean, low, high
    beats: dict[str, tuple[str, ...]]  # measure to the controls it is clearly better than
    better: int  # comparisons with other methods, over all evidence, that it clearly wins
    worse: int  # that it clearly loses
    verdict: str  # one sentence
    follows: str = ""  # verdict of the randomisation check in a word; empty: not made


@dataclass(frozen=True)
class TrustTable:
    """All methods on this network with the evidence, best first."""

    rows: tuple[RankedMethod, ...]
    measures: tuple[Measurement, ...]  # those the table rests on, in its order of columns
    note: str  # how ranks came about

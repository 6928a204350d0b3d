"""Whether a method's maps follow the weights: the verdict of the randomisation check.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity checks for saliency maps", NeurIPS 2018:
a map that stays as it was although the layers that decide are random does not show what they have
learned. The paper judges by eye from three curves; here two of them have to agree, and the line
between staying and changing is drawn at `HALF`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from viz.results.randomisation import MethodChange
from viz.results.trust import Doubles
from viz.trust.confidence import mean_interval

CITATION: Final = "Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, Sanity checks for saliency maps, NeurIPS 2018"
URL: Final = "https://arxiv.org/abs/1810.03292"
HALF: Final = 0.5
SIMILARITIES: Final[dict[str, tuple[str, str]]] = {
    "rank": (
        "Rank correlation",
        "Spearman's ρ of the map before and after: 1 the same order of pixels, 0 no relation, −1 the "
        "opposite order.",
    ),
    "rank_absolute": (
        "Rank correlation, absolute",
        "The same for absolute values, summed over channels: for methods whose sign means little.",
    ),
    "similarity": (
        "Structural similarity",
        "SSIM of the absolute values in windows of 7 pixels: 1 the same picture, 0 nothing in common.",
    ),
}
Verdict = Literal["stays", "changes", "between", "unknown"]


@dataclass(frozen=True)
class Judged:
    """One method's verdict with the numbers that it rests on."""

    verdict: Verdict
    rank: tuple[float, float, float]  # mean over images and stages, low, high
    similarity: tuple[float, float, float]


def judge(change: MethodChange, stages: Sequence[int]) -> Judged:
    """What became of a method's maps over some stages (1 is the first with new weights).

    "stays": both rank correlation and structural similarity are clearly above `HALF`; "changes":
    both are clearly below; "between": they disagree or are too close to it; "unknown": not all
    stages are there, or too few images for an interval.
    """
    rank = remaining(change.rank, stages)
    similarity = remaining(change.similarity, stages)
    bounds = [mean_interval(values) for values in (rank, similarity)]
    if not len(rank) or not np.isfinite(bounds).all():
        verdict: Verdict = "unknown"
    elif all(low > HALF for _, low, _ in bounds):
        verdict = "stays"
    elif all(high < HALF for _, _, high in bounds):
        verdict = "changes"
    else:
        verdict = "between"
    return Judged(verdict, bounds[0], bounds[1])


def remaining(values: Doubles, stages: Sequence[int]) -> Doubles:
    """Mean (N,) over stages of values (S, N); empty where a stage is not there yet."""
    if not stages or max(stages) >= len(values):
        return np.empty(0)
    mean: Doubles = values[list(stages)].mean(0)
    return mean

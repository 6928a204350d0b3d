"""Whether a method's maps follow the weights: the verdict of the randomisation check.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity checks for saliency maps", NeurIPS 2018:
a map that stays as it was although the layers that decide are random does not show what they have
learned. The paper judges by eye from three curves; here two of them have to agree, and the line
between staying and changing is drawn at `HALF`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from viz.results.randomisation import MethodChange, Randomisation
from viz.results.trust import Doubles, TrustResult
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
    empty: int = 0  # maps of these stages that nothing can be compared with, and are left out
    maps: int = 0  # of how many


def verdicts(results: Iterable[TrustResult]) -> dict[str, Verdict]:
    """What became of each method's maps while the upper half of the layers was drawn anew, where that
    was measured.
    """
    return {
        change.method: judge(change, range(1, result.upper + 1)).verdict
        for result in results
        if isinstance(result, Randomisation)
        for change in result.changes
    }


def judge(change: MethodChange, stages: Sequence[int]) -> Judged:
    """What became of a method's maps over some stages (1 is the first with new weights).

    "stays": both rank correlation and structural similarity are clearly above `HALF`; "changes":
    both are clearly below; "between": they disagree or are too close to it; "unknown": not all
    stages are there, or too few images for an interval. A map that is one constant, such as a
    Grad-CAM cut off at 0 everywhere, has neither stayed nor changed: it is left out and told.
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
    seen = change.rank[list(stages)] if len(rank) else np.empty((0, 0))
    return Judged(verdict, bounds[0], bounds[1], int(np.isnan(seen).sum()), seen.size)


def remaining(values: Doubles, stages: Sequence[int]) -> Doubles:
    """Mean (N,) over stages of values (S, N), of those that are there; NaN for an image without any.
    Empty where a stage is not there yet.
    """
    if not stages or max(stages) >= len(values):
        return np.empty(0)
    chosen = values[list(stages)]
    known = np.isfinite(chosen)
    total, count = np.where(known, chosen, 0).sum(0), known.sum(0)
    mean: Doubles = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean

"""How sure a mean over images is: percentile bootstrap over images, the same for the same numbers.

Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13. The images are drawn with
replacement `RESAMPLES` times by a fixed seed, and the middle 95 % of the means is the interval. The
numbers are sorted first, so the order of the images cannot matter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from viz.results.trust import Doubles

RESAMPLES: Final = 2000
FEWEST: Final = 8  # images below which no interval is given: the bootstrap is far too narrow then
WORDS: Final = (
    "95 % intervals of the mean: percentile bootstrap over images, 2000 draws; below 8 images there "
    "are none"
)
_TAILS: Final = (2.5, 97.5)


@lru_cache(maxsize=8)
def draws(count: int) -> Doubles:
    """(RESAMPLES, count), read-only: how often each image is drawn, as shares of `count`."""
    generator = np.random.default_rng(0)
    times = generator.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    shares: Doubles = times / count
    shares.flags.writeable = False
    return shares


def mean_interval(values: Doubles) -> tuple[float, float, float]:
    """Mean, low and high of numbers (N,), of which NaN are left out; NaN where there are too few."""
    there = np.sort(values[np.isfinite(values)])
    if not len(there):
        return (float("nan"),) * 3
    mean, low, high = bands(there[:, None])
    return float(mean[0]), float(low[0]), float(high[0])


def bands(values: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Mean, low and high (S,) of curves (N, S), of which those with a NaN are left out."""
    there = values[np.isfinite(values).all(1)]
    there = there[np.lexsort(there.T[::-1])]  # (n, S), in an order of their own
    nothing = np.full(values.shape[1], np.nan)
    if not len(there):
        return nothing, nothing, nothing
    mean: Doubles = there.mean(0)
    if len(there) < FEWEST:
        return mean, nothing, nothing
    low, high = np.percentile(draws(len(there)) @ there, _TAILS, axis=0)
    return mean, low, high


def difference_intervals(values: Doubles) -> tuple[Doubles, Doubles]:
    """Low and high (M, M) of the mean differences of methods (M, N) on the same images.

    Entry [a, b] is about a − b, on the images on which both have a number, so that what is hard for
    both does not blur the comparison and no third method has a say in it. NaN where there are too
    few of these.
    """
    m = len(values)
    low, high = np.full((m, m), np.nan), np.full((m, m), np.nan)
    there = np.isfinite(values)
    pairs: dict[int, list[tuple[int, int]]] = {}  # by how many images both have
    for a in range(m):
        for b in range(a + 1):
            pairs.setdefault(int((there[a] & there[b]).sum()), []).append((a, b))
    for count, some in pairs.items():
        if count < FEWEST:
            continue
        both = [np.sort((values[a] - values[b])[there[a] & there[b]]) for a, b in some]
        # From the larger mean to the smaller, so that it cannot matter which of the two comes first.
        some = [
            (a, b) if gap.sum() >= 0 else (b, a) for (a, b), gap in zip(some, both, strict=True)
        ]
        both = [gap if gap.sum() >= 0 else -gap[::-1] for gap in both]
        ends = np.percentile(draws(count) @ np.stack(both, axis=1), _TAILS, axis=0)  # (2, pairs)
        for (a, b), (bottom, top) in zip(some, ends.T, strict=True):
            low[a, b], high[a, b] = bottom, top
            low[b, a], high[b, a] = -top, -bottom
    return low, high

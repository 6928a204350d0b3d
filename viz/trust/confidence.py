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

    Entry [a, b] is about a − b. The images are drawn for all methods together, so that what is hard
    for all of them does not blur the comparison. Images with a NaN are left out.
    """
    there = values[:, np.isfinite(values).all(0)]
    there = there[:, np.lexsort(there[::-1])]  # (M, n)
    m, n = there.shape
    if n < FEWEST:
        return np.full((m, m), np.nan), np.full((m, m), np.nan)
    means = np.ascontiguousarray((draws(n) @ there.T).T)  # (M, R)
    low, high = np.zeros((m, m)), np.zeros((m, m))
    for a in range(m - 1):
        ends = np.percentile(means[a] - means[a + 1 :], _TAILS, axis=1)
        low[a, a + 1 :], high[a, a + 1 :] = ends
        low[a + 1 :, a], high[a + 1 :, a] = -ends[1], -ends[0]
    return low, high


def wilson(right: int, total: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927); NaN without images."""
    if not total:
        return float("nan"), float("nan")
    z = 1.959963984540054
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * np.sqrt(share * (1 - share) / total + (z / (2 * total)) ** 2)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))
